"""Tables that were measured in parts, joined: by categories, factors or methods, on several machines or days.

A cell of a later part takes the place of the same cell of an earlier one, but one without values of none with values.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from bench import escape, files, profiles, report_files
from bench.errors import BadFile, BenchError
from bench.report import parts as machines
from bench.report import spreadsheet

Content: TypeAlias = Mapping[str, Any]
"""What a <table>.json holds."""
Place: TypeAlias = tuple[Hashable, ...]
"""Which cell it is: its category, its factor and its method."""

_IMAGES = ("test_set", "lr", "has_hr", "degradation", "subject")
"""What cells of one category and factor must say alike, or they are of other images."""
_LONGEST = 200
"""Bytes of a table's name; file systems take 255, with endings."""


def join(parts: Mapping[Path, Content]) -> dict[str, Any]:
    """Return the content of the joined table, without checksum; its facts and its machine are those of the last part.

    Cells that were measured with other versions, on another device or at another commit say so.
    Raises `BenchError` for parts of different tables, profiles, metrics, protocols or images.
    """
    first = next(iter(parts))
    for path, part in parts.items():
        _check(first, parts[first], path, part)
    last = list(parts.values())[-1]
    cells: dict[Place, dict[str, Any]] = {}
    whose: dict[Place, Path] = {}
    for path, part in parts.items():
        for cell in part["cells"]:
            place = _place(cell)
            if cell["results"] or place not in cells or not cells[place]["results"]:
                cells[place] = _moved(cell, part["machine"], last["machine"])
                whose[place] = path
    _check_alike(cells, whose)
    preset = last["cells"][-1]["task"]["preset"] if last["cells"] else ""
    report = _report([part["report"] for part in parts.values()], preset)
    categories, factors, methods = (_ranks(report[name]) for name in ("categories", "factors", "methods"))
    for cell in cells.values():
        methods.setdefault(cell["method"], len(methods))  # further rows
    return {
        **{name: value for name, value in last.items() if name != "sha256"},
        "report": report,
        "protocols": {name: told for part in parts.values() for name, told in part["protocols"].items()},
        "cells": sorted(
            cells.values(),
            key=lambda cell: (
                categories.get(cell["task"]["category"], len(categories)),
                factors.get(cell["task"]["factor"], len(factors)),
                methods[cell["method"]],
            ),
        ),
    }


def named(content: Content) -> str:
    """Return the name of a table, for its files. Raises `BadFile` if files cannot be called so."""
    told: str = content["report"]["name"]
    if told != Path(told).name or not told.isprintable() or not 0 < len(told.encode()) <= _LONGEST:
        raise BadFile(f"a table is called {escape.plain(told[:_LONGEST])!r}, and no file can be; measure it again.")
    return told


def timing(parts: Iterable[Path]) -> pd.DataFrame:
    """Return the seconds that lie beside the parts, those of a later one in place of an earlier one's.

    Raises `BadFile` for a <table>.timing.csv that no run wrote.
    """
    keys, found = ["category", "factor", "method"], []
    for path in (part.with_name(f"{part.stem}.timing.csv") for part in parts):
        content = files.found(path, files.TEXT)
        if content is not None:
            try:
                found.append(spreadsheet.read(content, ("category", "method")).set_index(keys))
            except (ValueError, KeyError) as error:
                raise BadFile(f"{path} cannot be read: {error}; delete it, or measure the table again.") from error
    joined = pd.concat(found) if found else pd.DataFrame(index=pd.MultiIndex.from_tuples([], names=keys))
    return joined[~joined.index.duplicated(keep="last")].reset_index()


def _check(first: Path, one: Content, path: Path, other: Content) -> None:
    """Refuse what is no part of the same table."""
    for what, name in (
        ("tables", lambda part: part["report"]["name"]),
        ("profiles", lambda part: ", ".join(sorted({cell["task"]["profile"] for cell in part["cells"]}))),
        ("metrics", lambda part: ", ".join([*part["report"]["metrics"], *part["report"]["also"]])),
    ):
        if name(one) != name(other):
            raise BenchError(
                f"{first} and {path} are of different {what}: {escape.plain(name(one))}, and "
                f"{escape.plain(name(other))}. Parts of one table alone are joined."
            )
    for metric, told in one["protocols"].items():
        if other["protocols"].get(metric, told) != told:
            raise BenchError(
                f"{metric} is {escape.plain(told)} in {first}, and {escape.plain(other['protocols'][metric])} in "
                f"{path}: two different numbers. Measure one of them again."
            )


def _place(cell: Content) -> Place:
    """Return which cell it is."""
    return cell["task"]["category"], cell["task"]["factor"], cell["method"]


def _moved(cell: Content, here: Mapping[str, str], there: Mapping[str, str]) -> dict[str, Any]:
    """Return a cell of a table of one machine as one of a table of another."""
    facts = machines.apart({**here, **cell.get("machine", {})}, there)
    rest = {name: value for name, value in cell.items() if name != "machine"}
    return {**rest, "machine": facts} if facts else rest


def _check_alike(cells: Mapping[Place, Content], whose: Mapping[Place, Path]) -> None:
    """Refuse cells of one category and factor that are of other images or settings; some may have fewer images."""
    largest: dict[Place, Place] = {}
    for place in sorted(cells, key=lambda each: -len(_images(cells[each]))):
        first = largest.setdefault(place[:2], place)
        if unlike := _unlike(cells[first], cells[place]):
            raise BenchError(
                f"{place[0]} at {place[1]}x: {place[2]} of {whose[place]} is not of the images and settings of "
                f"{first[2]} of {whose[first]} ({escape.plain(', '.join(unlike))}). Measure one of them again."
            )


def _unlike(one: Content, other: Content) -> list[str]:
    """Return in what the images and settings of two cells differ."""
    this, that = one["task"], other["task"]
    settings = [
        f"{name}: {this.get(name, 'as usual')} there, {that.get(name, 'as usual')} here"
        for name in dict.fromkeys([*this, *that])
        if this.get(name) != that.get(name)
    ]
    images = [name for name in _IMAGES if one.get(name) != other.get(name)]
    return [*settings, *images, *([] if _images(other) <= _images(one) else ["names of images"])]


def _images(cell: Content) -> set[str]:
    """Return the names of the images that a cell was measured on."""
    return {image for of in cell["results"] for image in of["images"]}


def _report(reports: list[Content], preset: str) -> dict[str, Any]:
    """Return the facts of the table: the last ones, with the categories, factors and methods of all.

    They stand as in the table of the suite, or as in the last part of a table that it does not know.
    """
    name = reports[-1]["name"]
    own = asdict(report_files.read(name, preset)) if name in profiles.tables() else {}
    lists = {
        kind: _together([of[kind] for of in reports], _ranks(own.get(kind, ())))
        for kind in ("categories", "factors", "methods", "left_out")
    }
    trainings = sorted({each for of in reports for each in of.get("trainings", (0,))})
    return {**reports[-1], **lists, "trainings": trainings}


def _together(lists: Iterable[Iterable[Any]], ranks: Mapping[Hashable, int]) -> list[Any]:
    """Return what stands in any of the lists; a value of another list than the last stands behind its neighbour."""
    *others, last = [list(each) for each in lists]
    for other in reversed(others):
        for index, value in enumerate(other):
            if value not in last:
                last.insert(last.index(other[index - 1]) + 1 if index else 0, value)
    # A variant, face.grey, stands with its category.
    return sorted(last, key=lambda value: ranks.get(value, ranks.get(str(value).partition(".")[0], len(ranks))))


def _ranks(names: Iterable[Hashable]) -> dict[Hashable, int]:
    """Return the place of each name in a list."""
    return {name: index for index, name in enumerate(names)}
