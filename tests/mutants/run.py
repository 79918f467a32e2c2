"""Mutations that the tests must notice: `nox -s mutants`, or `-- --sample 6 --seed 1`, or `-- --only NAME`.

mutants.toml lists them: a text in a file, what to put in its place, and the tests that must then fail. Each is put
into a temporary copy of the tree, alone, and only its own tests run, in a process forked from one that has torch.
Exit status 1: less than 95 % were noticed. 2: a mutation that does not fit the code any more, or tests that fail
without it or cannot be run.
"""

import argparse
import contextlib
import importlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("mutants.toml")
WANTED = 0.95  # of the mutants
PATIENCE = 300.0  # seconds for the tests of a mutant; an endless loop is noticed too
LOADED = ("torch", "torchvision", "numpy", "scipy.stats", "pandas", "matplotlib", "PIL.Image", "pytest")
"""Packages whose import takes longer than the tests."""
_LOG = "mutants.log"
_INTERNAL_ERROR = 3  # of pytest


class Stale(Exception):
    """A mutation that does not fit the code, or tests that say nothing."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of the code, and the tests that must fail under it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    """As pytest takes them, below tests/."""

    def into(self, root: Path) -> None:
        """Change the file below `root`. Raises `Stale` unless `old` stands there once."""
        path = root / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if (times := text.count(self.old)) != 1:
            raise Stale(f"{self.name}: {self.file} holds its old text {times} times, not once: {self.old!r}")
        if self.old == self.new:
            raise Stale(f"{self.name}: the new text is the old one")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def read(path: Path = LIST) -> list[Mutant]:
    """Return the mutants of a list. Raises `Stale` for names that come twice."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    found = [Mutant(**{**each, "tests": tuple(f"tests/{test}" for test in each["tests"])}) for each in entries]
    if len({mutant.name for mutant in found}) != len(found):
        raise Stale(f"{path.name} has two mutants of one name")
    return found


def survivors(mutants: Sequence[Mutant], root: Path) -> Iterator[tuple[Mutant, bool, float]]:
    """Yield each mutant, whether its tests passed under it, and the seconds that took; `root` is a copy of the tree.

    Raises `Stale` if a mutation does not fit, or tests fail without it or cannot be run.
    """
    for mutant in mutants:  # all of them before hours are spent on the first ones
        with applied(mutant, root):
            pass
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    if pytest_in(root, tests, PATIENCE * len(mutants)) != 0:
        raise Stale(f"tests fail, or are not there, without any mutation:\n{said(root)}")
    for mutant in mutants:
        start = time.monotonic()
        with applied(mutant, root):
            status = pytest_in(root, mutant.tests, PATIENCE)
        if status not in (0, 1, None):
            raise Stale(f"{mutant.name}: pytest could not run its tests (exit status {status}):\n{said(root)}")
        yield mutant, status == 0, time.monotonic() - start


@contextlib.contextmanager
def applied(mutant: Mutant, root: Path) -> Iterator[None]:
    """Have a mutant in the tree for a while."""
    path = root / mutant.file
    before = path.read_bytes() if path.is_file() else b""
    mutant.into(root)
    try:
        yield
    finally:
        path.write_bytes(before)


def pytest_in(root: Path, tests: Iterable[str], seconds: float) -> int | None:
    """Return pytest's exit status for some tests of the tree in `root`; None if the time was over."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(root, list(tests)))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return None
    return process.exitcode


def _run(root: Path, tests: list[str]) -> None:
    """Run tests in this process, on the tree in `root` alone; what is said goes into a file there."""
    os.chdir(root)
    sys.path.insert(0, str(root))
    sys.dont_write_bytecode = True  # a mutant of the same length, in the same second, would not be compiled
    log = os.open(root / _LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    status = _INTERNAL_ERROR  # an exception here would otherwise end with the status of a failed test
    try:
        status = int(importlib.import_module("pytest").main(["-x", "-q", "-p", "no:cacheprovider", "-m", "", *tests]))
    finally:
        os._exit(status)


def said(root: Path) -> str:
    """Return the end of what pytest said last."""
    return "\n".join((root / _LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-30:])


def copied(to: Path) -> Path:
    """Copy what the tests need of the tree; return where it is."""
    for name in ("bench", "methods", "tests", "datasets", "reports"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", to / "pyproject.toml")
    return to


def chosen(mutants: Sequence[Mutant], only: str, sample: int | None, seed: int) -> list[Mutant]:
    """Return the mutants with a text in their names, or a sample of them. Raises `Stale` if there are none."""
    found = [mutant for mutant in mutants if only in mutant.name]
    if not found:
        raise Stale(f"no mutant has {only!r} in its name")
    return found if sample is None else random.Random(seed).sample(found, min(sample, len(found)))  # noqa: S311 - no secret


def main(words: Sequence[str] | None = None) -> int:
    """Report what survives; return the exit status."""
    parser = argparse.ArgumentParser(prog="nox -s mutants --", description="Change the code, and see the tests fail.")
    parser.add_argument("--sample", type=int, help="so many of them, drawn by --seed; without: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this in their name")
    told = parser.parse_args(words)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name in LOADED:
        importlib.import_module(name)
    lived = 0
    try:
        mutants = chosen(read(), told.only, told.sample, told.seed)
        with tempfile.TemporaryDirectory() as folder:
            for mutant, alive, seconds in survivors(mutants, copied(Path(folder))):
                lived += alive
                print(f"{'SURVIVED' if alive else 'killed  '} {mutant.name} ({seconds:.1f} s)", flush=True)
    except Stale as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    share = 1 - lived / len(mutants)
    print(f"{len(mutants) - lived} of {len(mutants)} killed ({share:.0%}); at least {WANTED:.0%} are wanted.")
    return int(share < WANTED)


if __name__ == "__main__":
    sys.exit(main())
