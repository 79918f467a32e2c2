"""Locks of the folders of cells: `held` keeps two runs with different code out of one cell."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bench import files
from bench.atomic import unwritable
from bench.spec import BenchError


@contextmanager
def held(folder: Path, run: str) -> Iterator[None]:
    """Hold the folder of a cell for a run while the block lasts; any number of processes may, if the run is the same.

    The system lets go of it when the process ends, however it ends. Where the file system knows no locks, nothing is
    held: the results of two runs lie apart all the same. Raises `BenchError` if a run with another fingerprint has it.
    """
    mine = folder / f".{run}.lock"
    try:
        file = _taken(folder, mine)
    except OSError as error:
        raise unwritable(mine, error, "another folder with --out") from error
    try:
        yield
    finally:
        file.close()
        with suppress(OSError), _gate(folder):
            if mine.exists() and _free(mine):
                mine.unlink()


def _taken(folder: Path, mine: Path) -> IO[str]:
    """Return a lock file, held, if no other of the folder is."""
    with _gate(folder):
        for other in folder.glob(".*.lock"):
            if other != mine and not _free(other):
                raise BenchError(
                    f"{folder} is being filled by another run (process {_holder(other)}) with other code, weights, "
                    "device or threads. Wait until it is done, or write elsewhere with --out."
                )
        first = _free(mine)
        file = mine.open("a+")
        _lock(file, fcntl.LOCK_SH)
        if first:
            file.truncate(0)
            file.write(f"{os.getpid()} on {socket.gethostname()}")
            file.flush()
        return file


@contextmanager
def _gate(folder: Path) -> Iterator[None]:
    """Let one process at a time look at the locks of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".gate").open("a") as file:
        _lock(file, fcntl.LOCK_EX)
        yield


def _lock(file: IO[str], how: int) -> None:
    """Lock a file, where the file system can."""
    try:
        fcntl.flock(file, how)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


def _free(path: Path) -> bool:
    """Return whether nobody holds a lock file."""
    try:
        with path.open("a") as file:
            _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _holder(path: Path) -> str:
    """Return what the holder of a lock wrote into it."""
    told = files.found(path, 1000)
    return told.decode(errors="replace") if told else "unknown"
