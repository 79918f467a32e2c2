"""LMDB databases, as LSUN is published: opened without a lock file, as they may lie on a read-only disk.

LMDB allows one environment of a database in a process, so it is opened once and closed at the process's end.
"""

import atexit
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from bench import files
from bench.images import folder
from bench.spec import BadFile, BenchError

_FILE = "data.mdb"
_SHOWN = 3
_OPEN: dict[tuple[Path, int], Any] = {}
"""Real path and process -> environment: one must not be used in a process that was forked after it was opened."""
_OPENING = Lock()


@contextmanager
def transaction(path: Path, *, buffers: bool = False) -> Iterator[Any]:
    """Give a database to be read; with `buffers`, values are views of the file that end with the block.

    Raises `BadFile` if it is none or damaged, `BenchError` if it cannot be opened or the package lmdb is not installed.
    """
    try:
        import lmdb  # noqa: PLC0415 - optional
    except ImportError as error:
        raise BenchError(
            f"reading {path} needs the package lmdb; install it with: pip install 'glean-bench[lmdb]'"
        ) from error
    try:
        with _environment(lmdb, _database(path)).begin(buffers=buffers) as begun:
            yield begun
    except lmdb.Error as error:
        raise _told(path, error) from error


def _environment(lmdb: Any, path: Path) -> Any:  # noqa: ANN401 - the package has no types
    """Return the environment of a database, opened if this process has not opened it yet."""
    key = (path.resolve(), os.getpid())
    with _OPENING:
        if key not in _OPEN:
            # Readers: of each thread one, and LMDB refuses more than it was opened for.
            _OPEN[key] = lmdb.open(str(path), subdir=path.is_dir(), readonly=True, lock=False, readahead=False)
    return _OPEN[key]


@atexit.register
def close() -> None:
    """Close what this process has opened."""
    for key in [key for key in _OPEN if key[1] == os.getpid()]:
        _OPEN.pop(key).close()


def is_database(path: Path) -> bool:
    """Return whether a path is a database, or a folder with one in it, as unpacking into a folder of its name makes."""
    return path.is_dir() and bool(_within(path))


def _within(path: Path) -> list[Path]:
    """Return the databases of a folder: itself, else its sub-folders that are one."""
    if files.is_regular(path / _FILE):
        return [path]
    return [each for each in folder.subfolders(path) if files.is_regular(each / _FILE)]


def _database(path: Path) -> Path:
    """Return where the database is. Raises `BadFile` saying what is there instead."""
    if not path.is_dir():
        if path.suffix.lower() == ".zip":
            raise BadFile(f"{path} is an archive; unpack it, and name the folder with {_FILE} in it.")
        if not files.is_regular(path):  # LMDB would wait for what a pipe never gives
            raise BadFile(f"{path} is neither an LMDB database nor a folder with one; name the folder with {_FILE}.")
        return path
    found = _within(path)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.name for each in found[:_SHOWN])
        raise BadFile(f"{path} holds {len(found)} LMDB databases ({names}); name one of them.")
    if folder.holds_any(path) or any(folder.holds_any(each) for each in folder.subfolders(path)):
        raise BadFile(
            f"{path} holds image files and no {_FILE}: it was exported from its LMDB database. Put the images into one "
            'folder and read it with reader = "folder", or get the database itself.'
        )
    raise BadFile(f"{path} cannot be read as an LMDB database: there is no file {_FILE} in it; unpack it again.")


def _told(path: Path, error: Exception) -> BenchError:
    """Return what an error of LMDB means for who wants to read a database."""
    reason = str(error).rpartition(": ")[2]
    if any(os.strerror(number) in str(error) for number in (errno.EACCES, errno.EPERM)):
        return BenchError(f"{path} cannot be opened: {reason}; allow yourself to read it.")
    if os.strerror(errno.ENOMEM) in str(error):
        return BenchError(f"{path} cannot be opened: {reason}; LMDB maps the whole file, so raise `ulimit -v`.")
    return BadFile(f"{path} cannot be read as an LMDB database: {error}; it is damaged or cut, so unpack it again.")
