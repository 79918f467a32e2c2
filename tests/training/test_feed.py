"""Which images a training gets: those of the card's training set, and never the set that is tested on."""

import lmdb
import pytest
from PIL import Image

from bench import cards
from bench.images.training import photographs
from bench.spec import BadFile, BenchError, Card, MissingImages
from methods.training.feed import open_feed
from methods.training.photographs import Photographs
from methods.training.share import Share

from .test_bank import CPU

FACE = """
title = "Face"
hr_size = 32
reader = "folder"
source = "face"
test_set = "x"
train_set = "LSUN-train x"
test_images = 2
"""


def shades(folder, *values) -> None:
    """Photographs of one grey each, of 40 px."""
    folder.mkdir(parents=True)
    for value in values:
        Image.new("RGB", (40, 40), (value,) * 3).save(folder / f"{value}.png")


def greys(card, count=40) -> set[int]:
    """The greys of the images that a training gets."""
    return {round(value.item() * 255) for value in Photographs(card, Share(), CPU).batch(0, count)[:, 0, 0, 0]}


def test_a_card_with_a_training_set_gives_no_other_images(tmp_path):
    """The paper tests on 100 of CelebA-HQ and trains on FFHQ: other images of CelebA-HQ are not for training."""
    shades(tmp_path / "face", 10, 20, 30)
    shades(tmp_path / "train", 110, 120)
    (tmp_path / "face.toml").write_text(FACE + 'train_source = "train"\n')
    assert list(cards.cards(str(tmp_path))) == ["face"], "the folder of training images is no category"
    assert greys(cards.card(str(tmp_path), "face")) == {110, 120}
    (tmp_path / "face.toml").write_text(FACE)
    assert greys(cards.card(str(tmp_path), "face")) == {30}, "a user's folder: what is not tested"
    _, listed = photographs(cards.card(str(tmp_path), "face"))
    assert listed == ["30"], "a test image that is drawn and passed over makes its neighbour come twice as often"


def test_the_training_set_may_be_a_database_beside_a_folder_of_test_images(tmp_path):
    shades(tmp_path / "face", 10, 20)
    shades(tmp_path / "images", 130)
    with lmdb.open(str(tmp_path / "lsun"), map_size=2**20) as database, database.begin(write=True) as transaction:
        transaction.put(b"key", (tmp_path / "images" / "130.png").read_bytes())
    (tmp_path / "face.toml").write_text(FACE + 'train_source = "lsun"\ntrain_reader = "lmdb"\n')
    assert greys(cards.card(str(tmp_path), "face"), 1) == {130}


def test_the_cards_of_the_paper_name_the_paper_s_training_sets():
    found = cards.cards("paper")
    told = {name: (card.train_set, card.train_source, card.train_reader) for name, card in found.items()}
    assert told == {
        "face": ("FFHQ", "FFHQ", "folder"),
        "cat": ("LSUN-train cat", "cat_lmdb", "lmdb"),
        "car": ("LSUN-train car", "car_lmdb", "lmdb"),
        "bedroom": ("LSUN-train bedroom", "bedroom_train_lmdb", "lmdb"),
        "tower": ("LSUN-train tower", "tower_train_lmdb", "lmdb"),
    }


def test_a_training_set_that_is_not_here_is_asked_for_by_its_own_name(monkeypatch, tmp_path):
    monkeypatch.setenv("GLEAN_DATA", str(tmp_path))
    shades(tmp_path / "CelebA-HQ", 10, 20)
    with pytest.raises(MissingImages, match=r"no .*/FFHQ; get FFHQ, keep it as FFHQ"):
        open_feed(cards.card("paper", "face"), Share(), CPU)


def test_a_database_without_a_training_set_is_not_trained_on():
    card = Card("mine", "tower", "Tower", 32, "lmdb", "/nowhere/tower_val_lmdb", "LSUN-val", "")
    with pytest.raises(BenchError, match=r"tower.*/nowhere/tower_val_lmdb.*train_source"):
        open_feed(card, Share(), CPU)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('train_source = "face"', "train_source is the source of the test images"),
        ('train_source = "train"\ntrain_reader = "scenes"', "no train_reader 'scenes'"),
        ('train_reader = "lmdb"', "train_reader without a train_source"),
    ],
)
def test_a_training_set_that_cannot_be_meant_is_refused(tmp_path, line, words):
    shades(tmp_path / "face", 10)
    (tmp_path / "face.toml").write_text(FACE + line)
    with pytest.raises(BadFile, match=words):
        cards.card(str(tmp_path), "face")


def test_scenes_have_no_training_set_to_name(tmp_path):
    text = FACE.replace('"folder"', '"scenes"') + 'train_source = "train"\n'
    (tmp_path / "face.toml").write_text(text)
    with pytest.raises(BadFile, match="scenes are drawn"):
        cards.card(str(tmp_path), "face")
