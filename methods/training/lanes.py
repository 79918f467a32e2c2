"""Trainings that share a GPU: small networks leave most of it idle, so several are trained side by side.

Each has a stream of its own, in which its recorded steps are played back (methods/training/recorded.py); one thread
starts them in turn, and never waits for one while another could go on. The weights are those of one after another, as
each training has its own random numbers and its own memory.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from bench.errors import BenchError
from methods.presets import biggan
from methods.training import loop, processes, queue, run, stop
from methods.training.items import Item
from methods.training.loop import Course
from methods.training.settings import TrainingSettings

_AHEAD = 2  # steps that wait on the GPU, so that it has something to do while others are started
_PAUSE = 1e-4  # seconds, when all have as much


class Lane:
    """A training, and where its steps run."""

    def __init__(self, item: Item, course: Course, device: torch.device) -> None:
        """Take a training by steps. A bank, for which others wait, goes before the others."""
        self.item, self._course = item, course
        self.ended: bool | None = None
        """Whether its end was reached; None as long as it goes on."""
        self.error: Exception | None = None
        """What it was ended by."""
        self._stream = torch.cuda.Stream(device, priority=-item.is_bank) if device.type == "cuda" else None
        self._asked: list[torch.cuda.Event] = []

    @property
    def free(self) -> bool:
        """Whether the next step may be started."""
        while self._asked and self._asked[0].query():
            del self._asked[0]
        return len(self._asked) < _AHEAD

    def go(self) -> None:
        """Start a step. What it raises is kept: the others would lose what they did since their checkpoints."""
        with torch.cuda.stream(self._stream) if self._stream else nullcontext():
            try:
                next(self._course)
            except StopIteration as end:
                self.ended = bool(end.value)
            except Exception as error:  # noqa: BLE001 - raised when the others have ended
                self.error, self.ended = error, False
                if not isinstance(error, stop.Stopped):
                    run.say(f"{self.item.label} has failed ({error}); nothing more begins, the others are trained on.")
            if self._stream:
                event = torch.cuda.Event()
                event.record(self._stream)
                self._asked.append(event)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be trained."""

    item: Item
    begin: Callable[[float], Course]
    """Returns its training by steps, for so many seconds."""


def train_all(
    items: Iterable[Item], settings: TrainingSettings, at_once: int, seconds: float = math.inf
) -> Iterator[tuple[Item, bool]]:
    """Train the unfinished items, so many side by side; yield and raise as `side_by_side`.

    Raises `BenchError` under torchrun: processes would take their steps in orders that differ, and wait for each other.
    """
    processes.join()
    if not processes.alone():
        raise BenchError("trainings side by side (--at-once) share the GPU of one process; start it without torchrun.")
    with stop.asked() as asked, loop.bars() as shown:
        jobs = [
            Job(item, lambda left, item=item: queue.course(item, settings, left, asked, shown))  # type: ignore[misc]
            for item in queue.unfinished(items, settings)
        ]
        yield from side_by_side(jobs, settings.device, at_once, seconds)


def side_by_side(
    jobs: Iterable[Job], device: torch.device, at_once: int, seconds: float
) -> Iterator[tuple[Item, bool]]:
    """Do so many jobs at once, as long as the time lasts; yield each as it ends, and whether it was trained to its end.

    A restorer waits for the bank of its category. Raises `Stopped` when all are stopped, if a signal stops them; what
    another training raises when the others have ended, and begins no more.
    """
    end = time.monotonic() + seconds
    waiting, lanes = list(jobs), list[Lane]()
    failed: Exception | None = None
    while waiting or lanes:
        while len(lanes) < at_once and not failed and (job := _next(waiting, lanes)) and time.monotonic() < end:
            waiting.remove(job)
            lanes.append(Lane(job.item, job.begin(end - time.monotonic()), device))
        if not lanes:
            break
        free = [lane for lane in lanes if lane.free]
        for lane in free:
            lane.go()
        failed = failed or next((lane.error for lane in free if lane.error), None)
        yield from ((lane.item, lane.ended) for lane in free if lane.ended is not None and not lane.error)
        lanes = [lane for lane in lanes if lane.ended is None]
        if not free:
            time.sleep(_PAUSE)
    if failed:
        raise failed


def _next(waiting: Iterable[Job], lanes: Iterable[Lane]) -> Job | None:
    """Return the first job that needs no bank which is still being trained."""
    banks = [_bank(lane.item, lane.item.what) for lane in lanes if lane.item.is_bank]

    def ready(item: Item) -> bool:
        own = biggan.NAME if item.what == biggan.METHOD else "bank"
        return item.of_pixels or item.what == biggan.NAME or not {_bank(item, own), _bank(item, "bank")} & set(banks)

    return next((job for job in waiting if ready(job.item)), None)


def _bank(item: Item, what: str) -> tuple[str, str]:
    """Return what tells the banks of trainings apart: a BigGAN is of no one category."""
    return item.task.profile, what if what == biggan.NAME else f"{what} {item.task.category}"
