"""What is said of pictures that another run made than the one that was measured: how far its values are away."""

import math
from collections.abc import Sequence
from pathlib import Path

from bench import escape
from bench.report import runs
from bench.report.table import Table
from bench.scores.metric import Metric
from bench.scores.metrics import columns
from bench.viewer.pictures import Pictures

_SAID = "They were made again, in another run than the one that was measured"


def remark(path: Path, other: Path, table: Table, shown: Sequence[Pictures]) -> str:
    """Return the sentence for a <table>.json, that of the other run, and the pictures that are shown of it."""
    if not other.is_file():
        return f"{_SAID}, and may differ from those that the values are of."
    (ours,), (theirs,) = runs.read(path).values(), runs.read(other).values()
    away = " and ".join(_farthest(metric, table, ours, theirs, shown) for metric in columns(table.report.metrics))
    return f"{_SAID}: on these images its values are at most {away} away from those of the table."


def _farthest(metric: Metric, table: Table, ours: runs.Run, theirs: runs.Run, shown: Sequence[Pictures]) -> str:
    """Return by how much two runs differ at most on an image that is shown, and of which method, if it can be seen."""
    titles = {row.cell.method: row.cell.title for row in table.rows}
    most, title = metric.margin, ""
    for each in shown:
        place = runs.Place(each.task.category, each.task.factor, each.method)
        first, second = (run.scores.get(place, {}).get(metric.name, {}) for run in (ours, theirs))
        for image in each.files:
            found = abs(first.get(image, math.nan) - second.get(image, math.nan))
            if found > most:
                most, title = found, titles[each.method]
    if not title:
        return f"{0:.{metric.digits}f} in {metric.title}"
    return f"{most:.{metric.digits}f} in {metric.title} ({escape.plain(title)})"
