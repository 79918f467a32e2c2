"""Which files of a folder are its photographs, under which ids, and which are not."""

import re
import stat
from collections import Counter
from pathlib import Path

from bench import files, lists
from bench.spec import MissingImages

SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff",
    ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".qoi",
)  # fmt: skip
SHORT = "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF, JPEG 2000, PPM and QOI"
"""The formats that are read, in words."""
_NAMED = 3
_DEEPEST = 3


def listing(folder: Path) -> dict[str, Path]:
    """Return id -> file of the photographs in a folder, numbers in their names counted as numbers (2 before 10).

    An id is the name without its suffix; with it, if another photograph has the same. Sub-folders, hidden files and
    other kinds of files are left out. A link that leads nowhere is listed: it is a photograph that is missing. So is a
    file with a name that cannot be an id (`lists.unfit`), under the name as it is shown.
    """
    paths = sorted((path for path in _entries(folder) if _is_photograph(path)), key=_natural)
    names = {path.name for path in paths}
    stems = Counter(path.stem for path in paths)
    ids = [path.stem if stems[path.stem] == 1 and path.stem not in names else path.name for path in paths]
    return {lists.shown(name) if lists.unfit(name) else name: path for name, path in zip(ids, paths, strict=True)}


def lr_beside(folder: Path) -> Path | None:
    """Return the folder `lr` in a folder of photographs, if it, or an `x<factor>` in it, holds images."""
    lr = folder / "lr"
    return lr if _is_folder(lr) and any(map(holds_any, lr_folders(lr))) else None


def lr_folders(lr: Path) -> list[Path]:
    """Return where LR images may lie in a folder of them: in itself, or by factor."""
    return [lr, *(path for path in _readable(lr) if re.fullmatch(r"x\d+", path.name))]


def left_out(folder: Path) -> str:
    """Return a sentence on what a folder holds beside photographs and hidden files, or "" if that is nothing."""
    lr = lr_beside(folder)
    others = [path for path in _entries(folder) if not _is_photograph(path) and path != lr]
    if not others:
        return ""
    kinds = Counter(map(_kind, others))
    named = [f"{count} x {kind}" for kind, count in kinds.most_common(_NAMED)]
    rest = len(others) - sum(count for _, count in kinds.most_common(_NAMED))
    what = ", ".join([*named, *([f"{rest} others"] if rest else [])])
    return f"{len(others)} left out as no photographs ({what}); {SHORT} are read, in the folder itself."


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, but for hidden ones. Raises `MissingImages` if it cannot be read."""
    return sorted(path for path in _entries(folder) if _is_folder(path))


def nested(folder: Path) -> tuple[Path, int] | None:
    """Return the first folder below one that holds photographs, three levels down at most, and how many it holds.

    One of LR images (`lr_beside`) is not among them.
    """
    level, lr = [folder], lr_beside(folder)
    for _ in range(_DEEPEST):
        level = [below for each in level if not each.is_symlink() for below in _readable(each) if below != lr]
        for path in level:
            if holds_any(path):
                return path, len(listing(path))
    return None


def _readable(folder: Path) -> list[Path]:
    """Return the folders in a folder; none of one that cannot be read."""
    try:
        return subfolders(folder)
    except MissingImages:
        return []


def holds_any(folder: Path) -> bool:
    """Return whether a folder holds photographs; one that cannot be read, such as lost+found, does not."""
    try:
        return bool(listing(folder))
    except MissingImages:
        return False


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, but for hidden files. Raises `MissingImages` if it cannot be read."""
    try:
        return [path for path in folder.iterdir() if path.name[0] != "."]
    except OSError as error:
        raise MissingImages(f"the folder {folder} cannot be read: {error.strerror}.") from error


def _is_photograph(path: Path) -> bool:
    """Return whether a file is one by its name and kind; one that cannot be asked after is a photograph that fails."""
    return path.suffix.lower() in SUFFIXES and files.mode(path) in (None, stat.S_IFREG)


def _kind(path: Path) -> str:
    """Return what a file is that is no photograph, in a word."""
    if _is_folder(path):
        return "folder"
    if path.suffix.lower() in SUFFIXES:
        return "pipe or device"
    return lists.shown(path.suffix.lower()) or "no suffix"


def _is_folder(path: Path) -> bool:
    return files.mode(path) == stat.S_IFDIR


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Return the sorting key of a file name: text and numbers in turn."""
    parts = re.split(r"(\d+)", path.stem)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name
