"""LMDB databases: read by many at once, in every layout that unpacking makes, with advice that fits what is wrong."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from bench.images import database, sources
from bench.spec import BadFile, BenchError, Card
from methods.training.photographs import Photographs
from methods.training.share import Share

from .conftest import textured
from .training.test_bank import CPU

lmdb = pytest.importorskip("lmdb")


@pytest.fixture
def images(tmp_path) -> list[bytes]:
    """Eight image files."""
    found = []
    for seed in range(8):
        Image.fromarray(textured(32, seed)).save(tmp_path / "image.png")
        found.append((tmp_path / "image.png").read_bytes())
    return found


def write(path, images) -> Path:
    path.mkdir(parents=True)
    with lmdb.open(str(path), map_size=2**22) as made, made.begin(write=True) as transaction:
        for index, content in enumerate(images):
            transaction.put(f"k{index}".encode(), content)
    return path


def card(path, **changes) -> Card:
    return Card("mine", "bedroom", "Bedroom", 32, "lmdb", str(path), "LSUN-val", "LSUN-train", **changes)


def test_a_training_reads_a_database_in_several_threads(images, tmp_path):
    """`train bank --category bedroom --profile paper` ended: the environment was already open in this process."""
    trained = write(tmp_path / "train", images)
    tested = card(write(tmp_path / "val", images[:2]), train_source=str(trained), train_reader="lmdb")
    feed = Photographs(tested, Share(), CPU)
    feed._kept = None  # as of a set that does not fit the memory: each image is read each time
    for step in range(20):
        assert feed.batch(step, 16).shape == (16, 3, 32, 32)


def test_two_readings_at_once_share_one_environment_which_is_closed_at_the_end(images, tmp_path):
    path = write(tmp_path / "lsun", images)
    (tmp_path / "link").symlink_to(path)
    with database.transaction(path) as one, database.transaction(tmp_path / "link") as other:
        assert one.get(b"k0") == other.get(b"k0") == images[0]
    with ThreadPoolExecutor(8) as pool:
        source = sources.open_card(card(path))
        assert len(list(pool.map(source.pixels, source.ids * 20))) == 160
    mine = [key for key in database._OPEN if key == (path.resolve(), os.getpid())]
    assert len(mine) == 1
    database.close()
    assert not database._OPEN, "the file stays mapped"
    assert source.pixels("k0").shape == (3, 32, 32), "a later reading opens it again"


def test_nothing_is_written_beside_a_database(images, tmp_path):
    path = write(tmp_path / "lsun", images)
    (path / "lock.mdb").unlink()
    before = (path / "data.mdb").read_bytes()
    sources.open_card(card(path)).pixels("k0")
    assert [each.name for each in path.iterdir()] == ["data.mdb"]
    assert (path / "data.mdb").read_bytes() == before


def test_a_database_one_folder_deeper_is_found_and_of_two_neither_is_guessed(images, tmp_path):
    write(tmp_path / "lsun" / "bedroom_val_lmdb", images)
    assert len(sources.open_card(card(tmp_path / "lsun")).ids) == 8
    write(tmp_path / "lsun" / "bedroom_train_lmdb", images)
    with pytest.raises(
        BadFile, match=r"lsun holds 2 LMDB databases \(bedroom_train_lmdb, bedroom_val_lmdb\); name one"
    ):
        sources.open_card(card(tmp_path / "lsun"))


@pytest.mark.parametrize("deeper", ["", "a"])
def test_images_that_were_exported_are_told_from_a_database(images, tmp_path, deeper):
    folder = tmp_path / "lsun" / deeper
    folder.mkdir(parents=True)
    (folder / "k.png").write_bytes(images[0])
    with pytest.raises(BadFile, match=r'exported from its LMDB database.*reader = "folder"'):
        sources.open_card(card(tmp_path / "lsun"))


def test_the_advice_fits_the_error(images, tmp_path, monkeypatch):
    (tmp_path / "lsun.zip").write_bytes(b"PK")
    with pytest.raises(BadFile, match="is an archive; unpack it"):
        sources.open_card(card(tmp_path / "lsun.zip"))
    path = write(tmp_path / "cut", images)
    (path / "data.mdb").write_bytes((path / "data.mdb").read_bytes()[:100])
    with pytest.raises(BadFile, match="damaged or cut, so unpack it again"):
        sources.open_card(card(path))
    sound = write(tmp_path / "sound", images)
    for number, advice in (("Permission denied", "allow yourself to read it"), ("Cannot allocate memory", "ulimit -v")):

        def refuse(*_, reason=number, **__):
            raise lmdb.Error(f"mdb_env_open: {reason}")

        with monkeypatch.context() as patched:
            patched.setattr(lmdb, "open", refuse)
            with pytest.raises(BenchError, match=advice) as error:
                sources.open_card(card(sound))
        assert "unpack" not in str(error.value), "nothing is wrong with the files"
