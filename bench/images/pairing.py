"""Files of restored or LR images, and of which test image each is: by the id in its name, never by its place in a list.

A folder holds `<category>/x<factor>/<id>.png`; without `x<factor>` if one factor is measured, without `<category>` if
one category is. A pattern such as `out/{category}/{id}_SR.png` says where other names have category, factor and id.
"""

import glob
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.escape import file_name
from bench.images import folder
from bench.paths import expanded
from bench.spec import BenchError, MissingImages, Task

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAMES = ("category", "factor", "id")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is measured, as far as names of files must tell it apart."""

    one_category: bool = True
    one_factor: bool = True
    what: str = "restored images"
    """What the files are, for messages."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which file is of which test image."""

    files: Mapping[str, Path]
    """id -> its file."""
    lacking: Mapping[str, str]
    """id -> why it has none."""
    strangers: tuple[Path, ...]
    """Files of no test image."""


def is_pattern(where: str) -> bool:
    """Return whether a text is a pattern of paths. Raises `BenchError` for one with another placeholder, or no id."""
    names = _PLACEHOLDER.findall(where)
    if not names or Path(where).exists():
        return False
    if "id" not in names or set(names) - set(_NAMES):
        raise BenchError(
            f"{where}: a pattern of images needs {{id}}, and may have {{category}} and {{factor}}; "
            f"it has {', '.join(f'{{{name}}}' for name in names)}."
        )
    return True


def root(where: str) -> Path:
    """Return a folder, or the last one before a pattern's first placeholder."""
    return Path(where.partition("{")[0] + "x").parent if is_pattern(where) else Path(where)


def found(where: str, task: Task, scope: Scope) -> list[tuple[str, Path]]:
    """Return the name, without suffix or as a pattern tells it, and the path of each file for a category and factor.

    Raises `MissingImages` if there are none, saying where they were looked for.
    """
    return _of_pattern(where, task, scope) if is_pattern(where) else _of_folder(expanded(where), task, scope)


def _of_folder(root: Path, task: Task, scope: Scope) -> list[tuple[str, Path]]:
    """Return the files of the first place in a folder that holds photographs."""
    at, looked = f"x{task.factor}", list(_places(root, task, scope))
    for place in looked:
        if place.is_dir() and (listing := folder.listing(place)):
            return [(path.stem, path) for path in listing.values()]
    wanted = " or ".join(f"{root.name}/{place.relative_to(root)}".removesuffix("/.") for place in looked)
    others = sorted(path.name for form in ("x[0-9]*", "*/x[0-9]*") for path in root.glob(form) if path.name != at)
    there = f"; there is {', '.join(dict.fromkeys(others))}" if others else ""
    raise MissingImages(f"no {scope.what} of {task.category} at {task.factor}x: none in {wanted}{there}")


def _places(root: Path, task: Task, scope: Scope) -> Iterator[Path]:
    """Yield where the files of a task may be, as far as no other task's could be there."""
    bases = list(dict.fromkeys((root / task.category, root / file_name(task.category))))
    for base in [*bases, *([root] if scope.one_category else [])]:
        yield base / f"x{task.factor}"
        if scope.one_factor:
            yield base


def _of_pattern(where: str, task: Task, scope: Scope) -> list[tuple[str, Path]]:
    """Return the files whose whole path is the pattern."""
    names = _PLACEHOLDER.findall(where)
    for name, alone in (("category", scope.one_category), ("factor", scope.one_factor)):
        if name not in names and not alone:
            raise MissingImages(
                f"{where} has no {{{name}}}, and more than one is measured: put it in, or limit the table with --{name}"
            )
    parts = _PLACEHOLDER.split(str(expanded(where)))  # text and placeholder in turn
    matches: dict[Path, str] = {}
    for category in dict.fromkeys((task.category, file_name(task.category))):
        known = {"category": category, "factor": str(task.factor)}
        exact = re.compile(_expression(parts, known))
        wild = [known.get(part, "*") if index % 2 else part for index, part in enumerate(parts)]
        for path in glob.iglob("".join(part if part == "*" else glob.escape(part) for part in wild)):  # noqa: PTH207
            if match := exact.fullmatch(path):
                matches[Path(path)] = match["id"]
    if not matches:
        raise MissingImages(f"no {scope.what} of {task.category} at {task.factor}x: no file is named {where}")
    return [(name, path) for path, name in sorted(matches.items())]


def _expression(parts: Sequence[str], known: Mapping[str, str]) -> str:
    """Return the regular expression of paths whose category and factor are known; an id that comes twice is one."""
    found = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            found += re.escape(part)
        elif part == "id":
            found += "(?P=id)" if "(?P<id>" in found else "(?P<id>[^/]+)"
        else:
            found += re.escape(known[part])
    return found


def pair(ids: Sequence[str], files: Iterable[tuple[str, Path]]) -> Pairs:
    """Pair test images with files by name: as the id is, as `bench inputs` writes it, or in another form of Unicode.

    macOS writes é as two characters, and others as one; the form counts only where no other id could be meant.
    """
    by_name: dict[str, list[Path]] = defaultdict(list)
    for name, path in files:
        by_name[name].append(path)
    own = {file_name(image_id): image_id for image_id in ids} | {image_id: image_id for image_id in ids}
    composed: dict[str, list[str]] = defaultdict(list)
    for image_id in ids:
        composed[_composed(image_id)].append(image_id)
    paired: dict[str, list[Path]] = defaultdict(list)
    strangers: list[Path] = []
    for name, paths in by_name.items():
        alike = composed[_composed(name)]
        if name in own:
            paired[own[name]] += paths
        elif len(alike) == 1:
            paired[alike[0]] += paths
        else:
            strangers += paths
    lacking = {name: _lack(name, paired[name], strangers) for name in ids if len(paired[name]) != 1}
    one = {name: paired[name][0] for name in ids if name not in lacking}
    return Pairs(one, lacking, tuple(strangers))


def _lack(image_id: str, paths: Sequence[Path], strangers: Sequence[Path]) -> str:
    """Return why an image has no file, or not one alone."""
    if paths:
        return f"several files are of it: {', '.join(sorted(path.name for path in paths))}; leave one of them"
    near = [path.name for path in strangers if path.stem.casefold() == image_id.casefold()]
    also = f"; there is {near[0]}, and names count with their case" if near else ""
    return f"there is no file of it{also}"


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
