"""What is trained of a profile (`python -m bench train --missing`), by preset: the rows of its tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from methods.presets import biggan


@dataclass(frozen=True, slots=True)
class Part:
    """Methods that are trained, beside the bank of each category."""

    methods: tuple[str, ...]
    """By the names of their specs, with that of a mixture behind it (methods/presets/mixtures.py)."""
    factors: tuple[int, ...]
    """In the order of their value for the tables; at 1x images are restored that keep their size."""
    categories: tuple[str, ...] = ()
    """Empty: all of the profile."""


_FIGURES = ("face", "cat")  # the categories of Figures 7 to 9
_PAIR = ("glean", "esrgan_plus")
_RIVALS = Part(("glean", "esrgan_plus", "srgan"), (16, 8, 32, 64))
_ABLATIONS = Part(
    (
        "glean.latent-only",
        "glean.coarse-encoder",
        "glean.no-decoder",
        "glean.no-bank",
        "glean.coarse-bank",
        "glean.single-latent",
        "glean.unfrozen-bank",
    ),
    (16,),
    _FIGURES,
)
_BLIND = Part(tuple(f"{method}.blind" for method in _PAIR), (16,), _FIGURES)
_TASKS = Part(tuple(f"{method}.tasks" for method in _PAIR), (1,), ("face",))
_REFERENCE = Part(("dfdnet", "srntt"), (16,), ("face",))
_BIGGAN = (Part((biggan.NAME,), (1,), ("face",)), Part((biggan.METHOD,), (16,)))
"""One bank of all categories, in the name of the first, then the GLEANs around it."""
_PORTRAITS = (
    Part(("glean", "esrgan_plus", "srgan", "esrgan_plus.mse"), (8, 16)),
    Part(("glean.no-bank", "glean.no-decoder", "glean.latent-only"), (8,)),
    Part(("dfdnet",), (8,)),
)
"""8x leaves 16 px of a face: of a real one most of the identity is lost beyond."""

PROGRAMMES: Mapping[str, tuple[Part, ...]] = {
    "paper": (_RIVALS, _ABLATIONS),
    "mini": (_RIVALS, _ABLATIONS, _BLIND, _TASKS, _REFERENCE, *_BIGGAN),
    "portraits": _PORTRAITS,
}
