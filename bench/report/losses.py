"""What a variant costs: its values beside those of its category, the same images by the same method, paired."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.report.data_frames import interval
from bench.report.row import Row
from bench.report.table import Table
from bench.scores import stats
from bench.scores.stats import Comparison


@dataclass(frozen=True, slots=True)
class Loss:
    """A variant against its category, by one method, factor and metric."""

    row: Row
    """Of the variant."""
    result: Comparison
    """Of the variant's values minus those of its category, image by image."""

    @property
    def text(self) -> str:
        """The mean difference and its interval, as printed."""
        return interval(self.result.mean, self.result.half_width, self.row.metric.digits)


def losses(table: Table) -> list[Loss]:
    """Return them in the order of the rows.

    There is none of a metric of sets or of a region, which the plain images lack, or without an image that both have.
    """
    return list(_losses(table))


def _losses(table: Table) -> Iterator[Loss]:
    plain = {_place(row, row.cell.task.category): row for row in table.rows if not row.subject}
    for row in filter(lambda row: row.subject, table.rows):
        before = plain.get(_place(row, row.subject))
        if before is None or row.metric.pooled is not None or row.metric.region:
            continue
        both = [(values, before.sources[name]) for name, values in row.sources.items() if name in before.sources]
        shared = [image for image in row.values if image in before.values]
        if both and shared:
            pairs = [
                ([values[image] for image in shared], [plain[image] for image in shared]) for values, plain in both
            ]
            means = [stats.over_seeds(values)[0] for values in zip(*pairs, strict=True)]
            spread = stats.of_differences(pairs)
            found = stats.compare([(means[0], means[1])], row.metric.higher_is_better, [[spread] if spread else []])
            yield Loss(row, found[0])


def _place(row: Row, category: str) -> tuple[str, str, int, str]:
    return row.cell.method, row.metric.name, row.cell.task.factor, category


def grid(found: list[Loss], metric: str, factor: int) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the lines of one table: a line per method, a column per variant."""
    here = [loss for loss in found if (loss.row.metric.name, loss.row.cell.task.factor) == (metric, factor)]
    columns = list(dict.fromkeys(loss.row.cell.task.category for loss in here))
    by_place = {(loss.row.cell.title, loss.row.cell.task.category): loss.text for loss in here}
    lines = [[title, *(by_place.get((title, column), "") for column in columns)] for title in _titles(here)]
    return ["", *columns], lines


def _titles(found: list[Loss]) -> list[str]:
    return list(dict.fromkeys(loss.row.cell.title for loss in found))
