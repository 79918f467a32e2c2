"""LMDB databases, as LSUN is published: opened without a lock file, as they may lie on a read-only disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import files
from bench.spec import BadFile, BenchError


@contextmanager
def transaction(path: Path) -> Iterator[Any]:
    """Open a database. Raises `BadFile` if it is none, `BenchError` if the package lmdb is not installed."""
    try:
        import lmdb  # noqa: PLC0415 - optional
    except ImportError as error:
        raise BenchError(
            f"reading {path} needs the package lmdb; install it with: pip install 'glean-bench[lmdb]'"
        ) from error
    is_folder = path.is_dir()
    if not files.is_regular(path / "data.mdb" if is_folder else path):  # LMDB would wait for what a pipe never gives
        raise BadFile(f"{path} cannot be read as an LMDB database: there is no file data.mdb; unpack it again.")
    try:
        database = lmdb.open(str(path), subdir=is_folder, readonly=True, lock=False, readahead=False)
        with database, database.begin() as transaction:
            yield transaction
    except lmdb.Error as error:
        raise BadFile(f"{path} cannot be read as an LMDB database: {error}; unpack it again.") from error
