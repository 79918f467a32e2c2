"""Files that are whole or not there, whatever happens: written by an atomic rename, read only if they are plain files.

A write is on the disk before its name is: file and folder are synchronised. What a killed process left half written is
removed by the next run. `held` keeps two runs with different code out of one cell.
"""

import errno
import fcntl
import hashlib
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bench.spec import BenchError, OutputError

_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
_PART = re.compile(rf"\.[0-9a-f]{{12}}\.{_HOST}\.([0-9]+)\.part")
_ADVICE = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some space",
    errno.EACCES: "Get the right to write there",
    errno.EPERM: "Get the right to write there",
    errno.EROFS: "Get the right to write there",
}


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises `OutputError` if there is no permission or no space."""
    # The name of the part is short whatever that of the file is.
    name = hashlib.sha256(path.name.encode(errors="surrogatepass")).hexdigest()[:12]
    partial = path.with_name(f".{name}.{_HOST}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _synchronise(path.parent)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    """Return the error for a file that could not be written."""
    advice = _ADVICE.get(error.errno or 0, "Look at that place")
    return OutputError(
        f"could not write {path}: {error.strerror}. {advice}, or choose another folder with --out; "
        "what is finished stays and is not done again."
    )


def _synchronise(folder: Path) -> None:
    """Put the names of a folder on the disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def content(path: Path, most: int) -> bytes | None:
    """Return what is in a file of at most `most` bytes; None for a larger one, for none, for a pipe or a device."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe without a writer would block for ever
    except (OSError, ValueError):
        return None
    try:
        facts = os.fstat(number)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > most:
            return None
        with os.fdopen(number, "rb", closefd=False) as file:
            return file.read(most)
    except OSError:
        return None
    finally:
        os.close(number)


def remove_parts(folder: Path) -> None:
    """Remove what processes of this machine that are no more left half written in a folder and those below it."""
    for path in folder.glob("**/.*.part"):
        match = _PART.fullmatch(path.name)
        if match is not None and not _lives(int(match[1])):
            with suppress(OSError):
                path.unlink()


def _lives(pid: int) -> bool:
    """Return whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


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
        raise _unwritable(mine, error) from error
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
    told = content(path, 1000)
    return told.decode(errors="replace") if told else "unknown"
