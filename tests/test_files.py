"""Only regular files of a bounded size are read: no pipe is waited for, no device touched, no memory filled."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

from bench import cards, files, lists
from bench.images import crops, data, photos
from bench.spec import BadFile, BadImage, BenchError

from .test_data import card  # noqa: F401 - a card of five photographs

HEAD = ",".join(crops.COLUMNS)


def pipe(path) -> None:
    os.mkfifo(path)


def linked_pipe(path) -> None:
    os.mkfifo(path.with_name("a pipe"))
    path.symlink_to(path.with_name("a pipe"))


def device(path) -> None:
    path.symlink_to("/dev/zero")


def folder(path) -> None:
    path.mkdir()


def sparse(path) -> None:
    with path.open("wb") as file:
        file.truncate(2**31)


def loop(path) -> None:
    path.symlink_to(path)


def plug(path) -> None:
    here = os.getcwd()  # noqa: PTH109 - the path of a socket is at most 107 bytes
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(path.name)
    os.chdir(here)


HOSTILE = [pipe, linked_pipe, device, folder, sparse, loop, plug]


@contextmanager
def in_time(seconds=20) -> Iterator[None]:
    """Fail instead of waiting: an alarm ends a read that hangs."""

    def late(*_):
        raise TimeoutError("it hung")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_what_is_no_photograph_costs_itself_alone(card, make, tmp_path):  # noqa: F811
    (tmp_path / "2.png").unlink()
    make(tmp_path / "2.png")
    with in_time():
        with pytest.raises(BadImage, match=r"2\.png cannot be read: .*; copy it again"):
            photos.read(tmp_path / "2.png")
        found = list(data.batches(card, 4, 8))
    good = [image for entry in found if isinstance(entry, data.Batch) for image in entry.ids]
    assert [image for image in good if image != "2"] == ["0", "1", "3", "4"], "the others must be measured"
    assert "2" not in good


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_what_is_no_text_is_a_sentence(make, tmp_path):
    make(tmp_path / "face.toml")
    make_list = tmp_path / "lists"
    make_list.mkdir()
    make(make_list / "x")
    with in_time():
        with pytest.raises(BenchError, match=r"face\.toml"):
            cards.cards(str(tmp_path))
        with pytest.raises(BadFile, match=r"the list .*x cannot be read"):
            lists.read(make_list / "x")
        with pytest.raises(BadFile, match=r"table of crops .*x cannot be read"):
            crops.read_tables([make_list / "x"])


@pytest.mark.parametrize("make", [make for make in HOSTILE if make is not sparse], ids=lambda make: make.__name__)
def test_an_archive_that_is_no_file_holds_nothing(make, tmp_path):
    make(tmp_path / "a.zip")
    with in_time():
        assert crops.Files(tmp_path).state("a.png") is None


def test_a_photograph_that_grows_while_it_is_read_is_bounded(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(100))
    with pytest.raises(OSError, match="no more than 99 are read"):
        files.content(path, 99)
    assert files.content(path, 100) == bytes(100)
    with pytest.raises(OSError, match="no more than 3 are read"):
        files.content(files.Path("/proc/self/status"), 3)  # it tells no size


def test_the_mark_that_editors_put_first_and_windows_line_ends_are_no_part_of_a_text(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    text = 'title = "F"\nhr_size = 4\nreader = "folder"\nsource = "."\ntest_set = ""\ntrain_set = ""\nlist = "f.txt"\n'
    (tmp_path / "face.toml").write_bytes(("\ufeff" + text.replace("\n", "\r\n")).encode())
    (tmp_path / "f.txt").write_bytes("\ufeffa\r\n".encode())
    assert cards.card(str(tmp_path), "face").ids == ("a",)
    (tmp_path / "c.csv").write_bytes(f"\ufeff{HEAD}\r\na,a.png,{'0' * 64},0,0,4\r\n".encode())
    assert list(crops.read_tables([tmp_path / "c.csv"])) == ["a"]
