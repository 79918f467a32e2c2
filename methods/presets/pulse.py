"""The numbers of PULSE's search (methods/search/pulse.py), by preset; `paper` has those of the released code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

RateSchedule = Literal["fixed", "linear1cycle", "linear1cycledrop"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PulseSettings:
    """The numbers of the search; as released."""

    steps: int = 100
    learning_rate: float = 0.4
    """Adam's, at the peak of the schedule."""
    schedule: RateSchedule = "linear1cycledrop"
    epsilon: float = 2e-3
    """The mean squared error at which an image passes, and below which it is not drawn nearer to the input."""
    error_weight: float = 100.0
    geocross_weight: float = 0.05
    searched_maps: int = 5
    """How many noise maps, from the coarsest on, are searched."""
    fit_samples: int = 1_000_000
    """How many latents the mean and the deviation are taken of."""


PULSE: Mapping[str, PulseSettings] = {
    "paper": PulseSettings(),
    "mini": PulseSettings(fit_samples=100_000),
    "portraits": PulseSettings(fit_samples=100_000),
}
