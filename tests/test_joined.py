"""Tables that were measured in parts: joined, they are the table that was measured at once."""

import copy
import json

import pandas as pd
import pytest

from bench.report import fitting, joined, sealing, stored
from bench.spec import BadFile, BenchError

from .conftest import ROOT

PUBLISHED = ROOT / "reports" / "published" / "mini"
WHOLE = json.loads((PUBLISHED / "factors.json").read_text())
WHOLE["cells"] = [{name: value for name, value in cell.items() if name != "machine"} for cell in WHOLE["cells"]]
FEW = {"categories": ["face", "tower"], "factors": [16, 32], "methods": ["bicubic", "pulse", "dgp", "glean"]}


def part(whole=WHOLE, **limits):
    """The part of a table that some categories, factors and methods make."""
    found = copy.deepcopy(whole)
    for name, values in limits.items():
        found["report"][name] = [value for value in found["report"][name] if value in values]
    found["cells"] = [
        cell
        for cell in found["cells"]
        if cell["task"]["category"] in found["report"]["categories"]
        and cell["task"]["factor"] in found["report"]["factors"]
        and cell["method"] in found["report"]["methods"]
    ]
    return found


def saved(folder, name, content):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(sealing.sealed({key: value for key, value in content.items() if key != "sha256"}))
    return path


SMALL = part(**FEW)


def join(*contents):
    return joined.join({ROOT / f"{index}.json": content for index, content in enumerate(contents)})


def test_parts_by_category_factor_or_method_make_the_table_that_was_measured_at_once(bench, tmp_path):
    saved(tmp_path / "whole", "factors", SMALL)
    assert bench("render", tmp_path / "whole")[0] == 0
    (whole,) = (json.loads((tmp_path / "whole" / "factors.json").read_text()),)
    for split, first in (("categories", ["tower"]), ("factors", [32]), ("methods", ["pulse", "glean"])):
        rest = [value for value in FEW[split] if value not in first]
        paths = [
            saved(tmp_path / split, "first", part(SMALL, **{split: first})),
            saved(tmp_path / split, "second", part(SMALL, **{split: rest})),
        ]
        out = tmp_path / f"{split}_joined"
        status, _, err = bench("merge", *paths, "--out", out)
        assert (status, err) == (0, ""), split
        found = json.loads((out / "factors.json").read_text())
        key = "category", "factor", "metric", "other"
        assert {tuple(line[name] for name in key): line for line in found["comparisons"]} == {
            tuple(line[name] for name in key): line for line in whole["comparisons"]
        }, f"{split}: judged in parts, not as a whole"
        for name in ("cells", "figures"):
            assert sorted(map(json.dumps, found[name])) == sorted(map(json.dumps, whole[name])), (split, name)
        assert (out / "factors.md").is_file()
        assert (out / "factors.curves.png").is_file()


def test_rows_and_columns_stand_in_the_order_of_the_table(tmp_path):
    for second in (part(SMALL, categories=["tower"]), part(SMALL, categories=["face"])):
        found = join(SMALL, second)
        assert found["report"]["categories"] == ["face", "tower"]
        assert [cell["method"] for cell in found["cells"]][:4] == FEW["methods"]
    with_more = part(WHOLE, **{**FEW, "methods": ["bicubic", "dgp", "esrgan_plus", "glean"]})
    assert join(SMALL, with_more)["report"]["methods"] == ["bicubic", "pulse", "dgp", "esrgan_plus", "glean"]
    searches, others = part(SMALL, methods=["pulse", "dgp"]), part(SMALL, methods=["bicubic", "glean"])
    for parts in ((searches, others), (others, searches)):
        assert join(*parts)["report"]["methods"] == FEW["methods"], "no part says where the rows of the other stand"
        assert [cell["method"] for cell in join(*parts)["cells"]][:4] == FEW["methods"]
    for parts in ((searches, others), (others, searches)):
        unknown = [changed(content, report={**content["report"], "name": "mine"}) for content in parts]
        methods = join(*unknown)["report"]["methods"]
        assert (sorted(methods), methods.index("pulse") + 1) == (sorted(FEW["methods"]), methods.index("dgp"))


def test_a_later_cell_replaces_an_earlier_one_unless_it_was_not_measured():
    again = part(SMALL, categories=["face"], factors=[16], methods=["glean"])
    again["cells"][0]["results"][0]["values"]["psnr"][0] = 1.0
    (cell,) = (c for c in join(SMALL, again)["cells"] if fitting.place(c) == fitting.place(again["cells"][0]))
    assert cell["results"][0]["values"]["psnr"][0] == 1.0
    assert len(join(SMALL, again)["cells"]) == len(SMALL["cells"])
    again["cells"][0] |= {"results": [], "refusal": "no weights here"}
    assert join(SMALL, again)["cells"] == SMALL["cells"], "a cell that could not be run has lost one that was"
    assert join(again, SMALL)["cells"] == SMALL["cells"]


def test_a_table_says_which_of_its_cells_are_of_another_commit_also_when_it_is_joined_again(bench, tmp_path):
    early, late = part(SMALL, categories=["face"]), part(SMALL, categories=["tower"])
    late["machine"] = {**late["machine"], "commit": "0123456789ab", "new": "1"}
    paths = [saved(tmp_path, "early", early), saved(tmp_path, "late", late)]
    assert bench("merge", *paths, "--out", tmp_path / "joined")[0] == 0
    text = (tmp_path / "joined" / "factors.md").read_text()
    assert f"- commit: 0123456789ab; {early['machine']['commit']} for 8 of 16 cells\n" in text
    assert "- new: 1; not told for 8 of 16 cells\n" in text
    last = part(SMALL, categories=["tower"], methods=["glean"])
    last["machine"] = {**late["machine"], "commit": "ba9876543210"}
    paths = [tmp_path / "joined" / "factors.json", saved(tmp_path, "last", last)]
    assert bench("merge", *paths, "--out", tmp_path / "again")[0] == 0
    told = f"- commit: ba9876543210; {early['machine']['commit']} for 8 of 16 cells; 0123456789ab for 6 of 16 cells\n"
    assert told in (tmp_path / "again" / "factors.md").read_text()
    _, out, _ = bench("compare", tmp_path / "joined" / "factors.json", tmp_path / "again" / "factors.json")
    assert "0123456789ab for 6 of 16 cells" in out, "compare says what differs"


def changed(content, **facts):
    return {**copy.deepcopy(content), **facts}


def test_what_is_no_part_of_one_table_is_refused():
    other = changed(SMALL, report={**SMALL["report"], "name": "table2"})
    with pytest.raises(BenchError, match=r"0\.json and .*1\.json are of different tables: factors, and table2"):
        join(SMALL, other)
    elsewhere = copy.deepcopy(SMALL)
    for cell in elsewhere["cells"]:
        cell["task"]["profile"] = "paper"
    with pytest.raises(BenchError, match="different profiles: mini, and paper"):
        join(SMALL, elsewhere)
    fewer = changed(SMALL, report={**SMALL["report"], "metrics": ["psnr"]})
    with pytest.raises(BenchError, match="different metrics: psnr, lpips, lr_psnr, and psnr, lr_psnr"):
        join(SMALL, fewer)
    vgg = changed(SMALL, protocols={**SMALL["protocols"], "lpips": "lpips[vgg]"})
    with pytest.raises(
        BenchError, match=r"lpips is lpips\[alex,0\.1,crop0\] in .*, and lpips\[vgg\] in .*two different"
    ):
        join(SMALL, vgg)


@pytest.mark.parametrize("name", ["test_set", "lr", "names of images", "hr_size", "preset"])
def test_methods_on_other_images_are_never_set_beside_each_other(name):
    other = part(SMALL, categories=["face"], factors=[16], methods=["glean"])
    (cell,) = other["cells"]
    if name == "names of images":
        cell["results"][0]["images"][0] = "another"
    elif name in ("hr_size", "preset"):
        cell["task"][name] = {"hr_size": 256, "preset": "paper"}[name]
    else:
        cell[name] = "others"
    for parts in ((SMALL, other), (other, part(SMALL, methods=["bicubic"]))):
        with pytest.raises(
            BenchError,
            match=rf"face at 16x: .* is not of the images and settings of .* \({name}(: .* there, .* here)?\)",
        ):
            join(*parts)


def test_a_method_may_have_had_fewer_images():
    other = part(SMALL, categories=["face"], factors=[16], methods=["pulse"])
    for of in other["cells"][0]["results"]:
        of |= {"images": of["images"][:30], "status": of["status"][:30]}
        of["values"] = {metric: values[:30] for metric, values in of["values"].items()}
    table = stored.of(ROOT / "factors.json", sealed(join(SMALL, other))).table
    assert {row.n for row in table.rows if row.cell.method == "pulse" and row.cell.task.factor == 16} == {30, 100}


def sealed(content):
    return json.loads(sealing.sealed(content))


@pytest.mark.parametrize("name", ["../factors", "a/b", "", "x" * 300, "a\nb"])
def test_a_name_from_a_file_leaves_no_folder(name):
    with pytest.raises(BadFile, match="no file can be"):
        joined.named(changed(SMALL, report={**SMALL["report"], "name": name}))


@pytest.mark.parametrize("verb", ["merge", "render"])
def test_a_stored_table_called_as_the_files_of_another_is_refused(bench, tmp_path, verb):
    """Its files, rendered or joined, were written over those of the other."""
    content = changed(SMALL, report={**SMALL["report"], "name": "factors.details"})
    path, other = saved(tmp_path, "factors.details", content), saved(tmp_path, "other", content)
    words = ("merge", path, other, "--out", tmp_path / "out") if verb == "merge" else ("render", tmp_path)
    status, _, err = bench(*words)
    assert (status, "a table 'factors' has files of that name" in err) == (2, True)
    assert not list(tmp_path.rglob("*.md"))


def test_nothing_is_written_over_and_one_part_is_none(bench, tmp_path):
    path = saved(tmp_path, "factors", SMALL)
    before = path.read_bytes()
    other = saved(tmp_path, "other", part(SMALL, categories=["face"]))
    status, _, err = bench("merge", path, other, "--out", tmp_path)
    assert (status, path.read_bytes() == before) == (2, True)
    assert "is there already, and is not written over; give another folder with --out" in err
    status, _, err = bench("merge", path, "--out", tmp_path / "out")
    assert (status, "give two or more parts of it" in err) == (2, True)


def test_the_seconds_of_the_cells_that_are_joined_lie_beside_them(tmp_path):
    lines = {"category": ["face", "tower"], "factor": [16, 16], "method": ["glean", "glean"], "median": [1.0, 2.0]}
    pd.DataFrame(lines).to_csv(tmp_path / "a.timing.csv", index=False)
    lines = {**lines, "category": ["tower", "cat"], "median": [3.0, 4.0]}
    pd.DataFrame(lines).to_csv(tmp_path / "b.timing.csv", index=False)
    glean = part(SMALL, factors=[16], methods=["glean"])
    parts = {tmp_path / "a.json": glean, tmp_path / "b.json": part(glean, categories=["tower"])}
    found = joined.timing(parts)
    assert dict(zip(found.category, found["median"], strict=True)) == {"face": 1.0, "tower": 3.0}, "cats are no cell"
    untimed = joined.timing({**parts, tmp_path / "none.json": part(glean, categories=["face"])})
    assert list(untimed.category) == ["tower"], "seconds of a cell that another took the place of"
    assert list(joined.timing({tmp_path / "none.json": glean})) == ["category", "factor", "method"]
    (tmp_path / "b.timing.csv").write_text("nothing\n1\n")
    with pytest.raises(BadFile, match=r"b\.timing\.csv cannot be read"):
        joined.timing(parts)


def test_protocols_of_any_two_parts_are_compared():
    """A first part without the metric let two others have it by different protocols."""
    first = changed(part(SMALL, categories=["tower"]), protocols={"psnr": SMALL["protocols"]["psnr"]})
    other = changed(part(SMALL, methods=["glean"]), protocols={**SMALL["protocols"], "lpips": "lpips[vgg]"})
    with pytest.raises(BenchError, match=r"lpips is .* two different numbers"):
        join(first, part(SMALL, methods=["bicubic"]), other)


def test_a_cell_that_failed_takes_the_place_of_none_that_did_not():
    """It has values: those of the bicubic result."""
    failed = part(SMALL, methods=["glean"])
    for cell in failed["cells"]:
        cell["reason"] = "no luck"
        for of in cell["results"]:
            of["status"] = ["failed"] * len(of["status"])
    assert join(SMALL, failed)["cells"] == SMALL["cells"]
    assert join(failed, SMALL)["cells"] == SMALL["cells"]


def test_seeds_and_trainings_are_not_lost():
    """Two runs, one of each training, made one row of the last under a caption of both."""
    whole = json.loads((PUBLISHED.parent / "portraits" / "seeds.json").read_text())
    runs = []
    for training in (0, 1):
        one = changed(whole, report={**whole["report"], "trainings": [training]})
        for cell in one["cells"]:
            several = len(cell["results"]) > 1
            cell["results"] = [of for of in cell["results"] if of.get("training", 0) == training or not several]
        runs.append(one)
    with pytest.raises(BenchError, match=r"of face at 8x has seeds or trainings in .*0\.json that it has not in"):
        join(*runs)
    assert join(runs[0], whole)["cells"] == whole["cells"], "a run of both has all that there was"


@pytest.mark.parametrize(
    ("name", "value"), [("dtype", "bfloat16"), ("unfinished", True), ("weights", "own"), ("compiled", True)]
)
def test_settings_that_are_told_of_a_whole_table_are_the_same_in_all_categories(name, value):
    other = part(SMALL, categories=["tower"])
    for cell in other["cells"]:
        cell["task"][name] = value
    with pytest.raises(BenchError, match=f"different settings: .*, and .*{name} {value}"):
        join(part(SMALL, categories=["face"]), other)


def test_rules_of_judgement_are_the_same():
    with pytest.raises(BenchError, match="different rules"):
        join(SMALL, changed(SMALL, report={**SMALL["report"], "margin": {"psnr": 0.5}}))


def test_what_one_part_left_out_and_another_has_is_not_left_out():
    texts = ["tower is left out: no images", "cat is left out: no images"]
    first = changed(part(SMALL, categories=["face"]), report={**SMALL["report"], "left_out": texts})
    assert join(first, part(SMALL, categories=["tower"]))["report"]["left_out"] == texts[1:]


def test_what_is_made_of_the_truth_stands_behind_the_methods(bench, tmp_path):
    whole = json.loads((PUBLISHED / "retouch.json").read_text())
    methods = dict.fromkeys(cell["method"] for cell in whole["cells"])
    parts = [
        changed(whole, cells=[cell for cell in whole["cells"] if (cell["method"] in ("glean", "bicubic")) == first])
        for first in (True, False)
    ]
    assert {cell["method"] for cell in whole["cells"] if cell.get("reference")}, "the test is about these"
    found = join(*parts)["cells"]
    assert [fitting.place(cell) for cell in found] == [fitting.place(cell) for cell in whole["cells"]], methods


def test_a_value_that_no_number_is_is_one_sentence(bench, tmp_path):
    content = part(SMALL, categories=["face"])
    content["cells"][0]["results"][0]["values"]["psnr"][0] = 10**400
    paths = [saved(tmp_path, "first", content), saved(tmp_path, "second", part(SMALL, categories=["tower"]))]
    status, _, err = bench("merge", *paths, "--out", tmp_path / "out")
    assert status == 2
    assert "first.json + " in err
    assert "cannot be read" in err
    assert not (tmp_path / "out").exists()
