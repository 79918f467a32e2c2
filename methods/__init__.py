"""The methods of the suite: its public names. `suite` has them in order, and `specs` what they say of themselves."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from methods.back_projection import back_projected
    from methods.bicubic import Bicubic
    from methods.esrgan_plus import EsrganMse, EsrganPlus
    from methods.glean import Glean
    from methods.pseudo_inverse import PseudoInverse
    from methods.search.dgp import Dgp, DgpBiggan
    from methods.search.mganprior import Mganprior, MganpriorBilinear
    from methods.search.pulse import Pulse, PulseBest, PulseReflect
    from methods.search.singan import SinGan
    from methods.srgan import Srgan
    from methods.suite import ALL, BY_NAME, find, guest

__all__ = [
    "ALL",
    "BY_NAME",
    "Bicubic",
    "Dgp",
    "DgpBiggan",
    "EsrganMse",
    "EsrganPlus",
    "Glean",
    "Mganprior",
    "MganpriorBilinear",
    "PseudoInverse",
    "Pulse",
    "PulseBest",
    "PulseReflect",
    "SinGan",
    "Srgan",
    "back_projected",
    "find",
    "guest",
]


def __getattr__(name: str) -> object:
    """Import the methods when one is asked for: they import torch, which takes seconds, and `specs` does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("methods.suite"), name)
