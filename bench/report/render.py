"""Table -> Markdown, CSV and LaTeX. A pure function of the records: the same records give the same bytes."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from bench import atomic, escape
from bench.report import again, notes, spreadsheet
from bench.report import latex as layout
from bench.report.data_frames import comparisons, frame, images, interval, number, timing
from bench.report.table import Row, Table
from bench.scores.family import LEAST
from bench.spec import Record, UnknownName


@dataclass(frozen=True, slots=True)
class _Style:
    """How one kind of output writes a table."""

    layout: str
    bold: Callable[[str], str]
    dash: str
    mark: Callable[[int], str]
    escape: Callable[[str], str]


_MARKDOWN = _Style("pipe", "**{}**".format, "- ", "[{}]".format, escape.markdown)
_TERMINAL = _Style("simple", "{} *".format, "- ", "[{}]".format, escape.plain)
_LATEX = _Style("latex_raw", "\\textbf{{{}}}".format, "--", "\\tnote{{{}}}".format, escape.latex)

_COMPARISONS = (
    "Difference: {} minus other, mean ± half-width of its 95 % t interval. p: sign-flip test of the mean with "
    "Hall's correction for skewness (10 000 flips, seeded; up to 13 images all there are), of this difference "
    "alone. Adjusted: by the largest statistic among the comparisons of the table and metric that are still open. "
    "Win rate and Wilcoxon's p describe and do not decide. Detectable: by how much the first would have to be "
    "better for this table to say so in 80 of 100 cases; none: below 14 images, or more than the metric can differ."
)


def write(
    table: Table, records: Sequence[Record], machine: Mapping[str, str], folder: Path, columns: Sequence[str] = ()
) -> list[Path]:
    """Write <table>.md, .csv, .tex, .cells.json, .images.csv and .timing.csv into a folder; return their paths.

    All but the timing depend on the results alone: a run that was killed and resumed gives the same files.
    """
    values = spreadsheet.text(images(table, records))
    contents = texts(table, machine, columns) | {
        ".cells.json": again.facts(table, machine, _bytes(values)),
        ".images.csv": values,
        ".timing.csv": spreadsheet.text(timing(records)),
    }
    paths = [folder / f"{table.report.name}{ending}" for ending in contents]
    for path, text in zip(paths, contents.values(), strict=True):
        atomic.write(path, _bytes(text))
    return paths


def _bytes(text: str) -> bytes:
    """Return a text as it is written; half a character, which UTF-8 lacks, becomes its number."""
    return text.encode(errors="backslashreplace")


def texts(table: Table, machine: Mapping[str, str], columns: Sequence[str] = ()) -> dict[str, str]:
    """Return what follows from the table alone, by the ending of its file; `columns` as in `latex`."""
    return {".md": markdown(table, machine), ".csv": spreadsheet.text(frame(table)), ".tex": latex(table, columns)}


def markdown(table: Table, machine: Mapping[str, str]) -> str:
    """Return the whole report as Markdown."""
    parts = [f"# {escape.markdown(table.report.title)}", escape.markdown(table.report.caption)]
    for heading, rows in _blocks(table):
        parts += [f"## {heading}", _grid(rows, table, _MARKDOWN), *_detectable(rows, table, _MARKDOWN)]
    parts += [notes.legend(table, "Bold", escape.markdown), *notes.remarks(table, escape.markdown)]
    parts += ["## Details", _pipe(_details(table))]
    if table.contests:
        first = "full" if table.full else "best"
        parts += [f"## The {first} against the others, paired by image", _pipe(comparisons(table))]
        parts.append(_COMPARISONS.format(first))
    facts = [f"- {escape.markdown(name)}: {escape.markdown(value)}" for name, value in machine.items()]
    parts += ["## How it was made", "\n".join([f"- {line}" for line in notes.protocol_lines(table)] + facts)]
    return "\n\n".join(parts) + "\n"


def _details(table: Table) -> pd.DataFrame:
    """Return the rows without what stands elsewhere in the report, or nowhere."""
    found = frame(table).drop(columns=["profile", "hr_size", "seed", "protocol", "reason"], errors="ignore")
    rare = [name for name in ("exact", "seed sd", "difference") if name in found]
    return found.drop(columns=[name for name in rare if not found[name].fillna("").any()])


def summary(table: Table) -> str:
    """Return the tables alone, for the terminal."""
    parts = [
        part
        for heading, rows in _blocks(table)
        for part in (heading, _grid(rows, table, _TERMINAL), *_detectable(rows, table, _TERMINAL))
    ]
    return "\n\n".join([*parts, notes.legend(table, "Starred", escape.plain), *notes.remarks(table, escape.plain)])


def latex(table: Table, columns: Sequence[str] = ()) -> str:
    """Return the tables as LaTeX, to be put into a paper, of these categories or of all.

    What is said of all tables together, protocols included, stands in comments. Raises `UnknownName` for a category
    that the table does not have.
    """
    there = dict.fromkeys(row.cell.task.category for row in table.rows)
    for name in columns:
        if name not in there:
            raise UnknownName("category in the table", name, there)
    parts = [f"% {line}" for line in (f"In the preamble: {layout.PREAMBLE}", *notes.protocol_lines(table))]
    parts += [f"% {remark}" for remark in notes.remarks(table, escape.plain)]
    for heading, found in _blocks(table):
        rows = [row for row in found if not columns or row.cell.task.category in columns]
        if rows:
            label = f"{table.report.name}-{rows[0].metric.name}-x{rows[0].cell.task.factor}".replace("_", "-")
            caption = f"{escape.latex(table.report.title)}. {escape.latex(heading)}."
            grid = _grid(rows, table, _LATEX)
            parts.append(layout.table(label, caption, grid, _items(rows, table)))
    return "\n".join(parts) + "\n"


def _items(rows: Sequence[Row], table: Table) -> Iterator[tuple[str, str]]:
    """Yield the notes below a LaTeX table: what its figures are, and the reasons that its cells carry."""
    yield "", escape.latex(notes.legend(table, "Bold", str))
    for line in _detectable(rows, table, _TERMINAL):
        yield "", escape.latex(line)
    for index, reason in enumerate(notes.reasons(table), start=1):
        if any(row.reason == reason for row in rows):
            yield str(index), escape.latex(reason)


def _blocks(table: Table) -> Iterator[tuple[str, list[Row]]]:
    """Yield the heading and the rows of each table: one a factor and metric of the report."""
    for factor in table.report.factors:
        for name in table.report.metrics:
            rows = [row for row in table.rows if row.metric.name == name and row.cell.task.factor == factor]
            if rows:
                better = "higher" if rows[0].metric.higher_is_better else "lower"
                yield f"{rows[0].metric.title} at {factor}x ({better} is better)", rows


def _grid(rows: Sequence[Row], table: Table, style: _Style) -> str:
    """Return one table: a line per method, below it what was published or its difference; a column per category."""
    categories = list(dict.fromkeys(row.cell.task.category for row in rows))
    by_place = {(row.cell.method, row.cell.task.category): row for row in rows}
    lines = []
    for method, title in dict.fromkeys((row.cell.method, row.cell.title) for row in rows):
        found = [by_place[method, category] for category in categories]
        lines.append([style.escape(title), *(_measured(row, table, style) for row in found)])
        if any(row.published for row in found):
            lines.append([style.escape("· published"), *(_published(row) for row in found)])
        differences = [_difference(row, table, style) for row in found if table.full]
        if any(differences):
            lines.append([style.escape("· full minus this"), *differences])
    heads = ["", *(f"{style.escape(category)} (n = {table.images(category)})" for category in categories)]
    return tabulate(lines, headers=heads, tablefmt=style.layout, disable_numparse=True, stralign="left")


def _detectable(rows: Sequence[Row], table: Table, style: _Style) -> list[str]:
    """Return the line below a table that says how small a difference it can show; none without comparisons."""
    metric, factor = rows[0].metric, rows[0].cell.task.factor
    least: dict[str, float] = {}
    for contest in table.contests:
        if (contest.metric.name, contest.task.factor) == (metric.name, factor) and contest.result.n >= LEAST:
            category = contest.task.category
            least[category] = max(least.get(category, 0.0), contest.detectable)
    values = [
        f"{style.escape(category)} {number(value, metric.digits + 1) or 'none'}" for category, value in least.items()
    ]
    return (
        [f"Least detectable difference (paired, 80 % power, the hardest pair): {', '.join(values)}."] if values else []
    )


def _measured(row: Row, table: Table, style: _Style) -> str:
    """Return the measured value of a cell, or the number of the note that says why there is none.

    A cell of fewer images than the head of its column tells says so.
    """
    if row.summary is None:
        return style.dash + style.mark(notes.reasons(table).index(row.reason) + 1)
    text = style.escape(interval(row.summary.mean, row.summary.half_width, row.metric.digits))
    text = f"{text} ({row.summary.infinite} exact)" if row.summary.infinite else text
    text = style.bold(text) if row.best else text
    text = f"{text} †" if row.seen else text
    text = text if row.n == table.images(row.cell.task.category) else f"{text} (n = {row.n})"
    if row.n_ok == row.n:
        return text
    return f"{text} ({row.n_ok}/{row.n} ok) {style.mark(notes.reasons(table).index(row.reason) + 1)}"


def _published(row: Row) -> str:
    """Return the published value of a cell, and how far the measured one is from it."""
    if row.published is None:
        return ""
    digits = row.published.digits
    difference = "" if math.isnan(row.difference) else f" ({row.difference:+.{digits}f})"
    return f"{row.published.value:.{digits}f}{difference}"


def _difference(row: Row, table: Table, style: _Style) -> str:
    """Return how far the full method is from this one; empty if they were not compared."""
    contest = table.contest(row)
    if contest is None:
        return ""
    text = style.escape(interval(contest.result.mean, contest.result.half_width, row.metric.digits))
    return style.bold(text) if contest.told else text


def _pipe(rows: pd.DataFrame) -> str:
    """Return a frame as a Markdown table."""
    cells = [[escape.markdown(str(cell)) for cell in row] for row in rows.fillna("").to_numpy().tolist()]
    return tabulate(cells, headers=list(rows.columns), tablefmt="pipe", disable_numparse=True)
