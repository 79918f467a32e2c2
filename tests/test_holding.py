"""`python -m bench data`: the layouts that people have are known, ambiguity is asked about."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import cards
from bench.images import data as images
from bench.images import known

LISTED = cards.card("paper", "face").ids
CATS = cards.card("paper", "cat").ids


def photo(path: Path, seed=0) -> Path:
    """Write a small JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((300, 300)).save(path, "JPEG")
    return path


@pytest.fixture
def data(bench, tmp_path, monkeypatch):
    """The verb, on a folder of its own."""
    monkeypatch.setenv("GLEAN_DATA", str(tmp_path))
    return lambda *words: bench("data", *words)


def test_without_a_folder_it_says_where_the_images_can_be_had(bench, monkeypatch):
    """That is what the README has it for, and who begins has no folder of data sets yet."""
    monkeypatch.delenv("GLEAN_DATA", raising=False)
    status, out, err = bench("data")
    assert status == 2
    assert "export GLEAN_DATA=" in err
    for card in cards.cards("paper").values():
        assert f"{card.category}: missing; {card.test_set} can be had from {card.address}; keep it" in out


@pytest.mark.parametrize("at", ["CAT_03", "cats/CAT_03", "a/b/CAT_03"])
def test_cats_are_found_under_any_parent_and_taken_out(data, tmp_path, at):
    """The parents differ from archive to archive; the card reads $GLEAN_DATA/CAT_03 alone."""
    for number, name in enumerate(CATS):
        photo(tmp_path / at / f"{name}.jpg", number)
        (tmp_path / at / f"{name}.jpg.cat").write_text("9 1 2")
    photo(tmp_path / "CAT_05/00001000_000.jpg")
    status, out, _ = data("--category", "cat")
    assert status == 0
    assert f"{tmp_path / at} (CAT, unpacked): 100 images" in out
    assert "100 of 100 listed, by name" in out
    assert "CAT_05 (CAT, unpacked): 1 images" in out
    assert "cat: not verified" in out
    assert "known by their names alone" in out, "a name is no proof, and that is not said"
    status, out, err = data("--category", "cat", "--prepare")
    assert (status, err) == (0, "")
    made = cards.card(str(tmp_path / "prepared"), "cat")
    assert made.ids == CATS, "another order than the list's"
    assert len(made.sha256) == 100
    assert (made.hr_size, made.fit, made.test_set) == (256, "stretch", "CAT")
    assert images.read(made, CATS[7]).shape == (3, 256, 256)
    taken, source = tmp_path / "prepared/cat" / f"{CATS[7]}.jpg", tmp_path / at / f"{CATS[7]}.jpg"
    assert taken.read_bytes() == source.read_bytes(), "an image was encoded anew"
    assert data("--category", "cat", "--prepare")[0] == 2, "what is there is overwritten"


@pytest.mark.parametrize("at", ["data1024x1024", "CelebA-HQ/data1024x1024"])
def test_the_faces_of_the_list_are_found(data, tmp_path, at):
    for name in LISTED:
        photo(tmp_path / at / f"{name}.jpg")
    assert "100 of 100 listed" in data("--category", "face")[1]


@pytest.mark.parametrize(
    "at", ["CelebA-HQ-img/{}.jpg", "celeba_hq/val/female/{:06}.jpg", "celeba_hq/train/male/{:05}.jpg"]
)
def test_faces_in_another_numbering_are_reported_and_not_used(data, tmp_path, at):
    """Image 1 there is another person than image 1 of the list: 100 wrong images would pass for the test set."""
    for number in range(1, 101):
        photo(tmp_path / at.format(number))
    _, out, _ = data("--category", "face", "--prepare")
    assert "100 images" in out
    assert "numbered differently" in out
    assert "face: missing" in out
    assert not (tmp_path / "prepared").exists()


def test_arrays_and_parquet_are_told(data, tmp_path):
    (tmp_path / "imgHQ00001.npy").write_bytes(b"x")
    (tmp_path / "celeba-hq/data").mkdir(parents=True)
    (tmp_path / "celeba-hq/data/train-0.parquet").write_bytes(b"x")
    _, out, _ = data("--category", "face")
    assert "imgHQ*.npy" in out
    assert "1 parquet files" in out
    assert "export its images" in out


def test_a_zip_of_a_snapshot_is_read(data, tmp_path):
    with zipfile.ZipFile(tmp_path / "cats.zip", "w") as archive:
        for name in CATS:
            archive.write(photo(tmp_path / "x.jpg"), f"data/CAT_03/{name}.jpg")
    (tmp_path / "broken-cat.zip").write_bytes(b"x")
    status, out, _ = data("--category", "cat", "--prepare")
    assert status == 0
    assert "broken-cat.zip (zip)" in out
    assert len(list((tmp_path / "prepared/cat").iterdir())) == 100


@pytest.mark.parametrize("at", ["cars_test", "cars_test/cars_test", "stanford_cars/cars_test"])
def test_cars_are_found(data, tmp_path, at):
    for number in range(120):
        photo(tmp_path / at / f"{number:05}.jpg")
    assert "120 images" in data("--category", "car")[1]
    assert "100 of 100 wanted" in data("--category", "car")[1]


def test_all_cars_in_one_are_not_the_test_images(data, tmp_path):
    photo(tmp_path / "car_ims/000001.jpg")
    assert "mixes training and test" in data("--category", "car")[1]


@pytest.mark.parametrize("at", ["bedroom_val_lmdb", "bedroom_val_lmdb/bedroom_val_lmdb", "lsun/bedroom_val_lmdb"])
def test_databases_plain_and_nested_are_found_and_taken_out(data, tmp_path, at):
    lmdb = pytest.importorskip("lmdb")
    content = photo(tmp_path / "x.jpg").read_bytes()
    (tmp_path / at).mkdir(parents=True)
    with lmdb.open(str(tmp_path / at)) as environment, environment.begin(write=True) as transaction:
        for number in range(110):
            transaction.put(f"{number:040x}".encode(), content)
    status, out, err = data("--category", "bedroom", "--prepare")
    assert (status, err) == (0, "")
    assert "LSUN bedroom, validation, LMDB" in out
    assert len(cards.card(str(tmp_path / "prepared"), "bedroom").sha256) == 100


@pytest.mark.parametrize("first", [0, 1], ids=["as listed", "one later"])
def test_known_images_tell_whether_the_numbers_are_those_of_the_list(data, tmp_path, monkeypatch, first):
    """Some number CelebA-HQ from 1, and all hundred names are there: other people, and they would be taken out."""
    names = cards.card("paper", "cat").ids
    for number, name in enumerate(names):
        photo(tmp_path / "CAT_03" / f"{name}.jpg", number + first)
    photo(tmp_path / "known/a.jpg", 0)
    card = replace(cards.card("paper", "cat"), hr_size=64)
    looks = {names[0]: known.look(images.read(replace(card, source=str(tmp_path / "known"), ids=("a",)), "a"))}
    monkeypatch.setattr(cards, "cards", lambda _: {"cat": replace(card, looks=looks)})
    status, out, _ = data("--prepare")
    assert status == first
    assert ("cat: verified by 1 images of the list" in out) != ("1 of 1 known ones look different" in out)
    assert (tmp_path / "prepared").exists() == ("verified by" in out)


def test_a_database_that_was_exported_is_found(data, tmp_path):
    for number in range(100):
        photo(tmp_path / "tower_val" / f"{number:040x}.webp")
    assert "100 of 100 wanted" in data("--category", "tower")[1]


def test_of_two_places_it_is_asked_which_is_meant(data, tmp_path):
    for at in ("one/CAT_03", "two/CAT_03"):
        for name in CATS:
            photo(tmp_path / at / f"{name}.jpg")
    status, out, _ = data("--category", "cat", "--prepare")
    assert status == 1
    assert "which of them is meant?" in out
    assert not (tmp_path / "prepared").exists(), "one of them was guessed"
    assert data("--category", "cat", "--prepare", "--from", f"cat={tmp_path / 'two/CAT_03'}")[0] == 0


def test_what_is_missing_comes_with_where_it_can_be_had(data, tmp_path):
    status, out, _ = data()
    assert status == 0
    for card in cards.cards("paper").values():
        assert f"{card.category}: missing; {card.test_set} can be had from {card.address}" in out
    assert "gone" in cards.card("paper", "face").address


def test_without_a_folder_it_is_a_sentence(bench, monkeypatch, tmp_path):
    monkeypatch.delenv("GLEAN_DATA", raising=False)
    assert bench("data")[0] == 2
    monkeypatch.setenv("GLEAN_DATA", str(tmp_path / "absent"))
    assert "there is no folder" in bench("data")[2]
