"""Where the components of faces lie in each image, from a table that a card names (`component_boxes`).

A table is CSV with the columns `id, part, left, top, right, bottom`: the name of the image, left_eye, right_eye, nose
or mouth, and the box in whole pixels of the images of the card's `hr_size`, right and bottom being the first that no
longer belong to it. A box may reach beyond the image, but must hold something of it. Each image has a line for each
part.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor

from bench.components import PARTS, Rectangle
from bench.spec import BadFile, BenchError

COLUMNS = ("id", "part", "left", "top", "right", "bottom")
_NUMBER = re.compile(r"-?[0-9]{1,6}")
_LARGEST = 64 * 2**20  # bytes
_SHOWN = 40  # characters of what a file says


@dataclass(frozen=True)
class Boxes:
    """The boxes of a table."""

    path: Path
    by_id: dict[str, dict[str, Rectangle]]
    """For each image a box for each of `PARTS`."""

    def of(self, ids: Sequence[str]) -> Tensor:
        """Return the boxes of images, (B, 4, 4), whole numbers: left, top, right, bottom of `PARTS`.

        Raises `BenchError` for an image that is not in the table.
        """
        for name in ids:
            if name not in self.by_id:
                raise BenchError(
                    f"the table {self.path} has no boxes for the image {name[:_SHOWN]!r}, only for {len(self.by_id)} "
                    f"others; add a line for each of {', '.join(PARTS)}."
                )
        return torch.tensor([[self.by_id[name][part] for part in PARTS] for name in ids]).reshape(-1, len(PARTS), 4)


def read(path: Path, hr_size: int) -> Boxes:
    """Return the boxes of a table, of images of `hr_size` px. Raises `BadFile` naming what is wrong, and the line."""
    try:
        rows = csv.reader(StringIO(_text(path), newline=""), strict=True)
        if next(rows, None) != list(COLUMNS):
            raise BadFile(f"the table {path} must begin with the line {','.join(COLUMNS)}.")
        by_id: dict[str, dict[str, Rectangle]] = {}
        for row in filter(None, rows):  # none for a line that is empty
            where = f"{path}, line {rows.line_num}"
            name, part, box = _line(where, row, hr_size)
            if part in by_id.setdefault(name, {}):
                raise BadFile(f"{where}: the {part} of {name[:_SHOWN]!r} has a line already; remove one of them.")
            by_id[name][part] = box
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"the table of boxes {path} cannot be read: {error}.") from error
    if not by_id:
        raise BadFile(f"the table {path} has no boxes; write a line for each part of each image.")
    for name, found in by_id.items():
        if missing := [part for part in PARTS if part not in found]:
            lines = "a line for each" if len(missing) > 1 else "its line"
            raise BadFile(f"the table {path} lacks the {', '.join(missing)} of {name[:_SHOWN]!r}; add {lines}.")
        if sum(found["left_eye"][::2]) > sum(found["right_eye"][::2]):
            raise BadFile(
                f"the table {path} has the left_eye of {name[:_SHOWN]!r} on the right of its right_eye; left is what "
                "is on the left of the image."
            )
    return Boxes(path, by_id)


def _text(path: Path) -> str:
    """Return the text of a regular file: a pipe would never end."""
    if not path.is_file():
        raise BadFile(f"there is no table of boxes {path}; write one with the columns {','.join(COLUMNS)}.")
    if path.stat().st_size > _LARGEST:
        raise BadFile(f"the table of boxes {path} has more than {_LARGEST:,} bytes, which are not read.")
    return path.read_text(encoding="utf-8-sig")


def _line(where: str, row: Sequence[str], hr_size: int) -> tuple[str, str, Rectangle]:
    """Return id, part and box of a line."""
    if len(row) != len(COLUMNS):
        raise BadFile(f"{where}: there must be {len(COLUMNS)} values, for {', '.join(COLUMNS)}, not {len(row)}.")
    name, part, *numbers = row
    if part not in PARTS:
        raise BadFile(f"{where}: there is no part {part[:_SHOWN]!r}; there are {', '.join(PARTS)}.")
    for column, value in zip(COLUMNS[2:], numbers, strict=True):
        if not _NUMBER.fullmatch(value):
            raise BadFile(f"{where}: {column} must be a whole number of pixels, not {value[:_SHOWN]!r}.")
    box = Rectangle(*map(int, numbers))
    if box.left >= box.right or box.top >= box.bottom:
        raise BadFile(f"{where}: right must be more than left, and bottom more than top, not {', '.join(numbers)}.")
    if min(box.right, box.bottom) <= 0 or max(box.left, box.top) >= hr_size:
        raise BadFile(
            f"{where}: the box {', '.join(numbers)} holds nothing of an image of {hr_size} x {hr_size} px; correct it, "
            "in pixels of that size."
        )
    return name, part, box
