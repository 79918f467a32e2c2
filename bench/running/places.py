"""Where workers run: on this machine, each in a process of its own, or on the machines of a cluster (`cluster`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from bench.running import wire
from bench.running.process import Process


class Asked(Protocol):
    """A running worker."""

    @property
    def spec(self) -> Any:  # noqa: ANN401 - as it came
        """What its method says of itself, not yet checked."""
        ...

    def ask(self, request: Mapping[str, Any], limit: float, *pictures: Tensor, most: int = 0) -> wire.Message:
        """Return the answer to a request, as `Process.ask`."""
        ...

    def end(self, patience: float = 0.0) -> str:
        """End it, as `Process.end`."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A place where workers can be started."""

    start: Callable[[str], Asked]
    """The reference of a method, or "" for none -> a worker that has imported it."""
    again: int = 0
    """How often something is asked again whose worker ended, if that need not be the fault of what it did."""


HERE = Place(Process)
"""This machine."""
