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
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.stats import wilcoxon

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """By how much a mean moves from seed to seed."""

    deviation: float
    """Standard deviation over the seeds of their means over images."""
    seeds: int
    """How many there are, 2 at least."""

    @property
    def part(self) -> "Part":
        """The variance that seeds leave in the mean over them."""
        return self.deviation**2 / self.seeds, self.seeds - 1


Part: TypeAlias = tuple[float, int]
"""A variance of a mean, and its degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The values of one cell and metric."""

    n: int
    mean: float
    half_width: float
    """Of the 95 % t interval of the mean; +inf if there is none: one image only, or an infinite value.

    Of several seeds it holds what another choice of these would do, too."""
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


def summarise(
    values: ArrayLike,
    higher_is_better: bool,  # noqa: FBT001 - a metric's own
    degree: int = 1,
    spread: Spread | None = None,
) -> Summary:
    """Return the summary of per-image values (N,), or of the shares in a mean over tuples of so many images.

    `spread` is that of the seeds of which the values are the means.
    """
    x = _vector(values)
    method: Literal["linear", "inverted_cdf"] = "linear" if np.isfinite(x).all() else "inverted_cdf"
    with np.errstate(invalid="ignore"):  # infinite both ways: NaN
        mean = float(x.mean())
    return Summary(
        n=x.size,
        mean=mean,
        # the jackknife: an image has its share in `degree` times as many tuples
        half_width=_half_width(x, degree, [spread] if spread else []),
        median=float(np.median(x)),
        # between two infinite values there is nothing to interpolate
        worst5=float(np.percentile(x, 5 if higher_is_better else 95, method=method)),
        infinite=int(np.isinf(x).sum()),
    )


def compare(
    pairs: Sequence[tuple[ArrayLike, ArrayLike]],
    higher_is_better: bool,  # noqa: FBT001 - a metric's own
    spreads: Sequence[Sequence[Spread]] = (),
) -> list[Comparison]:
    """Return the comparisons of two methods each by their values (N,) on the same images in the same order.

    `spreads` holds those of the seeds of the two, pair by pair; of nothing, none has several. Many at once are compared
    much faster than one by one. Raises ValueError if the numbers of images differ.
    """
    found = [_differences(a, b) for a, b in pairs]
    tests = zip(found, _wilcoxon(found), spreads or [()] * len(found), strict=True)
    return [_comparison(d, p, of_seeds, higher_is_better=higher_is_better) for d, p, of_seeds in tests]


def of_difference(differences: ArrayLike, spreads: Sequence[Spread]) -> float:
    """Return the half width of the 95 % interval of the mean of differences (N,), seeds included; as in `Summary`."""
    return _half_width(_vector(differences), 1, spreads)


def _comparison(d: Values, wilcoxon_p: float, spreads: Sequence[Spread], *, higher_is_better: bool) -> Comparison:
    with np.errstate(invalid="ignore"):
        mean = float(d.mean())
    return Comparison(
        n=d.size,
        mean=mean,
        half_width=_half_width(d, 1, spreads),
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


def over_seeds(values: ArrayLike) -> tuple[Values, Spread | None]:
    """Return the per-image means (N,) over seeds of values (S, N), and how far the seeds' means over images lie apart.

    None for one seed, and where a mean is infinite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2:  # noqa: PLR2004 - seeds and images
        raise ValueError(f"values of several seeds have the shape (S, N), not {x.shape}.")
    _vector(x.ravel())
    means = x.mean(axis=1)
    told = means.size > 1 and bool(np.isfinite(means).all())
    return x.mean(axis=0), Spread(float(means.std(ddof=1)), means.size) if told else None


def of_differences(pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> Spread | None:
    """Return how far the differences a - b, each of values (N,) of one seed, lie apart; None as in `over_seeds`.

    It is for two that share what a seed decides, as one network that is used in two ways: what a seed adds to both
    is then in neither difference.
    """
    return over_seeds([_differences(a, b) for a, b in pairs])[1] if pairs else None


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


def _half_width(x: Values, degree: int, spreads: Sequence[Spread]) -> float:
    """Return the half width of the interval of a mean over images x (N,), and over the seeds of each spread.

    The square of it is the sum over these of t(0.975, degrees of freedom)**2 * the variance of the mean: of images
    that is degree**2 * s_images**2 / N, of seeds s_seeds**2 / S. It covers at least as often as it says,
    however the variances lie to each other (Banerjee 1960, Sankhya 22); docs/adr/0010-seeds.md.
    """
    if x.size == 1 or not np.isfinite(x).all():
        return math.inf
    parts: list[Part] = [(degree**2 * float(x.var(ddof=1)) / x.size, x.size - 1), *(each.part for each in spreads)]
    return math.hypot(*(float(special.stdtrit(freedom, 0.975)) * math.sqrt(variance) for variance, freedom in parts))


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
