"""Table -> Markdown, CSV and LaTeX. A pure function of the records: the same records give the same bytes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from bench import atomic, escape
from bench.report import grid, losses, made_with, notes, seed_notes, spreadsheet, storing
from bench.report import latex as layout
from bench.report.data_frames import comparisons, frame, images, timing
from bench.report.row import Row
from bench.report.table import Table
from bench.scores.metrics import columns as metrics_of
from bench.spec import Record, UnknownName

COMPARISONS = (
    "Difference: {} minus other, mean ± half-width of its 95 % t interval. p: sign-flip test of the mean with "
    "Hall's correction for skewness (10 000 flips, seeded; up to 13 images all there are), of this difference "
    "alone. Adjusted: by the largest statistic among the comparisons of the table and metric that are still open. "
    "Win rate and Wilcoxon's p describe and do not decide. Detectable: by how much the first would have to be "
    "better for this table to say so in 80 of 100 cases; none: below 14 images, or more than the metric can differ."
)

_PAIRED = "Variant minus its category, the same images, paired: mean ± half-width of its 95 % t interval;"


_OF_SEEDS = (
    " Of several seeds or trainings p is of the images alone; a difference must also be larger than its interval, "
    "which holds them, and `told apart` says what came of both. None is then told as detectable."
)


def compared(table: Table) -> str:
    """Return what the columns of the comparisons are."""
    return COMPARISONS.format("full" if table.full else "best") + (_OF_SEEDS if table.of_seeds else "")


def write(
    table: Table, records: Sequence[Record], machine: Mapping[str, str], folder: Path, columns: Sequence[str] = ()
) -> list[Path]:
    """Write <table>.md, .details.md, .csv, .tex, .json, .images.csv and .timing.csv into a folder; return their paths.

    All but the timing depend on the results alone: a run that was killed and resumed gives the same files.
    """
    contents = texts(table, machine, columns) | {".json": storing.text(table, records, machine)}
    contents |= {
        ".images.csv": spreadsheet.text(images(table, records)),
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
    return {
        ".md": markdown(table, machine),
        ".details.md": details(table),
        ".csv": spreadsheet.text(frame(table)),
        ".tex": latex(table, columns),
    }


def markdown(table: Table, machine: Mapping[str, str]) -> str:
    """Return the report as Markdown: of several factors the tables of the one that most was measured at."""
    caption = f"{escape.markdown(table.report.caption)} {notes.sizes(table.rows, table, escape.markdown)}".strip()
    parts = [f"# {escape.markdown(table.report.title)}", caption]
    for heading, rows in grid.blocks(table):
        if rows[0].cell.task.factor == _shown(table):
            parts += _block(heading, rows, table)
    others = [factor for factor in table.report.factors if factor != _shown(table)]
    also = f"the tables of {', '.join(f'{factor}x' for factor in others)}, " if others else ""
    link = f"[{escape.markdown(table.report.name)}.details.md]({escape.address(table.report.name)}.details.md)"
    parts += _losses(table, [_shown(table)])
    parts.append(f"In {link}: {also}medians, the worst images, and all paired comparisons.")
    parts += [notes.legend(table, "Bold", escape.markdown), *notes.remarks(table, escape.markdown)]
    made = (*made_with.protocols(table, escape.markdown), *made_with.machine(table, machine, escape.markdown))
    parts += ["## How it was made", "\n".join(f"- {line}" for line in made)]
    return "\n\n".join(parts) + "\n"


def details(table: Table) -> str:
    """Return as Markdown what the report leaves out."""
    link = f"[{escape.markdown(table.report.name)}.md]({escape.address(table.report.name)}.md)"
    parts = [f"# {escape.markdown(table.report.title)}: details", f"Legend and notes stand in {link}."]
    others = [factor for factor in table.report.factors if factor != _shown(table)]
    for heading, rows in grid.blocks(table):
        if rows[0].cell.task.factor in others:
            parts += _block(heading, rows, table)
    parts += _losses(table, others)
    parts += ["## All figures", _pipe(_figures(table))]
    if table.contests:
        first = "full" if table.full else "best"
        parts += [f"## The {first} against the others, paired by image", _pipe(comparisons(table))]
        parts.append(compared(table))
    return "\n\n".join(parts) + "\n"


def _shown(table: Table) -> int:
    """Return the factor that the report opens with (`Report.front`)."""
    measured = Counter(row.cell.task.factor for row in table.rows if row.summary is not None)
    if measured[table.report.front]:
        return table.report.front
    return max(table.report.factors, key=lambda factor: measured[factor])


def _block(heading: str, rows: Sequence[Row], table: Table) -> list[str]:
    """Return one table with its heading and what stands below it."""
    return [f"## {heading}", grid.lines(rows, table, grid.MARKDOWN), *grid.below(rows, table, grid.MARKDOWN)]


def _losses(table: Table, factors: Sequence[int]) -> list[str]:
    """Return what variants cost at these factors, a table for each metric; nothing without variants."""
    found, parts = losses.losses(table), []
    for metric, factor in product(metrics_of(table.report.metrics), factors):
        heads, lines = losses.grid(found, metric.name, factor)
        if lines:
            head, *rest = ([escape.markdown(cell) for cell in line] for line in [heads, *lines])
            gain = "above" if metric.higher_is_better else "below"
            parts += [
                f"## What a variant costs: {metric.title} at {factor}x",
                tabulate(rest, headers=head, tablefmt="pipe", disable_numparse=True, stralign="left"),
                f"{_PAIRED} {gain} 0 is a gain.",
            ]
    return parts


def _figures(table: Table) -> pd.DataFrame:
    """Return the rows without what stands elsewhere in the report, or nowhere."""
    found = frame(table).drop(columns=["profile", "hr_size", "seed", "protocol", "reason"], errors="ignore")
    rare = [name for name in ("exact", "seed sd", "difference") if name in found]
    return found.drop(columns=[name for name in rare if not found[name].fillna("").any()])


def summary(table: Table) -> str:
    """Return the tables alone, for the terminal."""
    parts = [
        part
        for heading, rows in grid.blocks(table)
        for part in (heading, grid.lines(rows, table, grid.TERMINAL), *grid.below(rows, table, grid.TERMINAL))
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
    parts = [f"% {line}" for line in (f"In the preamble: {layout.PREAMBLE}", *made_with.protocols(table, escape.plain))]
    parts += [f"% {remark}" for remark in notes.remarks(table, escape.plain)]
    for heading, found in grid.blocks(table):
        rows = [row for row in found if not columns or row.cell.task.category in columns]
        if rows:
            parts_of = table.report.name, rows[0].metric.name, f"x{rows[0].cell.task.factor}"
            label = "-".join(map(layout.label, parts_of))
            caption = f"{escape.latex(table.report.title)}. {escape.latex(heading)}."
            caption = f"{caption} {notes.sizes(rows, table, escape.latex)}".strip()
            lines = grid.lines(rows, table, grid.LATEX)
            parts.append(layout.table(label, caption, lines, _items(rows, table)))
    return "\n".join(parts) + "\n"


def _items(rows: Sequence[Row], table: Table) -> Iterator[tuple[str, str]]:
    """Yield the notes below a LaTeX table: what its figures are, and the reasons that its cells carry."""
    yield "", escape.latex(notes.legend(table, "Bold", str))
    for line in grid.below(rows, table, grid.TERMINAL):
        yield "", escape.latex(line)
    for line in seed_notes.seeds(rows, escape.plain):
        yield "", escape.latex(line)
    for index, reason in enumerate(notes.reasons(table), start=1):
        if any(row.why == reason for row in rows):
            yield str(index), escape.latex(reason)


def _pipe(rows: pd.DataFrame) -> str:
    """Return a frame as a Markdown table."""
    cells = [[escape.markdown(str(cell)) for cell in row] for row in rows.fillna("").to_numpy().tolist()]
    return tabulate(cells, headers=list(rows.columns), tablefmt="pipe", disable_numparse=True)
