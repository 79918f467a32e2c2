"""The checkpoints of a run: two, each with its checksum, so that one which was damaged since is known and replaced.

checkpoint.pt is the newest, checkpoint.before.pt the one before it. The checksum stands in the comment at the end of
the file, which is a zip; torch reads it with or without. Those of older versions have none.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from bench.spec import BadFile, OutputError
from methods.formats import unpickle

NEWEST, BEFORE = "checkpoint.pt", "checkpoint.before.pt"
_PART = "checkpoint.pt.part"
_SIGN = b"sha256 "
_COMMENT = len(_SIGN) + 64
_LENGTH = 2  # bytes of the length of a zip's comment, which is the last thing before it


def write(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace the newest checkpoint, which becomes the one before. A run that is killed meanwhile leaves one of them.

    Raises `OutputError` if there is no space or no permission; nothing half written stays.
    """
    part = folder / _PART
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(state, part)
        _seal(part)
        if (folder / NEWEST).is_file():
            (folder / NEWEST).replace(folder / BEFORE)
        part.replace(folder / NEWEST)
    except (OSError, RuntimeError) as error:  # torch's word for a full disk is RuntimeError
        with suppress(OSError):
            part.unlink()
        reason = error.strerror if isinstance(error, OSError) else "the disk is full, or the file cannot be written"
        raise OutputError(
            f"the checkpoint {folder / NEWEST} could not be written: {reason}. Free some space, or choose another "
            "folder with --runs; the last checkpoint is kept, and the same command goes on from there."
        ) from error


def _seal(path: Path) -> None:
    """Put the checksum of a zip without a comment into its comment, and have the disk keep the file."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - _LENGTH)
        digest = hashlib.file_digest(file, "sha256").hexdigest().encode()
        file.write(_COMMENT.to_bytes(_LENGTH, "little") + _SIGN + digest)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> dict[str, Any]:
    """Return the state in a checkpoint. Raises `BadFile` if it is damaged or no state of a training."""
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - _COMMENT))
        sign, told = file.read(len(_SIGN)), file.read()
        file.seek(0)
        digest = hashlib.sha256()
        left = size - _COMMENT - _LENGTH
        while sign == _SIGN and left > 0 and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
    if sign == _SIGN and digest.hexdigest().encode() != told:
        raise BadFile(f"{path} is damaged: its checksum is not the one that was written with it.")
    state = unpickle.load(path)
    if not isinstance(state.get("step"), int) or not isinstance(state.get("seconds"), int | float):
        raise BadFile(f"{path} is not the state of a training: it says neither step nor seconds.")
    return state
