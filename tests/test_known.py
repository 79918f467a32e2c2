"""Files that are mere numbers: whether they are the listed images is told by how a few look, or it is said."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from bench import cards, pipeline, report_files
from bench.images import data, known
from bench.images.remarks import remarks
from bench.spec import BadFile, Card
from methods.bicubic import Bicubic

from .conftest import textured

CARD = """
title = "Face"
hr_size = 64
reader = "folder"
source = "face"
test_set = "Faces-HQ"
train_set = ""
ids = ["00001", "00002", "00003"]
"""


@pytest.fixture
def numbered(tmp_path) -> Card:
    """Three of five images, numbered from 0, and how the three look."""
    (tmp_path / "face").mkdir()
    for index in range(5):
        Image.fromarray(textured(80, 7 * index)).save(tmp_path / "face" / f"{index:05d}.png")
    (tmp_path / "face.toml").write_text(CARD)
    card = cards.card(str(tmp_path), "face")
    looks = {name: known.look(data.read(card, name)) for name in card.ids[:2]}
    lines = "\n".join(f'"{name}" = "{look}"' for name, look in looks.items())
    (tmp_path / "face.toml").write_text(f"{CARD}[looks]\n{lines}\n")
    return cards.card(str(tmp_path), "face")


def test_the_images_of_the_list_pass_as_jpegs_and_in_another_size_too(numbered, tmp_path):
    known.check(numbered)
    for path in (tmp_path / "face").iterdir():
        Image.open(path).resize((120, 120), Image.Resampling.BICUBIC).save(path.with_suffix(".jpg"), quality=80)
        path.unlink()
    known.check(numbered)
    known.check(replace(numbered, degradation=("rotate 90", "down")))  # what is done to them comes later
    assert known.unverified(numbered) == ""


def test_files_numbered_from_another_number_are_refused_with_what_they_show(numbered, tmp_path, settings):
    for index in range(5):
        (tmp_path / "face" / f"{index:05d}.png").rename(tmp_path / "face" / f"x{index + 1:05d}.png")
    for path in (tmp_path / "face").iterdir():
        path.rename(path.with_name(path.name[1:]))
    words = r"2 of 2 known ones look different \(00001 shows another\)\. They may be numbered from another number"
    with pytest.raises(BadFile, match=words):
        known.check(numbered)
    with pytest.raises(BadFile, match="not the images of the list"):
        pipeline.prepare(report_files.read("table2"), [Bicubic], settings, profile=str(tmp_path))


def test_files_in_another_order_are_refused_with_what_they_show(numbered, tmp_path):
    one, two = tmp_path / "face" / "00001.png", tmp_path / "face" / "00002.png"
    one.rename(tmp_path / "aside.png")
    two.rename(one)
    (tmp_path / "aside.png").rename(two)
    with pytest.raises(BadFile, match=r"2 of 2 .*00001 shows 00002"):
        known.check(numbered)


def test_what_cannot_be_verified_is_said(numbered):
    nothing = replace(numbered, looks={})
    (sentence,) = remarks({"face": nothing}, None)
    assert sentence.startswith("face: that the 3 files of face are the images of the list is not verified: their names")
    assert known.unverified(cards.card("paper", "face")), "CelebA-HQ is numbered from 0 by some, from 1 by others"
    assert not known.unverified(cards.card("mini", "face")), "of these there are checksums"
    assert not known.unverified(replace(nothing, ids=())), "nothing is listed that they could be compared with"


def test_a_look_is_of_what_is_shown(numbered):
    image = data.read(numbered, "00001")
    darker = (image.float() * 0.7).to(torch.uint8)
    assert known._apart(known.look(image), known.look(darker)) <= 3
    assert known._apart(known.look(image), known.look(image.flip(-1))) > known._APART
