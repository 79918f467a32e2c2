"""How a network that restores in one pass is trained (methods/training/restorer.py), by preset."""

from dataclasses import dataclass, replace
from typing import Self

from methods.presets.mixtures import Mixture


@dataclass(frozen=True, kw_only=True, slots=True)
class RestorerRecipe:
    """How a network is trained."""

    images: int
    """Shown in all, each with its LR image."""
    batch: int
    """At once, in all processes together."""
    rate: float = 1e-4
    """Learning rate of the network at the beginning."""
    critic_rate: float = 1e-4
    """Of the discriminator."""
    perceptual: float = 1e-2
    adversarial: float = 1e-2
    crop: int | None = None
    """Side in pixels of the part, another one in each step, of which VGG16's features are compared; None: the whole."""
    mixture: Mixture | None = None
    """What is done to an image; None: it is made small by the factor, no more."""

    def of_pixels(self) -> Self:
        """Return the same without the losses that need VGG16 and a discriminator: the squared error alone.

        An image costs a CPU about half of what it does with them, and the squared error takes larger batches well: as
        many steps, each of four times as many images.
        """
        return replace(self, images=4 * self.images, batch=4 * self.batch, perceptual=0.0, adversarial=0.0, crop=None)


_FACES = RestorerRecipe(images=300_000 * 8, batch=8)
_REST = RestorerRecipe(images=300_000 * 16, batch=16)
_MINI = RestorerRecipe(images=24_000, batch=4, rate=2e-3, critic_rate=5e-4, crop=48)
"""Few images, so small batches and a high rate; a part of each for VGG16, which would cost more than all the rest."""

_PORTRAITS = RestorerRecipe(images=16_000, batch=4, rate=1e-3, critic_rate=5e-4, crop=48)
"""As `mini`, for networks twice as wide, of which an image costs a core four times as much: fewer, at half the rate."""


_SLOWER = {"esrgan_plus.tasks": replace(_MINI, rate=5e-4)}
"""At 2e-3 RRDBNet's form for 1x went astray after 450 steps and did not come back; no third rate was tried."""


def restorer_recipes(category: str, method: str) -> dict[str, RestorerRecipe]:
    """Return each preset's recipe for a category and a method, named with its mixture.

    `paper`: 300,000 steps, of 8 images of faces or 16 of the rest.
    """
    paper = _FACES if category == "face" else _REST
    return {"paper": paper, "mini": _SLOWER.get(method, _MINI), "portraits": _PORTRAITS}
