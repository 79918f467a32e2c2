"""Tables that were measured in parts, joined: by categories, factors or methods, on several machines or days.

A cell of a later part takes the place of the same cell of an earlier one, but one without an image of its own that of
none that has some.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from bench import escape, files, profiles, report_files
from bench.errors import BadFile
from bench.report import fitting, spreadsheet
from bench.report import parts as machines
from bench.report.fitting import Content, Place

Cells: TypeAlias = Mapping[Place, tuple[Path, Content]]
"""Each cell of the joined table, with the part it is from."""

_LONGEST = 200
"""Bytes of a table's name; file systems take 255, with endings."""


def join(parts: Mapping[Path, Content]) -> dict[str, Any]:
    """Return the content of the joined table, without checksum; its facts and its machine are those of the last part.

    Cells that were measured with other versions, on another device or at another commit say so.
    Raises `BenchError` for parts of different tables, profiles, metrics, protocols, settings or images.
    """
    fitting.check(parts)
    last = list(parts.values())[-1]
    chosen = _chosen(parts)
    fitting.check_cells(chosen)
    cells = [_moved(cell, parts[path]["machine"], last["machine"]) for path, cell in chosen.values()]
    report = _report([part["report"] for part in parts.values()], cells)
    categories, factors, methods = (_ranks(report[name]) for name in ("categories", "factors", "methods"))
    for cell in cells:
        methods.setdefault(cell["method"], len(methods))  # further rows
    return {
        **{name: value for name, value in last.items() if name != "sha256"},
        "report": report,
        "protocols": {name: told for part in parts.values() for name, told in part["protocols"].items()},
        "cells": sorted(
            cells,
            key=lambda cell: (
                cell.get("reference", False),  # they stand behind all methods
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
    profiles.check_table_name(told, Path(f"{told}.json"))
    return told


def timing(parts: Mapping[Path, Content]) -> pd.DataFrame:
    """Return the seconds of the cells that are joined, from what lies beside the part that each is from.

    Raises `BadFile` for a <table>.timing.csv that no run wrote.
    """
    keys, found = ["category", "factor", "method"], []
    chosen = _chosen(parts)
    for part in parts:
        path = part.with_name(f"{part.stem}.timing.csv")
        content = files.found(path, files.TEXT)
        if content is not None:
            try:
                rows = spreadsheet.read(content, ("category", "method")).set_index(keys)
            except (ValueError, KeyError) as error:
                raise BadFile(f"{path} cannot be read: {error}; delete it, or measure the table again.") from error
            found.append(rows[[place in chosen and chosen[place][0] == part for place in rows.index]])
    joined = pd.concat(found) if found else pd.DataFrame(index=pd.MultiIndex.from_tuples([], names=keys))
    return joined.reset_index()


def _chosen(parts: Mapping[Path, Content]) -> Cells:
    """Return of each cell the last that has images of its own; the last, if none has. Raises `BenchError`."""
    chosen: dict[Place, tuple[Path, Content]] = {}
    for path, part in parts.items():
        for cell in part["cells"]:
            place = fitting.place(cell)
            if place not in chosen or _own(cell) or not _own(chosen[place][1]):
                if place in chosen:
                    fitting.check_sources(*chosen[place], path, cell)
                chosen[place] = path, cell
    return chosen


def _own(cell: Content) -> bool:
    """Return whether a cell has an image of its own: of one that failed there are the values of the bicubic result."""
    return any(status == "ok" for of in cell["results"] for status in of["status"])


def _moved(cell: Content, here: Mapping[str, str], there: Mapping[str, str]) -> dict[str, Any]:
    """Return a cell of a table of one machine as one of a table of another."""
    facts = machines.apart({**here, **cell.get("machine", {})}, there)
    rest = {name: value for name, value in cell.items() if name != "machine"}
    return {**rest, "machine": facts} if facts else rest


def _report(reports: list[Content], cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the facts of the table: the last ones, with the categories, factors and methods of all.

    They stand as in the table of the suite, or as in the last part of a table that it does not know.
    """
    name = reports[-1]["name"]
    preset = cells[-1]["task"]["preset"] if cells else ""
    own = asdict(report_files.read(name, preset)) if name in profiles.tables() else {}
    lists = {
        kind: _together([of[kind] for of in reports], _ranks(own.get(kind, ())))
        for kind in ("categories", "factors", "methods", "left_out")
    }
    there = {cell["task"]["category"] for cell in cells}  # what one part left out another may have
    lists["left_out"] = [text for text in lists["left_out"] if text.partition(" ")[0] not in there]
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
