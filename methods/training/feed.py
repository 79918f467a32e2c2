"""Training images, as a function of the step: a run that was stopped goes on with the images it would have had."""

from typing import Protocol

import torch

from bench.spec import Card, Images
from methods.training.drawn import POOL, Pool, Scenes, pooled
from methods.training.photographs import Photographs
from methods.training.share import Share

_OPEN: dict[tuple[str, str, str, str, int, Share], "Feed"] = {}


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


def shared_feed(card: Card, share: Share, device: torch.device, *, pool: int = POOL) -> tuple[Feed, bool]:
    """Return the training images of a card, and whether they are opened now; raises as `open_feed`.

    A GPU has them once, for all trainings of a category that are made in this process.
    """
    known = card.profile, card.category, card.source, card.train_source, card.hr_size, share
    if device.type != "cuda":
        return open_feed(card, share, device, pool=pool), True
    new = known not in _OPEN
    if new:
        _OPEN[known] = open_feed(card, share, device, pool=pool)
    return _OPEN[known], new
