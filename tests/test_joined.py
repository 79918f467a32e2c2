"""Tables that were measured in parts: joined, they are the table that was measured at once."""

import copy
import json

import pandas as pd
import pytest

from bench.report import joined, sealing, stored
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
    (cell,) = (c for c in join(SMALL, again)["cells"] if joined._place(c) == joined._place(again["cells"][0]))
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


@pytest.mark.parametrize("name", ["test_set", "lr", "names of images", "hr_size", "dtype"])
def test_methods_on_other_images_are_never_set_beside_each_other(name):
    other = part(SMALL, categories=["face"], factors=[16], methods=["glean"])
    (cell,) = other["cells"]
    if name == "names of images":
        cell["results"][0]["images"][0] = "another"
    elif name in ("hr_size", "dtype"):
        cell["task"][name] = {"hr_size": 256, "dtype": "bfloat16"}[name]
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


def test_nothing_is_written_over_and_one_part_is_none(bench, tmp_path):
    path = saved(tmp_path, "factors", SMALL)
    before = path.read_bytes()
    other = saved(tmp_path, "other", part(SMALL, categories=["face"]))
    status, _, err = bench("merge", path, other, "--out", tmp_path)
    assert (status, path.read_bytes() == before) == (2, True)
    assert "is there already, and is not written over; give another folder with --out" in err
    status, _, err = bench("merge", path, "--out", tmp_path / "out")
    assert (status, "give two or more parts of it" in err) == (2, True)


def test_the_seconds_of_the_parts_are_joined(tmp_path):
    lines = {"category": ["face", "tower"], "factor": [16, 16], "method": ["glean", "glean"], "median": [1.0, 2.0]}
    pd.DataFrame(lines).to_csv(tmp_path / "a.timing.csv", index=False)
    pd.DataFrame({**lines, "category": ["tower", "cat"], "median": [3.0, 4.0]}).to_csv(
        tmp_path / "b.timing.csv", index=False
    )
    found = joined.timing([tmp_path / "a.json", tmp_path / "b.json", tmp_path / "none.json"])
    assert dict(zip(found.category, found["median"], strict=True)) == {"face": 1.0, "tower": 3.0, "cat": 4.0}
    assert list(joined.timing([tmp_path / "none.json"])) == ["category", "factor", "method"]
    (tmp_path / "b.timing.csv").write_text("nothing\n1\n")
    with pytest.raises(BadFile, match=r"b\.timing\.csv cannot be read"):
        joined.timing([tmp_path / "b.json"])
