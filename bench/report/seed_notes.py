"""What is said below a table of several seeds and trainings: how far they lie apart, and what they have in common."""

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import PurePosixPath
from typing import TypeAlias

from bench.report.measured import in_words
from bench.report.row import Row

Escape: TypeAlias = Callable[[str], str]
"""What makes a text of others harmless in the output it is for (bench/escape.py)."""

_OVER_SEEDS = (
    "Intervals of several seeds or trainings hold images and seeds: half width "
    "sqrt(t(N - 1)^2 s1^2 / N + t(S - 1)^2 s2^2 / S) of N images and S seeds (Banerjee), which covers 95 % or more. "
    "A difference counts only if it is larger than such an interval of its own, in which both methods' seeds stand; so "
    "a method whose seeds lie far apart is level with more of the others. That holds for each comparison by itself: "
    "where seeds move means by more than images do, up to 23 % of tables of five categories tell two equal methods "
    "apart in one of them (docs/adr/0010-seeds.md). Banks have one training."
)
_ONCE = "Of one training alone, so that nothing tells what another would do"
_SEED = re.compile(r", seed \d+(; taken before .*)?$")
"""How what a file was trained on ends; the trainings of a method differ in it alone."""


def where(row: Row, escape: Escape) -> str:
    """Return what a row is of."""
    return f"{escape(row.cell.title)} ({escape(row.cell.task.category)}, {row.cell.task.factor}x)"


def seeds(rows: Sequence[Row], escape: Escape, *, asked: bool = False) -> list[str]:
    """Return how far the seeds or trainings of a method lie apart, of which rows have the mean of each image.

    `asked`: whether the report names several trainings, so that a row of one alone is told of in any case.
    """
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.several and row.summary is not None:
            place = f"{where(row, escape)}: mean of {_sources(row)}, pictures of the first"
            apart = (
                f"{row.spread.deviation:.{row.metric.digits + 1}f}"
                if row.spread
                else "undefined, as a mean is infinite"
            )
            found.setdefault(place, []).append(f"{row.metric.title} {apart}")
    told = [f"{place}. Standard deviations of their means: {'; '.join(each)}." for place, each in found.items()]
    idle = _idle(rows, escape)
    if not (told or idle or asked):
        return []
    alone = dict.fromkeys(where(row, escape) for row in rows if row.summary and row.weights and not row.several)
    return [
        *told,
        *idle,
        *_twice(rows, escape),
        *dict.fromkeys(text for row in rows for text in _unlike(row, escape)),
        *([_OVER_SEEDS] if told else []),
        *([f"{_ONCE}: {'; '.join(alone)}."] if alone else []),
    ]


def _sources(row: Row) -> str:
    """Return of which seeds or trainings a row is the mean."""
    told = {"the seeds": row.seeds, "the trainings": row.trainings}
    return " and ".join(f"{what} {', '.join(map(str, of))}" for what, of in told.items() if len(of) > 1)


def _idle(rows: Sequence[Row], escape: Escape) -> list[str]:
    """Return which seeds or trainings are left out."""
    told = {
        f"{where(row, escape)}: without {in_words(row.idle, [*row.sources, *row.idle])}": None
        for row in rows
        if row.idle and row.sources  # a metric without values tells of no network
    }
    return [f"{text}, which gave no image of its own." for text in told]


def _twice(rows: Sequence[Row], escape: Escape) -> list[str]:
    """Return which seeds or trainings gave every image the same values, by which metrics."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        for which, so in _alike(row) if row.n_ok else ():  # else each has the bicubic result
            found.setdefault((where(row, escape), which, so), []).append(row.metric.title)
    return [
        f"{place}: {which} gave every image the same {', '.join(metrics)}, {so}."
        for (place, which, so), metrics in found.items()
    ]


def _alike(row: Row) -> list[tuple[str, str]]:
    """Return the seeds and the trainings of the same values, and what is to be said of them."""
    alike = [(a, b) for a, b in combinations(row.sources, 2) if dict(row.sources[a]) == dict(row.sources[b])]
    seeds = dict.fromkeys(f"{a[0]} and {b[0]}" for a, b in alike if a[1] == b[1])
    trainings = dict.fromkeys(f"{a[1]} and {b[1]}" for a, b in alike if a[0] == b[0])
    told = []
    if seeds:
        told.append((f"the seeds {'; '.join(seeds)}", "as if the method did not depend on the seed"))
    if trainings:
        so = "so they are one network counted twice; the interval is too narrow"
        told.append((f"the trainings {'; '.join(trainings)}", so))
    return told


def _unlike(row: Row, escape: Escape) -> list[str]:
    """Return in what the trainings of a network differ beside their seeds."""
    by_name: dict[str, dict[str, None]] = {}
    for file, trained_on in row.weights.items():
        by_name.setdefault(PurePosixPath(file).name, {})[_SEED.sub("", trained_on)] = None
    return [
        f"{where(row, escape)}: the trainings differ in more than their seeds: {escape(' | '.join(texts))}."
        for texts in by_name.values()
        if len(texts) > 1
    ]
