"""Whether parts of a table fit together: nothing is set beside a value that was made or meant otherwise."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from bench import escape
from bench.errors import BenchError

Content: TypeAlias = Mapping[str, Any]
"""What a <table>.json holds, or a part of that."""
Place: TypeAlias = tuple[Hashable, ...]
"""Which cell it is: its category, its factor and its method."""

_IMAGES = ("test_set", "lr", "has_hr", "degradation", "subject", "face_box")
"""What cells of one category and factor must say alike, or they are of other images."""
_SETTINGS = ("weights", "unfinished", "dtype", "compiled")
"""What all cells of a table have in common, as it is told of the whole."""
_UNTOLD = ("face_box",)
"""What older files do not tell."""


def place(cell: Content) -> Place:
    """Return which cell it is."""
    return cell["task"]["category"], cell["task"]["factor"], cell["method"]


def check(parts: Mapping[Path, Content]) -> None:
    """Raise `BenchError` for what are no parts of one table, by the same rules and protocols."""
    facts: dict[str, tuple[Path, str]] = {}
    protocols: dict[str, tuple[Path, str]] = {}
    for path, part in parts.items():
        for what, told in _facts(part).items():
            first, before = facts.setdefault(what, (path, told))
            if told != before:
                raise BenchError(
                    f"{first} and {path} are of different {what}: {escape.plain(before)}, and {escape.plain(told)}. "
                    "Parts of one table alone are joined."
                )
        for metric, told in part["protocols"].items():
            first, before = protocols.setdefault(metric, (path, told))
            if told != before:
                raise BenchError(
                    f"{metric} is {escape.plain(before)} in {first}, and {escape.plain(told)} in {path}: two different "
                    "numbers. Measure one of them again."
                )


def _facts(part: Content) -> dict[str, str]:
    """Return what parts of a table have in common, in words."""
    report = part["report"]
    facts = {
        "tables": report["name"],
        "metrics": ", ".join([*report["metrics"], *report["also"]]),
        "rules": f"full {report['full'] or 'none'}, margins {dict(report['margin']) or 'as usual'}",
    }
    tasks = [cell["task"] for cell in part["cells"]]
    if tasks:
        facts["profiles"] = ", ".join(sorted({task["profile"] for task in tasks}))
        facts["settings"] = "; ".join(sorted({_settings(task) for task in tasks}))
    return facts


def _settings(task: Content) -> str:
    return ", ".join(f"{name} {task[name]}" for name in _SETTINGS if name in task)


def check_sources(first: Path, one: Content, second: Path, other: Content) -> None:
    """Raise `BenchError` if a cell would lose seeds or trainings to the one that takes its place."""
    before, now = ({(of["seed"], of.get("training", 0)) for of in cell["results"]} for cell in (one, other))
    if before - now:
        category, factor, method = place(one)
        raise BenchError(
            f"{method} of {category} at {factor}x has seeds or trainings in {first} that it has not in {second}: those "
            "of one cell are measured in one run."
        )


def check_cells(cells: Mapping[Place, tuple[Path, Content]]) -> None:
    """Raise `BenchError` for cells of one category and factor of other images or settings; some may have had fewer."""
    largest: dict[Place, Place] = {}
    for each in sorted(cells, key=lambda each: -len(_images(cells[each][1]))):
        first = largest.setdefault(each[:2], each)
        if unlike := _unlike(cells[first][1], cells[each][1]):
            raise BenchError(
                f"{each[0]} at {each[1]}x: {each[2]} of {cells[each][0]} is not of the images and settings of "
                f"{first[2]} of {cells[first][0]} ({escape.plain(', '.join(unlike))}). Measure one of them again."
            )


def _unlike(one: Content, other: Content) -> list[str]:
    """Return in what the images and settings of two cells differ."""
    this, that = one["task"], other["task"]
    settings = [
        f"{name}: {this.get(name, 'as usual')} there, {that.get(name, 'as usual')} here"
        for name in dict.fromkeys([*this, *that])
        if this.get(name) != that.get(name)
    ]
    told = [name for name in _IMAGES if name not in _UNTOLD or (name in one and name in other)]
    images = [name for name in told if one.get(name) != other.get(name)]
    return [*settings, *images, *([] if _images(other) <= _images(one) else ["names of images"])]


def _images(cell: Content) -> set[str]:
    """Return the names of the images that a cell was measured on."""
    return {image for of in cell["results"] for image in of["images"]}
