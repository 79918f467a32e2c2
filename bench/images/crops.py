"""Squares in photographs: tables that say where they are, and the files they are cut out of, unpacked or in zips.

A table is CSV with the columns `id, file, sha256, left, top, side`: the name of the image, the path of its file below
the folder with `/` between the parts, the checksum of the file, and the square in whole pixels of the upright
photograph. A file is looked for in the folder, then in its zip archives, `*.zip` in order of their names, as the member
of exactly that name. Archives are read where they lie: nothing is unpacked.
"""

import csv
import hashlib
import os
import re
import zipfile
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path, PurePosixPath

from bench import files
from bench.images import photos
from bench.images.photos import Box
from bench.lists import check_ids
from bench.spec import BadFile, BadImage, MissingImages

COLUMNS = ("id", "file", "sha256", "left", "top", "side")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of a photograph."""

    file: str
    """The path below the folder."""
    sha256: str
    """Of the file."""
    box: Box


def read_tables(paths: Iterable[Path]) -> dict[str, Crop]:
    """Return id -> crop of some tables, in their order. Raises `BadFile` naming the line that is wrong."""
    tables = {path: _lines(path) for path in paths}
    lines = [line for table in tables.values() for line in table]
    check_ids(" and ".join(map(str, tables)), [name for name, _ in lines])
    return dict(lines)


def _lines(path: Path) -> list[tuple[str, Crop]]:
    """Return the lines of a table."""
    try:
        rows = csv.reader(StringIO(files.text(path), newline=""), strict=True)
        if next(rows, None) != list(COLUMNS):
            raise BadFile(f"the table {path} must begin with the line {','.join(COLUMNS)}.")
        lines = [_line(f"{path}, line {rows.line_num}", row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"the table of crops {path} cannot be read: {error}.") from error
    if not lines:
        raise BadFile(f"the table {path} has no crops; write a line for each image.")
    return lines


def _line(where: str, row: Sequence[str]) -> tuple[str, Crop]:
    """Return the id and the crop of a line."""
    if len(row) != len(COLUMNS):
        raise BadFile(f"{where}: there must be {len(COLUMNS)} values, for {', '.join(COLUMNS)}, not {len(row)}.")
    name, file, sha256, *numbers = row
    path = PurePosixPath(file)
    if not path.parts or "\\" in file or path.is_absolute() or ".." in path.parts:
        raise BadFile(f"{where}: {file!r} must be a path below the folder, with / between its parts.")
    if not _SHA256.fullmatch(sha256):
        raise BadFile(f"{where}: {sha256!r} is no sha256; it has 64 of the digits 0-9 and a-f.")
    for column, value, least in zip(COLUMNS[3:], numbers, (0, 0, 1), strict=True):
        if not _NUMBER.fullmatch(value) or int(value) < least:
            raise BadFile(
                f"{where}: {column} must be a whole number of pixels, from {least} to 999999, not {value[:20]!r}."
            )
    return name, Crop(file, sha256, Box(*map(int, numbers)))


class Files:
    """The files of a folder and of the zip archives in it."""

    def __init__(self, folder: Path) -> None:
        """Look for the archives. Raises `BadFile` if one of them cannot be read."""
        self.folder = folder
        found = [path for path in sorted(folder.glob("*.zip")) if files.is_regular(path)]
        self._archives = [_archive(path, files.state(path)) for path in found]

    def state(self, name: str) -> Hashable:
        """Return what changes when a file is replaced; None if there is no such file."""
        held = self._member(name)
        return files.state(self.folder / name) or (held and (held[0].filename, held[1].CRC, held[1].file_size))

    def read(self, name: str, sha256: str) -> bytes:
        """Return the content of a file. Raises `MissingImages` and `BadImage`, also if its checksum is another."""
        path = self.folder / name
        held = None if files.is_regular(path) else self._member(name)
        if held:
            where, data = f"{held[0].filename}: {name}", _unpacked(*held)
        elif os.path.lexists(path):
            where, data = str(path), photos.content(path)
        else:
            raise MissingImages(f"there is no {path}, and no archive in {self.folder} holds {name}; put it there.")
        if (found := hashlib.sha256(data).hexdigest()) != sha256:
            raise BadImage(
                f"{where} has sha256 {found[:12]}..., the table of crops says {sha256[:12]}...; get the listed file."
            )
        return data

    def _member(self, name: str) -> tuple[zipfile.ZipFile, zipfile.ZipInfo] | None:
        for archive in self._archives:
            if name in archive.NameToInfo:
                return archive, archive.NameToInfo[name]
        return None


@lru_cache(maxsize=16)
def _archive(path: Path, _state: Hashable) -> zipfile.ZipFile:
    """Return an archive, opened once: its list of ten thousand files takes as long to read as many photographs."""
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # zipfile believes what the archive says of itself, and stumbles in many ways
        raise BadFile(f"{path} cannot be read as a zip archive ({_reason(error)}); copy it again.") from error


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return a file of an archive. Raises `BadImage`."""
    where = f"{archive.filename}: {member.filename}"
    if member.file_size > files.PHOTOGRAPH:
        raise BadImage(
            f"{where} cannot be read: {files.too_large(member.file_size, files.PHOTOGRAPH)}; get the listed file."
        )
    try:
        return archive.read(member)
    except Exception as error:  # as above; an unknown method, a password, a decoder's own errors
        raise BadImage(f"{where} cannot be read ({_reason(error)}); copy it again.") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
