"""How near a bank's images are to real ones: KID and FID, and what two sets of real images are from each other.

Renders are of seeds that no training has seen. Photographs are those that the bank was trained on, as there are no
others but the test images: its figures would be good, too, if it had learnt them by heart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from bench import scenes
from bench.images.training import photographs
from bench.scores.kid import LEAST, features, kid
from bench.spec import Card, Images
from methods.training.quality import fid

MOST = 5_000
"""Images of each kind that are compared."""
_RENDERS = 2_000  # drawing takes a core a tenth of a second each
FIRST_SEED = 1_000_000_000  # beyond what any training has seen
_CHUNK = 100


class Bank(Protocol):
    """What makes images."""

    @property
    def z_dim(self) -> int:
        """Numbers that it makes an image of."""
        ...

    def __call__(self, z: Tensor, /) -> Images:
        """Map z (B, z_dim) to images (B, 3, R, R), [-1, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class Distance:
    """KID and FID of two sets of images."""

    kid: float
    fid: float

    @classmethod
    def between(cls, one: Tensor, other: Tensor) -> Self:
        """Compare two sets by their features, (N, D) and (M, D)."""
        return cls(kid(one, other), fid(one, other))


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near a bank's images are to real ones."""

    count: int
    """Images in each set."""
    real: str
    """What the real ones are, in words."""
    samples: Distance
    """Of samples from the first set of real images."""
    floor: Distance
    """Of the second set of real images, which has none of the first, from the first."""


def measure(bank: Bank, card: Card, most: int = MOST) -> Likeness | None:
    """Compare a bank's samples with real images of a card, at most so many; None if there are less than two sets of 50.

    Raises as `photographs.photographs`.
    """
    drawn = card.reader == "scenes"
    reals = torch.cat([features(part) for part in (_renders if drawn else _photographs)(card, most)])
    count = len(reals) // 2
    if count < LEAST:
        return None
    made = torch.cat([features(part) for part in samples(bank, count).split(_CHUNK)])
    first, second = reals[:count], reals[count : 2 * count]
    words = "renders that no training has seen" if drawn else "training images"
    return Likeness(count, words, Distance.between(made, first), Distance.between(second, first))


def _renders(card: Card, most: int) -> Iterator[Images]:
    """Yield parts of two sets of renders."""
    seeds = torch.arange(FIRST_SEED, FIRST_SEED + 2 * min(most, _RENDERS))
    yield from (scenes.render(card.source, part, card.hr_size) for part in seeds.split(_CHUNK))


def _photographs(card: Card, most: int) -> Iterator[Images]:
    """Yield parts of two sets of training images, by chance, always the same."""
    source, ids = photographs(card)
    chosen = torch.randperm(len(ids), generator=torch.Generator().manual_seed(0))[: 2 * most]
    for part in chosen.split(_CHUNK):
        yield torch.stack([source.pixels(ids[index]) for index in part.tolist()]).float() / 255


@torch.no_grad()
def samples(bank: Bank, count: int) -> Images:
    """Return images of a bank for random z, always the same: (count, 3, R, R), [0, 1]."""
    z = torch.randn(count, bank.z_dim, generator=torch.Generator().manual_seed(0))
    return torch.cat([(bank(part) + 1) / 2 for part in z.split(_CHUNK)]).clamp(0, 1)
