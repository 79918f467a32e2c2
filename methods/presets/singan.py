"""The numbers of SinGAN's training on one image (methods/search/singan.py), by preset; `paper` has the released ones.

`mini` and `portraits` have few and fast steps of narrow networks, for two cores of a CPU; they are far from trained.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SinganSchedule:
    """How long and how the networks of a scale are trained; the numbers are the released ones."""

    epochs: int = 2000
    steps: int = 3
    """Of the discriminator, then of the generator, in an epoch."""
    channels: int = 32
    """Of the networks of the four coarsest scales."""
    rate: float = 5e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay: tuple[float, float] = (0.8, 0.1)
    """Past this share of the epochs, the rate is multiplied by this."""
    reconstruction: float = 100.0
    """The weight of the reconstruction loss."""
    penalty: float = 0.1
    """The weight of the gradient penalty."""
    noise: float = 0.1
    """The noise of a scale, as a multiple of the error (RMSE) of the reconstruction from the scales below."""


@dataclass(frozen=True, slots=True)
class SinganSettings:
    """What a preset is free in."""

    schedule: SinganSchedule = field(default_factory=SinganSchedule)
    together: int = 1
    """Images whose networks are trained side by side: faster on a GPU, but no longer exactly as if alone."""


_SHORT = SinganSettings(SinganSchedule(epochs=16, steps=1, channels=16, rate=5e-3))
SINGAN: Mapping[str, SinganSettings] = {"paper": SinganSettings(), "mini": _SHORT, "portraits": _SHORT}
