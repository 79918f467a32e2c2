"""Two runs of a table: what is equal, what is worse, what cannot be compared."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.report import compare as comparison
from bench.report import runs, sealing
from bench.spec import BenchError

from .conftest import ROOT

PUBLISHED = ROOT / "reports" / "published" / "mini"
PLACE = runs.Place("face", 16, "glean")


def run(values, failed=(), protocols=None) -> runs.Run:
    """A run of one cell and PSNR."""
    found = {str(image): value for image, value in enumerate(values)}
    return runs.Run(protocols or {"psnr": "a"}, {}, {PLACE: {"psnr": found}}, {PLACE: frozenset(failed)})


def test_a_run_is_equal_to_itself(bench):
    status, out, err = bench("compare", PUBLISHED, PUBLISHED)
    assert (status, err) == (0, "")
    told = re.findall(r"(\w+): (\d+) of (\d+) cells and metrics are equal image by image", out)
    assert {name for name, _, _ in told} == {path.stem for path in PUBLISHED.glob("*.json")}
    assert all(equal == of != "0" for _, equal, of in told)
    assert "worse" not in out


def test_one_spoiled_image_is_found_and_its_cell_named(bench, tmp_path):
    found = json.loads((PUBLISHED / "table1.json").read_text())
    (cell,) = (cell for cell in found["cells"] if cell["method"] == "glean")
    cell["results"][0]["values"]["arcface"][7] -= 0.5
    (tmp_path / "table1.json").write_text(sealing.sealed(found))
    status, out, err = bench("compare", PUBLISHED / "table1.json", tmp_path / "table1.json")
    assert (status, err) == (1, "")
    assert "worse: face 16 glean, arcface: its mean is worse\n" in out
    assert "tolerance" not in out, "none was given"
    assert "0007" in out, "the image that differs most"
    words = ("--tolerance", "arcface=0.001,psnr=1")
    _, out, _ = bench("compare", PUBLISHED / "table1.json", tmp_path / "table1.json", *words)
    assert "worse: face 16 glean, arcface: worse than the tolerance of 0.001 allows\n" in out
    status, _, _ = bench("compare", PUBLISHED / "table1.json", tmp_path / "table1.json", "--tolerance", "arcface=0.02")
    assert status == 0, "-0.005 ± 0.01 is within 0.02"
    status, _, _ = bench("compare", tmp_path / "table1.json", PUBLISHED / "table1.json")
    assert status == 0, "the second is better"


def test_values_of_other_protocols_are_not_subtracted(bench, tmp_path):
    found = json.loads((PUBLISHED / "table1.json").read_text())
    found["protocols"] = {name: f"{name}[resnet50]" for name in found["protocols"]}
    (tmp_path / "table1.json").write_text(sealing.sealed(found))
    status, _, err = bench("compare", PUBLISHED / "table1.json", tmp_path / "table1.json")
    assert (status, "no image and metric of one protocol in common" in err) == (2, True)
    both = comparison.compare(run([1.0, 2.0]), run([1.0, 2.0], protocols={"psnr": "b"}), {})
    assert (both.refused, both.differences) == (True, ())
    assert "psnr is a in the first and b in the second: not compared" in both.remarks


@pytest.mark.parametrize(
    ("second", "tolerance", "worse"),
    [
        ([20.0, 21.0, 22.0], 0.0, False),
        ([20.1, 21.1, 22.1], 0.0, False),
        ([19.9, 20.9, 21.9], 0.0, True),
        ([19.9, 20.9, 21.9], 0.11, False),
        ([20.0 - 4e-7, 21.0 - 4e-7, 22.0 - 4e-7], 0.0, False),  # six decimals of a published value
        ([19.0, 22.0, 21.9], 0.2, True),  # -0.03 ± 2.5: it may be much worse
        ([19.0, 23.0, 22.1], 0.0, False),  # on the better side
        ([float("inf"), 21.0, 22.0], 0.0, False),
        ([19.0], 0.5, True),
    ],
)
def test_worse_is_what_tolerance_and_interval_do_not_allow(second, tolerance, worse):
    (found,) = comparison.compare(run([20.0, 21.0, 22.0]), run(second), {"psnr": tolerance}).differences
    assert bool(found.worse) == worse


def test_lower_is_better_where_it_is():
    one, other = (runs.Run({}, {}, {PLACE: {"lpips": {"a": value}}}, {PLACE: frozenset()}) for value in (0.1, 0.2))
    assert comparison.compare(one, other, {}).differences[0].worse
    assert not comparison.compare(other, one, {}).differences[0].worse


def test_an_image_that_failed_is_worse_whatever_its_bicubic_scores():
    (found,) = comparison.compare(run([20.0, 21.0]), run([20.0, 25.0], failed={"1"}), {}).differences
    assert found.worse == "1 more failed (1)"


def test_images_and_cells_of_one_run_alone_are_told_and_not_compared():
    other = runs.Run({"psnr": "a"}, {"torch": "2"}, {runs.Place("cat", 16, "glean"): {"psnr": {"0": 1.0}}}, {})
    found = comparison.compare(run([20.0]), other, {})
    assert found.differences == ()
    assert found.remarks == ("only in the first: face 16 glean", "only in the second: cat 16 glean")
    (found,) = comparison.compare(run([20.0, 21.0, 22.0]), run([20.0]), {}).differences
    assert (found.n, found.only) == (1, (2, 0))


def test_the_values_of_images_alone_can_be_compared(bench, tmp_path):
    csv = PUBLISHED / "table1.images.csv"
    assert bench("compare", csv, PUBLISHED / "table1.json")[0] == 0
    lines = csv.read_text().splitlines()
    (tmp_path / "table1.images.csv").write_text("\n".join([*lines[:-1], lines[-1].rpartition(",")[0] + ",0.1"]) + "\n")
    assert bench("compare", csv, tmp_path / "table1.images.csv")[0] == 1
    (tmp_path / "bad.images.csv").write_text("a,b\n1,2\n")
    status, _, err = bench("compare", csv, tmp_path / "bad.images.csv")
    assert (status, "bad.images.csv cannot be read" in err) == (2, True)


def test_what_a_file_does_not_say_is_told_and_refuses_nothing():
    """The values of a run with given LR images, as CSV, are not of "LR made by the suite"."""
    told = replace(run([20.0]), sides={PLACE: 128}, lr={PLACE: "LR given"})
    untold = replace(run([20.0]), protocols={})
    found = comparison.compare(told, untold, {})
    assert (len(found.differences), found.refused) == (1, False)
    assert [remark for remark in found.remarks if "does not say" in remark] == list(found.remarks)
    made = replace(run([20.0]), sides={PLACE: 128})
    assert comparison.compare(told, made, {}).refused, "both say it, and differently"


@pytest.mark.parametrize("text", ["psnr", "psnr=x", "psnr=-1", "pnsr=1", "psnr=nan", "=1"])
def test_a_tolerance_that_is_none_is_refused(text):
    with pytest.raises(BenchError, match="METRIC=NUMBER"):
        comparison.tolerances(text)


def edited(tmp_path, change) -> Path:
    """The published Table 1 with another content of its cells."""
    found = json.loads((PUBLISHED / "table1.json").read_text())
    change(found["cells"])
    (tmp_path / "table1.json").write_text(sealing.sealed(found))
    return tmp_path / "table1.json"


def test_a_method_that_failed_altogether_is_worse(bench, tmp_path):
    """A network whose file is damaged has no value that could be smaller."""

    def break_glean(cells):
        (cell,) = (cell for cell in cells if cell["method"] == "glean")
        cell.update(results=[], reason="the file is cut")

    broken = edited(tmp_path, break_glean)
    status, out, err = bench("compare", PUBLISHED / "table1.json", broken)
    assert (status, err) == (1, "")
    assert "worse: face 16 glean failed: the file is cut" in out
    assert bench("compare", broken, PUBLISHED / "table1.json")[0] == 0, "the second has it"


def test_images_of_another_size_are_not_subtracted(bench, tmp_path):
    """The photographs of one folder, cropped to 256 px and to 128 px, have the same names."""
    other = edited(tmp_path, lambda cells: [cell["task"].update(hr_size=256) for cell in cells])
    status, out, err = bench("compare", PUBLISHED / "table1.json", other)
    assert (status, "no image and metric of one protocol in common" in err) == (2, True)
    assert "face 16x: images of 128 px in the first, of 256 px in the second: not compared" in out


def test_images_of_two_profiles_are_told_to_be_paired_by_name(bench, tmp_path):
    """Two folders of photographs may both have a 01.jpg."""
    other = edited(tmp_path, lambda cells: [cell["task"].update(profile="photos") for cell in cells])
    status, out, _ = bench("compare", PUBLISHED / "table1.json", other)
    assert status == 0
    assert out.count("face: of profile mini in the first, photos in the second; images are paired by name alone") == 1


def test_images_of_one_run_alone_are_named():
    """Values that are left out of the difference: "all equal" would be all that is said of them."""
    found = comparison.compare(run([20.0, 21.0, 22.0]), run([20.0]), {})
    assert found.remarks == ("face 16x: 2 images only in the first (1, 2), of glean; psnr",)
    found = comparison.compare(run([20.0]), run([20.0, 21.0]), {})
    assert found.remarks == ("face 16x: 1 image only in the second (1), of glean; psnr",)


@pytest.mark.slow
def test_what_is_measured_here_is_what_was_published(bench, tmp_path):
    """Bicubic, GLEAN and ESRGAN+ on the first faces and cats: other code of any of them shows here."""
    words = ("--methods", "bicubic,esrgan_plus,glean", "--category", "face", "--category", "cat", "-n", 5)
    assert bench("table", "factors", "--factor", 16, *words, "--out", tmp_path)[0] == 0
    new = tmp_path / "mini" / "factors.json"
    allowed = ("--tolerance", "psnr=0.02,lpips=0.001,lr_psnr=0.05")
    status, out, err = bench("compare", PUBLISHED / "factors.json", new, *allowed)
    assert status == 0, out + err


def test_exact_images_that_change_places_are_worse():
    exact = [math.inf, 20.0, 21.0]
    (found,) = comparison.compare(run(exact), run([20.0, math.inf, 21.0]), {"psnr": 100.0}).differences
    assert found.worse == "some images are exact in one run alone, others in the other", "the mean is no number"


def test_a_folder_above_the_results_is_told_where_they_are(bench, tmp_path):
    shutil.copytree(PUBLISHED, tmp_path / "out" / "mini", ignore=shutil.ignore_patterns("*.png", "*.html"))
    status, _, err = bench("compare", tmp_path / "out", PUBLISHED)
    assert status == 2
    assert f"{tmp_path / 'out' / 'mini'} does" in err, "the folder of --out is what one thinks of"


def test_means_of_other_trainings_are_told():
    """The code would be held for the cause."""
    first, second = (
        replace(run([20.0, 21.0]), means_of={PLACE: f"seed 0; training{which}"}) for which in (" 0", "s 0, 1")
    )
    (remark,) = comparison.compare(first, second, {}).remarks
    assert remark == (
        "glean (face, 16x): seed 0; training 0 in the first, seed 0; trainings 0, 1 in the second; "
        "the intervals are of images alone"
    )
    assert comparison.compare(first, first, {}).remarks == ()
    kept = runs.read(PUBLISHED.parent / "portraits" / "seeds.json")["seeds"].means_of
    assert kept[runs.Place("face", 8, "glean")] == "seed 0; trainings 0, 1"


def test_a_training_that_failed_altogether_is_in_no_mean(tmp_path):
    """The table leaves it out; here its bicubic results pulled the mean of the method down."""
    found = json.loads((PUBLISHED.parent / "portraits" / "seeds.json").read_text())
    (cell,) = (cell for cell in found["cells"] if cell["method"] == "glean")
    alone = {**found, "cells": [{**cell, "results": cell["results"][:1]}]}
    cell["results"][1] |= {"status": ["failed"] * len(cell["results"][1]["status"])}
    for name, content in (("alone", alone), ("both", found)):
        (tmp_path / f"{name}.json").write_text(sealing.sealed(content))
    first, second = (runs.read(tmp_path / f"{name}.json")[name].scores for name in ("alone", "both"))
    place = runs.Place("face", 8, "glean")
    assert first[place] == second[place]
