"""The part of each batch that a process has: a recipe's batch is the whole one, however many processes there are.

All processes draw the same random numbers, for the whole batch, and each keeps those of its own images. So a training
has the same images, codes and steps in one process as in many, and its losses differ by rounding. A process whose part
does not fit its memory splits it once more (`--batch-size`): its parts count as further processes, one after another.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from bench.spec import BenchError

_GROUP = 4  # of the discriminator's minibatch standard deviation


@dataclass(frozen=True, slots=True)
class Share:
    """Which process this is, of how many, and the seed of them all."""

    seed: int = 0
    rank: int = 0
    ranks: int = 1
    at_once: int | None = None
    """The images that go through a network together; None: all that the process has."""

    def count(self, batch: int) -> int:
        """Return how many images of a whole batch are this process's. Raises `BenchError` if they cannot be split."""
        if batch % self.ranks:
            fitting = [str(ranks) for ranks in range(1, batch + 1) if batch % ranks == 0]
            raise BenchError(
                f"a batch of {batch} images cannot be split evenly over {self.ranks} processes; start as many as "
                f"divide it (torchrun --nproc-per-node): {', '.join(fitting)}."
            )
        return batch // self.ranks

    def parts(self, batch: int) -> list[Self]:
        """Return the shares of the parts of this process's images of a whole batch; one if they fit together.

        Raises `BenchError` if they cannot be split: over the processes, or into parts of `at_once`.
        """
        count = self.count(batch)
        at_once = min(self.at_once or count, count)
        if count % at_once or (at_once < count and at_once % _GROUP):
            fitting = [str(size) for size in range(_GROUP, count, _GROUP) if count % size == 0]
            raise BenchError(
                f"a process's {count} images of a step cannot be taken {at_once} at once: --batch-size has to divide "
                f"them and be a multiple of {_GROUP}, as the discriminator compares {_GROUP} at a time; "
                f"possible: {', '.join([*fitting, str(count)])}."
            )
        parts = count // at_once
        ranks = range(self.rank, self.ranks * parts, self.ranks)
        return [replace(self, rank=rank, ranks=self.ranks * parts, at_once=None) for rank in ranks]

    def split(self, own: Tensor) -> list[Tensor]:
        """Return this process's entries (B, ...) by part, those that `of` gives the shares of `parts`."""
        parts = len(self.parts(len(own) * self.ranks))
        return [own[part::parts] for part in range(parts)]

    def of(self, whole: Tensor) -> Tensor:
        """Return this process's entries of what was made for a whole batch, (B, ...) -> (B / ranks, ...).

        They are every `ranks`-th: the groups of the discriminator's minibatch standard deviation, each (B / 4)-th
        image, then stay together as long as a process has a multiple of four.
        """
        return whole[self.rank :: self.ranks]

    def number(self, step: int) -> int:
        """Return what the random numbers of a step are drawn from, the same in all processes."""
        return self.seed * 1_000_003 + step

    def own_number(self, step: int) -> int:
        """Return what those of a step are drawn from that no other process has, for noise within networks."""
        return self.number(step) * self.ranks + self.rank

    def draws(self, step: int) -> torch.Generator:
        """Return the random numbers of a step on the CPU, the same in all processes."""
        return torch.Generator().manual_seed(self.number(step))
