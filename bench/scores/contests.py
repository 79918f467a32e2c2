"""The methods of a table, one metric: which of them nobody beats, and the comparisons that say so."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations

import numpy as np

from bench.scores import stats
from bench.scores.family import LEAST, Decision, Pair, decide
from bench.scores.flips import detectable
from bench.scores.metric import Metric
from bench.spec import Task


@dataclass(frozen=True, slots=True)
class Entry:
    """One method in one task."""

    task: Task
    method: str
    values: Mapping[str, float]
    """image -> value."""
    ok: bool
    """True if an image at least is its own, not that of a failure."""
    spread: stats.Spread | None = None
    """Of the seeds of which the values are the means."""
    sources: Mapping[tuple[int, int], Mapping[str, float]] = field(default_factory=dict)
    """(seed, training) -> image -> value, of which `values` are the means."""
    networks: frozenset[str] = frozenset()
    """The weight files that were read, all trainings together."""

    @property
    def eligible(self) -> bool:
        """True if it may be called one of the best: something of it was measured, and enough to have it beaten."""
        return self.ok and len(self.values) >= LEAST


@dataclass(frozen=True, slots=True)
class Contest:
    """The best method of a task and metric, or the full one of variants, against another, paired by image.

    Where another than the best is what beats a method, that one.
    """

    task: Task
    metric: Metric
    first: str
    other: str
    result: stats.Comparison
    p: float
    """Of the sign-flip test of this difference alone."""
    p_adjusted: float
    """Of the same in the family of the table and metric."""
    told: bool
    """True if the two can be told apart, and by more than the margin."""
    detectable: float
    """By how much the first would have to be better to be told so in 80 % of such tables; +inf if by none.

    NaN of several seeds: how far those of another table would lie apart, a few of them hardly tell."""


def judge(
    entries: Sequence[Entry], metric: Metric, margin: float, full: str | None
) -> tuple[list[Contest], set[tuple[Task, str]]]:
    """Return the comparisons of a table and metric, and who is unbeaten, by task and method.

    `full` names the method that all others are compared with; without it any two of a task are, and the comparisons
    that are returned are those with the best. Methods whose means differ by at most `margin` are level, and so are
    those of several seeds whose difference is not larger than its interval over images and seeds.
    """
    entries = [entry for entry in entries if entry.ok and entry.values]
    pairs = [pair for pair in _pairs(entries, metric, margin) if full is None or full in (pair.first, pair.second)]
    decisions = decide(pairs, for_best=full is None)
    losers = {
        (pair.task, pair.second if decision.winner == pair.first else pair.first)
        for pair, decision in zip(pairs, decisions, strict=True)
        if decision.winner
    }
    unbeaten = {(e.task, e.method) for e in entries if e.eligible and (e.task, e.method) not in losers}
    chosen: list[tuple[Entry, Entry, tuple[Pair, Decision]]] = []
    for task in dict.fromkeys(entry.task for entry in entries):
        here = {entry.method: entry for entry in entries if entry.task == task}
        decided = {
            frozenset((pair.first, pair.second)): (pair, decision)
            for pair, decision in zip(pairs, decisions, strict=True)
            if pair.task == task
        }
        first = full if full is not None else _first(here, decided, unbeaten)
        chosen += [
            (here[one], here[other], decided[frozenset((one, other))])
            for other in here
            for one in _opponents(first, other, decided)
        ]
    results = stats.compare(
        [_values(one, other, _shared(one, other)) for one, other, _ in chosen],
        metric.higher_is_better,
        [_spreads(one, other, _shared(one, other)) for one, other, _ in chosen],
    )
    return [_contest(*each, metric, result) for each, result in zip(chosen, results, strict=True)], unbeaten


_Decided = Mapping[frozenset[str], tuple[Pair, Decision]]


def _pairs(entries: Sequence[Entry], metric: Metric, margin: float) -> list[Pair]:
    """Return any two methods of each task on the images that both have, if there are such."""
    numbers: dict[str, dict[str, int]] = {}
    for entry in entries:
        known = numbers.setdefault(entry.task.category, {})
        for image in entry.values:
            known.setdefault(image, len(known))
    by_task: dict[Task, list[Entry]] = {}
    for entry in entries:
        by_task.setdefault(entry.task, []).append(entry)
    found = []
    for one, other in chain.from_iterable(combinations(here, 2) for here in by_task.values()):
        if shared := _shared(one, other):
            a, b = _values(one, other, shared)
            better = stats.differences(a, b) if metric.higher_is_better else stats.differences(b, a)
            places = np.array([numbers[one.task.category][image] for image in shared])
            spreads = _spreads(one, other, shared)
            level = max(margin, stats.of_difference(better, spreads)) if spreads else margin
            found.append(Pair(one.task, one.method, other.method, better, places, level))
    return found


def _spreads(one: Entry, other: Entry, shared: Sequence[str]) -> list[stats.Spread]:
    """Return those of the seeds of two methods that have several; of the same networks, that of their differences."""
    alike = one.networks and one.networks == other.networks and one.sources.keys() == other.sources.keys()
    if alike and len({seed for seed, _ in one.sources}) == 1:  # the trainings alone differ, if there are several
        pairs = [
            ([a[image] for image in shared], [other.sources[key][image] for image in shared])
            for key, a in one.sources.items()
        ]
        spread = stats.of_differences(pairs)
        return [spread] if spread else []
    return [each.spread for each in (one, other) if each.spread is not None]


def _shared(one: Entry, other: Entry) -> list[str]:
    """Return the images that both have."""
    return [image for image in one.values if image in other.values]


def _first(here: Mapping[str, Entry], decided: _Decided, unbeaten: set[tuple[Task, str]]) -> str:
    """Return the method to compare the others of a task with: of those nobody beats, the one that is least behind."""

    def rank(method: str) -> tuple[bool, bool, float]:
        ahead = [
            float(pair.differences.mean()) * (1 if pair.first == method else -1)
            for names, (pair, _) in decided.items()
            if method in names
        ]
        entry = here[method]
        return (entry.task, method) in unbeaten, entry.eligible, min(ahead, default=0.0)

    return max(here, key=rank)


def _opponents(first: str, other: str, decided: _Decided) -> list[str]:
    """Return whom a method is shown against: the first; and what beats it, if the first does not."""
    if other == first:
        return []
    names = [first] if frozenset((first, other)) in decided else []
    beaters = [
        (decision.p_adjusted, decision.winner)
        for pair, (_, decision) in decided.items()
        if other in pair and decision.winner not in ("", other)
    ]
    if beaters and first not in {winner for _, winner in beaters}:
        names.append(min(beaters)[1])
    return names


def _values(one: Entry, other: Entry, shared: Sequence[str]) -> tuple[list[float], list[float]]:
    """Return the values of two methods on images."""
    return [one.values[image] for image in shared], [other.values[image] for image in shared]


def _contest(
    one: Entry, other: Entry, decided: tuple[Pair, Decision], metric: Metric, result: stats.Comparison
) -> Contest:
    """Return what is to be said of two methods."""
    pair, decision = decided
    ahead = pair.differences if pair.first == one.method else -pair.differences
    if one.spread or other.spread:
        least = math.nan
    else:
        least = math.inf if result.infinite else detectable(ahead, decision.critical, pair.margin)
    return Contest(
        task=one.task,
        metric=metric,
        first=one.method,
        other=other.method,
        result=result,
        p=decision.p,
        p_adjusted=decision.p_adjusted,
        told=bool(decision.winner),
        detectable=math.inf if least > metric.span else least,
    )
