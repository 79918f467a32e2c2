"""What a table was made with, in words: weight files, protocols, versions and machine."""

from collections.abc import Iterable, Mapping

from bench.report import parts
from bench.report.seed_notes import Escape
from bench.report.table import Table
from bench.resize import IN_WORDS
from bench.scores.metrics import columns

_SCORED = "Scored: the stored 8-bit RGB PNG."
_OPERATOR = f"LR: {IN_WORDS}. {_SCORED}"


def weights(table: Table, escape: Escape) -> list[str]:
    """Return which weight files each method read, of what they were trained on, for which categories and factors."""
    told: dict[tuple[str, str], dict[str, dict[str, dict[int, None]]]] = {}
    for row in table.rows:
        task = row.cell.task
        for file, images in row.weights.items():
            files = told.setdefault((row.cell.title, images or "images that nobody named"), {})
            files.setdefault(file, {}).setdefault(task.asked.category, {})[task.factor] = None
    return [
        f"Weights of {escape(title)}, trained on {escape(images)}: "
        f"{'; '.join(f'{escape(file)} ({_used(of, escape)})' for file, of in files.items())}."
        for (title, images), files in told.items()
    ]


def _used(factors: Mapping[str, Iterable[int]], escape: Escape) -> str:
    """Return in words for which categories and factors a file is used."""
    return ", ".join(f"{escape(category)} {', '.join(f'{each}x' for each in of)}" for category, of in factors.items())


def machine(table: Table, facts: Mapping[str, str], escape: Escape) -> list[str]:
    """Return with what a table was measured, and of how many cells something else is true."""
    cells = {(row.cell.task, row.cell.method): row.machine for row in table.rows}
    return [f"{escape(name)}: {escape(value)}" for name, value in parts.told(facts, list(cells.values())).items()]


def protocols(table: Table, escape: Escape) -> list[str]:
    """Return the protocol of every number of the table."""
    found = {row.metric.name: row.metric for row in table.rows}
    metrics = [found.get(each.name, each) for each in columns((*table.report.metrics, *table.report.also))]
    given = dict.fromkeys(
        f"LR images of {escape(row.cell.task.category)} at {row.cell.task.factor}x: {row.lr.removeprefix('LR ')}."
        for row in table.rows
        if row.lr
    )
    made = _OPERATOR if any(not row.lr for row in table.rows) else _SCORED
    return [made, *given, *(f"{metric.name}: {metric.protocol()}" for metric in metrics)]
