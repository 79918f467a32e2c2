"""Which files of a folder are photographs, under which ids, and what is said of the rest."""

import os
from pathlib import Path

import pytest
from PIL import Image

from bench import cards, files
from bench.images import data, folder, photos
from bench.images.remarks import remarks
from bench.spec import Card, MissingImages


def test_listing_is_in_the_order_of_names_and_numbers(tmp_path):
    for name in ("10.png", "9.JPG", "b2.webp", "b10.tif", "B1.bmp", "a.jpeg"):
        (tmp_path / name).touch()
    assert list(folder.listing(tmp_path)) == ["9", "10", "B1", "a", "b2", "b10"], "2 comes before 10"


def test_listing_leaves_out_what_is_no_photograph(tmp_path):
    for name in ("cat.png", ".hidden.png", "._cat.png", "notes.txt", "cat.jpg.cat", "Thumbs.db"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    assert list(folder.listing(tmp_path)) == ["cat", "gone"], "a broken link is a photograph that is missing"


def test_ids_stay_apart_when_names_differ_in_the_suffix_only(tmp_path):
    for name in ("a.png", "a.jpg", "b.png", "a.png.jpg"):
        (tmp_path / name).touch()
    found = folder.listing(tmp_path)
    assert {key: path.name for key, path in found.items()} == {
        "a.jpg": "a.jpg", "a.png": "a.png", "a.png.jpg": "a.png.jpg", "b": "b.png",
    }, "two photographs under one id would overwrite each other's results"  # fmt: skip


def test_a_folder_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(MissingImages, match="nowhere"):
        folder.listing(tmp_path / "nowhere")


KINDS = {"a.jfif": "JPEG", "b.avif": "AVIF", "c.gif": "GIF", "d.jp2": "JPEG2000", "e.JPE": "JPEG", "f.ppm": "PPM"}


def test_every_kind_of_photograph_that_is_read_is_listed(tmp_path):
    for name, kind in KINDS.items():
        Image.new("RGB", (16, 16)).save(tmp_path / name, kind)
    found = folder.listing(tmp_path)
    assert list(found) == ["a", "b", "c", "d", "e", "f"]
    for path in found.values():
        assert photos.read(path).shape == (3, 16, 16)


def profile(root, **files) -> str:
    """A profile of one category with two photographs, and further files below it."""
    for name in ("cat/1.png", "cat/2.png", *files.get("photographs", ())):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(root / name)
    for name in files.get("others", ()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return str(root)


def said(path, limit=None) -> list[str]:
    return remarks(cards.cards(path), limit)


def test_of_a_folder_of_photographs_alone_nothing_is_said(tmp_path):
    assert said(profile(tmp_path, others=["cat/.DS_Store", ".hidden/x"])) == []


def test_the_weights_that_were_trained_for_a_folder_are_no_photographs_that_are_missing(tmp_path):
    assert said(profile(tmp_path, others=["weights/glean_face_8x_128.safetensors", "weights/README.md"])) == []


def test_what_is_left_out_is_told_once_with_the_reason(tmp_path):
    others = ["cat/a.heic", "cat/b.HEIC", "cat/c.cr2", "cat/d.psd", "cat/e.svg", "cat/raw/f.dng", "cat/README"]
    (sentence,) = said(profile(tmp_path, others=others))
    assert sentence.startswith("cat: 7 left out as no photographs (2 x .heic, ")
    assert "3 others" in sentence
    assert "AVIF" in sentence, "it must say what is read"


def test_photographs_in_folders_of_folders_are_told(tmp_path):
    """`photos/flowers/train/*.jpg` was nothing at all, without a word."""
    found = said(profile(tmp_path, photographs=["flowers/train/red/1.png", "cat/old/1.png"], others=["empty/x.txt"]))
    assert found == [
        "empty is left out: it holds no photographs (PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF, JPEG 2000, PPM and QOI).",
        (
            "flowers is left out: it holds no photographs itself, and folders in it are not looked into: "
            "move the 1 photograph of flowers/train/red into it."
        ),
        f"cat: 1 left out as no photographs (1 x folder); {folder.SHORT} are read, in the folder itself.",
        "cat: the photographs in old are not measured: folders in it are not looked into.",
    ]


def test_a_pipe_is_told_and_not_waited_for(tmp_path):
    path = profile(tmp_path)
    os.mkfifo(tmp_path / "cat" / "3.png")
    (sentence,) = said(path)
    assert sentence.startswith("cat: 1 left out as no photographs (1 x pipe or device);")


def test_photographs_beside_the_sub_folders_are_told(tmp_path):
    (sentence,) = said(profile(tmp_path, photographs=["stray.png"]))
    assert sentence.startswith("1 left out, as they are in no sub-folder")


def test_a_folder_that_cannot_be_read_ends_nothing(tmp_path, monkeypatch):
    path = profile(tmp_path)
    (tmp_path / "lost+found").mkdir()
    original = Path.iterdir

    def refusing(self):
        if self.name == "lost+found":
            raise PermissionError(13, "Permission denied")
        return original(self)

    monkeypatch.setattr(Path, "iterdir", refusing)
    assert list(cards.cards(path)) == ["cat"]
    (sentence,) = said(path)
    assert sentence.startswith("lost+found is left out: the folder")
    assert "Permission denied" in sentence


def test_a_folder_that_may_be_listed_and_not_entered_holds_photographs_that_fail(tmp_path, monkeypatch):
    path = profile(tmp_path, others=["cat/notes"])
    stat, opened = Path.stat, files.os.open

    def refusing(original):
        def refused(asked, *how, **more):
            if Path(asked).parent.name == "cat":
                raise PermissionError(13, "Permission denied")
            return original(asked, *how, **more)

        return refused

    monkeypatch.setattr(Path, "stat", refusing(stat))
    monkeypatch.setattr(files.os, "open", refusing(opened))
    card = cards.card(path, "cat", 8)
    found = list(data.batches(card, 4, 8))
    assert [entry.id for entry in found] == ["1", "2"], "not measured, and not forgotten"
    assert all("cannot be read: Permission denied" in entry.reason for entry in found)
    assert said(path) == [
        "cat: 1 left out as no photographs (1 x no suffix); " + folder.SHORT + " are read, in the folder itself."
    ]


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", "a\u202eb"], ids=ascii)
def test_a_folder_under_a_name_that_deceives_is_no_category(tmp_path, name):
    path = profile(tmp_path, photographs=[f"{name}/1.png"])
    assert list(cards.cards(path)) == ["cat"]
    (sentence,) = said(path)
    assert "its name has" in sentence
    assert sentence.isprintable()


@pytest.fixture
def many(tmp_path) -> str:
    """A profile with 130 photographs of one category."""
    return profile(tmp_path, photographs=[f"cat/{number}.png" for number in range(3, 131)])


def test_of_many_photographs_the_first_hundred_are_taken_and_told(many):
    assert said(many) == ["cat: the first 100 of 130 images are measured; -n 130 takes all."]


def test_a_number_that_is_asked_for_is_measured(many):
    card = cards.card(many, "cat")
    assert len(data.image_ids(card, 130)) == 130
    batches = list(data.batches(card, 4, 200, 130, True))
    assert sum(len(batch.ids) for batch in batches) == 130
    (sentence,) = said(many, 130)
    assert "trained on this folder has seen the others" in sentence
    assert said(many, 100) == []
    assert said(many, 140)[0] == "cat: 130 images, not the 140 asked for: its source holds no more."


def test_a_list_with_fewer_images_than_asked_for_is_told():
    assert "face: 100 images, not the 130 asked for: its list has no more." in said("mini", 130)
    assert said("mini", 100) == said("mini") == []


def test_scenes_have_no_more_test_images_than_there_are_seeds(tmp_path):
    card = Card("p", "face", "F", 16, "scenes", "face", "", "", test_images=2000)
    assert len(data.image_ids(card)) == len(data.image_ids(card, 5000)) == 1000, "those from there on are for training"
