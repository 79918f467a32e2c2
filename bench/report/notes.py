"""What is said below a table, in words: legend, settings, images that were left out, reasons, protocols."""

from bench.report.table import Table
from bench.scores.metrics import METRICS, Metric

_LEGEND = (
    "Measured: mean ± half-width of its 95 % t interval. {}: the best and every method that cannot be told from it "
    "(paired sign-flip permutation test of the mean, Holm within this table and metric, p ≥ 0.05). "
    "Below a method: the published value and, in brackets, measured minus published."
)
_VARIANTS_LEGEND = (
    "Measured: mean ± half-width of its 95 % t interval. Full: {full}. Below a variant: the mean difference, full "
    "minus variant, paired by image, ± half-width of its 95 % t interval. {mark}: a difference that can be told from "
    "none (sign-flip permutation test of the mean, Holm within this table and metric, p < 0.05)."
)
_OTHER_IMAGES = (
    "The published values are of other test images ({}) than those measured here ({}): "
    "the difference shows how far apart the data are, not an error of either."
)
_FEWER = (
    "Measured on fewer images, because they search anew for each: {}. Methods are compared on the images that both "
    "have; `-n 100` gives all methods 100."
)
_OPERATOR = "LR: MATLAB imresize bicubic, antialiased, in float64, rounded to 8 bit. Scored: the stored 8-bit RGB PNG."


def legend(table: Table, mark: str) -> str:
    """Return what the figures of the tables are; `mark` says how they are marked."""
    if table.full is None:
        return _LEGEND.format(mark)
    title = next(row.cell.title for row in table.rows if row.cell.method == table.full)
    return _VARIANTS_LEGEND.format(full=title, mark=mark)


def reasons(table: Table) -> list[str]:
    """Return why cells are empty or incomplete, each reason once."""
    return list(dict.fromkeys(row.reason for row in table.rows if row.reason))


def remarks(table: Table) -> list[str]:
    """Return the notes below a table: other images than the paper's, refusals, failures."""
    found: list[str] = []
    apart = [row for row in table.rows if row.published is not None and not row.comparable]
    if apart:
        theirs = dict.fromkeys(table.report.test_sets[row.cell.task.category] for row in apart)
        ours = dict.fromkeys(row.test_set for row in apart)
        found.append(_OTHER_IMAGES.format(", ".join(theirs), ", ".join(ours)))
    seen = dict.fromkeys(f"{row.cell.title} ({row.cell.task.category})" for row in table.rows if row.seen)
    found += _weights(table)
    if seen:
        found.append(f"† trained on the images it is tested on: {', '.join(seen)}.")
    found += dict.fromkeys(f"{row.cell.title}: {row.remark}." for row in table.rows if row.remark)
    found += dict.fromkeys(
        f"{row.cell.title} ({row.cell.task.category}, {row.cell.task.factor}x), {count} of {row.n} images: {note}."
        for row in table.rows
        for note, count in row.notes.items()
    )
    fewer = dict.fromkeys(
        row.cell.title for row in table.rows if row.cell.images and 0 < row.n < table.images(row.cell.task.category)
    )
    if fewer:
        found.append(_FEWER.format(", ".join(fewer)))
    found += [f"{sentence}." for sentence in table.left_out]
    return found + [f"[{number}] {note}." for number, note in enumerate(reasons(table), start=1)]


def _weights(table: Table) -> list[str]:
    """Return which weight files each method read, by category and factor, and what they were trained on."""
    told: dict[str, dict[str, None]] = {}
    for row in table.rows:
        task = row.cell.task
        for file, trained_on in row.weights.items():
            entry = f"{task.category} {task.factor}x {file} (trained on {trained_on})"
            told.setdefault(row.cell.title, {})[entry] = None
    return [f"Weights of {title}: {'; '.join(entries)}." for title, entries in told.items()]


def protocol_lines(table: Table) -> list[str]:
    """Return the protocol of every number of the table."""
    metrics: list[Metric] = [METRICS[name] for name in (*table.report.metrics, *table.report.also)]
    return [_OPERATOR, *(f"{metric.name}: {metric.protocol()}" for metric in metrics)]
