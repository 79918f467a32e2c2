"""A table from its stored values: what was measured stays; how it is judged and laid out is today's.

Beside its tables a run writes `<table>.images.csv`, the values of every image, and `<table>.cells.json`, what else the
tables say of a cell. Both together are enough to render the table anew, without methods or images.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench import cards, report_files
from bench.report import spreadsheet, table
from bench.report.table import Row, Table
from bench.scores.metrics import METRICS
from bench.spec import BadFile, BenchError, Cell, Record, Task

_TEXTS = ("category", "method", "image", "status", "run")  # columns that may look like numbers
_DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


def facts(result: Table, machine: Mapping[str, str]) -> str:
    """Return the content of `<table>.cells.json`."""
    rows = {(row.cell.task, row.cell.method): row for row in result.rows}
    found = {
        "machine": dict(machine),
        "protocols": {row.metric.name: row.metric.protocol() for row in result.rows},
        "cells": [
            {**asdict(row.cell), "seeds": row.seeds, "remark": row.remark, "notes": row.notes, "reason": row.reason}
            for row in rows.values()
        ],
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def names(folder: Path) -> list[str]:
    """Return the tables of a folder that can be read. Raises `BenchError` if there are none."""
    found = sorted(path.name.removesuffix(".cells.json") for path in folder.glob("*.cells.json"))
    if not found:
        raise BenchError(f"{folder.absolute()} holds no <table>.cells.json; name a folder that a run wrote tables to.")
    return found


def read(folder: Path, name: str) -> tuple[Table, dict[str, str]]:
    """Return a stored table, judged anew, and the facts of the machine that measured it.

    Raises `BadFile` if its files cannot be read, `BenchError` if its values are of another protocol than today's.
    """
    path = folder / f"{name}.cells.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        values = spreadsheet.read(folder / f"{name}.images.csv", _TEXTS)
        protocols, machine = stored["protocols"], stored["machine"]
        cells = {_cell(entry): entry for entry in stored["cells"]}
        known = {metric: METRICS[metric].protocol() for metric in protocols}
        records = [record for cell, entry in cells.items() for record in _records(cell, entry, values, protocols)]
    except _DAMAGED as error:
        raise BadFile(f"{path} and {name}.images.csv cannot be read: {error!r}; measure the table again.") from error
    for metric, protocol in protocols.items():
        if known[metric] != protocol:
            raise BenchError(f"{path}: {metric} is {protocol}, here {known[metric]}: measure it again.")
    tasks = {cell.task.category: cell.task for cell in cells}
    found = {category: cards.card(task.profile, category, task.hr_size) for category, task in tasks.items()}
    result = table.build(report_files.read(name), list(cells), records, found)
    return replace(result, rows=tuple(_completed(row, cells[row.cell]) for row in result.rows)), machine


def _cell(entry: Mapping[str, Any]) -> Cell:
    """Return the cell of an entry."""
    told = ("seeds", "remark", "notes", "reason")
    return Cell(**{**{key: value for key, value in entry.items() if key not in told}, "task": Task(**entry["task"])})


def _records(cell: Cell, entry: Mapping[str, Any], values: pd.DataFrame, protocols: Mapping[str, str]) -> list[Record]:
    """Return the records of the images of a cell."""
    task = cell.task
    here = (values["category"] == task.category) & (values["factor"] == task.factor) & (values["method"] == cell.method)
    return [
        Record(
            replace(task, seed=line.get("seed", entry["seeds"][0])),
            cell.method,
            line["image"],
            line["status"],
            metrics={protocols[name]: float(line[name]) for name in protocols if line.get(name, "") != ""},
            run=line["run"],
        )
        for line in values[here].to_dict("records")
    ]


def _completed(row: Row, entry: Mapping[str, Any]) -> Row:
    """Return a row with what its images do not say."""
    told = {key: entry[key] for key in ("remark", "notes", "reason")}
    return replace(row, seeds=tuple(entry["seeds"]), **told)
