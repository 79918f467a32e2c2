"""What is scored of a cell: the result that lies on disk, bicubic's in the place of a failed one, or a reference."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench import resize, store
from bench.images import data
from bench.restore import RunSettings
from bench.scores import references
from bench.scores.metric import Pair
from bench.spec import BadImage, BenchError, Card, Cell, Images, MissingImages, TooSmall

_TOGETHER = 4
"""Images that are scored in one go, of those that are small."""
_PIXELS = 2**20
"""Of the ground truths that are scored in one go: their float64 copies are 24 MiB."""
Found = tuple[Images, dict[str, Any]]
"""(3, H, W) in [0, 1], and the facts of its record."""
Find = Callable[[data.Batch, int], Found]
"""A batch of images and the place of one in it -> what is scored for it."""


def together(card: Card) -> int:
    """Return how many images of a card are scored in one go."""
    return max(1, min(_TOGETHER, _PIXELS // card.hr_size**2))


def pairs(cell: Cell, card: Card, settings: RunSettings, folder: Path) -> Iterator[Pair]:
    """Yield the images of a cell that can be used, in their order."""
    result, limit = finder(cell, card, settings, folder), settings.images(cell)
    for entry in data.batches(card, cell.task.factor, together(card), limit, settings.allow_enlarge):
        if isinstance(entry, data.Batch):
            sr = torch.stack([result(entry, index)[0] for index in range(len(entry.ids))])
            yield Pair(sr, entry.hr, entry.lr, cell.task.factor, card.degradation, entry.mask)


def finder(cell: Cell, card: Card, settings: RunSettings, folder: Path) -> Find:
    """Return what finds the results of a cell."""
    if cell.reference:
        return _reference(cell, card, settings)
    return partial(_result, cell, folder)


def _result(cell: Cell, folder: Path, batch: data.Batch, index: int) -> Found:
    """Return what is scored for one image, (3, H, W) in [0, 1], and the facts of its record."""
    path = store.image_file(folder, batch.ids[index])
    facts: dict[str, Any] = {"task": cell.task, "method": cell.method, "image": batch.ids[index], "run": folder.name}
    lr = batch.lr[index]
    checksum = data.pixel_sha256(resize.eight_bit(lr))
    stored = store.load(path, cell.task.hr_size)
    if stored is not None and stored.lr == checksum:
        return stored.image / 255, facts | {"status": "ok", "seconds": stored.seconds, **asdict(stored.effort)}
    failure = store.read_json(path.with_suffix(".json"))
    if failure is None or failure.get("lr") != checksum or not isinstance(failure.get("reason"), str):
        raise _not_restored(cell, path)
    return _bicubic(lr, cell), facts | {"status": "failed", "reason": failure["reason"]}


def _bicubic(lr: Images, cell: Cell) -> Images:
    """Return what is scored in the place of an image that failed."""
    return resize.quantise(resize.upsample(lr[None], cell.task.factor))[0]


def _reference(cell: Cell, card: Card, settings: RunSettings) -> Find:
    """Return what finds the images of a reference: they are made of the ground truth, and not stored."""
    ids, reference = data.image_ids(card, settings.images(cell)), references.REFERENCES[cell.method]
    read = data.edited if reference.edited else data.read

    def truth(image_id: str) -> Images | None:
        with suppress(BadImage, MissingImages, TooSmall):
            return read(card, image_id, settings.allow_enlarge).float() / 255
        return None

    def find(batch: data.Batch, index: int) -> Found:
        name = batch.ids[index]
        facts = {"task": cell.task, "method": cell.method, "image": name, "run": references.RUN, "status": "ok"}
        image = reference.make(ids, ids.index(name), truth)
        if image is None:
            reason = "there is no other image that can be read"
            return _bicubic(batch.lr[index], cell), facts | {"status": "failed", "reason": reason}
        return image, facts

    return find


def _not_restored(cell: Cell, where: Path) -> BenchError:
    """Return the error for a result that is not there."""
    return BenchError(
        f"{cell.method} on {cell.task.category} is not restored yet by this method from its images as they are now: no "
        f"sound {where}. Run restore first."
    )
