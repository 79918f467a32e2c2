"""Cell -> PNG files with their seconds. What is there under the same fingerprint is kept."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from bench import contract, fingerprint, store
from bench.images import data
from bench.resize import eight_bit
from bench.spec import BenchError, Card, Cell, Method, MissingWeights, Status


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


def restore(cell: Cell, card: Card, method_class: type[Method], settings: RunSettings) -> Iterator[Restored]:
    """Restore every image of a cell that is not there yet, yielding each as it is done.

    Each result lies on disk before it is yielded. A method that cannot be loaded fails or (weights absent) refuses the
    whole cell, which is yielded as one item without an image.
    """
    folder = store.cell_folder(settings.out, cell)
    try:
        method = method_class.load(cell.task, settings.device)
    except Exception as error:  # noqa: BLE001 - whatever a method raises becomes a record, not the end of the run
        absent = isinstance(error, MissingWeights)
        reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        status: Status = "refused" if absent else "failed"
        store.write_json(folder / "cell.json", {"status": status, "reason": reason})
        yield Restored(None, status, reason)
        return
    run = fingerprint.run(method_class, method, cell.task, settings.device)
    remark = getattr(method, "remark", "")
    store.write_json(folder / "cell.json", {"status": "ok", "run": run, "remark": remark})
    batch_size = min(method_class.spec.max_batch, settings.batch_size or method_class.spec.max_batch)
    for entry in data.batches(card, cell.task.factor, batch_size, settings.images(cell), settings.allow_enlarge):
        if isinstance(entry, data.BadEntry):
            yield Restored(entry.id, "refused" if entry.refused else "failed", entry.reason)
        else:
            yield from _batch(cell, method, entry, folder / run, settings.device)


def _batch(cell: Cell, method: Method, batch: data.Batch, folder: Path, device: torch.device) -> Iterator[Restored]:
    """Restore the images of one batch that are not there yet. The method sees the LR images and nothing else."""
    ids, lr = batch.ids, batch.lr
    checksums = [data.pixel_sha256(image) for image in eight_bit(lr)]
    stored = [store.load(store.image_file(folder, image_id)) for image_id in ids]
    missing = [
        index
        for index, (there, checksum) in enumerate(zip(stored, checksums, strict=True))
        if there is None or there.lr != checksum
    ]
    for index in set(range(len(ids))) - set(missing):
        yield Restored(ids[index], "ok", kept=True)
    if not missing:
        return
    outcomes = contract.attempt(method, cell.task, lr[missing].to(device))
    for index, outcome in zip(missing, outcomes, strict=True):
        path = store.image_file(folder, ids[index])
        if outcome.image is None:
            store.write_json(path.with_suffix(".json"), {"lr": checksums[index], "reason": outcome.reason})
            yield Restored(ids[index], "failed", outcome.reason)
        else:
            image = eight_bit(outcome.image.cpu())
            effort = json.dumps(asdict(outcome.effort), sort_keys=True)
            store.save(path, image, {"lr": checksums[index], "seconds": repr(outcome.seconds), "effort": effort})
            path.with_suffix(".json").unlink(missing_ok=True)
            yield Restored(ids[index], "ok")
