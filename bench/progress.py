"""Progress: a bar with rate and time left on a terminal; anywhere else, such as in a log, a line every 30 seconds."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from bench.escape import plain

Item = TypeVar("Item")
EVERY = 30.0
"""Seconds between two lines."""
_QUIET = Event()
"""Set: nothing of this is printed."""


def silence(*, quiet: bool = True) -> None:
    """Print no more progress, or print it again."""
    if quiet:
        _QUIET.set()
    else:
        _QUIET.clear()


def silent() -> bool:
    """Return whether only results and errors are to be printed."""
    return _QUIET.is_set()


class _Lines:
    """Lines on how far the work is, from a thread of their own, so that one slow item is no silence."""

    last = monotonic()
    """When the last line of any work was printed: a hundred short pieces of work are no silence either."""

    def __init__(self, description: str, total: int) -> None:
        """Begin to count."""
        self._description, self._total, self._done = description, total, 0
        self._start = monotonic()
        self._ended = Event()

    def advance(self) -> None:
        """Count an item."""
        self._done += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        """Print lines as long as the block runs."""
        thread = Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _run(self) -> None:
        while not self._ended.wait(max(0.01, _Lines.last + EVERY - monotonic())):
            if monotonic() - _Lines.last >= EVERY:
                _Lines.last = monotonic()
                with suppress(OSError, ValueError):  # standard error is full, or closed
                    print(self._text(), file=sys.stderr, flush=True)  # noqa: T201 - as `console.tell`

    def _text(self) -> str:
        """Return how far it is: `restore face 16x GLEAN: 12 of 100, 0.4/s, 3 min 40 s left`."""
        spent = monotonic() - self._start
        text = f"{plain(self._description)}: {self._done} of {self._total}"
        if not self._done:
            return f"{text}, for {spelt(spent)}"
        rate = self._done / spent
        return f"{text}, {rate:.2g}/s, {spelt((self._total - self._done) / rate)} left"


class _Rate(ProgressColumn):
    """Images per second since the start of the bar: results come in batches, so a moving rate would jump."""

    def render(self, task: Task) -> Text:
        rate = f"{task.completed / task.elapsed:.1f} images/s" if task.elapsed and task.completed else ""
        return Text(rate, style="progress.data.speed")


def track(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """Yield the items, drawing a bar on standard error if that is a terminal, else printing lines there."""
    console = Console(stderr=True, emoji=False)
    if _QUIET.is_set():
        yield from items
        return
    if not console.is_terminal:
        yield from _told(items, _Lines(description, total))
        return
    one_line = Column(no_wrap=True)
    columns = (
        TextColumn("{task.description}", markup=False, table_column=one_line),
        BarColumn(bar_width=20),
        MofNCompleteColumn(table_column=one_line),
        _Rate(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(plain(description), total=total)
        for item in items:
            yield item
            progress.advance(bar)


def _told(items: Iterable[Item], lines: _Lines) -> Iterator[Item]:
    """Yield the items, counting each once it is used."""
    with lines.running():
        for item in items:
            yield item
            lines.advance()


def follow(downloads: Iterable[tuple[int, int, str]]) -> Iterator[str]:
    """Go through downloads, items (bytes done, bytes in all, name), with a bar for each; yield each name when done."""
    console = Console(stderr=True, emoji=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}
        for done, total, name in downloads:
            if name not in bars:
                yield from list(bars)[-1:]
                bars[name] = progress.add_task(plain(name), total=total or None)
            progress.update(bars[name], completed=done)
        yield from list(bars)[-1:]


def spelt(duration: float) -> str:
    """Return seconds in the unit that suits them."""
    if duration < 90:  # noqa: PLR2004 - a minute and a half
        return "1 second" if round(duration) == 1 else f"{duration:.0f} seconds"
    minutes = duration / 60
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"  # noqa: PLR2004
