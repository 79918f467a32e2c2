"""What lies in a folder of data sets, in the layouts that people have: which of it may be a category's test images.

Nothing is guessed. A layout whose numbers are not those of the list (CelebAMask-HQ, StarGAN v2's split, imgHQ*.npy) is
reported and not used: image 1 of it is another person than image 1 of the list.
"""

import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench import files
from bench.images import folder
from bench.spec import Card, MissingImages

_DEEPEST = 5  # folders below the root
_DATABASE = "data.mdb"


@dataclass(frozen=True, slots=True)
class Holding:
    """A place that may hold a category's test images."""

    path: Path
    layout: str
    count: int
    """Of images; 0 where they cannot be counted without the reader of another package."""
    size: int
    """In bytes."""
    listed: int
    """How many of the card's list are there by name; of a card without a list, as many as it tests."""
    use: Literal["folder", "lmdb", "zip", ""]
    """How the test images are read: folder, lmdb or zip; empty: not at all, see `why`."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Layout:
    """A layout: what the path of its folder or file ends in, and whether its names are those of the list."""

    ending: str
    name: str
    why: str = ""


_OTHER_NUMBERS = (
    "its files are numbered differently from the list, so it is not known which of them are the test images"
)
_PARQUET = "export its images into a folder under the names of the list first"
_LAYOUTS: Mapping[str, tuple[_Layout, ...]] = {
    "face": (
        _Layout(r"data1024x1024", "the folder that the list is of"),
        _Layout(r"CelebA-HQ-img", "CelebAMask-HQ", _OTHER_NUMBERS),
        _Layout(r"celeba_hq/(train|val)(/(fe)?male)?", "StarGAN v2's split", _OTHER_NUMBERS),
        _Layout(r"[^/]*CelebA-?HQ[^/]*", "a folder of CelebA-HQ"),
    ),
    "cat": (_Layout(r"CAT_0[0-6]", "CAT, unpacked"),),
    "car": (
        _Layout(r"cars_test(/cars_test)?", "Stanford Cars, test images"),
        _Layout(r"car_ims", "Stanford Cars, all images in one", "it mixes training and test images; take cars_test"),
    ),
    "bedroom": (_Layout(r"bedroom_val(_lmdb)?(/.+)?", "LSUN bedroom, validation"),),
    "tower": (_Layout(r"tower_val(_lmdb)?(/.+)?", "LSUN tower, validation"),),
}
_ARCHIVES = {"face": "celeba", "cat": "cat", "car": "cars", "bedroom": "bedroom", "tower": "tower"}
"""A word in the path of an archive or a snapshot of Hugging Face that says of what it is."""


def survey(card: Card, root: Path) -> list[Holding]:
    """Return what may be the test images of a card below a folder, in the order of paths.

    Raises `MissingImages` if the folder is not there.
    """
    if not root.is_dir():
        raise MissingImages(f"there is no folder {root}; set GLEAN_DATA to the one with your data sets.")
    return list(_holdings(card, root))


def _holdings(card: Card, root: Path) -> Iterator[Holding]:
    for at, folders, names in os.walk(root):
        folders.sort()
        here = Path(at)
        if len(here.relative_to(root).parts) >= _DEEPEST:
            folders.clear()
        relative = here.relative_to(root).as_posix()
        layout = next((each for each in _LAYOUTS.get(card.category, ()) if _ends(relative, each.ending)), None)
        if _DATABASE in names:
            if layout:
                yield _database(card, here, layout)
        elif layout and any(Path(name).suffix.lower() in folder.SUFFIXES for name in names):
            yield _photographs(card, here, layout)
        yield from _archives(card, here, relative, names)


def _ends(path: str, ending: str) -> bool:
    return re.fullmatch(rf"(?:.*/)?{ending}", path, re.IGNORECASE) is not None


def _photographs(card: Card, path: Path, layout: _Layout) -> Holding:
    found = folder.listing(path)
    size = sum(each.stat().st_size for each in found.values() if files.is_regular(each))
    listed = _listed(card, set(found))
    return Holding(
        path, layout.name, len(found), size, listed if not layout.why else 0, *_use("folder", listed, layout)
    )


def _database(card: Card, path: Path, layout: _Layout) -> Holding:
    size = (path / _DATABASE).stat().st_size
    return Holding(path, f"{layout.name}, LMDB", 0, size, card.test_images, *_use("lmdb", 1, layout))


def _use(reader: Literal["folder", "lmdb"], listed: int, layout: _Layout) -> tuple[Literal["folder", "lmdb", ""], str]:
    """Return how a holding is read, and why it is not."""
    if layout.why:
        return "", layout.why
    return (reader, "") if listed else ("", "none of the listed names is there")


def _archives(card: Card, here: Path, relative: str, names: list[str]) -> Iterator[Holding]:
    """Yield the archives of a folder that are named after the category, and its parquet files as one."""
    word = _ARCHIVES.get(card.category, card.category)
    for name in sorted(names):
        if name.lower().endswith(".zip") and word in f"{relative}/{name}".lower():
            yield _zip(card, here / name)
    tables = [here / name for name in names if name.endswith(".parquet") and word in f"{relative}/{name}".lower()]
    if tables:
        size = sum(each.stat().st_size for each in tables)
        yield Holding(here, f"{len(tables)} parquet files", 0, size, 0, "", _PARQUET)
    arrays = [name for name in names if re.fullmatch(r"imgHQ\d+\.npy", name)]
    if arrays and card.category == "face":
        size = sum((here / name).stat().st_size for name in arrays)
        yield Holding(here, "imgHQ*.npy", len(arrays), size, 0, "", _OTHER_NUMBERS)


def _zip(card: Card, path: Path) -> Holding:
    try:
        names = members(path)
    except (OSError, zipfile.BadZipFile) as error:
        return Holding(path, "zip", 0, path.stat().st_size, 0, "", f"it cannot be read ({error})")
    listed = _listed(card, set(names)) if card.ids else 0
    why = "" if listed else "none of the listed names is in it" if card.ids else "unpack it"
    return Holding(path, "zip", len(names), path.stat().st_size, listed, "zip" if listed else "", why)


def members(path: Path) -> dict[str, str]:
    """Return id -> name of the photographs in a zip; of two with one id none. Raises `OSError` and `BadZipFile`."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if Path(name).suffix.lower() in folder.SUFFIXES]
    stems = [Path(name).stem for name in names]
    return {stem: name for stem, name in zip(stems, names, strict=True) if stems.count(stem) == 1}


def _listed(card: Card, ids: set[str]) -> int:
    return len(ids.intersection(card.ids)) if card.ids else min(len(ids), card.test_images)


def reader(holding: Holding) -> Callable[[str], bytes]:
    """Return what gives the bytes of an image of a zip by its id."""
    names = members(holding.path)

    def read(image_id: str) -> bytes:
        with zipfile.ZipFile(holding.path) as archive:
            if archive.getinfo(names[image_id]).file_size > files.PHOTOGRAPH:
                raise MissingImages(f"{holding.path}: {image_id} is larger than any photograph that is read.")
            return archive.read(names[image_id])

    return read
