from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from bench import report_files
from bench.report import render, table
from bench.scores.metrics import METRICS
from bench.spec import Card, Cell, Published, Record, Report, Task

PSNR, LPIPS = METRICS["psnr"], METRICS["lpips"]
TASK = Task("p", "face", 16, 64)
RNG = np.random.default_rng(0)
GOOD = 20 + RNG.normal(size=30)
REPORT = Report(
    name="t", title="T", caption="C", source="S", metrics=("psnr", "lpips"), categories=("face",), factors=(16,),
    methods=("a", "b", "c"), test_sets={"face": "Faces"},
    published=(Published("a", "face", 16, "psnr", 20.1, 1), Published("b", "face", 16, "psnr", 30.0, 1)),
)  # fmt: skip


def card(test_set="Faces"):
    return {"face": Card("p", "face", "Face", 64, "folder", "x", test_set, "")}


def records(method, psnr, lpips, **changes):
    facts = {"status": "ok"} | changes
    return [
        Record(TASK, method, str(i), metrics={PSNR.protocol(): p, LPIPS.protocol(): q}, **facts)
        for i, (p, q) in enumerate(zip(psnr, lpips, strict=True))
    ]


def build(*groups, test_set="Faces", refused=(), searching=MappingProxyType({})):
    names = [group[0].method for group in groups]
    cells = [Cell(TASK, name, name.upper(), images=searching.get(name)) for name in names]
    cells += [Cell(TASK, name, name.upper(), "no weights") for name in refused]
    all_records = [record for group in groups for record in group]
    all_records += [Record(TASK, name, None, "refused", "no weights") for name in refused]
    return table.build(REPORT, cells, all_records, card(test_set))


def row(built, method, metric="psnr"):
    (found,) = (r for r in built.rows if r.cell.method == method and r.metric.name == metric)
    return found


def test_the_mean_is_of_per_image_values():
    built = build(records("a", GOOD, GOOD / 100))
    assert row(built, "a").summary.mean == pytest.approx(GOOD.mean())
    assert row(built, "a").n == row(built, "a").n_ok == 30


def test_what_cannot_be_told_from_the_best_is_marked_with_it():
    near = GOOD - 0.01 * RNG.normal(size=30)
    built = build(records("a", GOOD, GOOD / 100), records("b", near, GOOD / 100), records("c", GOOD - 1, GOOD / 50))
    assert [row(built, name).best for name in "abc"] == [True, True, False]


def test_holm_is_over_the_whole_table():
    # Exact p of 8 equal differences is 2 / 2**8 = 0.0078: significant among 6 comparisons, not among 7.
    def verdict(methods):
        groups = [records("a", np.full(8, 21.0), GOOD[:8] / 100)]
        groups += [records(f"m{i}", np.full(8, 20.0), GOOD[:8] / 100) for i in range(methods)]
        return row(build(*groups), "m0").best

    assert verdict(6) is False
    assert verdict(7) is True, "comparisons of the same metric must be adjusted together"


def test_lower_is_better_for_lpips():
    built = build(records("a", GOOD, GOOD / 100), records("b", GOOD, GOOD / 50))
    assert (row(built, "a", "lpips").best, row(built, "b", "lpips").best) == (True, False)
    assert {contest.first for contest in built.contests if contest.metric is LPIPS} == {"a"}


def test_differences_are_paired():
    # Both methods spread by one dB over the images; only pairing shows that one is better everywhere.
    built = build(records("a", GOOD, GOOD / 100), records("b", GOOD - 0.05, GOOD / 100))
    (contest,) = (c for c in built.contests if c.metric is PSNR)
    assert contest.result.mean == pytest.approx(0.05)
    assert contest.result.half_width < 1e-6
    assert row(built, "b").best is False


def test_pairing_is_by_image_not_by_order():
    shuffled = records("b", GOOD, GOOD / 100)[::-1]
    built = build(records("a", GOOD, GOOD / 100), shuffled)
    (contest,) = (c for c in built.contests if c.metric is PSNR)
    assert contest.result.mean == pytest.approx(0, abs=1e-12)


def test_the_best_is_chosen_on_the_images_that_all_have():
    """`b` was given ten easy images: its mean is the highest, and yet it is the worse one on each of them."""
    a = np.concatenate([GOOD[:10] + 5, GOOD[10:] - 5])
    built = build(records("a", a, a / 100), records("b", a[:10] - 1, a[:10] / 100))
    assert row(built, "b").summary.mean > row(built, "a").summary.mean
    assert [row(built, name).best for name in "ab"] == [True, False]


def test_published_values_are_judged_only_on_the_same_images():
    same = build(records("a", GOOD, GOOD / 100), records("b", GOOD, GOOD / 100))
    assert row(same, "a").verdict == "consistent"
    assert row(same, "b").verdict.startswith("differs by -")
    other = build(records("a", GOOD, GOOD / 100), test_set="photographs")
    assert row(other, "a").verdict == "other images", "figures of different images are not compared"
    assert row(other, "a").difference == pytest.approx(GOOD.mean() - 20.1)


def test_failed_images_count_and_are_named():
    failed = records("a", GOOD[:2], GOOD[:2] / 100, status="failed", reason="broken")
    rest = [r for r in records("a", GOOD, GOOD / 100) if r.image not in ("0", "1")]
    built = build(failed + rest)
    assert (row(built, "a").n_ok, row(built, "a").n) == (28, 30)
    assert row(built, "a").reason == "broken"
    assert row(built, "a").summary.n == 30, "a failed image is scored with the bicubic result, never dropped"


def test_a_refused_cell_has_its_reason():
    built = build(records("a", GOOD, GOOD / 100), refused=("b",))
    assert row(built, "b").summary is None
    assert row(built, "b").reason == "no weights"


@pytest.mark.parametrize(("trained_on", "seen"), [("Faces", True), ("Other faces", False), ("", False)])
def test_a_method_that_has_seen_the_test_images_is_marked(trained_on, seen):
    cells = [Cell(TASK, "a", "A", None, trained_on)]
    built = table.build(REPORT, cells, records("a", GOOD, GOOD / 100), card())
    assert row(built, "a").seen is seen
    assert ("†" in render.markdown(built, {})) is seen


def variants(*groups, **changes):
    """The table of an ablation whose full method is `b`."""
    report = replace(REPORT, full="b")
    cells = [Cell(TASK, group[0].method, group[0].method.upper()) for group in groups]
    return table.build(replace(report, **changes), cells, [record for group in groups for record in group], card())


def test_variants_are_compared_with_the_full_one_even_where_another_is_better():
    groups = [records(name, GOOD + gain, GOOD / 100) for name, gain in (("a", 1), ("b", 0), ("c", -2))]
    built = variants(*groups)
    found = {contest.other: contest for contest in built.contests if contest.metric is PSNR}
    assert {contest.first for contest in found.values()} == {"b"}, "not with the best, a"
    assert {name: contest.result.mean for name, contest in found.items()} == pytest.approx({"a": -1, "c": 2})
    assert not any(r.best for r in built.rows), "nothing is compared with the best, so nothing can be called so"


def test_without_the_full_one_nothing_is_compared():
    built = variants(records("a", GOOD, GOOD / 100), records("c", GOOD - 1, GOOD / 100))
    assert built.contests == ()
    assert row(built, "a").summary is not None, "the variants' own values are there all the same"


def test_a_factor_that_does_not_divide_is_noted_in_the_table():
    built = variants(records("b", GOOD, GOOD / 100), factors=(16, 24))
    assert built.left_out == ("face at 24x is left out: 24 does not divide 64 px",)


def test_arcface_is_for_faces_only():
    report = report_files.read("table1")
    cells = [Cell(Task("p", name, 16, 64), "a", "A") for name in ("face", "cat")]
    built = table.build(report, cells, [], card())
    assert [r.cell.task.category for r in built.rows] == ["face"]
