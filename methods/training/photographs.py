"""Training images that are photographs: those of the card's training set, or beside the test images of a folder."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from bench import cards
from bench.images import database
from bench.images.tested import Tested
from bench.images.training import photographs
from bench.paths import expanded
from bench.spec import BenchError, Card, Images, MissingImages, Task
from methods.search.optimise import track
from methods.training.batches import KEPT, PART, SHOWN, mirrored, ready
from methods.training.share import Share

_THREADS = min(16, 2 * (os.cpu_count() or 2))  # that read photographs


class Photographs:
    """The photographs that are for training; if all of them take no more than 2 GiB, each is read once."""

    def __init__(self, card: Card, share: Share, device: torch.device) -> None:
        """List the images. Raises what `photographs` does."""
        self._source, self._ids = photographs(card)
        self._tested = Tested.of(card, self._source, self._ids)
        self.told = self._tested.told
        self._share, self._device = share, device
        self._readers = ThreadPoolExecutor(_THREADS)
        fits = len(self._ids) * 3 * card.hr_size**2 <= KEPT
        self._kept: dict[int, Tensor] | None = {} if fits else None
        self._there: Tensor | None = None

    def batch(self, step: int, count: int) -> Images:
        """Return the images of a step."""
        order = self._share.draws(step)
        chosen = self._share.of(torch.randint(len(self._ids), (count,), generator=order))
        on_device = self._device.type == "cuda" and self._kept is not None
        images = self._all()[chosen.to(self._device)] if on_device else self._read_all(chosen.tolist())
        return mirrored(images.to(self._device).float() / 255, self._share, count, order)

    def _all(self) -> Tensor:
        """Return all images on the device, (N, 3, H, W) uint8, read once: a GPU would wait for every batch."""
        if self._there is None:
            self._there = self._read_all(list(range(len(self._ids)))).to(self._device)
            ready(self._device)
        return self._there

    def _read_all(self, indices: Sequence[int]) -> Tensor:
        parts = [indices[first : first + PART] for first in range(0, len(indices), PART)]
        shown = track(parts, "read training images") if len(parts) > SHOWN else parts
        return torch.stack([image for part in shown for image in self._readers.map(self._image, part)])

    def _image(self, index: int) -> Tensor:
        if self._kept is None:
            return self._read(index)
        if index not in self._kept:
            self._kept[index] = self._read(index)
        return self._kept[index]

    def _read(self, index: int) -> Tensor:
        """Return an image; for one that is tested on the next that is not, so that no other draw depends on it."""
        for place in range(index, index + len(self._ids)):
            name = self._ids[place % len(self._ids)]
            if not self._tested.holds(name) and not self._tested.shows(image := self._source.pixels(name)):
                return image
        raise MissingImages(f"all {len(self._ids):,} training images in {self._source.where} are test images.")


def card_of(task: Task, train_data: Path | None) -> Card:
    """Return the card of a task, with the training images in `train_data` if it is given: a folder or a database.

    Raises `BenchError` if they cannot be used, and what `cards.card` does.
    """
    card = cards.card(task.profile, task.category, task.hr_size)
    if train_data is None:
        return card
    if card.reader == "scenes":
        raise BenchError(
            f"the images of {card.category} in the profile {card.profile} are drawn, for training too; --train-data is "
            "for photographs."
        )
    path = expanded(str(train_data)).resolve()
    reader: Literal["lmdb", "folder"] = "lmdb" if database.is_database(path) else "folder"
    return replace(card, train_source=str(path), train_reader=reader, train_crops=(), train_set=path.name)
