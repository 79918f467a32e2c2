"""PNG files + ground truth -> Records. What is scored is what lies on disk and can be looked at."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from bench import resize, store
from bench.images import data
from bench.restore import RunSettings
from bench.scores import metrics
from bench.spec import BenchError, Card, Cell, Images, Record, Status, Task

_BATCH = 16
_Known = dict[str, dict[str, float]]  # pixels of a result and its ground truth -> protocol -> value


def score(cell: Cell, card: Card, names: Sequence[str], settings: RunSettings) -> Iterator[Record]:
    """Score every image of a cell, yielding a record each; the records then lie beside the images.

    A failed image is scored with the bicubic result and marked; it is never dropped. A cell that was refused, or whose
    method could not be loaded, gives one record without an image. Values of an unchanged image are not computed again.
    Raises `BenchError` if the cell, or an image of it, was not restored yet.
    """
    if cell.refusal is not None:
        yield Record(cell.task, cell.method, None, "refused", cell.refusal)
        return
    folder = store.cell_folder(settings.out, cell)
    state = store.read_json(folder / "cell.json")
    if state is None:
        raise _not_restored(cell, folder)
    if state["status"] != "ok":
        yield Record(cell.task, cell.method, None, state["status"], state["reason"])
        return
    path, remark = folder / state["run"] / "records.jsonl", state.get("remark", "")
    known = _read_known(path)
    wanted = [metric for name, metric in metrics.METRICS.items() if name in names and metric.applies(card.category)]
    lines: list[str] = []
    for entry in data.batches(card, cell.task.factor, _BATCH, settings.images(cell), settings.allow_enlarge):
        if isinstance(entry, data.BadEntry):
            status: Status = "refused" if entry.refused else "failed"
            scored = [("", Record(cell.task, cell.method, entry.id, status, entry.reason, run=state["run"]))]
        else:
            scored = _batch(cell, entry, path.parent, wanted, known)
        for key, unmarked in scored:
            record = replace(unmarked, remark=remark)
            lines.append(json.dumps({"key": key, **to_json(record)}, sort_keys=True, ensure_ascii=False))
            yield record
    store.write(path, "".join(line + "\n" for line in lines).encode())


def read(cell: Cell, out: Path) -> list[Record]:
    """Return the records of a cell that was scored before. Raises `BenchError` if it was not."""
    if cell.refusal is not None:
        return [Record(cell.task, cell.method, None, "refused", cell.refusal)]
    folder = store.cell_folder(out, cell)
    state = store.read_json(folder / "cell.json") or {}
    path = folder / state.get("run", "") / "records.jsonl"
    if state.get("status") in ("refused", "failed"):
        return [Record(cell.task, cell.method, None, state["status"], state["reason"])]
    if not path.is_file():
        raise BenchError(f"{cell.method} on {cell.task.category} is not scored yet: no {path}. Run score first.")
    return [from_json(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _batch(
    cell: Cell, batch: data.Batch, folder: Path, wanted: Sequence[metrics.Metric], known: _Known
) -> list[tuple[str, Record]]:
    """Score the images of one batch."""
    results = [_result(cell, batch, index, folder) for index in range(len(batch.ids))]
    sr = torch.stack([image for image, _ in results])
    keys = [_key(image, hr) for image, hr in zip(sr, batch.hr, strict=True)]
    values: list[dict[str, float]] = [dict(known.get(key, {})) for key in keys]
    for metric in wanted:
        protocol = metric.protocol()
        missing = [index for index, there in enumerate(values) if protocol not in there]
        if missing:
            pair = metrics.Pair(sr[missing], batch.hr[missing], batch.lr[missing], cell.task.factor)
            for index, value in zip(missing, metric.function(pair).tolist(), strict=True):
                values[index][protocol] = value
    protocols = {metric.protocol() for metric in wanted}
    return [
        (key, Record(metrics={name: value for name, value in there.items() if name in protocols}, **facts))
        for key, there, (_, facts) in zip(keys, values, results, strict=True)
    ]


def _result(cell: Cell, batch: data.Batch, index: int, folder: Path) -> tuple[Images, dict[str, Any]]:
    """Return what is scored for one image, (3, H, W) in [0, 1], and the facts of its record."""
    path = store.image_file(folder, batch.ids[index])
    facts: dict[str, Any] = {"task": cell.task, "method": cell.method, "image": batch.ids[index], "run": folder.name}
    lr = batch.lr[index]
    checksum = data.pixel_sha256(resize.eight_bit(lr))
    stored = store.load(path)
    if stored is not None and stored.lr == checksum:
        return stored.image / 255, facts | {"status": "ok", "seconds": stored.seconds, **asdict(stored.effort)}
    failure = store.read_json(path.with_suffix(".json"))
    if failure is None or failure["lr"] != checksum:
        raise _not_restored(cell, path)
    bicubic = resize.quantise(resize.upsample(lr[None], cell.task.factor))[0]
    return bicubic, facts | {"status": "failed", "reason": failure["reason"]}


def _not_restored(cell: Cell, where: Path) -> BenchError:
    """Return the error for a result that is not there."""
    return BenchError(f"{cell.method} on {cell.task.category} is not restored yet: no {where}. Run restore first.")


def _key(sr: Images, hr: Images) -> str:
    """Return the sha256 of a result and its ground truth, both on the 8-bit grid."""
    digest = hashlib.sha256()
    for image in (sr, hr):
        digest.update(resize.eight_bit(image).contiguous().numpy().tobytes())
    return digest.hexdigest()


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain JSON values; NaN and infinity, which JSON lacks, become their names."""
    plain = asdict(record)
    plain["seconds"] = repr(record.seconds)
    plain["metrics"] = {name: repr(value) for name, value in record.metrics.items()}
    return plain


def from_json(plain: dict[str, Any]) -> Record:
    """Return the record that `to_json` wrote."""
    fields = {name: value for name, value in plain.items() if name != "key"}
    fields["task"] = Task(**fields["task"])
    fields["seconds"] = float(fields["seconds"])
    fields["metrics"] = {name: float(value) for name, value in fields["metrics"].items()}
    return Record(**fields)


def _read_known(path: Path) -> _Known:
    """Return the values scored before, by the pixels they belong to."""
    if not path.is_file():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    known: _Known = {}
    for line in lines:
        known.setdefault(line["key"], {}).update({name: float(value) for name, value in line["metrics"].items()})
    return known
