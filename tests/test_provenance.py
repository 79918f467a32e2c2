"""Which weight files a row was made with, and whether they have seen the images it is tested on."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

import methods
from bench import cards, origins, plan
from bench.report import render, table
from bench.report_files import read
from bench.restore import restore, state
from bench.scores.score import read as read_records
from bench.scores.score import score
from bench.spec import BadFile, Cell, Task, Weights
from methods.bicubic import Bicubic
from methods.weights import catalogue, load, trained

CPU = torch.device("cpu")
FILES = {"first.pth": "FFHQ", "second.pth": "FFHQ and Photographs-HQ, blind degradations"}


class Reading(Bicubic):
    """A method that reads the weights of another, and makes nothing of them."""

    spec = replace(Bicubic.spec, name="reading", title="Reading")

    @classmethod
    def load(cls, task, device):
        load.find("glean", task)
        return super().load(task, device)


@pytest.fixture
def rows(photos, settings, tmp_path, monkeypatch) -> Callable[..., table.Table]:
    """The table of a method that finds some of two published files."""

    def make(*present, test_set="Photographs-HQ"):
        entry = next(file for file in catalogue.catalogue() if file.name.startswith("glean_cat_16x"))
        known = [replace(entry, name=name, trained_on=told, sha256="") for name, told in FILES.items()]
        monkeypatch.setattr(catalogue, "fitting", lambda *_: known)
        monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path))
        for name in present:
            (tmp_path / name).write_bytes(b"")
        card = replace(cards.card(str(photos), "face", 64), test_set=test_set)
        cell = Cell(Task(card.profile, "face", 16, 64), "reading", "Reading")
        assert {image.status for image in restore(cell, card, Reading, settings)} == {"ok"}
        now = state(cell, Reading, settings)
        records = list(score(cell, card, ("psnr", "lpips"), settings, now))
        assert read_records(cell, card, ("psnr",), settings, now) == records, "the weights are lost on disk"
        return table.build(read("table2"), [cell], records, {"face": card})

    return make


def test_a_file_that_has_seen_the_test_set_marks_the_row_and_is_named(rows):
    built = rows("second.pth")
    assert built.rows[0].seen
    text = render.markdown(built, {})
    assert "†" in text.split("## Details")[0]
    assert "† trained on the images it is tested on: Reading (face)." in text
    assert f"Weights of Reading, trained on {FILES['second.pth']}: second.pth (face 16x)." in text


def test_of_several_files_the_one_that_was_used_counts(rows):
    built = rows("first.pth", "second.pth")
    assert not built.rows[0].seen, "the file that was used has not seen them"
    text = render.markdown(built, {})
    assert "trained on FFHQ: first.pth (face 16x)." in text
    assert "second.pth" not in text


@pytest.mark.parametrize(("test_set", "seen"), [("FFHQ", True), ("Photographs", False), ("HQ", False), ("", False)])
def test_a_test_set_is_a_word_of_its_own(rows, test_set, seen):
    assert rows("second.pth", test_set=test_set).rows[0].seen is seen


def test_how_a_file_was_chosen_does_not_say_what_it_was_trained_on(rows):
    """A file of faces that could not be read beside the one that was used would mark the row."""
    row = replace(rows("first.pth").rows[0], test_set="CelebA-HQ")
    assert not replace(row, weights={"a.pth": "FFHQ; b.pth, which comes first, cannot be used: of CelebA-HQ"}).seen
    assert replace(row, weights={"a.pth": "FFHQ and CelebA-HQ; b.pth is not used"}).seen


def test_the_face_model_for_blind_degradations_says_that_it_is_none_for_bicubic_ones():
    (file,) = (f for f in catalogue.catalogue() if f.name.startswith("glean_in128out1024"))
    assert "blind degradations" in file.trained_on
    assert "none for bicubic 8x" in file.trained_on


def test_the_catalogue_names_the_files_that_have_seen_the_faces_of_the_paper():
    test_set = cards.card("paper", "face").test_set
    cell = Cell(Task("paper", "face", 16, 1024), "m", "M")
    row = table.build(replace(read("table2"), categories=("face",)), [cell], [], cards.cards("paper")).rows[0]
    marked = {file.name for file in catalogue.catalogue() if replace(row, weights={file.name: file.trained_on}).seen}
    assert marked == {
        "glean_in128out1024_4x2_300k_ffhq_celebahq_20210812-acbcb04f.pth",
        "stylegan_celebahq1024.pth",
        "pggan_celebahq1024.pth",
        "celebahq-res256-mirror-paper256-kimg100000-ada-target0.5.pkl",
    }, f"a method with these was trained on {test_set}"


def test_files_that_were_trained_here_say_so_and_the_bank_is_one_of_them():
    with origins.listening() as noted:
        methods.find("glean").load(Task("mini", "face", 16, 128, preset="mini"), CPU)
    assert [each.file for each in noted] == ["glean_face_16x_128.safetensors", "bank_face_128.safetensors"]
    assert "here, 6000 of 6000 steps, seed 0" in noted[0].trained_on
    assert "here, 15000 of 15000 steps, seed 0" in noted[1].trained_on


def test_a_file_in_the_place_of_trained_ones_that_says_nothing(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors")
    assert trained.told(tmp_path / "a.safetensors").startswith("unknown")
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadFile, match=r"b\.safetensors cannot be read as safetensors"):
        trained.told(tmp_path / "b.safetensors")


def test_notes_are_those_of_the_block_alone():
    origins.note("before", "x")
    with origins.listening() as outer:
        origins.note("a", "x")
        with origins.listening() as inner:
            origins.note("b", "y")
        origins.note("c", "z")
    assert (outer, inner) == ([Weights("a", "x"), Weights("c", "z")], [Weights("b", "y")])


def test_what_a_spec_says_of_its_training_reaches_the_cell():
    cells = plan.plan(read("table1"), {"dgp.biggan": methods.find("dgp.biggan").spec}, cards.cards("mini"))
    assert [cell.trained_on for cell in cells if cell.method == "dgp.biggan"] == ["ImageNet"]
