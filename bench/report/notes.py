"""What is said below a table, in words: legend, settings, images that were left out, reasons."""

import math
from collections.abc import Sequence

from bench.report import made_with
from bench.report.row import Row
from bench.report.seed_notes import Escape, seeds, where
from bench.report.table import Table
from bench.scores.family import LEAST
from bench.scores.metrics import columns

_INTERVAL = "Measured: mean ± half-width of its 95 % t interval."
_TEST = (
    "paired by image, sign-flip test with Hall's correction for skewness; all comparisons of this table and metric are "
    "one family, judged by the largest statistic: about 5 % of such tables of 100 images tell apart what is equal, "
    "more of fewer images, see docs/adr/0006-who-is-best.md"
)
_LEGEND = _INTERVAL + " {mark}: the best and every method that no other beats (" + _TEST + ")."
_VARIANTS_LEGEND = (
    _INTERVAL
    + " Full: {full}. Below a variant: the mean difference, full minus variant, paired by image, ± half-width "
    "of its 95 % t interval. {mark}: a difference that can be told from none (" + _TEST + ")."
)
_MORE = " Of several seeds or trainings that share is larger, see the note on them."
_LEVEL = " Means that differ by at most {} are level."
_PUBLISHED = " On the right: the published value"
_REASONS = 3
"""As many reasons why images are scored for no method are told."""
_APART = "The published values stand by themselves: they are {}. Measured here: {}."
_FEWER = (
    "Measured on fewer images, because they search anew for each: {}. Methods are compared on the images that both "
    "have; `-n 100` gives all methods 100."
)


def legend(table: Table, mark: str, escape: Escape) -> str:
    """Return what the figures of the tables are; `mark` says how they are marked."""
    metrics = [metric for metric in columns(table.report.metrics) if metric.pooled is None]
    level = " or ".join(
        f"{table.margin(metric):.9f}".rstrip("0").rstrip(".") + f" ({metric.title})" for metric in metrics
    )
    if table.full is not None:
        title = next((row.cell.title for row in table.rows if row.cell.method == table.full), table.full)
        text = _VARIANTS_LEGEND.format(full=escape(title), mark=mark) + (_MORE if table.of_seeds else "")
        return text + (_LEVEL.format(level) if level else "")
    text = _LEGEND.format(mark=mark) + (_MORE if table.of_seeds else "") + (_LEVEL.format(level) if level else "")
    if any(row.published for row in table.rows):
        text += _PUBLISHED
        text += "." if all(math.isnan(row.difference) for row in table.rows) else ", in brackets measured minus it."
    return text


def sizes(rows: Sequence[Row], table: Table, escape: Escape) -> str:
    """Return of which LR size the published values are, where it is another than here; for a caption."""
    factors = {row.cell.task.factor for row in rows}
    told: dict[str, dict[str, None]] = {}
    for row in rows:
        task, theirs = row.cell.task, table.report.test_data.get(row.cell.task.category)
        if row.published is not None and theirs is not None and theirs.hr_size != task.hr_size:
            place = escape(task.category) + (f" at {task.factor}x" if len(factors) > 1 else "")
            told.setdefault(f"{theirs.hr_size // task.factor} px, here {task.lr_size} px", {})[place] = None
    each = "; ".join(f"published {text} ({', '.join(places)})" for text, places in told.items())
    return f"Side of the LR images: {each}." if each else ""


def reasons(table: Table) -> list[str]:
    """Return why cells are empty or incomplete, each reason once, in the order of the numbers that the cells carry."""
    shown = [row for row in table.rows if row.metric.name in table.report.metrics]
    return list(dict.fromkeys(row.why for row in shown if row.why))


def remarks(table: Table, escape: Escape) -> list[str]:
    """Return the notes below a table: other images than the paper's, what cannot be told, refusals, failures."""
    found = [
        *_apart(table, escape),
        *_likeness(table, escape),
        *_unmarked(table, escape),
        *_sets(table, escape),
        *_exact(table, escape),
        *seeds(table.rows, escape, asked=len(table.report.trainings) > 1),
        *_unusable(table, escape),
    ]
    seen = dict.fromkeys(
        f"{escape(row.cell.title)} ({escape(row.cell.task.category)})" for row in table.rows if row.seen
    )
    found += made_with.weights(table, escape)
    if seen:
        found.append(f"† trained on the images it is tested on: {', '.join(seen)}.")
    found += dict.fromkeys(
        f"{escape(row.cell.title)}: {_ended(escape(row.remark))}" for row in table.rows if row.remark
    )
    found += dict.fromkeys(
        f"{where(row, escape)}, {count} of {row.n} images: {_ended(escape(note))}"
        for row in table.rows
        for note, count in row.notes.items()
    )
    fewer = dict.fromkeys(
        escape(row.cell.title)
        for row in table.rows
        if row.cell.images and 0 < row.n < table.images(row.cell.task.category)
    )
    if fewer:
        found.append(_FEWER.format(", ".join(fewer)))
    found += [escape(_ended(sentence.strip())) for sentence in table.left_out]  # "7." alone would be a list
    return found + [f"[{number}] {_ended(escape(note))}" for number, note in enumerate(reasons(table), start=1)]


def _ended(text: str) -> str:
    """Return a text with the full stop of a sentence; one that has it, or another end, keeps that."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _apart(table: Table, escape: Escape) -> list[str]:
    """Return why the published values are not set against the measured ones."""
    rows = [row for row in table.rows if row.published is not None and row.apart]
    reasons = dict.fromkeys(row.apart for row in rows)
    of = {reason: dict.fromkeys(row.cell.task.category for row in rows if row.apart == reason) for reason in reasons}
    theirs = "; ".join(f"for {', '.join(map(escape, places))} {escape(reason)}" for reason, places in of.items())
    return [_APART.format(theirs, ", ".join(dict.fromkeys(escape(row.test_set) for row in rows)))] if rows else []


def _likeness(table: Table, escape: Escape) -> list[str]:
    """Return what is known of images by their names, and of given LR images, of those that were measured."""
    told = dict.fromkeys(text for row in table.rows if row.summary is not None for text in row.likeness)
    return [escape(f"{text[0].upper()}{text[1:]}.") for text in told]


def _unmarked(table: Table, escape: Escape) -> list[str]:
    """Return which methods are not compared: those with too few images, or with none of their own."""
    found: dict[str, None] = {}
    for row in table.rows:
        if row.summary is not None and row.n_ok == 0:
            found[f"{where(row, escape)} has no image of its own and is not compared."] = None
        elif row.summary is not None and row.summary.n < LEAST:
            n = row.summary.n
            images = f"{escape(row.cell.task.category)}, {n} image{'s' if n > 1 else ''}"
            found[
                f"{images}: too few to tell methods apart, so nothing that was measured on them is marked; it takes at "
                f"least {LEAST}."
            ] = None
    return list(found)


def _sets(table: Table, escape: Escape) -> list[str]:
    """Return of how few images the figures of whole sets are, and that they are not compared."""
    told: dict[str, dict[str, None]] = {}
    for row in table.rows:
        if row.metric.pooled and row.summary is not None:
            rough = "" if row.n >= row.metric.rough_below else f", rough below {row.metric.rough_below}"
            place = f"{escape(row.cell.task.category)} (n = {row.n}{rough})"
            told.setdefault(row.metric.title, {})[place] = None
    return [
        f"{title} is a figure of all images together, {', '.join(places)}; its interval is that of leaving out each in "
        "turn. Nothing is compared or marked by it."
        for title, places in told.items()
    ]


def _unusable(table: Table, escape: Escape) -> list[str]:
    """Return which images are scored for no method, and why; what a method fails at is scored with bicubic instead."""
    told: dict[str, None] = {}
    for row in table.rows:
        if row.unusable:
            reasons = list(dict.fromkeys(escape(reason).removesuffix(".") for reason in row.unusable.values()))
            more = [f"and {len(reasons) - _REASONS} more reasons like these"] if len(reasons) > _REASONS else []
            why = "; ".join([*reasons[:_REASONS], *more])
            count = f"{len(row.unusable)} of {row.n + len(row.unusable)}"
            told[f"{escape(row.cell.task.category)}: {count} images are scored for no method: {why}."] = None
    return list(told)


def _exact(table: Table, escape: Escape) -> list[str]:
    """Return whose images are the ground truth itself, and where an infinite value makes a mean infinite."""
    made = [row for row in table.rows if not row.cell.aside]
    equal = [(row, sum(value == row.metric.exact for value in row.values.values())) for row in made]
    perfect = [
        f"{where(row, escape)}, {count} of {row.n} images have a "
        f"{row.metric.title} of {row.metric.exact:g}: they are the ground truth itself, or as good as. No method can "
        "know it from its input; this one may have seen it."
        for row, count in equal
        if count
    ]
    return perfect + [
        f"{where(row, escape)}, {row.summary.infinite} of "
        f"{row.summary.n} images are exact: their {row.metric.title} is infinite, and so is the mean; the median is "
        f"{row.summary.median:.{row.metric.digits}f}."
        for row in table.rows
        if row.summary is not None and row.summary.infinite
    ]
