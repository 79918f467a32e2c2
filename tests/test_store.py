import errno

import pytest
import torch
from PIL import Image

from bench import atomic, store
from bench.spec import Cell, OutputError, Task

IMAGE = torch.arange(3 * 4 * 4, dtype=torch.uint8).view(3, 4, 4)


def test_a_result_comes_back_with_its_facts(tmp_path):
    store.save(tmp_path / "a.png", IMAGE, {"lr": "abc", "seconds": "0.25"})
    stored = store.load(tmp_path / "a.png", 4)
    assert torch.equal(stored.image, IMAGE), "pixels must survive storage exactly"
    assert (stored.lr, stored.seconds) == ("abc", 0.25)


@pytest.mark.parametrize("keep", [0, 8, 40, 90])
def test_a_file_cut_short_is_no_result(tmp_path, keep):
    store.save(tmp_path / "a.png", IMAGE, {"lr": "abc", "seconds": "0.25"})
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) * keep // 100])
    assert store.load(tmp_path / "a.png", 4) is None, "a damaged result would be scored as if it were whole"


def test_an_edited_result_is_no_result(tmp_path):
    path = tmp_path / "a.png"
    store.save(path, IMAGE, {"lr": "abc", "seconds": "0.25"})
    picture = Image.open(path)
    picture.load()
    picture.putpixel((0, 0), (9, 9, 9))
    picture.save(path)
    assert store.load(path, 4) is None, "somebody else's pixels would be scored under the method's name"


def test_a_missing_result_is_none(tmp_path):
    assert store.load(tmp_path / "a.png", 4) is None


def test_no_part_stays_behind_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    atomic.write(tmp_path / "a", b"old")
    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OutputError, match=r"could not write .*a: No space left.*another place"):
        atomic.write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old", "a failed write must leave what was there"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_unwritable_place_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another place"):
        atomic.write(tmp_path / "file" / "a", b"x")


def test_folders_of_different_tasks_differ(tmp_path):
    def folder(**changes):
        facts = {"profile": "mini", "category": "face", "factor": 16, "hr_size": 128} | changes
        return store.cell_folder(tmp_path, Cell(Task(**facts), "bicubic", "Bicubic"))

    changes = [{}, {"category": "cat"}, {"factor": 8}, {"hr_size": 256}, {"seed": 1}]
    assert len({folder(**change) for change in changes}) == len(changes), "results of two tasks would be mixed"


@pytest.mark.parametrize("name", ["a/b", "..", "ä ö", "100%"])
def test_ids_stay_inside_the_folder(tmp_path, name):
    assert store.image_file(tmp_path, name).parent == tmp_path, "an id must not lead out of the folder of its run"
