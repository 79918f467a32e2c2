"""How a latent bank is trained (methods/training/bank), by preset."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BankStage:
    """A resolution, how many real images are shown at it, and how many at once in all processes together."""

    size: int
    images: int
    batch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BankRecipe:
    """How a bank is trained."""

    stages: tuple[BankStage, ...]
    rate: float = 0.002
    """Learning rate of Adam, betas (0, 0.99), before the correction for lazy regularisation."""
    gamma: float
    """Of R1 at the last resolution; in proportion to the number of pixels at the others."""
    half_life: int
    """Images in which the moving average forgets half."""
    adaptive: bool = False
    """Augment as much as the discriminator overfits: for few training images."""
    half_precision: bool = True
    """Convolutions in bfloat16, on what is faster with it."""
    noise: bool = True
    """Noise maps in each layer; without, their gains stay 0."""

    def end(self, stage: int) -> int:
        """Return the step that a stage ends before."""
        return sum(math.ceil(each.images / each.batch) for each in self.stages[: stage + 1])

    def stage(self, step: int) -> int:
        """Return the stage that a step belongs to; the last one, if the step is beyond the end."""
        last = len(self.stages) - 1
        return next((stage for stage in range(last) if step < self.end(stage)), last)


_MINI = BankRecipe(
    stages=(BankStage(32, 100_000, 16), BankStage(64, 60_000, 16), BankStage(128, 80_000, 16)),
    rate=0.008,
    gamma=0.5,
    half_life=4_000,
    noise=False,
)
"""Few steps, so a rate four times that of StyleGAN2: weights begin with a deviation of 1, and a step of Adam moves them
by about the rate. Without noise: in short trainings it paints speckles in the place of eyes."""


_PORTRAITS = BankRecipe(
    stages=(BankStage(32, 180_000, 16), BankStage(64, 160_000, 32), BankStage(128, 176_000, 32)),
    rate=0.008,
    gamma=0.5,
    half_life=10_000,
    adaptive=True,
    noise=False,
)
"""As `mini`, for ten thousand photographs."""

_BATCH = 32  # config-f: 8 processes of 4


def _paper(hr_size: int) -> BankRecipe:
    """Return StyleGAN2's schedule (config-f) for photographs, with augmentation that follows overfitting.

    R1's weight is the rule of thumb of Karras et al. 2020 (ADA), 0.0002 * pixels / batch.
    """
    return BankRecipe(
        stages=(BankStage(hr_size, 25_000_000, _BATCH),),
        gamma=0.0002 * hr_size**2 / _BATCH,
        half_life=10_000,
        adaptive=True,
    )


def bank_recipes(hr_size: int) -> dict[str, BankRecipe]:
    """Return the recipe of each preset for images of a side."""
    return {"paper": _paper(hr_size), "mini": _MINI, "portraits": _PORTRAITS}
