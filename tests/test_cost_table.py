"""The cost table: every line of the grid is there, and nothing is hidden."""

import pytest

from bench import report_files
from bench.cost import cost_table, count
from bench.spec import BenchError, Card, Report
from methods import BY_NAME


def card(category, hr_size, profile="paper") -> Card:
    return Card(profile, category, category, hr_size, "folder", "", "", "")


def grid(*methods, factors=(8, 16), pending=None) -> Report:
    return Report(
        "flops", "Cost", "Caption.", "", (), ("face", "cat", "tower"), factors, methods, pending=pending or {}
    )


def lines(report, profiles, methods=BY_NAME) -> list[cost_table.Line]:
    return list(cost_table.counted(cost_table.planned(report, profiles), methods))


def test_categories_of_one_size_share_a_line_and_foreign_ones_have_none():
    cards = [card("face", 1024), card("cat", 256), card("dog", 64), card("tower", 256)]
    found = lines(grid("bicubic"), [cards])
    assert [(line.task.hr_size, line.task.factor, line.categories) for line in found] == [
        (1024, 8, ("face",)), (1024, 16, ("face",)), (256, 8, ("cat", "tower")), (256, 16, ("cat", "tower"))
    ]  # fmt: skip


def test_a_method_for_some_categories_has_a_line_of_those_alone():
    """DFDNet, which is for faces, was said to cost as much for cars."""
    cards = [card("cat", 128), card("face", 128), card("tower", 256)]
    found = {line.categories: line for line in lines(grid("dfdnet", factors=(8,)), [cards])}
    assert set(found) == {("face",), ("tower",)}
    assert found["face",].task.category == "face"
    assert found["tower",].refusal == "DFDNet is for face, not tower"


def test_what_is_not_counted_says_why():
    report = grid("bicubic", "glean", "soon", factors=(2, 8), pending={"soon": "Soon"})
    found = lines(report, [[card("cat", 192)]])
    assert [line.method for line in found if line.cost] == ["bicubic"] * 2
    text = cost_table.markdown(report, found, {"commit": "abc"})
    assert "Soon is not implemented yet" in text
    assert "GLEAN is for factors 1, 4, 8, 16, 32, 64, not 2" in text
    assert "not 192 px. (category cat, 8x)" in text
    assert len(cost_table.frame(found)) == 6


def test_the_table_of_the_suite_has_every_method_that_exists():
    report = report_files.read("flops")
    methods = {name for name in BY_NAME if "." not in name and name != "input"} | {"glean.light"}
    assert methods <= set(report.methods), "every method belongs into the table; the ablations have tables of their own"
    assert not set(report.pending) & set(BY_NAME), "a method that exists is said not to"
    assert (report.factors, len(report.categories)) == ((8, 16, 32, 64), 5)


@pytest.mark.slow
def test_the_parts_and_the_choice_of_esrgan_plus_are_printed():
    report = grid("esrgan_plus", "glean", factors=(16,))
    found = lines(report, [[card("cat", 256)]])
    text = cost_table.markdown(report, found, {"commit": "abc"})
    assert "256 channels, 23 blocks, growth 128" in text
    assert "108.8" in text.split("## By part")[1], "the decoder's GMACs"
    row = cost_table.frame(found).set_index("method").loc["glean"]
    assert row["macs"] == sum(row[f"{part}_macs"] for part in ("encoder", "fusion", "bank", "decoder", "rest"))


@pytest.mark.slow
def test_a_line_costs_what_its_method_costs_when_counted_alone():
    report = grid("mganprior", "srgan", "singan", factors=(8, 16))
    found = lines(report, [[card("cat", 128, "mini")]])
    assert [(line.method, line.task.factor) for line in found] == [
        ("mganprior", 8), ("mganprior", 16), ("srgan", 8), ("srgan", 16), ("singan", 8), ("singan", 16)
    ]  # fmt: skip
    for line in found:
        assert line.cost == count.count(BY_NAME[line.method], line.task), "one count was taken for another"


def test_a_method_that_cannot_be_made_leaves_the_other_lines():
    class Broken(BY_NAME["bicubic"]):
        @classmethod
        def load(cls, task, device):
            if task.factor == 8:
                raise BenchError("its file is damaged")
            return super().load(task, device)

    found = lines(grid("broken", "bicubic"), [[card("cat", 256)]], {**BY_NAME, "broken": Broken})
    assert [line.refusal for line in found] == ["its file is damaged", "", "", ""]
    assert [line.cost is None for line in found] == [True, False, False, False]
