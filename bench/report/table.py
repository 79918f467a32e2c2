"""Records -> the rows of a table: a summary per cell and metric, and each method compared with one other of its task.

That other is the best; in a table of variants it is the full one.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.plan import left_out
from bench.scores import stats
from bench.scores.metrics import METRICS, Metric
from bench.spec import Card, Cell, Published, Record, Report, Task

_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """One cell and metric, measured and published."""

    cell: Cell
    metric: Metric
    values: Mapping[str, float]
    """image -> value; a failed image has its bicubic result's."""
    n_ok: int
    n: int
    """Images asked for, whether or not they could be read."""
    reason: str
    """Why there are no values, or why some images are not ok; empty if all are."""
    summary: stats.Summary | None
    published: Published | None
    test_set: str
    """What was measured here."""
    comparable: bool
    """True if the published figure is of the same test images."""
    remark: str = ""
    """The method's settings."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """The weight files that the method read -> what they were trained on."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """What the method says of its results -> of how many images."""
    best: bool = False
    """In the tie group of the best."""

    @property
    def status(self) -> str:
        """What became of the cell: ok, incomplete (some images are not ok), or not measured."""
        if self.summary is None:
            return "not measured"
        return "ok" if self.n_ok == self.n else "incomplete"

    @property
    def seen(self) -> bool:
        """True if the method was trained on the images it is tested on."""
        return any(_names(text, self.test_set) for text in (self.cell.trained_on, *self.weights.values()))

    @property
    def difference(self) -> float:
        """Measured minus published; NaN if one of them is missing."""
        if self.summary is None or self.published is None:
            return math.nan
        return self.summary.mean - self.published.value

    @property
    def verdict(self) -> str:
        """What the difference from the published figure says."""
        if self.summary is None or self.published is None:
            return ""
        if not self.comparable:
            return "other images"
        return stats.consistency(self.summary, self.published.value, self.published.digits)


@dataclass(frozen=True, slots=True)
class Contest:
    """The best method of a task and metric, or the full one of variants, against another, paired by image."""

    task: Task
    metric: Metric
    first: str
    other: str
    result: stats.Comparison
    detectable: float
    """The least true mean difference that this many images would show, with 80 % power."""

    @property
    def told(self) -> bool:
        """True if the two can be told apart."""
        return self.result.p_holm < _ALPHA


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

    def images(self, category: str) -> int:
        """Return how many images of a category the methods were given; those that search may have had fewer."""
        return max(row.n for row in self.rows if row.cell.task.category == category)

    def contest(self, row: Row) -> Contest | None:
        """Return the comparison of a row with the best or the full one, if there is one."""
        key = (row.cell.task, row.metric.name, row.cell.method)
        return next((c for c in self.contests if (c.task, c.metric.name, c.other) == key), None)


def build(report: Report, cells: Sequence[Cell], records: Sequence[Record], cards: Mapping[str, Card]) -> Table:
    """Return the table of a report: every cell has a row for each metric that applies to its category."""
    names = (*report.metrics, *report.also)
    by_cell: dict[tuple[Task, str], list[Record]] = {}
    for record in records:
        by_cell.setdefault((record.task, record.method), []).append(record)
    rows = [
        _row(report, cell, metric, by_cell.get((cell.task, cell.method), []), cards)
        for metric in (METRICS[name] for name in names)
        for cell in cells
        if metric.applies(cell.task.category)
    ]
    full = report.full or None
    contests = [c for name in names for c in _contests([row for row in rows if row.metric.name == name], full)]
    tied = {(c.task, c.metric.name, c.other) for c in contests if not c.told}
    tied |= {(c.task, c.metric.name, c.first) for c in contests}
    if full is None:  # what cannot be told from the full one is not thereby as good as the best
        rows = [replace(row, best=(row.cell.task, row.metric.name, row.cell.method) in tied) for row in rows]
    return Table(report, tuple(rows), tuple(contests), full, tuple(left_out(report, cards)))


def _row(report: Report, cell: Cell, metric: Metric, records: Sequence[Record], cards: Mapping[str, Card]) -> Row:
    """Return the row of one cell and metric."""
    protocol = metric.protocol()
    images = {record.image: record for record in records if record.image is not None}
    values = {image: record.metrics[protocol] for image, record in images.items() if protocol in record.metrics}
    published = _published(report, cell, metric)
    return Row(
        cell=cell,
        metric=metric,
        values=values,
        n_ok=sum(record.status == "ok" for record in images.values()),
        n=len(images),
        reason="; ".join(dict.fromkeys(record.reason for record in records if record.status != "ok")),
        summary=stats.summarise(list(values.values()), metric.higher_is_better) if values else None,
        published=published,
        test_set=cards[cell.task.category].test_set,
        comparable=cards[cell.task.category].test_set == report.test_sets.get(cell.task.category),
        remark=next((record.remark for record in records if record.remark), ""),
        weights={each.file: each.trained_on for record in records for each in record.weights},
        notes=Counter(record.note for record in images.values() if record.note),
    )


def _names(text: str, test_set: str) -> bool:
    """Return whether a text on training images names a test set, as a word of its own."""
    return bool(test_set) and re.search(rf"(?<![\w-]){re.escape(test_set)}(?![\w-])", text) is not None


def _published(report: Report, cell: Cell, metric: Metric) -> Published | None:
    """Return the published figure of a cell and metric, if there is one."""
    wanted = (cell.method, cell.task.category, cell.task.factor, metric.name)
    for figure in report.published:
        if (figure.method, figure.category, figure.factor, figure.metric) == wanted:
            return figure
    return None


def _contests(rows: Sequence[Row], full: str | None) -> list[Contest]:
    """Compare every method with the full one or the best of its task, one metric; Holm over the whole table."""
    found: list[Contest] = []
    for task in dict.fromkeys(row.cell.task for row in rows):
        measured = [row for row in rows if row.cell.task == task and row.summary is not None]
        first = _first(measured, full)
        if first is not None:
            found += [_contest(first, row) for row in measured if row is not first]
    results = stats.adjusted([contest.result for contest in found])
    return [replace(contest, result=result) for contest, result in zip(found, results, strict=True)]


def _first(measured: Sequence[Row], full: str | None) -> Row | None:
    """Return the row that the others of its task are compared with, or None if it was not measured.

    Without a full one it is the best on the images that all of them have.
    """
    if full is not None:
        return next((row for row in measured if row.cell.method == full), None)
    sign = 1 if measured and measured[0].metric.higher_is_better else -1
    shared = set.intersection(*(set(row.values) for row in measured)) if measured else set()
    return max(measured, key=lambda row: sign * math.fsum(row.values[image] for image in shared), default=None)


def _mean(row: Row) -> float:
    """Return the mean of a measured row."""
    return row.summary.mean if row.summary is not None else math.nan


def _contest(first: Row, other: Row) -> Contest:
    """Compare two rows on the images that both have."""
    images = [image for image in first.values if image in other.values]
    a, b = ([row.values[image] for image in images] for row in (first, other))
    result = stats.compare(a, b, first.metric.higher_is_better)
    differences = [x - y for x, y in zip(a, b, strict=True)]
    detectable = math.inf if math.isinf(_mean(first)) else stats.detectable(differences)
    return Contest(first.cell.task, first.metric, first.cell.method, other.cell.method, result, detectable)
