"""What is trained of a profile (`python -m bench train --missing`), by preset: the rows of its tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class Programme:
    """What is trained of each category, beside its bank."""

    factors: tuple[int, ...] = (16, 8, 32, 64)
    """In the order of their value for the tables."""
    rivals: tuple[str, ...] = ("glean", "esrgan_plus", "srgan")
    """Methods, by the names of their specs, that are trained at each factor."""
    ablated: tuple[str, ...] = ("face", "cat")
    """The categories of which the variants are trained; Figures 7 to 9 show these."""
    ablations: tuple[str, ...] = (
        "glean.latent-only",
        "glean.coarse-encoder",
        "glean.no-decoder",
        "glean.no-bank",
        "glean.coarse-bank",
        "glean.single-latent",
        "glean.unfrozen-bank",
    )
    ablated_at: int = 16
    """The factor of the variants, and of what restores by reference."""
    referring: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What restores by reference -> the categories of which it is trained."""


_PAPER = Programme()
_MINI = replace(_PAPER, referring={"dfdnet": ("face",), "srntt": ("face", "cat")})
_PORTRAITS = Programme(
    factors=(8, 16),
    rivals=("glean", "esrgan_plus", "srgan", "esrgan_plus.mse"),
    ablated=("face",),
    ablations=("glean.no-bank", "glean.no-decoder", "glean.latent-only"),
    ablated_at=8,
    referring={"dfdnet": ("face",)},
)
"""8x leaves 16 px of a face: of a real one most of the identity is lost beyond."""

PROGRAMMES: Mapping[str, Programme] = {"paper": _PAPER, "mini": _MINI, "portraits": _PORTRAITS}
