"""How a latent bank is trained: the recipes of `mini` and of photographs."""

import math
from dataclasses import dataclass

from bench.spec import Card


@dataclass(frozen=True, slots=True)
class Stage:
    """A resolution, how many real images are shown at it, and how many at once in each process."""

    size: int
    images: int
    batch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a bank is trained."""

    stages: tuple[Stage, ...]
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

    def end(self, stage: int, ranks: int) -> int:
        """Return the step that a stage ends before, of so many processes; -1 is before the first stage."""
        return sum(math.ceil(each.images / (each.batch * ranks)) for each in self.stages[: stage + 1])

    def stage(self, step: int, ranks: int) -> int:
        """Return the stage that a step belongs to; the last one, if the step is beyond the end."""
        last = len(self.stages) - 1
        return next((stage for stage in range(last) if step < self.end(stage, ranks)), last)

    def images(self, stage: int, step: int, ranks: int) -> int:
        """Return how many images were shown in a stage before a step."""
        return (step - self.end(stage - 1, ranks)) * self.stages[stage].batch * ranks

    def step(self, stage: int, images: int, ranks: int) -> int:
        """Return the step before which so many images, or a part of a batch more, were shown in a stage."""
        return self.end(stage - 1, ranks) + math.ceil(images / (self.stages[stage].batch * ranks))


MINI = Recipe(
    stages=(Stage(32, 100_000, 16), Stage(64, 60_000, 16), Stage(128, 80_000, 16)),
    rate=0.008,
    gamma=0.5,
    half_life=4_000,
    noise=False,
)
"""Few steps, so a rate four times that of StyleGAN2: weights begin with a deviation of 1, and a step of Adam moves them
by about the rate. Without noise: in short trainings it paints speckles in the place of eyes."""


PORTRAITS = Recipe(
    stages=(Stage(32, 180_000, 8), Stage(64, 120_000, 8), Stage(128, 220_000, 8)),
    rate=0.008,
    gamma=0.5,
    half_life=10_000,
    adaptive=True,
    noise=False,
)
"""As `MINI`, for ten thousand photographs and for two processes, which show as many images at once together."""


def of(card: Card) -> Recipe:
    """Return the recipe for a card: that of its profile; a user's folder has that of `paper`."""
    known = {"mini": MINI, "portraits": PORTRAITS}
    return known.get(card.profile) or paper(card)


def paper(card: Card) -> Recipe:
    """Return the recipe for photographs: StyleGAN2's schedule (config-f), with augmentation that follows overfitting.

    R1's weight is the rule of thumb of Karras et al. 2020 (ADA), 0.0002 * pixels / batch, for 8 processes of 4 images.
    """
    return Recipe(
        stages=(Stage(card.hr_size, 25_000_000, 4),),
        gamma=0.0002 * card.hr_size**2 / 32,
        half_life=10_000,
        adaptive=True,
    )
