"""Training images, as a function of the step: a run that was stopped goes on with the images it would have had.

Scenes are drawn from seeds that no test image has. A GPU draws every image anew; a CPU draws a pool at the beginning
and replaces a part of it in each step, because drawing takes it as long as training. Photographs come from the card's
training set or, of a user's folder, from beside the test images. Every second image, by chance, is mirrored.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor

from bench import cards, scenes
from bench.images import data, database, sources
from bench.resize import eight_bit
from bench.spec import BenchError, Card, Images, MissingImages, Task
from methods.search.optimise import track
from methods.training.share import Share
from methods.training.tested import Tested

POOL = 8_192  # scenes
_MOST = 4096  # images in a step: no two steps have the same seeds
_NEW = 2  # images of a pool replaced in each step
_AHEAD = 128  # steps whose scenes a GPU draws at once
_PART = 256  # images drawn or read together
_SHOWN = 8  # parts of a drawing, of which the progress is shown if there are more
_THREADS = min(16, 2 * (os.cpu_count() or 2))  # that read photographs
_KEPT = 2 * 2**30  # bytes of images in memory


class Feed(Protocol):
    """Training images."""

    told: str
    """A sentence on the test images among them; "" where there can be none."""

    def batch(self, step: int, count: int) -> Images:
        """Return this process's share of the `count` images of a step, (B, 3, hr_size, hr_size), [0, 1].

        A step has at most 4096.
        """
        ...


def open_feed(card: Card, share: Share, device: torch.device, *, pool: int = POOL) -> Feed:
    """Return the training images of a card; `pool` is for scenes on a CPU.

    Raises `MissingImages` if there are none beside the test images.
    """
    if card.reader != "scenes":
        return Photographs(card, share, device)
    return Pool(card, share, pool) if pooled(card, device) else Scenes(card, share, device)


def _mirrored(images: Images, share: Share, count: int, order: torch.Generator) -> Images:
    """Mirror every second image, by chance, in a share of so many."""
    flip = share.of(torch.rand(count, 1, 1, 1, generator=order)) < 0.5  # noqa: PLR2004 - every second
    return torch.where(flip.to(images.device), images.flip(-1), images)


def ready(device: torch.device) -> None:
    """Wait until what was asked of a GPU is done, so that every training there may use it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def pooled(card: Card, device: torch.device) -> bool:
    """Return whether a card's images are drawn from a pool on a device, whose size decides which they are."""
    return card.reader == "scenes" and device.type == "cpu"


class Scenes:
    """Every image new; those of many steps are drawn at once, as a GPU draws a hundred as fast as four."""

    told = ""

    def __init__(self, card: Card, share: Share, device: torch.device) -> None:
        """Draw on a device."""
        self._card, self._share, self._device = card, share, device
        self._blocks: dict[tuple[int, int], Tensor] = {}

    def batch(self, step: int, count: int) -> Images:
        """Return the images of a step."""
        block, place = divmod(step, _AHEAD)
        images = self._block(block, count)[place].float() / 255
        return _mirrored(images, self._share, count, self._share.draws(step))

    def _block(self, block: int, count: int) -> Tensor:
        """Return the images of some steps, (steps, B, 3, H, W) uint8; kept, as other trainings ask for the same."""
        if (block, count) not in self._blocks:
            steps = torch.arange(block * _AHEAD, (block + 1) * _AHEAD, device=self._device)
            seeds = scenes.FIRST_TRAINING_SEED + steps[:, None] * _MOST + torch.arange(count, device=self._device)
            own = self._share.of(seeds.T).T
            images = _drawn(self._card.source, self._card.hr_size, own.flatten())
            kept = list(self._blocks)
            if kept and (len(kept) + 1) * images.nbytes > _KEPT:
                del self._blocks[kept[0]]
            self._blocks[block, count] = images.unflatten(0, own.shape)
            ready(self._device)
        return self._blocks[block, count]


class Pool:
    """A pool of scenes, of which each step replaces the oldest."""

    told = ""

    def __init__(self, card: Card, share: Share, size: int) -> None:
        """Keep `size` images of 8 bit in memory; they are drawn when the first batch is asked for."""
        self._card, self._share = card, share
        try:
            self._images = torch.empty(size, 3, card.hr_size, card.hr_size, dtype=torch.uint8)
        except RuntimeError as error:
            need = size * 3 * card.hr_size**2 / 1e9
            raise BenchError(
                f"a pool of {size:,} images takes {need:,.1f} GB of memory; take fewer (--pool)."
            ) from error
        self._seeds = torch.zeros(size, dtype=torch.int64)

    def batch(self, step: int, count: int) -> Images:
        """Return the images of a step."""
        size = len(self._images)
        drawn = size + step * _NEW  # so many seeds were used up to this step; place p holds the last of its own
        places = torch.arange(size)
        wanted = scenes.FIRST_TRAINING_SEED + places + (drawn - 1 - places) // size * size
        if step == 0:
            self._images, self._seeds = _first(self._card.source, self._card.hr_size, size).clone(), wanted
        new = (wanted != self._seeds).nonzero()[:, 0]
        if len(new):
            self._images[new] = _drawn(self._card.source, self._card.hr_size, wanted[new])
        self._seeds = wanted
        order = self._share.draws(step)
        chosen = self._share.of(torch.randint(size, (count,), generator=order))
        return _mirrored(self._images[chosen].float() / 255, self._share, count, order)


@lru_cache(maxsize=1)
def _first(source: str, side: int, count: int) -> Tensor:
    """Return the pool at the beginning, kept for the next training of the category: it takes minutes to draw."""
    seeds = torch.arange(scenes.FIRST_TRAINING_SEED, scenes.FIRST_TRAINING_SEED + count)
    return _drawn(source, side, seeds)


def _drawn(source: str, side: int, seeds: Tensor) -> Tensor:
    """Return the scenes of some seeds, (N, 3, side, side) uint8."""
    parts = seeds.split(_PART)
    shown = track(parts, "draw training images") if len(parts) > _SHOWN else parts
    return torch.cat([eight_bit(scenes.render(source, part, side)) for part in shown])


class Photographs:
    """The photographs that are for training; if all of them take no more than 2 GiB, each is read once."""

    def __init__(self, card: Card, share: Share, device: torch.device) -> None:
        """List the images. Raises what `photographs` does."""
        self._source, self._ids = photographs(card)
        self._tested = Tested.of(card, self._source, self._ids)
        self.told = self._tested.told
        self._share, self._device = share, device
        self._readers = ThreadPoolExecutor(_THREADS)
        fits = len(self._ids) * 3 * card.hr_size**2 <= _KEPT
        self._kept: dict[int, Tensor] | None = {} if fits else None
        self._there: Tensor | None = None

    def batch(self, step: int, count: int) -> Images:
        """Return the images of a step."""
        order = self._share.draws(step)
        chosen = self._share.of(torch.randint(len(self._ids), (count,), generator=order))
        on_device = self._device.type == "cuda" and self._kept is not None
        images = self._all()[chosen.to(self._device)] if on_device else self._read_all(chosen.tolist())
        return _mirrored(images.to(self._device).float() / 255, self._share, count, order)

    def _all(self) -> Tensor:
        """Return all images on the device, (N, 3, H, W) uint8, read once: a GPU would wait for every batch."""
        if self._there is None:
            self._there = self._read_all(list(range(len(self._ids)))).to(self._device)
            ready(self._device)
        return self._there

    def _read_all(self, indices: Sequence[int]) -> Tensor:
        parts = [indices[first : first + _PART] for first in range(0, len(indices), _PART)]
        shown = track(parts, "read training images") if len(parts) > _SHOWN else parts
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
    path = train_data.expanduser().resolve()
    reader: Literal["lmdb", "folder"] = "lmdb" if database.is_database(path) else "folder"
    return replace(card, train_source=str(path), train_reader=reader, train_crops=(), train_set=path.name)


def photographs(card: Card) -> tuple[sources.Source, list[str]]:
    """Return where the training images of a card come from, and their ids.

    They are all of its training set, or of its tables of crops; of a folder without either, all that are not tested.

    Raises as `sources.open_training` and `open_card` do, and:
        MissingImages: the training set is not here, or the folder holds test images only.
        BenchError: a card that names neither.
    """
    if card.train_crops:
        source = sources.open_training(card)
        return source, list(source.ids)
    everything = replace(card, ids=(), sha256={}, test_images=sources.EVERY)
    if card.train_source:
        training = replace(
            everything,
            source=card.train_source,
            reader=card.train_reader,
            crops=(),
            test_set=card.train_set,
            address="",
        )
        source = sources.open_card(training, allow_enlarge=True)
        return source, list(source.ids)
    if card.reader != "folder":
        raise BenchError(
            f"the card of {card.category} in the profile {card.profile} says where the test images are "
            f"({card.source}), and not where those for training are; name them with --train-data, or in the card: "
            "train_source, train_reader."
        )
    source, tested = sources.open_card(everything, allow_enlarge=True), set(data.image_ids(card))
    ids = [name for name in source.ids if name not in tested]
    if not ids:
        raise MissingImages(
            f"{source.where} holds the {len(tested)} test images of {card.category} and no others. "
            "Put the training images beside them; the card's list says which are for testing."
        )
    return source, ids
