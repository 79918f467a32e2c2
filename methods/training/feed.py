"""Training images, as a function of the step: a run that was stopped goes on with the images it would have had."""

from collections.abc import Sequence
from typing import Protocol
from weakref import WeakValueDictionary

import torch

from bench.spec import Card, Images
from methods.training.drawn import POOL, Pool, Scenes, pooled
from methods.training.photographs import Photographs
from methods.training.share import Share

_OPEN: WeakValueDictionary[tuple[str, str, str, str, int, Share], "Feed"] = WeakValueDictionary()


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


class Mixed:
    """The images of several cards, card by card, as many of each; together they keep as many scenes as one card."""

    def __init__(self, cards: Sequence[Card], share: Share, device: torch.device, pool: int) -> None:
        """Open the feeds; raises as `open_feed`."""
        self._feeds = [
            Pool(card, share, max(1, pool // len(cards)), slower=len(cards))
            if pooled(card, device)
            else open_feed(card, share, device)
            for card in cards
        ]
        self.told = " ".join(filter(None, (feed.told for feed in self._feeds)))

    def batch(self, step: int, count: int) -> Images:
        """Return the images of a step, of which each card has a part that is as large."""
        return torch.cat([feed.batch(step, count // len(self._feeds)) for feed in self._feeds])


def shared_feed(cards: Sequence[Card], share: Share, device: torch.device, *, pool: int = POOL) -> tuple[Feed, bool]:
    """Return the training images of one card or of several, and whether they are opened now; raises as `open_feed`.

    A GPU has those of one card once, for all trainings of a category that are side by side.
    """
    if len(cards) > 1:
        return Mixed(cards, share, device, pool), True
    (card,) = cards
    known = card.profile, card.category, card.source, card.train_source, card.hr_size, share
    there = _OPEN.get(known) if device.type == "cuda" else None
    if there is not None:
        return there, False
    feed = open_feed(card, share, device, pool=pool)
    _OPEN[known] = feed
    return feed, True
