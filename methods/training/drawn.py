"""Training images that are drawn: scenes from seeds that no test image has.

A GPU draws every image anew; a CPU draws a pool at the beginning and replaces a part of it in each step, because
drawing takes it as long as training.
"""

from functools import lru_cache

import torch
from torch import Tensor

from bench import scenes
from bench.resize import eight_bit
from bench.spec import BenchError, Card, Images
from methods.search.optimise import track
from methods.training.batches import KEPT, PART, SHOWN, mirrored, ready
from methods.training.share import Share

POOL = 8_192  # scenes
_MOST = 4096  # images in a step: no two steps have the same seeds
_NEW = 2  # images of a pool replaced in each step
_BLOCK = 64  # scenes a CPU draws at once: two alone take it one and a half times to three times as long each
_AHEAD = 128  # steps whose scenes a GPU draws at once
_APART = 65_537  # steps between the first of one seed and of the next, of _STEPS in all: 2^30 scenes
_STEPS = 1 << 18


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
        return mirrored(images, self._share, count, self._share.draws(step))

    def _block(self, block: int, count: int) -> Tensor:
        """Return the images of some steps, (steps, B, 3, H, W) uint8; kept, as other trainings ask for the same."""
        if (block, count) not in self._blocks:
            steps = torch.arange(block * _AHEAD, (block + 1) * _AHEAD, device=self._device)
            steps = (steps + self._share.seed * _APART) % _STEPS
            seeds = scenes.FIRST_TRAINING_SEED + steps[:, None] * _MOST + torch.arange(count, device=self._device)
            own = self._share.of(seeds.T).T
            images = _drawn(self._card.source, self._card.hr_size, own.flatten())
            kept = list(self._blocks)
            if kept and (len(kept) + 1) * images.nbytes > KEPT:
                del self._blocks[kept[0]]
            self._blocks[block, count] = images.unflatten(0, own.shape)
            ready(self._device)
        return self._blocks[block, count]


class Pool:
    """A pool of scenes, of which each step replaces the oldest."""

    told = ""

    def __init__(self, card: Card, share: Share, size: int, *, slower: int = 1) -> None:
        """Keep `size` images of 8 bit in memory; they are drawn when the first batch is asked for.

        `slower`: of so many pools that a batch is drawn from, which together replace what one does alone.
        """
        self._card, self._share, self._slower = card, share, slower
        try:
            self._images = torch.empty(size, 3, card.hr_size, card.hr_size, dtype=torch.uint8)
        except RuntimeError as error:
            need = size * 3 * card.hr_size**2 / 1e9
            raise BenchError(
                f"a pool of {size:,} images takes {need:,.1f} GB of memory; take fewer (--pool)."
            ) from error
        self._seeds = torch.zeros(size, dtype=torch.int64)
        self._coming, self._from = self._images[:0], 0  # scenes of the seeds that follow, and the first of these

    def batch(self, step: int, count: int) -> Images:
        """Return the images of a step."""
        size = len(self._images)
        drawn = (
            size + step * _NEW // self._slower
        )  # so many seeds were used up to this step; place p holds the last of its own
        places = torch.arange(size)
        wanted = scenes.FIRST_TRAINING_SEED + places + (drawn - 1 - places) // size * size
        if step == 0:
            self._images, self._seeds = _first(self._card.source, self._card.hr_size, size).clone(), wanted
        new = (wanted != self._seeds).nonzero()[:, 0]
        if len(new):
            self._images[new] = self._scenes(wanted[new])
        self._seeds = wanted
        order = self._share.draws(step)
        chosen = self._share.of(torch.randint(size, (count,), generator=order))
        return mirrored(self._images[chosen].float() / 255, self._share, count, order)

    def _scenes(self, seeds: Tensor) -> Tensor:
        """Return the scenes of seeds that follow each other, (N, 3, side, side) uint8; a few come out of a block."""
        source, side = self._card.source, self._card.hr_size
        block = min(_BLOCK, len(self._images))
        if len(seeds) >= block:
            return _drawn(source, side, seeds)
        first, last = int(seeds.min()), int(seeds.max())
        if not self._from <= first <= last < self._from + len(self._coming):
            self._coming, self._from = _drawn(source, side, torch.arange(first, first + block)), first
        return self._coming[seeds - self._from]


@lru_cache(maxsize=1)
def _first(source: str, side: int, count: int) -> Tensor:
    """Return the pool at the beginning, kept for the next training of the category: it takes minutes to draw."""
    seeds = torch.arange(scenes.FIRST_TRAINING_SEED, scenes.FIRST_TRAINING_SEED + count)
    return _drawn(source, side, seeds)


def _drawn(source: str, side: int, seeds: Tensor) -> Tensor:
    """Return the scenes of some seeds, (N, 3, side, side) uint8."""
    parts = seeds.split(PART)
    shown = track(parts, "draw training images") if len(parts) > SHOWN else parts
    return torch.cat([eight_bit(scenes.render(source, part, side)) for part in shown])
