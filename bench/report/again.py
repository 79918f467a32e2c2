"""A table from its stored values: what was measured stays; how it is judged and laid out is today's.

Beside its tables a run writes `<table>.images.csv`, the values of every image, and `<table>.cells.json`, what else the
tables say of a cell. Both together are enough to render the table anew, without methods or images.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pandas as pd

from bench import cards, files, report_files, schema
from bench.plan import widened
from bench.report import spreadsheet, table
from bench.report.table import Row, Table
from bench.scores.metrics import METRICS
from bench.spec import BadFile, BenchError, Cell, Record, Task

_SUM = "sha256"
_TEXTS = ("category", "method", "image", "status", "run")  # columns that may look like numbers


@dataclass(frozen=True, slots=True)
class _Maybe:
    """A value of a kind, or none at all, which JSON has."""

    kind: schema.Kind

    @property
    def words(self) -> str:
        """Say it, as after `it must be`."""
        return f"{self.kind.words}, or null"

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile` for anything else."""
        if value is not None:
            self.kind.check(where, key, value)


_COUNT = schema.whole(0, 2**63 - 1)
_SIDE = schema.whole(1, cards.LARGEST)
_TASK = schema.Table(
    {"profile": schema.TEXT, "category": schema.TEXT, "factor": _SIDE, "hr_size": _SIDE},
    {
        "seed": schema.whole(0, 0),  # a row is of all seeds
        "preset": schema.TEXT,
        "weights": schema.Choice("weights", get_args(get_type_hints(Task)["weights"])),
        "unfinished": schema.FLAG,
    },
)
_CELL = schema.Table(
    {
        "task": _TASK,
        "method": schema.TEXT,
        "title": schema.TEXT,
        "seeds": schema.ListOf(_COUNT, least=1),
        "remark": schema.TEXT,
        "notes": schema.TableOf(schema.TEXT, _COUNT),
        "reason": schema.TEXT,
    },
    {
        "refusal": _Maybe(schema.TEXT),
        "trained_on": schema.TEXT,
        "images": _Maybe(_COUNT),
        "unusable": schema.TableOf(schema.TEXT, schema.TEXT),
    },
)
_FILE = schema.Table(
    {
        "machine": schema.TableOf(schema.TEXT, schema.TEXT),
        "protocols": schema.TableOf(schema.Choice("metric", METRICS), schema.TEXT),
        "cells": schema.ListOf(_CELL, once=False),
    },
    {_SUM: schema.form("[0-9a-f]{64}", "of 64 hexadecimal digits in lower case")},
)


def facts(result: Table, machine: Mapping[str, str], values: bytes) -> str:
    """Return the content of `<table>.cells.json`; `values` are the bytes of the file of the images' values."""
    rows = {(row.cell.task, row.cell.method): row for row in result.rows}
    found = {
        "machine": dict(machine),
        "protocols": {row.metric.name: row.metric.protocol() for row in result.rows},
        "cells": [
            {
                **asdict(row.cell),
                "seeds": row.seeds,
                "remark": row.remark,
                "notes": row.notes,
                "reason": row.reason,
                "unusable": row.unusable,
            }
            for row in rows.values()
        ],
    }
    return json.dumps({**found, _SUM: _checksum(found, values)}, indent=1, ensure_ascii=False) + "\n"


def names(folder: Path) -> list[str]:
    """Return the tables of a folder that can be read. Raises `BenchError` if there are none."""
    found = sorted(path.name.removesuffix(".cells.json") for path in folder.glob("*.cells.json"))
    if not found:
        raise BenchError(f"{folder.absolute()} holds no <table>.cells.json; name a folder that a run wrote tables to.")
    return found


def read(folder: Path, name: str) -> tuple[Table, dict[str, str]]:
    """Return a stored table, judged anew, and the facts of the machine that measured it.

    Raises `BadFile` if its files cannot be read or do not belong together, `BenchError` if its values are of another
    protocol than today's.
    """
    path = folder / f"{name}.cells.json"
    try:
        stored = json.loads(files.text(path))
        _FILE.check(str(path), "", stored)
        content = files.content(folder / f"{name}.images.csv", files.TEXT)
        if stored.pop(_SUM, None) not in (None, _checksum(stored, content)):  # earlier versions wrote none
            raise BadFile(f"{path} or {name}.images.csv was damaged or edited since; measure the table again.")
        values = spreadsheet.read(content, _TEXTS)
        protocols, machine = stored["protocols"], stored["machine"]
        cells = {_cell(entry): entry for entry in stored["cells"]}
        records = [record for cell, entry in cells.items() for record in _records(cell, entry, values, protocols)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadFile(f"{path} and {name}.images.csv cannot be read: {error!r}; measure the table again.") from error
    for metric, protocol in protocols.items():
        if METRICS[metric].protocol() != protocol:
            raise BenchError(f"{path}: {metric} is {protocol}, here {METRICS[metric].protocol()}: measure it again.")
    tasks = {cell.task.category: cell.task for cell in cells}
    found = {category: cards.card(task.profile, category, task.hr_size) for category, task in tasks.items()}
    result = table.build(widened(report_files.read(name), found), list(cells), records, found)
    return replace(result, rows=tuple(_completed(row, cells[row.cell]) for row in result.rows)), machine


def _checksum(found: Mapping[str, Any], values: bytes) -> str:
    """Return the sha256 of both files of a table."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode() + values).hexdigest()


def _cell(entry: Mapping[str, Any]) -> Cell:
    """Return the cell of an entry."""
    told = ("seeds", "remark", "notes", "reason", "unusable")
    return Cell(**{**{key: value for key, value in entry.items() if key not in told}, "task": Task(**entry["task"])})


def _records(cell: Cell, entry: Mapping[str, Any], values: pd.DataFrame, protocols: Mapping[str, str]) -> list[Record]:
    """Return the records of the images of a cell."""
    task = cell.task
    here = (values["category"] == task.category) & (values["factor"] == task.factor) & (values["method"] == cell.method)
    return [
        Record(
            replace(task, seed=int(line.get("seed", entry["seeds"][0]))),
            cell.method,
            line["image"],
            line["status"],
            metrics={protocols[name]: _value(line[name]) for name in protocols if line.get(name, "") != ""},
            run=line["run"],
        )
        for line in values[here].to_dict("records")
    ]


def _value(text: object) -> float:
    """Return a value of an image. Raises ValueError for what is none."""
    value = float(str(text))
    if math.isnan(value):
        raise ValueError("nan")
    return value


def _completed(row: Row, entry: Mapping[str, Any]) -> Row:
    """Return a row with what its images do not say."""
    told = {key: entry.get(key, {}) for key in ("remark", "notes", "unusable")}
    return replace(row, seeds=tuple(entry["seeds"]), reason=entry["reason"] or row.reason, **told)
