"""Rows that are made of the ground truth: what they hold, that they are no rivals, that they come back from a file."""

import csv
import json
import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from bench import pipeline, report_files
from bench.report import compare, render, runs, stored, storing, table
from bench.scores import metrics
from bench.scores.references import REFERENCES
from bench.spec import BadFile, BenchError, Cell
from methods.bicubic import Bicubic

from .conftest import textured
from .test_table import REPORT, TASK, card, records

NAMES = tuple(name for name, reference in REFERENCES.items() if not reference.edited)
"""Those of images without an edit; for the other see test_retouching.py."""
PSNR = "psnr[rgb,u8,crop0,mean]"
TABLE = """
title = "Mine"
caption = "A small table."
source = "none"
metrics = ["psnr"]
also = ["ssim"]
categories = ["face", "cat"]
factors = [8, 16]
methods = ["bicubic"]
references = ["another_person", "jpeg75"]
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TABLE)
    return path


def psnr(one, other):
    return metrics.psnr(*(torch.from_numpy(image).permute(2, 0, 1)[None] / 255 for image in (one, other))).item()


def jpeg(image):
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=75)
    return np.array(Image.open(file))


def measured(mine, photos, settings):
    """The records of a table by category, factor, method and image."""
    report = report_files.read(str(mine))
    found = pipeline.prepare(report, [Bicubic], settings, profile=str(photos), hr_size=64)
    list(found.restore())
    return {(r.task.category, r.task.factor, r.method, r.image): r for r in found.score()}


def test_they_are_the_next_image_and_the_same_one_from_a_jpeg_file(mine, photos, settings):
    found = measured(mine, photos, settings)
    faces = [textured(64, index) for index in range(3)]
    for factor in (8, 16):
        for index, name in enumerate("012"):
            other, saved = (found["face", factor, reference, name].metrics[PSNR] for reference in NAMES)
            assert other == pytest.approx(psnr(faces[(index + 1) % 3], faces[index]))
            assert saved == pytest.approx(psnr(jpeg(faces[index]), faces[index]))
    assert not list(settings.out.rglob("jpeg75/**/*.png")), "photographs were copied into the results"


def test_of_a_single_image_there_is_no_other(bench, mine, photos, tmp_path):
    """`table table1 -n 1`, a first look, ended as if a method had failed."""
    words = ("--profile", photos, "--hr-size", 64, "-n", 1, "--out", tmp_path / "out")
    assert bench("table", mine, *words)[0] == 0
    (told,) = (tmp_path / "out").rglob("mine.json")
    reasons = {cell["method"]: cell["refusal"] for cell in json.loads(told.read_text())["cells"]}
    assert reasons["another_person"] == "it takes 2 images, and there is one"
    assert reasons["jpeg75"] is None


def test_an_image_that_cannot_be_read_is_nobodys_next(mine, photos, settings):
    (photos / "face" / "1.png").write_bytes(b"no picture")
    found = measured(mine, photos, settings)
    wanted = psnr(textured(64, 2), textured(64, 0))
    assert found["face", 8, "another_person", "0"].metrics[PSNR] == pytest.approx(wanted)
    assert not found["face", 8, "another_person", "1"].metrics
    (photos / "face" / "2.png").write_bytes(b"no picture")
    alone = measured(mine, photos, replace(settings, out=settings.out / "again"))
    assert alone["face", 8, "another_person", "0"].reason == "there is no other image that can be read"
    assert alone["face", 8, "jpeg75", "0"].status == "ok"


def test_without_ground_truth_there_are_none(mine, photos, settings):
    (photos / "cat" / "lr").mkdir()
    for name in "012":
        Image.fromarray(textured(8, 1)).save(photos / "cat" / "lr" / f"{name}.png")
        (photos / "cat" / f"{name}.png").unlink()
    mine.write_text(TABLE.replace('also = ["ssim"]', 'also = ["lr_psnr"]').replace("8, 16", "8"))
    found = measured(mine, photos, settings)
    assert {key[2] for key in found if key[0] == "cat"} == {"bicubic"}
    assert {key[2] for key in found if key[0] == "face"} == {"bicubic", *NAMES}


def built():
    """A table in which the references are far ahead of both methods."""
    names = ("a", "b", *NAMES)
    cells = [Cell(TASK, name, name) for name in "ab"]
    cells += [Cell(TASK, name, REFERENCES[name].title, reference=True) for name in NAMES]
    values = np.linspace(20, 30, 12)
    shifted = {name: values + 3 * step + np.sin(9 * values + step) for step, name in enumerate(names)}
    made = [record for name in names for record in records(name, shifted[name], 1 - shifted[name] / 50)]
    report = replace(REPORT, methods=("a", "b"), references=NAMES, published=())
    return table.build(report, cells, made, card()), made


def test_they_are_never_the_best_and_compared_with_nothing():
    result, _ = built()
    assert {row.cell.method for row in result.rows if row.best} == {"b"}
    assert {(contest.first, contest.other) for contest in result.contests} == {("b", "a")}
    text = render.texts(result, {})
    titles = re.findall(r"^\| (\S.*?) +\|", text[".md"].split("##")[2], re.MULTILINE)
    assert titles == ["a", "b", "*Another person (reference)*", "*HR, saved as JPEG 75 (reference)*"]
    assert r"\textit{Another person (reference)}" in text[".tex"]


def test_a_table_with_them_is_the_same_when_it_is_read(tmp_path):
    result, made = built()
    path = tmp_path / "t.json"
    path.write_text(storing.text(result, made, {}))
    found = stored.read(path)
    assert render.texts(found.table, {}) == render.texts(result, {})
    assert storing.text(found.table, found.records, {}) == path.read_text()
    run = runs.read(path)["t"]
    judged = compare.compare(run, run, {})
    assert {each.place.method for each in judged.differences} == {"a", "b", *NAMES}
    assert not any(each.mean or each.worse for each in judged.differences)


@pytest.mark.slow
def test_a_run_renders_them_again_without_measuring(bench, mine, photos, tmp_path, monkeypatch):
    words = ("table", mine, "--profile", photos, "--category", "face", "--hr-size", 64, "--out", tmp_path / "out")
    assert bench(*words)[0] == 0
    (folder,) = {path.parent for path in tmp_path.rglob("mine.md")}
    first = {
        ending: (folder / f"mine{ending}").read_text() for ending in (".md", ".csv", ".tex", ".json", ".images.csv")
    }
    monkeypatch.setattr(metrics, "psnr", None)
    status, _, err = bench(*words, "--only", "render")
    assert status == 0, err
    for ending, text in first.items():
        assert (folder / f"mine{ending}").read_text() == text
    assert bench("render", folder)[0] == 0
    assert (folder / "mine.md").read_text() == first[".md"]
    assert {cell["method"] for cell in json.loads(first[".json"])["cells"] if cell.get("reference")} == set(NAMES)
    lines = csv.DictReader(first[".images.csv"].splitlines())
    assert {line["run"] for line in lines if line["method"] in NAMES} == {"reference"}


def test_a_row_of_their_name_is_refused(mine, photos, settings):
    class Impostor(Bicubic):
        spec = replace(Bicubic.spec, name="jpeg75")

    with pytest.raises(BenchError, match="two rows are called 'jpeg75'"):
        pipeline.prepare(report_files.read(str(mine)), [Impostor], settings, profile=str(photos), hr_size=64)
    mine.write_text(TABLE.replace("jpeg75", "jpeg57"))
    with pytest.raises(BadFile, match="there is no reference 'jpeg57'; did you mean jpeg75"):
        report_files.read(str(mine))
