"""Metrics computed in processes of their own, so that several images are measured at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np
from torch import Tensor

from bench.resize import eight_bit
from bench.running import wire
from bench.running.places import HERE, Asked, Place
from bench.running.process import START, Ended
from bench.scores.metric import Metric, Pair

Measure: TypeAlias = Callable[[Sequence[Metric], Pair], list[Tensor]]
"""What computes the values of metrics, in their order: of all at once, so that images are sent once."""
_MOST = 4096
"""Numbers that a metric tells of an image: one, or of a metric of sets its features."""
_TRIES = 3
"""How often a batch is measured whose process ends: it may be short of memory for a moment."""


def measured(columns: Sequence[Metric], pair: Pair) -> list[Tensor]:
    """Return the values of metrics, computed here."""
    return [metric.function(pair) for metric in columns]


class Measurers:
    """Some processes; a thread that measures takes one that is idle."""

    def __init__(self, jobs: int, place: Place = HERE) -> None:
        """Note that so many may be started at a place, each when it is wanted."""
        self._place = place
        self._idle: SimpleQueue[Asked | None] = SimpleQueue()
        for _ in range(jobs):
            self._idle.put(None)
        self._jobs = jobs

    def measure(self, columns: Sequence[Metric], pair: Pair) -> list[Tensor]:
        """Return the values of metrics, as `measured`: the same ones. Raises `BenchError` where a metric raises."""
        for tries in range(_TRIES + self._place.again, 0, -1):
            process = self._idle.get()
            try:
                process = process or self._place.start("")
                return _asked(process, columns, pair)
            except Ended:
                if process is not None:
                    process.end()
                process = None
                if tries == 1:
                    raise
            finally:
                self._idle.put(process)
        raise AssertionError

    def close(self) -> None:
        """End the processes."""
        for _ in range(self._jobs):
            if (process := self._idle.get()) is not None:
                process.end(patience=0)


@contextmanager
def measurers(jobs: int, place: Place = HERE) -> Iterator[Measurers]:
    """Have processes for the block."""
    found = Measurers(jobs, place)
    try:
        yield found
    finally:
        found.close()


def _asked(process: Asked, columns: Sequence[Metric], pair: Pair) -> list[Tensor]:
    images = [eight_bit(each) for each in (pair.sr, pair.hr, pair.lr, pair.mask) if each is not None]
    request = {
        "do": "measure",
        "metrics": [{"name": metric.name, "box": metric.box} for metric in columns],
        "factor": pair.factor,
        "how": pair.how,
        "shapes": [list(each.shape) for each in images],
    }
    answer, content = process.ask(request, START, *images, most=8 * _MOST * len(pair.sr) * len(columns))
    return wire.several(content, np.float64, answer["shapes"])
