"""The grid of a table in one kind of output: a line per method, what was measured, then what was published."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from bench import escape
from bench.profiles import profiles
from bench.report import notes
from bench.report.data_frames import interval, number
from bench.report.row import Row
from bench.report.table import Table
from bench.scores.family import LEAST


@dataclass(frozen=True, slots=True)
class Style:
    """How one kind of output writes a table."""

    layout: str
    bold: Callable[[str], str]
    dash: str
    mark: Callable[[int], str]
    escape: Callable[[str], str]
    small: Callable[[str], str]
    aside: Callable[[str], str]
    """How the title of a row is written that is no method."""
    printed: Callable[[str], str]
    """The head of the column with the published values of a category."""


MARKDOWN = Style(
    "pipe",
    "**{}**".format,
    "- ",
    "[{}]".format,
    escape.markdown,
    "<sub>{}</sub>".format,
    "*{}*".format,
    "published: {}".format,
)
TERMINAL = Style("simple", "{} *".format, "- ", "[{}]".format, escape.plain, str, str, "published\n{}".format)
LATEX = Style(
    "latex_raw",
    "\\textbf{{{}}}".format,
    "--",
    "\\tnote{{{}}}".format,
    escape.latex,
    "{{\\scriptsize {}}}".format,  # the rest of the table is \\footnotesize
    "\\textit{{{}}}".format,
    "published: {}".format,
)


def blocks(table: Table) -> Iterator[tuple[str, list[Row]]]:
    """Yield the heading and the rows of each table: one a factor and metric of the report."""
    for factor in table.report.factors:
        for name in table.report.metrics:
            rows = [row for row in table.rows if row.metric.name == name and row.cell.task.factor == factor]
            if rows:
                better = "higher" if rows[0].metric.higher_is_better else "lower"
                yield f"{rows[0].metric.title} at {factor}x ({better} is better)", rows


def lines(rows: Sequence[Row], table: Table, style: Style) -> str:
    """Return one table: a line per method, a column per category, and one for what was published of it.

    A reference that is made of edited images has no value in a column without edits.
    """
    left_out = folded(rows)
    by_place = {(row.cell.method, row.cell.task.category): row for row in rows if row.cell.method not in left_out}
    categories = list(dict.fromkeys(category for _, category in by_place))
    printed = [name for name in categories if any(row.published for (_, at), row in by_place.items() if at == name)]
    written = []
    for method in dict.fromkeys(method for method, _ in by_place):
        found = {category: by_place.get((method, category)) for category in categories}
        cell = next(row.cell for row in found.values() if row)
        title = style.aside(style.escape(cell.title)) if cell.aside else style.escape(cell.title)
        measured = [_measured(row, table, style) if row else "" for row in found.values()]
        written.append(
            [title, *measured, *(_published(row, style) if (row := found[name]) else "" for name in printed)]
        )
        differences = [_difference(row, table, style) if row else "" for row in found.values() if table.full]
        if any(differences):
            written.append([style.escape("· full minus this"), *differences])
    heads = ["", *(f"{style.escape(category)} (n = {table.images(category)})" for category in categories)]
    heads += [style.printed(style.escape(category)) for category in printed]
    return tabulate(written, headers=heads, tablefmt=style.layout, disable_numparse=True, stralign="left")


def below(rows: Sequence[Row], table: Table, style: Style) -> list[str]:
    """Return the lines below a table: which methods have none in it, and how small a difference it can show."""
    marked = [
        f"{style.escape(found[0].cell.title)} "
        + "".join(dict.fromkeys(style.mark(notes.reasons(table).index(row.why) + 1) for row in found))
        for found in folded(rows).values()
    ]
    left_out = [f"Not run on these images, for the reasons in the notes: {', '.join(marked)}."] if marked else []
    return left_out + _detectable(rows, table, style)


def folded(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return method -> its rows, of those that have no line in a table: the published networks fit no folder's size.

    In a table of a user's own folder they are those that were refused everywhere, unless nothing else is left.
    """
    if rows[0].cell.task.profile in profiles() or all(row.summary is None for row in rows):
        return {}
    by_method: dict[str, list[Row]] = {}
    for row in rows:
        by_method.setdefault(row.cell.method, []).append(row)
    return {name: found for name, found in by_method.items() if all(row.cell.refusal for row in found)}


def _detectable(rows: Sequence[Row], table: Table, style: Style) -> list[str]:
    """Return the line below a table that says how small a difference it can show; none without comparisons."""
    metric, factor = rows[0].metric, rows[0].cell.task.factor
    least: dict[str, float] = {}
    for contest in table.contests:
        here = (contest.metric.name, contest.task.factor) == (metric.name, factor)
        if here and contest.result.n >= LEAST and not math.isnan(contest.detectable):
            category = contest.task.category
            least[category] = max(least.get(category, 0.0), contest.detectable)
    values = [
        f"{style.escape(category)} {number(value, metric.digits + 1) or 'none'}" for category, value in least.items()
    ]
    which = "the hardest pair without seeds" if any(row.several for row in rows) else "the hardest pair"
    return [f"Least detectable difference (paired, 80 % power, {which}): {', '.join(values)}."] if values else []


def _measured(row: Row, table: Table, style: Style) -> str:
    """Return the measured value of a cell, or the number of the note that says why there is none.

    A cell of fewer images than the head of its column tells says so.
    """
    if row.summary is None:
        return style.dash + style.mark(notes.reasons(table).index(row.why) + 1)
    text = style.escape(interval(row.summary.mean, row.summary.half_width, row.metric.digits))
    text = f"{text} ({row.summary.infinite} exact)" if row.summary.infinite else text
    text = style.bold(text) if row.best else text
    text = f"{text} †" if row.seen else text
    text = text if row.n == table.images(row.cell.task.category) else f"{text} (n = {row.n})"
    text = f"{text} ({row.n_ok}/{row.n} ok)" if row.n_ok < row.n else text
    if not row.why:
        return text
    return f"{text} {style.mark(notes.reasons(table).index(row.why) + 1)}"


def _published(row: Row, style: Style) -> str:
    """Return the published value of a cell and how far the measured one is from it; small, where it stands alone."""
    if row.published is None:
        return ""
    digits = row.published.digits
    value = f"{row.published.value:.{digits}f}"
    return style.small(value) if math.isnan(row.difference) else f"{value} ({row.difference:+.{digits}f})"


def _difference(row: Row, table: Table, style: Style) -> str:
    """Return how far the full method is from this one; empty if they were not compared."""
    contest = table.contest(row)
    if contest is None:
        return ""
    text = style.escape(interval(contest.result.mean, contest.result.half_width, row.metric.digits))
    return style.bold(text) if contest.told else text
