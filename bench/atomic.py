"""Writes files that are whole or not there, whatever happens, and removes what killed runs left half written.

A write is on the disk before its name is: file and folder are synchronised, the name is given by a rename.
"""

import errno
import hashlib
import os
import re
import socket
import stat
from contextlib import suppress
from pathlib import Path

from bench import files
from bench.spec import OutputError

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
        raise unwritable(path, error) from error


def check(target: Path, *sources: Path) -> None:
    """Raise `OutputError` unless a file that a user named may be written: it is no source, no folder and no device."""
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name the file to write.")
    if files.mode(target) not in (None, stat.S_IFREG):  # a rename would put a file in its place: of /dev/null, too
        raise OutputError(f"{target} is a pipe, a socket or a device, not a file; choose another name.")
    for source in sources:
        if target.exists() and source.exists() and target.samefile(source):
            raise OutputError(
                f"{target} is the file to be read, {source}, which is never written to; choose another name."
            )


def unwritable(path: Path, error: OSError, elsewhere: str = "another place") -> OutputError:
    """Return the error for a file that could not be written; `elsewhere` is what a user may choose instead."""
    advice = _ADVICE.get(error.errno or 0, "Look at that place")
    return OutputError(
        f"could not write {path}: {error.strerror}. {advice}, or choose {elsewhere}; "
        "what is finished stays and is not done again."
    )


def _synchronise(folder: Path) -> None:
    """Put the names of a folder on the disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
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
