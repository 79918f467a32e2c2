"""Progress bars: images per second and time left on a terminal, nothing anywhere else."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

Item = TypeVar("Item")


class _Rate(ProgressColumn):
    """Images per second since the start of the bar: results come in batches, so a moving rate would jump."""

    def render(self, task: Task) -> Text:
        rate = f"{task.completed / task.elapsed:.1f} images/s" if task.elapsed and task.completed else ""
        return Text(rate, style="progress.data.speed")


def track(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """Yield the items, drawing a bar on standard error if that is a terminal."""
    console = Console(stderr=True)
    one_line = Column(no_wrap=True)
    columns = (
        TextColumn("{task.description}", table_column=one_line),
        BarColumn(bar_width=20),
        MofNCompleteColumn(table_column=one_line),
        _Rate(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(description, total=total)
        for item in items:
            yield item
            progress.advance(bar)
