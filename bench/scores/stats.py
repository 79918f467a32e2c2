"""Intervals and differences: what the values of a hundred images say of one method, and of two. For tests see `family`.

Everything is paired by image. Wilcoxon and the win rate are description only: with skewed differences they reject a
true null of the mean 27 to 33 % of the time.

An image that is returned exactly has a PSNR of +inf. It is kept: the mean is then infinite and its interval unbounded,
and the number of such images is stated. Tests take an infinite difference as larger than every finite one. NaN is no
value: every function here raises ValueError for it, and for no values at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.stats import wilcoxon

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Summary:
    """The values of one cell and metric."""

    n: int
    mean: float
    half_width: float
    """Of the 95 % t interval of the mean; +inf if there is none: one image only, or an infinite value."""
    median: float
    worst5: float
    """What all but the worst 5 % of the images reach: 5th percentile, or the 95th where lower is better."""
    infinite: int
    """How many values are infinite."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences a - b of two methods on the same images."""

    n: int
    mean: float
    half_width: float
    """As in `Summary`."""
    wilcoxon_p: float
    win_rate: float
    """Share of the images on which a is better than b; an equal value counts one half."""
    effect: float
    """Paired d_z, the mean in standard deviations of the differences; NaN if these have none."""
    infinite: int
    """How many differences are infinite; the mean is NaN if they are so both ways."""


def summarise(values: ArrayLike, higher_is_better: bool, degree: int = 1) -> Summary:  # noqa: FBT001 - a metric's own
    """Return the summary of per-image values (N,), or of the shares in a mean over tuples of so many images."""
    x = _vector(values)
    method: Literal["linear", "inverted_cdf"] = "linear" if np.isfinite(x).all() else "inverted_cdf"
    with np.errstate(invalid="ignore"):  # infinite both ways: NaN
        mean = float(x.mean())
    return Summary(
        n=x.size,
        mean=mean,
        half_width=degree * _half_width(x),  # the jackknife: an image has its share in `degree` times as many tuples
        median=float(np.median(x)),
        # between two infinite values there is nothing to interpolate
        worst5=float(np.percentile(x, 5 if higher_is_better else 95, method=method)),
        infinite=int(np.isinf(x).sum()),
    )


def compare(pairs: Sequence[tuple[ArrayLike, ArrayLike]], higher_is_better: bool) -> list[Comparison]:  # noqa: FBT001
    """Return the comparisons of two methods each by their values (N,) on the same images in the same order.

    Many at once are compared much faster than one by one. Raises ValueError if the numbers of images differ.
    """
    found = [_differences(a, b) for a, b in pairs]
    tests = zip(found, _wilcoxon(found), strict=True)
    return [_comparison(d, p, higher_is_better=higher_is_better) for d, p in tests]


def _comparison(d: Values, wilcoxon_p: float, *, higher_is_better: bool) -> Comparison:
    with np.errstate(invalid="ignore"):
        mean = float(d.mean())
    return Comparison(
        n=d.size,
        mean=mean,
        half_width=_half_width(d),
        wilcoxon_p=wilcoxon_p,
        win_rate=float(((d > 0 if higher_is_better else d < 0).sum() + (d == 0).sum() / 2) / d.size),
        effect=_effect(d),
        infinite=int(np.isinf(d).sum()),
    )


def _wilcoxon(found: Sequence[Values]) -> list[float]:
    """Return p of Wilcoxon's test of differences, those that are not zero; 1 if all are."""
    changed = [_bounded(d)[d != 0] for d in found]
    alike: dict[tuple[int, bool], list[int]] = {}
    for index, d in enumerate(changed):
        tied = np.unique(np.abs(d)).size < d.size  # scipy takes another way for all that it gets, if one has ties
        alike.setdefault((d.size, tied), []).append(index)
    values = [1.0] * len(found)
    for (size, _), places in alike.items():
        if size:  # scipy takes most of its time for a call, however many are tested in it
            tested = np.atleast_1d(wilcoxon(np.stack([changed[k] for k in places]), axis=1).pvalue)
            for index, p in zip(places, tested.tolist(), strict=True):
                values[index] = p
    return values


def differences(a: ArrayLike, b: ArrayLike) -> Values:
    """Return a - b (N,) for a test: an infinite difference is a million times the largest finite one."""
    return _bounded(_differences(a, b))


def consistency(summary: Summary, published: float, digits: int) -> str:
    """Return "consistent" if the 95 % interval meets the values that print as `published`, else "differs by +0.12".

    Without an interval nothing can be said: "cannot tell".
    """
    if math.isinf(summary.half_width):
        return "cannot tell"
    difference = summary.mean - published
    if abs(difference) <= summary.half_width + 0.5 * 10**-digits:
        return "consistent"
    return f"differs by {difference:+.{digits}f}"


def over_seeds(values: ArrayLike) -> tuple[Values, float]:
    """Return the per-image means (N,) over seeds of values (S, N), and the standard deviation over seeds of the mean.

    The images are then summarised as if there were one seed; the deviation is reported apart. It is NaN for one seed.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2:  # noqa: PLR2004 - seeds and images
        raise ValueError(f"values of several seeds have the shape (S, N), not {x.shape}.")
    _vector(x.ravel())
    means = x.mean(axis=1)
    deviation = means.std(ddof=1) if np.isfinite(means).all() and means.size > 1 else math.nan
    return x.mean(axis=0), float(deviation)


def _vector(values: ArrayLike) -> Values:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not x.size:
        raise ValueError(f"per-image values have the shape (N,), N at least 1, not {x.shape}.")
    if np.isnan(x).any():
        raise ValueError(f"{np.isnan(x).sum()} of {x.size} values are NaN, the first at {np.isnan(x).argmax()}.")
    return x


def _differences(a: ArrayLike, b: ArrayLike) -> Values:
    x, y = _vector(a), _vector(b)
    if x.size != y.size:
        raise ValueError(f"a comparison is paired by image, but there are {x.size} and {y.size} values.")
    with np.errstate(invalid="ignore"):
        return np.where(x == y, 0, x - y)  # inf - inf: both images are exact


def _half_width(x: Values) -> float:
    if x.size == 1 or not np.isfinite(x).all():
        return math.inf
    return float(special.stdtrit(x.size - 1, 0.975) * x.std(ddof=1) / math.sqrt(x.size))


def _effect(d: Values) -> float:
    if not d.any():
        return 0.0
    if d.size == 1 or not np.isfinite(d).all():
        return math.nan
    deviation = d.std(ddof=1)
    return float(d.mean() / deviation) if deviation else math.copysign(math.inf, d.mean())


def _bounded(d: Values) -> Values:
    """Return the differences with the infinite ones made a million times the largest finite one."""
    large = 1e6 * (1 + np.abs(d[np.isfinite(d)]).max(initial=0))
    return np.nan_to_num(d, posinf=large, neginf=-large)
