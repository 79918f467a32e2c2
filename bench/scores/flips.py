"""Flipped signs, the statistic that is flipped, and how large a difference it would have to see."""

import math
from functools import lru_cache

import numpy as np

from bench.scores.stats import Values

EXACT = 13
"""Images up to which all sign patterns are taken; 2**13 are fewer than would be drawn."""
FLIPS = 10_000
"""How many are drawn otherwise."""

_DRAWS = 2000
_FLAT = 1e-6  # of the mean square; differences that vary less count as varying so much


@lru_cache(maxsize=4)
def patterns(n: int, seed: int) -> Values:
    """Return sign patterns (flips, n): every one there is, or as many as are drawn."""
    if n <= EXACT:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        bits = np.random.default_rng(seed).integers(0, 2, (FLIPS, n), dtype=np.int8)
    return 2 * bits.astype(np.float64) - 1


def statistic(sums: Values, cubes: Values, n: Values) -> Values:
    """Return Hall's transformation of t from the sums of (flipped) units and of their cubes, (..., pairs).

    Hall, On the removal of skewness by transformation, J. R. Stat. Soc. B 54 (1992).
    """
    mean, root = sums / n, np.sqrt(n)
    square = mean * mean
    variance = np.maximum(1 - square, _FLAT)
    deviation = np.sqrt(variance)
    ratio = mean / deviation  # t over the root of n
    skew = (cubes / n - mean * (3 - 2 * square)) / (variance * deviation)
    bend = skew * ratio / 3
    result: Values = root * ratio * (1 + bend + bend * bend / 3) + skew / (6 * root)
    return result


def _inverse(value: float, skew: Values, n: int) -> Values:
    """Return the t whose transformation is `value`, for differences of this skewness."""
    root = math.sqrt(n)
    bend = np.where(np.abs(skew) < _FLAT, _FLAT, skew)
    t: Values = 3 * root / bend * (np.cbrt(1 + bend / root * (value - bend / (6 * root))) - 1)
    return t


def detectable(differences: Values, critical: float, margin: float = 0.0, power: float = 0.8) -> float:
    """Return how large the true mean of such differences (n,) has to be for a table to tell it with this power.

    `critical` is what the statistic has to exceed (see `family.Decision`), `margin` what the mean has to. The images
    are drawn anew, with replacement, from those there are: each draw says how large the mean would have to be, and
    `power` of the draws must be content. +inf up to 13 images: what the statistic must exceed there depends too much
    on the images themselves.
    """
    n = differences.size
    if n <= EXACT:
        return math.inf
    centred = (differences - differences.mean()) * math.sqrt(n / (n - 1))
    mean, square, cube = (_draws(n) @ np.stack([centred, centred**2, centred**3], axis=1)).T
    deviation = np.sqrt(np.maximum(square - mean**2, _FLAT * (square.mean() or 1)))
    skew = (cube - 3 * mean * square + 2 * mean * mean * mean) / (deviation * deviation * deviation)  # ** 3 is slow
    needed = np.maximum(_inverse(critical, skew, n) * deviation / math.sqrt(n), margin) - mean
    return float(np.quantile(needed, power))


@lru_cache(maxsize=4)
def _draws(n: int) -> Values:
    """Return how often each of n images is in a draw with replacement, as a share of the draw (draws, n)."""
    return np.asarray(np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), _DRAWS) / n, dtype=np.float64)
