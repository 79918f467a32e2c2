"""A whole table under faults: every write fails once, then the run is killed again and again. The end is the same."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import atomic, console

from . import guests
from .conftest import ROOT, tables, without_progress
from .test_damage import PICTURES, RECORDS

SEARCH = {"family": "inversion", "init": "import time; time.sleep(0.02)"}


def words(photos, out, guest) -> tuple[object, ...]:
    return ("table", "table2", "--profile", photos, "--hr-size", "64", "--out", out, "--with", guest, "-n", "2")


class Disk:
    """Stands in for `os.fsync` and `Path.replace`, and fails the n-th time that something is written."""

    def __init__(self, monkeypatch, error):
        self.error, self.at, self.count = error, -1, 0
        fsync, replace = os.fsync, Path.replace
        monkeypatch.setattr(atomic.os, "fsync", lambda number: self.turn() or fsync(number))
        monkeypatch.setattr(atomic.Path, "replace", lambda path, target: self.turn() or replace(path, target))

    def turn(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise OSError(self.error, os.strerror(self.error))


@pytest.mark.slow
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES], ids=["disk full", "permission"])
def test_every_write_may_fail_once(bench, photos, tmp_path, monkeypatch, error):
    guest = guests.write(tmp_path, **SEARCH)
    monkeypatch.setattr("bench.timings.keep", lambda _: None)  # no result, and done without where it cannot be written
    disk = Disk(monkeypatch, error)
    assert bench(*words(photos, tmp_path / "whole", guest))[0] == 0
    whole, total = tables(tmp_path / "whole"), disk.count
    assert total > 40, "pictures, scores and tables are written"
    for at in range(1, total + 1, max(1, total // 20)):  # every kind of file, early and late
        out = tmp_path / f"out{at}"
        disk.at, disk.count = at, 0
        status, _, err = bench(*words(photos, out, guest))
        assert (status, len(err.strip().splitlines())) == (2, 1), f"write {at}: {err}"
        assert "could not write" in err
        disk.at = -1
        assert not list(out.rglob("*.part")), "the space of a failed write is lost"
        assert bench(*words(photos, out, guest))[0] == 0
        assert tables(out) == whole, f"write {at} left something behind"


@pytest.mark.slow
def test_any_stored_file_may_be_damaged_in_any_way(bench, photos, tmp_path):
    guest = guests.write(tmp_path, **SEARCH)
    assert bench(*words(photos, tmp_path / "out", guest))[0] == 0
    whole = tables(tmp_path / "out")
    draw = random.Random(0)  # noqa: S311 - nothing is to be kept secret
    for ending, name, damage in [
        *((".jsonl", name, damage) for name, damage in RECORDS.items()),
        *((".png", name, damage) for name, damage in PICTURES.items()),
    ]:
        stored = sorted(path for path in (tmp_path / "out").glob(f"*/*/*/*/*/*{ending}"))
        for path in draw.sample(stored, 1):
            damage(path)
            status, _, err = bench(*words(photos, tmp_path / "out", guest))
            if name == "a folder":  # that cannot be replaced by a file, and is not ours to remove
                assert (status, "could not write" in err) == (2, True)
                path.rmdir()
                status, _, err = bench(*words(photos, tmp_path / "out", guest))
            assert (status, err) == (0, ""), f"{name}, {path}"
            assert tables(tmp_path / "out") == whole, f"{name}, {path}"


@pytest.mark.slow
def test_thirty_kills(bench, photos, tmp_path):
    guest = guests.write(tmp_path, **SEARCH)
    assert bench(*words(photos, tmp_path / "whole", guest))[0] == 0
    command = [sys.executable, "-m", "bench", *map(str, words(photos, tmp_path / "out", guest))]
    draw = random.Random(0)  # noqa: S311 - nothing is to be kept secret
    longest = 4.0
    for _ in range(30):
        run = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            run.wait(timeout=draw.uniform(0.5, longest))
            longest *= 0.8  # it was done before it could be killed
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
        _, err = run.communicate()
        assert b"Traceback" not in err, err.decode()
        longest = min(1.1 * longest, 7.0)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, without_progress(done.stderr)) == (0, f"{console.LOADING}\n")
    assert tables(tmp_path / "out") == tables(tmp_path / "whole"), "killed or not, the table must be the same"
    time.sleep(0.5)
    assert not list((tmp_path / "out").rglob("*.part")), "the space of thirty killed writes is lost"
