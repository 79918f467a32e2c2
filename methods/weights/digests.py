"""The sha256 of weight files, and the one that was seen first where the publisher gives none, or a beginning."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from bench.spec import BadFile

WHOLE = 64
"""Hexadecimal digits of a sha256."""


def record(path: Path) -> Path:
    """Return where the sha256 of a file is recorded of which the publisher gives none, or a beginning: beside it."""
    return path.with_name(f"{path.name}.sha256")


def recorded(path: Path) -> str:
    """Return the sha256 that was recorded when a file was fetched; empty if none was. Raises `BadFile`."""
    beside = record(path)
    if not beside.is_file():
        return ""
    text = beside.read_text(encoding="utf-8", errors="replace")[:200]
    if found := re.fullmatch(r"([0-9a-f]{64})  .+\n", text):
        return found[1]
    raise BadFile(f"{beside} holds no sha256 in the form of sha256sum; delete it, and fetch {path.name} again.")


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal; one that has not changed is not read again."""
    state = path.stat()
    return _sha256(path, state.st_size, state.st_mtime_ns)


@lru_cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - a changed file is read again
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
