"""Who is beaten: all pairs of methods of one table and metric as one family, judged by sign flips.

A pair's statistic is Hall's transformation (1992) of Student's t, which takes out what skewed differences do to it. The
flips turn all differences of an image together, so the largest statistic over the pairs keeps how they hang together
(Westfall and Young 1993), and pairs are decided one after the other, the clearest first, each against the largest of
those that are still open (Romano and Wolf 2005). For the question who is best, a pair is closed, too, once both of its
methods are beaten: nothing hangs on it any more. So a method that is as good as the best is called beaten in at most
5 % of tables, as in the model confidence set of Hansen, Lunde and Nason (2011). docs/adr/0006-who-is-best.md holds the
simulations.

The flips are drawn once from a seed: the same values give the same p.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.scores.flips import EXACT, patterns, statistic
from bench.scores.stats import Values

ALPHA = 0.05
"""How often, at most, a table and metric may call a method beaten that is as good as the best."""
LEAST = 6
"""Images below which nothing can be decided: of 2**5 patterns of signs the two clearest are still 6 %."""

_PAIRS = 32  # at once, of which sums are taken
_ROUNDING = 1e-6  # relative; equal statistics may differ in the last bits, more so of differences that hardly vary


@dataclass(frozen=True, slots=True)
class Pair:
    """Two methods of one task on the images that both have."""

    task: Hashable
    first: str
    second: str
    differences: Values
    """(n,), finite, positive where the first is better."""
    images: NDArray[np.intp]
    """(n,): the number of each image among those of the task, from 0; the same in every pair of the task."""
    margin: float = 0.0
    """Up to which mean difference the two are level."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the flips say of one pair."""

    p: float
    """Of this pair alone, two-sided, in (0, 1]."""
    p_adjusted: float
    """Of this pair in its family; NaN if it was closed before it was decided."""
    winner: str
    """The method that is told to be better, by more than the margin; empty if there is none."""
    critical: float
    """What its statistic would have to exceed, the other pairs being as they are; +inf if nothing would do."""


def decide(pairs: Sequence[Pair], *, for_best: bool = True, seed: int = 0) -> list[Decision]:
    """Return a decision for each pair of one table and metric, in their order.

    Methods whose mean difference is at most their margin are level, however surely it is not zero. `for_best`: what
    matters is which methods of a task nobody beats; otherwise every pair matters. Exact up to 13 images, else by 10 000
    flips.
    """
    if not pairs:
        return []
    signs = patterns(1 + max(int(pair.images.max()) for pair in pairs), seed)
    units, sizes = _units(pairs, signs.shape[1])
    observed = np.abs(statistic(units.sum(axis=0), (units**3).sum(axis=0), sizes)) * (1 - _ROUNDING)
    flipped = _flipped(signs, units, sizes)
    order, tested = _sequence(pairs, observed, for_best=for_best)
    p = np.array([_share(row >= seen, signs) for row, seen in zip(flipped, observed, strict=True)])
    steps, largest = np.empty(len(pairs)), np.zeros(len(signs), dtype=np.float32)
    for place in reversed(range(len(order))):
        # the largest statistic among the pairs that are open while one is decided: it and those that come after it
        np.maximum(largest, flipped[order[place]], out=largest)
        steps[place] = _share(largest >= observed[order[place]], signs)
    adjusted = np.full(len(pairs), math.nan)
    adjusted[order[tested]] = np.maximum.accumulate(steps[tested])
    undecided = np.flatnonzero(adjusted[order] >= ALPHA)
    left = flipped[order[undecided[0] :]].max(axis=0) if undecided.size else np.zeros(len(signs), dtype=np.float32)
    critical = [_critical(np.maximum(row, left), signs) for row in flipped]
    return [
        Decision(float(p[k]), float(adjusted[k]), _winner(pair, adjusted[k]), critical[k])
        for k, pair in enumerate(pairs)
    ]


def _share(reached: NDArray[np.bool_], signs: Values) -> float:
    """Return p from which patterns reach what was observed (flips,)."""
    # the observed pattern counts as one of the draws, so p is never 0 (Phipson and Smyth 2010)
    drawn = int(signs.shape[1] > EXACT)
    return (np.count_nonzero(reached) + drawn) / (len(signs) + drawn)


def _critical(largest: NDArray[np.float32], signs: Values) -> float:
    """Return what a statistic must exceed, from those of all flips (flips,), for `_share` to stay below ALPHA."""
    drawn = int(signs.shape[1] > EXACT)
    allowed = math.ceil(ALPHA * (len(signs) + drawn)) - 1 - drawn
    place = len(signs) - 1 - allowed
    return float(np.partition(largest, place)[place])


def _units(pairs: Sequence[Pair], n: int) -> tuple[Values, Values]:
    """Return the differences (n, pairs), of mean square 1, zero for images a pair lacks; and its images (pairs,)."""
    units = np.zeros((n, len(pairs)))
    for column, pair in enumerate(pairs):
        root = math.sqrt(float((pair.differences**2).mean()))
        units[pair.images, column] = pair.differences / (root or 1)
    return units, np.array([pair.differences.size for pair in pairs], dtype=np.float64)


def _sequence(pairs: Sequence[Pair], observed: Values, *, for_best: bool) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the pairs in the order in which they are closed, and whether each is decided or only closed."""
    order: list[int] = []
    tested: list[bool] = []
    closed: set[int] = set()
    beaten: set[tuple[Hashable, str]] = set()
    by_method: dict[tuple[Hashable, str], list[tuple[int, str]]] = {}
    for index, pair in enumerate(pairs):
        by_method.setdefault((pair.task, pair.first), []).append((index, pair.second))
        by_method.setdefault((pair.task, pair.second), []).append((index, pair.first))
    for index in np.argsort(-observed, kind="stable").tolist():
        if index in closed:
            continue
        pair, idle = pairs[index], []
        closed.add(index)
        loser = (pair.task, _loser(pair))
        if for_best and loser[1] and loser not in beaten:
            beaten.add(loser)
            idle = [k for k, other in by_method[loser] if k not in closed and (pair.task, other) in beaten]
        closed.update(idle)
        order += [index, *idle]
        tested += [True, *(False for _ in idle)]
    return np.array(order), np.array(tested)


def _loser(pair: Pair) -> str:
    """Return the method that is behind by more than the margin, or nothing if they are level."""
    mean = float(pair.differences.mean())
    if abs(mean) <= pair.margin:
        return ""
    return pair.second if mean > 0 else pair.first


def _winner(pair: Pair, p_adjusted: float) -> str:
    """Return the method that is told to be better, or nothing."""
    loser = _loser(pair) if p_adjusted < ALPHA else ""
    return {pair.first: pair.second, pair.second: pair.first}.get(loser, "")


def _flipped(signs: Values, units: Values, sizes: Values) -> NDArray[np.float32]:
    """Return the statistics of all pairs under every flip (pairs, flips), without their signs."""
    result = np.empty((len(sizes), len(signs)), dtype=np.float32)
    for begin in range(0, len(sizes), _PAIRS):
        some = units.T[begin : begin + _PAIRS]
        sums, cubes = some @ signs.T, some**3 @ signs.T
        for row in range(len(some)):  # one by one: what a statistic is made of stays in the cache of a core
            np.abs(statistic(sums[row], cubes[row], sizes[begin + row]), out=result[begin + row], casting="same_kind")
    return result
