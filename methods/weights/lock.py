"""One process at a time in a folder: two that write the same files would mix them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.spec import BenchError, OutputError

if sys.platform != "win32":  # where nothing is locked
    import fcntl


@contextmanager
def held(folder: Path, *, doing: str) -> Iterator[None]:
    """Hold the lock of a folder, which is made if need be. The system gives it back when a process ends, however.

    Raises `BenchError` if another process holds it, which is `doing` something; `OutputError` if there can be none.
    """
    if sys.platform == "win32":
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{folder} cannot be used: {error.strerror}; choose another folder.") from error
    try:
        _take(opened, folder, doing)
        yield
    finally:
        os.close(opened)


def _take(opened: int, folder: Path, doing: str) -> None:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BenchError(f"another process is {doing}; wait until it has ended.") from error
    except OSError as error:
        raise OutputError(f"{folder} cannot be locked: {error.strerror}. Choose one on a local disk.") from error
