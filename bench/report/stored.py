"""A table that was measured before, from its `<table>.json` (bench/report/storing.py): judged by today's rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bench import escape, files
from bench.degradation import PLAIN
from bench.report import sealing, table
from bench.report.row import Row
from bench.report.table import Table
from bench.scores.metric import Metric
from bench.scores.metrics import METRICS, find
from bench.spec import (
    BadFile,
    BenchError,
    Card,
    Cell,
    Published,
    PublishedOn,
    Record,
    Report,
    Task,
    UnknownName,
    Weights,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file holds."""

    table: Table
    records: tuple[Record, ...]
    """Of every image, without seconds, and of a cell that was not measured one without an image."""
    machine: Mapping[str, str]


def names(folder: Path) -> list[str]:
    """Return the tables of a folder that can be read. Raises `BenchError` if there are none."""
    found = sorted(path.stem for path in folder.glob("*.json") if _is_table(path))
    if not found:
        inside = sorted({str(path.parent) for path in folder.glob("*/*.json") if _is_table(path)})
        hint = f"{' and '.join(inside)} does" if inside else "name a folder that a run wrote tables to"
        raise BenchError(f"{folder.absolute()} holds no <table>.json; {hint}.")
    return found


def _is_table(path: Path) -> bool:
    content = files.found(path, sealing.LARGEST)
    return content is not None and b'"schema"' in content[:100]


def read(path: Path) -> Stored:
    """Return a stored table, judged anew.

    Raises `BadFile` if the file cannot be read, `BenchError` if its values are of another protocol than today's.
    """
    return of(path, sealing.content(path))


def of(path: Path, found: Mapping[str, Any]) -> Stored:
    """Return what the content of a file says, judged anew; `path` names it in errors, which are those of `read`."""
    named = {*found["report"]["metrics"], *found["report"]["also"], *found["protocols"]}
    today = {name: _metric(path, name) for name in sorted(named)}
    try:
        report = _report(found["report"])
        cells = [_read_cell(entry) for entry in found["cells"]]
        told = list(zip(cells, found["cells"], strict=True))
        records = [record for cell, entry in told for record in _records(cell, entry, found["protocols"])]
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise BadFile(f"{path} cannot be read: {error!r}; measure the table again.") from error
    entries = {(cell.task, cell.method): entry for cell, entry in told}
    result = table.build(report, cells, records, {cell.task.category: _card(cell.task, entry) for cell, entry in told})
    today |= {row.metric.name: row.metric for row in result.rows}
    for metric, protocol in found["protocols"].items():
        if today[metric].protocol() != protocol:
            raise BenchError(f"{path}: {metric} is {protocol}, here {today[metric].protocol()}: measure it again.")
    rows = tuple(_completed(row, entries[row.cell.task, row.cell.method]) for row in result.rows)
    result = replace(result, rows=rows, left_out=tuple(found["report"]["left_out"]))
    return Stored(result, tuple(records), found["machine"])


def _metric(path: Path, name: str) -> Metric:
    """Return a metric that a file names. Raises `BadFile` for an unknown one, `BenchError` without its package."""
    try:
        return find(name)
    except UnknownName as error:
        raise BadFile(f"{path} names a metric that is not known here: {escape.plain(name)}.") from error


def _report(told: Mapping[str, Any]) -> Report:
    """Return the facts of the table."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    values.pop("left_out")
    values["published"] = tuple(Published(**each) for each in told["published"])
    values["test_data"] = {category: PublishedOn(**facts) for category, facts in told["test_data"].items()}
    return Report(**values)


def _read_cell(entry: Mapping[str, Any]) -> Cell:
    fields = ("method", "title", "refusal", "trained_on", "images", "reference", "oracle")
    task = Task(**entry["task"], degradation=", ".join(entry.get("degradation", ())))
    return Cell(task=task, **{name: entry[name] for name in fields if name in entry})


def _records(cell: Cell, entry: Mapping[str, Any], protocols: Mapping[str, str]) -> Iterator[Record]:
    """Yield the records of a cell."""
    weights = tuple(Weights(file, trained_on) for file, trained_on in entry["weights"].items())
    for of in entry["results"]:
        task = replace(cell.task, seed=of["seed"], training=of.get("training", 0))
        columns = [[(protocols[name], value) for value in listed] for name, listed in of["values"].items()]
        for image, status, *values in zip(of["images"], of["status"], *columns, strict=True):
            metrics = {protocol: float(value) for protocol, value in values if value is not None}
            yield Record(task, cell.method, image, status, metrics=metrics, run=of["run"], weights=weights)
    if not entry["results"]:
        yield Record(cell.task, cell.method, None, "refused" if cell.refusal else "failed", entry["reason"])


def _card(task: Task, entry: Mapping[str, Any]) -> Card:
    """Return a card that says of the images what a task does; the rest is told by the rows."""
    named = (METRICS[name] for of in entry["results"] for name in of["values"] if name in METRICS)
    drawn = any(metric.region == "inside" for metric in named)  # as nobody else knows what is true there
    there: Literal["scenes", "folder"] = "scenes" if drawn else "folder"
    reader: Literal["scenes", "folder", "lr"] = there if entry.get("has_hr", True) else "lr"
    box = tuple(entry["face_box"]) if "face_box" in entry else None
    return Card(
        task.profile, task.category, task.category, task.hr_size, reader, "", "", "", preset=task.preset, face_box=box,
        degradation=tuple(entry.get("degradation", PLAIN)), network=task.network, mixture=task.mixture, bank=task.bank,
        subject=entry.get("subject", ""),
    )  # fmt: skip


def _completed(row: Row, entry: Mapping[str, Any]) -> Row:
    """Return a row with what the values of its images do not say."""
    told = {name: entry[name] for name in ("remark", "notes", "weights", "test_set", "apart")}
    unusable = entry["unusable"] if row.summary is not None else {}
    reason = row.reason if row.summary is None and not row.has_hr else entry["reason"] or row.reason
    seeds, trainings = tuple(entry["seeds"]), tuple(entry.get("trainings", (0,)))
    told |= {"seeds": seeds, "trainings": trainings, "likeness": tuple(entry["likeness"]), "lr": entry.get("lr", "")}
    return replace(row, **told, machine=entry.get("machine", {}), unusable=unusable, reason=reason)
