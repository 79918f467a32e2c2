"""Files are whole or not there; what a killed process left goes; two runs with different code do not share a cell."""

import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import atomic, escape, locks
from bench.spec import BenchError

from .conftest import ROOT


def test_a_write_is_on_the_disk_before_its_name_is(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(
        atomic.os, "fsync", lambda number: done.append(str(atomic.Path(f"/proc/self/fd/{number}").readlink()))
    )
    atomic.write(tmp_path / "a", b"x")
    assert done[0].endswith(".part"), "after a loss of power, the name would stand for an empty file"
    assert done[1] == str(tmp_path), "after a loss of power, the name would be gone"


def test_parts_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / "below").mkdir()
    parts = {pid: tmp_path / "below" / f".{'0' * 12}.{atomic._HOST}.{pid}.part" for pid in (dead.pid, os.getpid())}
    elsewhere = tmp_path / f".{'0' * 12}.{'f' * 8}.{dead.pid}.part"
    mine = tmp_path / ".notes.part"
    for path in (*parts.values(), elsewhere, mine):
        path.write_bytes(b"x")
    atomic.remove_parts(tmp_path)
    assert not parts[dead.pid].exists(), "the space of every killed run would be lost for good"
    assert parts[os.getpid()].exists(), "the file that a run is writing was taken from it"
    assert elsewhere.exists(), "another machine's process numbers say nothing here"
    assert mine.exists(), "a user's file was removed"


HOLDER = "import sys, time; from pathlib import Path; from bench import locks\n"
HOLDER += "with locks.held(Path(sys.argv[1]), sys.argv[2]):\n    print('held', flush=True); time.sleep(600)\n"


def test_another_run_of_the_same_cell_is_told_so_until_the_first_is_gone(tmp_path):
    words = [sys.executable, "-c", HOLDER, str(tmp_path), "aaaa"]
    first = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "held\n"
    with locks.held(tmp_path, "aaaa"):
        pass  # the same code may: its pictures are the same
    with pytest.raises(BenchError, match=rf"being filled by another run \(process {first.pid} on .*--out"):
        locks.held(tmp_path, "bbbb").__enter__()
    first.kill()
    first.communicate()
    until = time.monotonic() + 10
    with locks.held(tmp_path, "bbbb"):
        assert time.monotonic() < until, "a dead run's lock would bar the cell for ever"
    assert not list(tmp_path.glob(".bbbb.lock")), "locks would pile up"


@given(st.lists(st.text(st.characters(blacklist_characters="\0"), max_size=300), min_size=2, max_size=2, unique=True))
def test_two_names_are_two_files_inside_the_folder(names):
    made = [escape.file_name(name) for name in names]
    assert made[0] != made[1], "one would get the other's pictures"
    for each in made:
        assert "/" not in each
        assert not each.startswith(".")
        assert 0 < len(os.fsencode(each)) <= 200, "no file system takes longer names, with their endings"


@pytest.mark.parametrize(
    "pair", [("a|b", "a-b"), ("new method", "new-method"), ("é", "è"), ("v1/x", "v1-x"), ("", ".."), ("~", "%7E")]
)
def test_names_that_once_shared_a_folder(pair):
    assert len({escape.file_name(name) for name in pair}) == 2


def test_names_of_the_suite_stay_as_they_are():
    for name in ("glean.no-decoder", "bicubic+bp", "dgp.biggan", "0000", "IMG 01", "face"):
        assert escape.file_name(name) == name
