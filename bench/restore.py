"""Cell -> PNG files with their seconds. What is there under the same fingerprint is kept."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from bench import contract, fingerprint, origins, store
from bench.images import data
from bench.resize import eight_bit
from bench.spec import BenchError, Card, Cell, Method, MissingWeights, Refining, Status, Task, Weights


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one image in this run, or (image None) of the whole cell; `kept` if it was there already."""

    image: str | None
    status: Status
    reason: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to run, apart from what to run: none of these may change a picture beyond rounding."""

    out: Path
    device: torch.device
    batch_size: int | None = None
    """None: as many as the method's spec allows."""
    limit: int | None = None
    """Images per category; None: as many as the card says."""
    allow_enlarge: bool = False

    def images(self, cell: Cell) -> int | None:
        """Return how many test images a cell gets; None: all."""
        return self.limit or cell.images


@dataclass(frozen=True, slots=True)
class _Ready:
    """A method that is loaded for a cell, and the folder of what it makes."""

    task: Task
    method: Method
    folder: Path
    inner: "_Ready | None" = None
    """What its results are made of, where it refines another method's stored ones."""


def restore(cell: Cell, card: Card, method_class: type[Method], settings: RunSettings) -> Iterator[Restored]:
    """Restore every image of a cell that is not there yet, yielding each as it is done.

    Each result lies on disk before it is yielded. A method that cannot be loaded fails or (weights absent) refuses the
    whole cell, which is yielded as one item without an image.
    """
    folder = store.cell_folder(settings.out, cell)
    try:
        ready = _load(cell, method_class, settings)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a method raises becomes a record
        absent = isinstance(error, MissingWeights)
        reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        status: Status = "refused" if absent else "failed"
        store.write_json(folder / "cell.json", {"status": status, "reason": reason})
        yield Restored(None, status, reason)
        return
    batch_size = min(method_class.spec.max_batch, settings.batch_size or method_class.spec.max_batch)
    for entry in data.batches(card, cell.task.factor, batch_size, settings.images(cell), settings.allow_enlarge):
        if isinstance(entry, data.BadEntry):
            yield Restored(entry.id, "refused" if entry.refused else "failed", entry.reason)
        else:
            yield from _batch(ready, entry, settings.device)


def outstanding(cell: Cell, card: Card, method_class: type[Method], settings: RunSettings) -> tuple[Path, Method, int]:
    """Return what a cell will start with, or a cell that it refines: its folder, its method, how many images it lacks.

    Raises whatever the method raises when it is loaded.
    """
    ready = _load(cell, method_class, settings)
    while ready.inner is not None:
        ready = ready.inner
    ids = data.image_ids(card, settings.images(cell))
    lacking = sum(not store.image_file(ready.folder, image_id).is_file() for image_id in ids)
    return ready.folder, ready.method, lacking


def _load(cell: Cell, method_class: type[Method], settings: RunSettings) -> _Ready:
    """Load a method for a cell, and write down under which fingerprint and with which weights it runs."""
    with origins.listening() as weights:
        method = method_class.load(cell.task, settings.device)
    return _ready(cell, method_class, method, weights, settings)


def _ready(
    cell: Cell, method_class: type[Method], method: Method, weights: Sequence[Weights], settings: RunSettings
) -> _Ready:
    """Return a loaded method with its folder; the inner one of a method that refines is a cell of its own."""
    inner = None
    if isinstance(method, Refining) and method.inner_class.spec.searches:
        spec = method.inner_class.spec
        part = replace(cell, method=spec.name, title=spec.title)
        inner = _ready(part, method.inner_class, method.inner, weights, settings)
    folder = store.cell_folder(settings.out, cell)
    run = fingerprint.run(method_class, method, cell.task, settings.device)
    facts = {"remark": getattr(method, "remark", ""), "weights": [asdict(each) for each in dict.fromkeys(weights)]}
    store.write_json(folder / "cell.json", {"status": "ok", "run": run, **facts})
    return _Ready(cell.task, method, folder / run, inner)


def _batch(ready: _Ready, batch: data.Batch, device: torch.device) -> Iterator[Restored]:
    """Restore the images of one batch that are not there yet. The method sees the LR images and nothing else."""
    checksums = [data.pixel_sha256(image) for image in eight_bit(batch.lr)]
    stored = [store.load(store.image_file(ready.folder, image_id)) for image_id in batch.ids]
    missing = []
    for index, (there, checksum) in enumerate(zip(stored, checksums, strict=True)):
        if there is not None and there.lr == checksum:
            yield Restored(batch.ids[index], "ok", kept=True)
        else:
            missing.append(index)
    if not missing:
        return
    wanted = data.Batch(tuple(batch.ids[index] for index in missing), batch.lr[missing], batch.hr[missing])
    if ready.inner is not None and isinstance(ready.method, Refining):
        outcomes = list(_refined(ready.method, ready.inner, wanted, device))
    else:
        outcomes = contract.attempt(ready.method, ready.task, wanted.lr.to(device))
    for index, outcome in zip(missing, outcomes, strict=True):
        yield _kept(store.image_file(ready.folder, batch.ids[index]), batch.ids[index], checksums[index], outcome)


def _refined(method: Refining, inner: _Ready, batch: data.Batch, device: torch.device) -> Iterator[contract.Outcome]:
    """Yield what a method makes of each result of its inner one, which is stored first if it is not there yet."""
    failures = {image.image: image.reason for image in _batch(inner, batch, device) if image.status != "ok"}
    for image_id, lr in zip(batch.ids, batch.lr, strict=True):
        stored = store.load(store.image_file(inner.folder, image_id))
        if stored is None:
            yield contract.Outcome(None, failures.get(image_id, "the inner result was removed meanwhile"), math.nan)
        else:
            given = stored.image[None].to(device) / 255, stored.effort, stored.seconds
            yield contract.refine(method, inner.task, given, lr[None].to(device))


def _kept(path: Path, image_id: str, lr: str, outcome: contract.Outcome) -> Restored:
    """Store what became of an image."""
    if outcome.image is None:
        store.write_json(path.with_suffix(".json"), {"lr": lr, "reason": outcome.reason})
        return Restored(image_id, "failed", outcome.reason)
    effort = json.dumps(asdict(outcome.effort), sort_keys=True)
    facts = {"lr": lr, "seconds": repr(outcome.seconds), "effort": effort}
    store.save(path, eight_bit(outcome.image.cpu()), facts)
    path.with_suffix(".json").unlink(missing_ok=True)
    return Restored(image_id, "ok")
