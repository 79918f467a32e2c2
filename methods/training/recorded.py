"""Steps that a GPU plays back: one is two thousand small operations, and to start each takes longer than to run it.

A step is made twice in the ordinary way, so that all memory is there and all constants are made, then recorded as a
CUDA graph and from then on replayed, with other images, rates and random numbers. What is recorded reads and writes the
same memory each time: it must change what it keeps in place, decide nothing in Python that differs from step to step,
and wait for nothing. Other devices make each step in the ordinary way.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from methods.training.processes import Told, alone

_ORDINARY = 2  # steps of a kind before it is recorded


@dataclass(frozen=True, slots=True)
class _Recording:
    """A step."""

    graph: torch.cuda.CUDAGraph
    inputs: Sequence[Tensor]
    told: Told


class Recorded:
    """The steps of a training by kind: those of one kind do the same operations."""

    def __init__(self, device: torch.device, draws: Sequence[torch.Generator] | None = ()) -> None:
        """Take the random numbers of the device that steps draw, which are set to their beginning before each.

        None: a step draws from others, too, and cannot be recorded, as that of a batch in parts.
        """
        self._records = device.type == "cuda" and alone() and draws is not None
        self._draws = draws or ()
        self._made: dict[Hashable, int] = {}
        self._recordings: dict[Hashable, _Recording] = {}

    def run(self, kind: Hashable, act: Callable[..., Told], *inputs: Tensor) -> Told:
        """Make a step: call `act` with tensors on the device, or replay what it did with earlier ones of their shapes.

        What is told of a replayed step stands there until the next one.
        """
        if not self._records:
            return act(*inputs)
        if kind not in self._recordings:
            self._made[kind] = self._made.get(kind, 0) + 1
            if self._made[kind] <= _ORDINARY:
                return act(*inputs)
            self._recordings[kind] = self._record(act, inputs)
        recording = self._recordings[kind]
        for held, new in zip(recording.inputs, inputs, strict=True):
            held.copy_(new)
        recording.graph.replay()
        return recording.told

    def _record(self, act: Callable[..., Told], inputs: Sequence[Tensor]) -> _Recording:
        """Record a step without making it."""
        held = [each.clone() for each in inputs]
        graph = torch.cuda.CUDAGraph()
        for draws in self._draws:
            graph.register_generator_state(draws)
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            told = act(*held)
        return _Recording(graph, held, told)
