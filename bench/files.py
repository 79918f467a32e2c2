"""Reads files that others put there: regular ones below a size, so that no read waits for ever or fills the memory."""

import errno
import os
import stat
from collections.abc import Hashable
from pathlib import Path

PHOTOGRAPH = 512 * 2**20
"""The most bytes of a photograph; 108 megapixels of 8 bit take 324 million without any compression."""
TEXT = 64 * 2**20
"""The most bytes of a card, a list or a table."""


def content(path: Path, most: int) -> bytes:
    """Return the content of a regular file, or of one that a link leads to. Raises `OSError`, with the reason in words.

    A pipe would never end, a device may do anything, a sparse file is larger than the disk: none of them is opened.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # it may be a pipe, for which an open would wait
    except ValueError as error:  # NUL in its name
        raise OSError(errno.EINVAL, str(error)) from error
    try:
        return _content(number, most)
    finally:
        os.close(number)


def _content(number: int, most: int) -> bytes:
    """Return the content of an open file, if it is a regular one."""
    facts = os.fstat(number)
    if stat.S_ISDIR(facts.st_mode):
        raise OSError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a file")
    if facts.st_size > most:
        raise OSError(errno.EFBIG, too_large(facts.st_size, most))
    with os.fdopen(number, "rb", closefd=False) as file:
        read = file.read(most + 1)
    if len(read) > most:  # it grew meanwhile, or does not tell its size
        raise OSError(errno.EFBIG, too_large(len(read), most))
    return read


def found(path: Path, most: int) -> bytes | None:
    """Return the content of a file as `content`, or None, whatever the reason."""
    try:
        return content(path, most)
    except OSError:
        return None


def too_large(size: int, most: int) -> str:
    """Return why a file of `size` bytes is not read where `most` are."""
    return f"it has {size:,} bytes, and no more than {most:,} are read"


def text(path: Path) -> str:
    """Return the text of a UTF-8 file, without the mark that some editors put first; line ends are left as they are.

    Raises `OSError` and `UnicodeDecodeError`.
    """
    return content(path, TEXT).decode("utf-8-sig")


def mode(path: Path) -> int | None:
    """Return the kind of a file, as `stat.S_IFREG`, by way of links; None if it is gone or cannot be asked after."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except (OSError, ValueError):
        return None


def is_regular(path: Path) -> bool:
    """Return whether there is a regular file, also by way of links; False as well where that cannot be found out."""
    return mode(path) == stat.S_IFREG


def state(path: Path) -> Hashable:
    """Return what changes when a regular file is replaced: its time and size; None if there is none."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return None
    return (facts.st_mtime_ns, facts.st_size) if stat.S_ISREG(facts.st_mode) else None
