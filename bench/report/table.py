"""Records -> the rows of a table: a summary per cell and metric, and each method compared with one other of its task.

That other is the best; in a table of variants it is the full one. Records of several seeds or trainings make one row:
the values are averaged image by image, and the interval holds both the images and how far the seeds lie apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bench.images.provenance import Provenance
from bench.measurable import left_out
from bench.report import measured
from bench.report.row import Row
from bench.scores.contests import Contest, Entry, judge
from bench.scores.metric import Metric
from bench.scores.metrics import columns
from bench.spec import Card, Cell, Record, Report, Task

NONE_GIVEN: Mapping[tuple[str, int], Provenance] = MappingProxyType({})
"""The suite made all LR images."""


@dataclass(frozen=True, slots=True)
class Table:
    """All that a report says, as values."""

    report: Report
    rows: tuple[Row, ...]
    contests: tuple[Contest, ...] = field(default=())
    full: str | None = None
    """The method that all others are compared with; None: the best of each task."""
    left_out: tuple[str, ...] = ()
    """What the report asks for and these images cannot give, a sentence each."""

    @property
    def of_seeds(self) -> bool:
        """True if intervals hold several seeds or trainings."""
        return any(row.spread is not None for row in self.rows)

    def images(self, category: str) -> int:
        """Return how many images of a category the methods were given; those that search may have had fewer."""
        return max(row.n for row in self.rows if row.cell.task.category == category)

    def contest(self, row: Row) -> Contest | None:
        """Return the comparison of a row with the best or the full one, if there is one."""
        key = (row.cell.task, row.metric.name, row.cell.method)
        return next((c for c in self.contests if (c.task, c.metric.name, c.other) == key), None)

    def margin(self, metric: Metric) -> float:
        """Return the mean difference up to which methods are level."""
        return self.report.margin.get(metric.name, metric.margin)


def build(
    report: Report,
    cells: Sequence[Cell],
    records: Sequence[Record],
    cards: Mapping[str, Card],
    given: Mapping[tuple[str, int], Provenance] = NONE_GIVEN,
) -> Table:
    """Return the table of a report: every cell has a row for each metric that applies to its category.

    `given` holds, by category and factor, from where the LR images are that the suite did not make.
    """
    metrics = columns((*report.metrics, *report.also))
    by_cell: dict[tuple[Task, str], list[Record]] = {}
    for record in records:
        by_cell.setdefault((record.task.place, record.method), []).append(record)
    different = {(cell.task.place, cell.method): cell for cell in reversed(cells)}
    places = [(key, replace(cell, task=key[0])) for key, cell in reversed(different.items())]
    rows = [
        _from(
            given.get((cell.task.category, cell.task.factor)),
            measured.row(report, cell, metric.of(card), by_cell.get(key, []), card),
        )
        for metric in metrics
        for key, cell in places
        if metric.tells(card := cards[cell.task.category]) and metric.takes(cell)
    ]
    table = Table(report, tuple(rows), full=report.full or None, left_out=tuple(left_out(report, cards)))
    return _judged(table, metrics)


def _judged(table: Table, metrics: Iterable[Metric]) -> Table:
    """Return a table with its comparisons, and with the best of each task marked."""
    contests: list[Contest] = []
    best: set[tuple[str, Task, str]] = set()
    for metric in metrics:
        entries = [
            _entry(row)
            for row in table.rows
            if row.metric.name == metric.name and row.metric.pooled is None and not row.cell.aside
        ]
        found, unbeaten = judge(entries, metric, table.margin(metric), table.full)
        contests += found
        best |= {(metric.name, *key) for key in unbeaten}
    rows = table.rows
    if table.full is None:  # what cannot be told from the full one is not thereby as good as the best
        rows = tuple(replace(r, best=(r.metric.name, r.cell.task, r.cell.method) in best) for r in rows)
    return replace(table, rows=rows, contests=tuple(contests))


def _entry(row: Row) -> Entry:
    """Return what a row is compared by."""
    return Entry(
        task=row.cell.task,
        method=row.cell.method,
        values=row.values,
        ok=row.n_ok > 0,
        spread=row.spread,
        sources=row.sources,
        networks=frozenset(row.weights),
    )


def _from(given: Provenance | None, row: Row) -> Row:
    """Return a row with what is known of the LR images it is of."""
    return row if given is None else replace(row, lr=given.in_words, likeness=(*row.likeness, *given.remarks))
