"""The sizes of SRNTT (methods/srntt.py), and what it may choose its references from, by preset."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SrnttSettings:
    """Sizes of a network that is trained here; the defaults are the published network's."""

    channels: int = 64
    blocks: int = 16
    """Residual blocks of the content extractor, and of the texture transfer at its smallest scale."""
    candidates: int = 64
    """Training images, of which each input gets the most similar one as its reference."""
    shown: float = 1.0
    """The share of the recipe's images that the texture transfer sees in training."""
    vgg: str = "paper"
    """The preset under which the catalogue has the VGG that it was trained with."""


_SMALL = SrnttSettings(channels=16, blocks=4, shown=1 / 3, vgg="mini")
"""An image costs the transfer on a CPU three times what it does GLEAN, so it sees a third as many."""
SRNTT: Mapping[str, SrnttSettings] = {"paper": SrnttSettings(), "mini": _SMALL, "portraits": _SMALL}
