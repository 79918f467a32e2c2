"""Progress bars: images per second and time left on a terminal, nothing anywhere else."""

from collections.abc import Iterable, Iterator
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


class _Rate(ProgressColumn):
    """Images per second since the start of the bar: results come in batches, so a moving rate would jump."""

    def render(self, task: Task) -> Text:
        rate = f"{task.completed / task.elapsed:.1f} images/s" if task.elapsed and task.completed else ""
        return Text(rate, style="progress.data.speed")


def track(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """Yield the items, drawing a bar on standard error if that is a terminal."""
    console = Console(stderr=True, emoji=False)
    one_line = Column(no_wrap=True)
    columns = (
        TextColumn("{task.description}", markup=False, table_column=one_line),
        BarColumn(bar_width=20),
        MofNCompleteColumn(table_column=one_line),
        _Rate(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(plain(description), total=total)
        for item in items:
            yield item
            progress.advance(bar)


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
