"""The loop of every training: images, a step, now and then a line of the log and a checkpoint."""

import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from bench import store
from bench.resize import eight_bit
from bench.spec import Images
from methods.training import stop
from methods.training.feed import Feed
from methods.training.processes import Told, rank
from methods.training.run import Run

_LOG_EVERY = 50  # steps
Course: TypeAlias = Generator[None, None, bool]
"""A training by steps; it returns whether its end was reached."""


class Training(Protocol):
    """Something in training."""

    step: int

    @property
    def steps(self) -> int:
        """Steps in all."""
        ...

    @property
    def batch(self) -> int:
        """Images of the next step, of all processes together."""
        ...

    def advance(self, real: Images) -> Told:
        """Make a step with this process's real images in [0, 1]; return the losses, to be read before the next step."""
        ...

    def samples(self) -> Images:
        """Return images to look at, (N, 3, H, W), [0, 1]."""
        ...

    def adopt(self, kept: Mapping[str, Mapping[str, Tensor]], step: int) -> None:
        """Go on from the weights that `networks` returned at a step, as there is no checkpoint."""
        ...

    def networks(self) -> Mapping[str, nn.Module]:
        """Return the networks that are kept, by part; none before there is something to keep."""
        ...

    def state(self) -> dict[str, Any]:
        """Return everything a checkpoint needs, with the step."""
        ...

    def load(self, state: dict[str, Any]) -> None:
        """Go on where a state was; without those of the optimisers, with new ones."""
        ...


def train(training: Training, feed: Feed, run: Run, label: str, kept: Callable[[], object] = lambda: None) -> bool:
    """Train to the end, or as long as the run may; return whether the end was reached. Goes on from a checkpoint.

    `kept` is called behind each checkpoint. Raises `Stopped` behind the last one if Ctrl-C or SIGTERM ended it.
    """
    with stop.asked() as run.asked, bars() as shown:
        for _ in steps(training, feed, run, shown, label, kept):
            pass
    return training.step >= training.steps


def run_through(steps: Course) -> bool:
    """Make all steps of a training; return whether its end was reached."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return bool(end.value)


def bars() -> Progress:
    """Return the place for the progress of trainings: a terminal, of the first process."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    return Progress(*columns, console=console, disable=not (console.is_terminal and rank() == 0))


def steps(  # noqa: PLR0913, PLR0917 - what, with what, where
    training: Training, feed: Feed, run: Run, shown: Progress, label: str, kept: Callable[[], object]
) -> Iterator[None]:
    """Go on from the checkpoint, a step each time something is asked for, and write a checkpoint at the end.

    Raises `Stopped` behind it if one of the signals that `run.asked` notes has ended the training.
    """
    run.load(training.load)
    bar = shown.add_task(label, total=training.steps, completed=training.step)
    start, first = 0.0, training.step
    while training.step < training.steps and not run.over and not run.interrupted:
        step = training.step
        images = feed.batch(step, training.batch)
        if step == first:
            start = time.monotonic()  # a pool was drawn for the first batch, which is not training
        values = training.advance(images)
        if step % _LOG_EVERY == 0:
            run.log(step, {**values, "seconds_per_step": (time.monotonic() - start) / (step + 1 - first)})
        shown.update(bar, completed=training.step)
        if run.due:
            _keep(training, run)
            kept()
        yield
    _keep(training, run)
    kept()
    if run.interrupted:
        raise stop.Stopped(run.asked.number or signal.SIGTERM)  # another process got it


def _keep(training: Training, run: Run) -> None:
    """Write the checkpoint, and what the network makes now."""
    run.save(training.state())
    if rank() == 0:
        store.save_sheet(
            run.folder / "samples.png", list(eight_bit(training.samples().detach().float()).cpu().split(8))
        )
