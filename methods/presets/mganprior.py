"""mGANprior's numbers (methods/search/mganprior.py), by preset; `paper` has those of the released code."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class MganpriorSettings:
    """The numbers of the search; as released."""

    steps: int = 2000
    learning_rate: float = 1.0
    codes: int = 30
    layer: int = 6
    """Behind how many layers the features are mixed; two a resolution, also for StyleGAN2."""
    perceptual_weight: float = 0.001
    """Of the difference of VGG16's features; 0: without."""


_SHORT = MganpriorSettings(steps=60, codes=16, perceptual_weight=0)
"""For two cores of a CPU, and without VGG16, which is too large to ship."""

MGANPRIOR: Mapping[str, MganpriorSettings] = {"paper": MganpriorSettings(), "mini": _SHORT, "portraits": _SHORT}
