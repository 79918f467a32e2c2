"""A batch of images -> PNG files. What is there of the same input is kept."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import contract, store
from bench.images import data
from bench.resize import eight_bit
from bench.running import runner
from bench.spec import Status


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one image in this run, or (image None) of the whole cell; `kept` if it was there already."""

    image: str | None
    status: Status
    reason: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A method that is loaded for a cell, and the folder of what it makes."""

    side: int
    loaded: runner.Loaded
    folder: Path
    inner: "Ready | None" = None
    """What its results are made of, where it refines another method's stored ones."""


def restored(ready: Ready, batch: data.Batch) -> Iterator[Restored]:
    """Restore the images of one batch that are not there yet. The method sees the LR images and nothing else."""
    checksums = [data.pixel_sha256(image) for image in eight_bit(batch.lr)]
    stored = [store.load(store.image_file(ready.folder, image_id), ready.side) for image_id in batch.ids]
    missing = []
    for index, (there, checksum) in enumerate(zip(stored, checksums, strict=True)):
        if there is not None and there.lr == checksum:
            yield Restored(batch.ids[index], "ok", kept=True)
        else:
            missing.append(index)
    if not missing:
        return
    wanted = data.Batch(tuple(batch.ids[index] for index in missing), batch.lr[missing], batch.hr[missing])
    outcomes = (
        list(_refined(ready, ready.inner, wanted)) if ready.inner else ready.loaded.attempt(wanted.lr, wanted.ids)
    )
    for index, outcome in zip(missing, outcomes, strict=True):
        yield _kept(store.image_file(ready.folder, batch.ids[index]), batch.ids[index], checksums[index], outcome)


def _refined(ready: Ready, inner: Ready, batch: data.Batch) -> Iterator[contract.Outcome]:
    """Yield what a method makes of each result of its inner one, which is stored first if it is not there yet."""
    failed = {image.image: image.reason for image in restored(inner, batch) if image.status != "ok"}
    for image_id, lr in zip(batch.ids, batch.lr, strict=True):
        stored = store.load(store.image_file(inner.folder, image_id), inner.side)
        if stored is None:
            yield contract.Outcome(None, failed.get(image_id, "the inner result was removed meanwhile"), math.nan)
        else:
            yield ready.loaded.refine((stored.image[None] / 255, stored.effort, stored.seconds), lr[None])


def _kept(path: Path, image_id: str, lr: str, outcome: contract.Outcome) -> Restored:
    """Store what became of an image."""
    if outcome.image is None:
        store.write_json(path.with_suffix(".json"), {"lr": lr, "reason": outcome.reason})
        return Restored(image_id, "failed", outcome.reason)
    effort = json.dumps(asdict(outcome.effort), sort_keys=True)
    facts = {"run": path.parent.name, "lr": lr, "seconds": repr(outcome.seconds), "effort": effort}
    store.save(path, outcome.image, facts)
    path.with_suffix(".json").unlink(missing_ok=True)
    return Restored(image_id, "ok")
