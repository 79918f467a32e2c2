"""One training at a time in a folder: the second would mix its files with those of the first."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.spec import BenchError, OutputError

try:
    import fcntl
except ImportError:  # Windows: there nothing is locked
    fcntl = None  # type: ignore[assignment]

_NAME = "lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made if need be. The system gives it back when a process ends, however.

    What a killed process left half written is removed. Raises `BenchError` if another process holds the lock,
    `OutputError` if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _NAME).open("a+")
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error.strerror}; choose another folder with --runs."
        ) from error
    with file:
        _lock(file.fileno(), folder)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        for part in (*folder.glob("*.part"), *folder.glob(".*.part")):
            part.unlink(missing_ok=True)
        yield


def _lock(file: int, folder: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = (folder / _NAME).read_text(errors="replace").strip() or "another process"
        raise BenchError(
            f"{holder} is training in {folder}. Wait until it has ended, or train something else meanwhile "
            "(--runs FOLDER keeps a second training of the same apart)."
        ) from error
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be locked: {error.strerror}. Choose a folder on a local disk with --runs."
        ) from error
