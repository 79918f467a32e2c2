"""Notes below a table: sentences with one full stop, short, and without the folders of the user."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench import plan
from bench.images import data
from bench.report import made_with, notes, render
from bench.spec import Card, Cell
from methods.formats import unpickle

from .conftest import textured
from .test_table import GOOD, TASK, build, records, row


def test_no_note_ends_in_two_full_stops():
    built = build(records("a", GOOD, GOOD / 100, remark="Two steps."), refused=("b",))
    ended = replace(
        built, left_out=("A factor is left out.",), rows=tuple(replace(r, notes={"Missed.": 2}) for r in built.rows)
    )
    text = render.markdown(ended, {})
    assert "Two steps." in text
    assert "Missed." in text
    assert ".." not in "\n".join(notes.remarks(ended, str)).replace("...", "")
    cells = [Cell(TASK, name, name, reason) for name, reason in (("a", "no weights, get them."), ("b", "no images."))]
    assert plan.describe(cells) == "2 cells, 0 runnable, 2 refused: no weights, get them; no images"


def test_a_hundred_refused_photographs_are_a_short_note_without_the_folders_of_the_user(tmp_path):
    from PIL import Image

    folder = tmp_path / "home of ann" / "car"
    folder.mkdir(parents=True)
    for index in range(40):
        Image.fromarray(textured(20 + index % 7, index)).save(folder / f"{index:03d}.png")
    card = Card("mine", "car", "Car", 64, "folder", str(folder), "Cars", "", test_images=40)
    refused = list(data.batches(card, 4, 8))
    assert {entry.refused for entry in refused} == {True}
    assert refused[0].reason.startswith("000.png has 20 x 20 pixels, fewer than 64")
    bad = [replace(one, image=entry.id, status="refused", reason=entry.reason, metrics={})
           for one, entry in zip(records("a", [0] * 40, [0] * 40), refused, strict=True)]  # fmt: skip
    told = row(build(bad), "a").reason
    assert "ann" not in told, "a published table would name the user"
    assert told.count("has 2") == 3
    assert told.endswith("37 more images are not the method's own, each for a reason like these (003, 004, 005, ...)")
    assert len(told) < 600


def test_images_that_are_scored_for_no_method_have_three_reasons_and_a_number():
    built = build(records("a", GOOD, GOOD / 100))
    lacking = {f"{index:03d}": f"no LR image of {index:03d}" for index in range(90)}
    told = notes.remarks(replace(built, rows=tuple(replace(r, unusable=lacking) for r in built.rows)), str)
    (line,) = [text for text in told if "scored for no method" in text]
    assert line.endswith("no LR image of 000; no LR image of 001; no LR image of 002; and 87 more reasons like these.")


def test_how_lr_images_were_made_is_told_of_each_category_whatever_its_name():
    built = build(records("a", GOOD, GOOD / 100))
    ours = made_with.protocols(built, str)
    strange = replace(TASK, category="_cat_")
    given = replace(built.rows[0], cell=replace(built.rows[0].cell, task=strange), lr="LR given, made by nobody")
    assert made_with.protocols(replace(built, rows=(*built.rows, given)), str)[0] == ours[0], "some are the suite's"
    text = render.markdown(replace(built, rows=(given,), contests=()), {})
    assert "LR: MATLAB" not in text, "no LR image was made by the suite"
    assert rf"- LR images of \_cat\_ at {strange.factor}x: given, made by nobody." in text


@pytest.mark.parametrize(
    "value", [np.float64(3.5), np.int64(3), np.bool_(True), np.str_("2021-05-27"), np.bytes_(b"a1")]
)
def test_a_scalar_of_numpy_beside_the_weights_does_no_harm(tmp_path, value):
    torch.save({"state_dict": {"w": torch.ones(2)}, "meta": {"told": value}}, tmp_path / "a.pth")
    told = unpickle.load(tmp_path / "a.pth")["meta"]["told"]
    assert told == (value.decode() if isinstance(value, bytes) else value.item())
    assert type(told) in (float, int, bool, str), "nothing of numpy's comes out of a file"
