"""What is said below a table of several seeds and trainings: how far they lie apart, and what they have in common."""

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import PurePosixPath
from typing import TypeAlias

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
_SEED = re.compile(r", seed \d+$")
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
            apart = f"{row.spread.deviation:.{row.metric.digits + 1}f}" if row.spread else "infinite"
            found.setdefault(place, []).append(f"{row.metric.title} {apart}")
    told = [f"{place}. Standard deviations of their means: {'; '.join(each)}." for place, each in found.items()]
    if not told and not asked:
        return []
    alone = dict.fromkeys(where(row, escape) for row in rows if row.summary and row.weights and not row.several)
    return [
        *told,
        *dict.fromkeys(text for row in rows for text in (*_twice(row, escape), *_unlike(row, escape))),
        *([_OVER_SEEDS] if told else []),
        *([f"{_ONCE}: {'; '.join(alone)}."] if alone else []),
    ]


def _sources(row: Row) -> str:
    """Return of which seeds or trainings a row is the mean."""
    told = {"the seeds": row.seeds, "the trainings": row.trainings}
    return " and ".join(f"{what} {', '.join(map(str, of))}" for what, of in told.items() if len(of) > 1)


def _twice(row: Row, escape: Escape) -> list[str]:
    """Return which seeds or trainings gave every image the same values: they say nothing of what others would do."""
    if not row.n_ok:  # each has the bicubic result
        return []
    alike = [(a, b) for a, b in combinations(row.sources, 2) if dict(row.sources[a]) == dict(row.sources[b])]
    parts: dict[str, list[str]] = {"seeds": [], "trainings": []}
    for (seed, training), (other_seed, other_training) in alike:
        if training == other_training:
            parts["seeds"].append(f"{seed} and {other_seed}")
        elif seed == other_seed:
            parts["trainings"].append(f"{training} and {other_training}")
    meant = {"seeds": "so the method does not depend on the seed", "trainings": "so they are one network counted twice"}
    return [
        f"{where(row, escape)}: the {what} {'; '.join(dict.fromkeys(pairs))} gave the same {row.metric.title} of every "
        f"image, {meant[what]}; the interval is too narrow."
        for what, pairs in parts.items()
        if pairs
    ]


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
