"""A table as JSON: all that its reports say, and the values of every image. bench/report/stored.py reads it.

What was measured stays; how it is judged and laid out is of the day that it is read. The file holds what follows from
the values, too (`figures`, `comparisons`), for programs that do not want to judge for themselves.
Its form is table.schema.json, told in docs/results.md; a form that is read differently gets another number.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from bench.degradation import PLAIN
from bench.report import sealing
from bench.report.data_frames import comparisons, frame
from bench.report.row import Row
from bench.report.table import Table
from bench.spec import Record, Task

SCHEMA = 1
"""The form of the file."""
_DIGITS = 9


def text(result: Table, records: Sequence[Record], machine: Mapping[str, str]) -> str:
    """Return the content of `<table>.json`."""
    rows: dict[tuple[Task, str], list[Row]] = {}
    for row in result.rows:
        rows.setdefault((row.cell.task, row.cell.method), []).append(row)
    protocols = {row.metric.name: row.metric.protocol() for row in result.rows}
    found = {
        "schema": SCHEMA,
        "report": _report_told(result),
        "machine": dict(machine),
        "protocols": protocols,
        "cells": [_cell(_telling(of), [r for r in records if _of(r) == key], protocols) for key, of in rows.items()],
        "figures": _lines(frame(result)),
        "comparisons": _lines(comparisons(result)) if result.contests else [],
    }
    return sealing.sealed(json.loads(json.dumps(found, allow_nan=False, default=_plain)))


def _report_told(result: Table) -> dict[str, Any]:
    """Return the facts of the table."""
    told = {**asdict(result.report), "left_out": result.left_out}
    usual = {"references": (), "variants": (), "trainings": (0,), "front": 0}
    return {name: value for name, value in told.items() if usual.get(name) != value}


def _of(record: Record) -> tuple[Task, str]:
    """Return the cell of a record; those of several seeds make one."""
    return record.task.place, record.method


def _telling(rows: Sequence[Row]) -> Row:
    """Return the row of a cell whose reason is that of the cell, not one of its metric alone."""
    return next((row for row in rows if row.has_hr or not row.metric.needs_hr), rows[0])


def _task(task: Task) -> dict[str, Any]:
    """Return what is stored of a task; of what tables have not always had only what is not as it was then."""
    usual = {"dtype": "float32", "compiled": False, "network": "", "mixture": "", "bank": "", "training": 0}
    told = asdict(task)
    del told["degradation"]  # the cell tells it
    return {name: value for name, value in told.items() if usual.get(name) != value}


def _cell(row: Row, records: Sequence[Record], protocols: Mapping[str, str]) -> dict[str, Any]:
    """Return what is stored of a cell; `row` is one of its metrics."""
    return {
        **{name: value for name, value in asdict(row.cell).items() if name not in ("reference", "oracle") or value},
        "task": _task(row.cell.task),
        "seeds": row.seeds,
        **({"trainings": row.trainings} if row.trainings != (0,) else {}),
        "remark": row.remark,
        "notes": dict(row.notes),
        "reason": row.reason,
        "unusable": dict(row.unusable),
        "weights": dict(row.weights),
        "test_set": row.test_set,
        "apart": row.apart,
        "likeness": row.likeness,
        **({"lr": row.lr} if row.lr else {}),
        **({} if row.has_hr else {"has_hr": False}),
        **({"face_box": row.face_box} if row.face_box else {}),
        **({"degradation": row.degradation} if row.degradation != PLAIN else {}),
        **({"subject": row.subject} if row.subject else {}),
        **({"machine": dict(row.machine)} if row.machine else {}),
        "results": [
            _results(list(of), protocols)
            for _, of in groupby(
                (r for r in records if r.image is not None), key=lambda record: (record.task.seed, record.task.training)
            )
        ],
    }


def _results(records: Sequence[Record], protocols: Mapping[str, str]) -> dict[str, Any]:
    """Return what is stored of the images of a cell with one seed: lists of the same length."""
    there = [name for name, protocol in protocols.items() if any(protocol in record.metrics for record in records)]
    return {
        "seed": records[0].task.seed,
        **({"training": records[0].task.training} if records[0].task.training else {}),
        "run": records[0].run,
        "images": [record.image for record in records],
        "status": [record.status for record in records],
        "values": {name: [_number(record.metrics.get(protocols[name])) for record in records] for name in there},
    }


def _number(value: float | None) -> float | str | None:
    """Return a value as JSON has it: without infinity (an exact image's PSNR) and NaN. An unusable image has none."""
    if value is None:
        return None
    return round(value, _DIGITS) if math.isfinite(value) else str(value)


def _lines(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a data frame; what is not known is null."""
    return [{str(name): _told(value) for name, value in line.items()} for line in found.to_dict("records")]


def _told(value: object) -> object:
    """Return a figure as JSON has it."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


def _plain(value: object) -> object:
    """Return numpy's numbers as Python's."""
    return value.item() if isinstance(value, np.generic) else str(value)
