"""The part of each batch that a process has: a recipe's batch is the whole one, however many processes there are.

All processes draw the same random numbers, for the whole batch, and each keeps those of its own images. So a training
has the same images, codes and steps in one process as in many, and its losses differ by rounding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.spec import BenchError


@dataclass(frozen=True, slots=True)
class Share:
    """Which process this is, of how many, and the seed of them all."""

    seed: int = 0
    rank: int = 0
    ranks: int = 1

    def count(self, batch: int) -> int:
        """Return how many images of a whole batch are this process's. Raises `BenchError` if they cannot be split."""
        if batch % self.ranks:
            fitting = [str(ranks) for ranks in range(1, batch + 1) if batch % ranks == 0]
            raise BenchError(
                f"a batch of {batch} images cannot be split evenly over {self.ranks} processes; start as many as "
                f"divide it (torchrun --nproc-per-node): {', '.join(fitting)}."
            )
        return batch // self.ranks

    def of(self, whole: Tensor) -> Tensor:
        """Return this process's entries of what was made for a whole batch, (B, ...) -> (B / ranks, ...).

        They are every `ranks`-th: the groups of the discriminator's minibatch standard deviation, each (B / 4)-th
        image, then stay together as long as a process has a multiple of four.
        """
        return whole[self.rank :: self.ranks]

    def draws(self, step: int, device: torch.device | None = None) -> torch.Generator:
        """Return the random numbers of a step, the same in all processes."""
        return torch.Generator(device or torch.device("cpu")).manual_seed(self.seed * 1_000_003 + step)

    def seed_own(self, step: int) -> None:
        """Seed torch for a step with what no other process has, for noise within networks."""
        torch.manual_seed((self.seed * 1_000_003 + step) * self.ranks + self.rank)
