"""The numbers of DGP's search (methods/search/dgp.py), by preset, for its port to StyleGAN2 and for BigGAN.

BigGAN's of `paper` are those of the released code. The port's weights, drawn N(0, 1) and scaled when they are used,
need rates forty times as high.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class DgpSettings:
    """The numbers of the search, as released for 256 px; those in tuples are one a stage."""

    draws: int = 500
    """Candidates for the start; 0: start from z = 0."""
    spread: float = 0.3
    """The standard deviation of z."""
    steps: int = 1000
    """Of all stages, which are of one length."""
    z_rates: tuple[float, ...] = (2e-3, 1e-3, 2e-5, 1e-5, 1e-5)
    weight_rates: tuple[float, ...] = (5e-5, 5e-5, 2e-5, 1e-5, 1e-5)
    feature_weights: tuple[float, ...] = (1.0,) * 5
    error_weights: tuple[float, ...] = (1.0,) * 5
    """Of the mean squared error, in [-1, 1]."""
    prior_weight: float = 0.02
    truncation: float = 0.5
    """How far from the mean w the latents of a StyleGAN2 are; 1: as the mapping network gives them."""


def _shortened(settings: DgpSettings) -> DgpSettings:
    """Return settings for two cores of a CPU: a twentieth of the steps, at four times the rates.

    Of 1, 2, 4 and 12 times, 4 restored six faces of `mini` (training seeds, 16x) best: 19.1, 20.9, 21.4, 20.8 dB.
    """
    z_rates, weight_rates = (tuple(4 * rate for rate in each) for each in (settings.z_rates, settings.weight_rates))
    return replace(settings, draws=16, steps=50, z_rates=z_rates, weight_rates=weight_rates)


_RELEASED = DgpSettings()
_PORT = replace(_RELEASED, weight_rates=tuple(40 * rate for rate in _RELEASED.weight_rates))

DGP: Mapping[str, DgpSettings] = {"paper": _PORT, "mini": _shortened(_PORT), "portraits": _shortened(_PORT)}
DGP_BIGGAN: Mapping[str, DgpSettings] = {
    "paper": _RELEASED,
    "mini": _shortened(_RELEASED),
    "portraits": _shortened(_RELEASED),
}
BIGGAN_CHANNELS: Mapping[str, int] = {"paper": 96, "mini": 8, "portraits": 8}
"""The width of a BigGAN that has no file yet: for counts and tests."""
