"""The statistics against scipy, textbook values and simulation."""

import math
from collections.abc import Callable, Sequence

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from bench.scores import stats

Values = NDArray[np.float64]


def gaussian(n: int, seed: int = 0, mean: float = 0) -> Values:
    """Return draws of standard deviation 1."""
    return np.random.default_rng(seed).normal(mean, 1, n)


# One cell


@pytest.mark.parametrize("n", [2, 3, 20, 100])
def test_the_interval_is_that_of_scipy(n: int) -> None:
    x = gaussian(n, mean=26)
    summary = stats.summarise(x, higher_is_better=True)
    interval = scipy_stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert summary.mean - summary.half_width == pytest.approx(interval.low, rel=1e-12)
    assert summary.mean + summary.half_width == pytest.approx(interval.high, rel=1e-12)
    assert (summary.n, summary.mean, summary.median) == (n, x.mean(), np.median(x))
    assert summary.infinite == 0


def test_the_interval_covers_the_mean_95_times_in_100() -> None:
    draws = np.random.default_rng(0).normal(3, 1, (2000, 10))
    summaries = [stats.summarise(x, higher_is_better=True) for x in draws]
    covered = np.mean([abs(s.mean - 3) <= s.half_width for s in summaries])
    assert covered == pytest.approx(0.95, abs=0.015)


def test_the_worst_5_percent_are_low_psnr_and_high_lpips() -> None:
    x = np.arange(101.0)
    assert stats.summarise(x, higher_is_better=True).worst5 == 5
    assert stats.summarise(x, higher_is_better=False).worst5 == 95


def test_one_image_has_no_interval() -> None:
    assert stats.summarise([20.0], higher_is_better=True) == stats.Summary(1, 20, math.inf, 20, 20, 0)


def test_exact_images_are_kept_and_counted() -> None:
    summary = stats.summarise([20.0, 21.0, 22.0, math.inf], higher_is_better=True)
    assert (summary.mean, summary.half_width, summary.infinite) == (math.inf, math.inf, 1)
    assert (summary.median, summary.worst5) == (21.5, 20)
    summary = stats.summarise([math.inf] * 4, higher_is_better=True)
    assert (summary.median, summary.worst5, summary.infinite) == (math.inf, math.inf, 4)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: stats.summarise(x, higher_is_better=True),
        lambda x: stats.compare([(x, x)], higher_is_better=True)[0],
        lambda x: stats.over_seeds([x, x]),
    ],
)
def test_nan_and_nothing_are_refused(function: Callable[[Sequence[float]], object]) -> None:
    with pytest.raises(ValueError, match=r"of \d values are NaN, the first at 1"):
        function([1, math.nan, 2])
    with pytest.raises(ValueError, match="N at least 1"):
        function([])


# Two methods


def test_the_comparison_is_that_of_scipy() -> None:
    a, b = gaussian(30, 0), gaussian(30, 1, mean=0.4)
    result = stats.compare([(a, b)], higher_is_better=True)[0]
    paired = scipy_stats.ttest_rel(a, b)
    interval = paired.confidence_interval(0.95)
    assert result.mean == pytest.approx((a - b).mean())
    assert result.half_width == pytest.approx((interval.high - interval.low) / 2)
    assert result.effect * math.sqrt(30) == pytest.approx(paired.statistic), "d_z is t over the root of n"
    assert result.wilcoxon_p == pytest.approx(scipy_stats.wilcoxon(a, b).pvalue)
    assert result.win_rate == (a > b).mean()
    assert stats.compare([(a, b)], higher_is_better=False)[0].win_rate == (a < b).mean()


def test_equal_methods() -> None:
    x = gaussian(20)
    result = stats.compare([(x, x)], higher_is_better=True)[0]
    assert result == stats.Comparison(20, 0, 0, 1, 0.5, 0, 0), "nothing differs, so nothing may be significant"


def test_differences_without_spread() -> None:
    result = stats.compare([(np.full(20, 2.0), np.full(20, 1.5))], higher_is_better=False)[0]
    assert (result.mean, result.half_width, result.effect, result.win_rate) == (0.5, 0, math.inf, 0)
    assert math.isnan(stats.compare([([2.0], [1.0])], higher_is_better=True)[0].effect)


def test_many_at_once_are_compared_as_one_by_one():
    draw = np.random.default_rng(3)
    pairs = [(draw.normal(size=n), draw.normal(size=n).round(digits)) for n in (9, 20, 60, 9, 1) for digits in (0, 3)]
    pairs += [(draw.integers(2, 6, n), np.ones(n)) for n in (9, 9, 20, 60)]  # ties, which an exact p does not bear
    pairs += [(pairs[0][0], pairs[0][0]), (np.r_[pairs[1][0], 1, 2], np.r_[pairs[1][1], 1, 2])]
    for (a, b), found in zip(pairs, stats.compare(pairs, higher_is_better=True), strict=True):
        d = (a - b)[a != b]
        assert found.wilcoxon_p == (scipy_stats.wilcoxon(d).pvalue if d.size else 1), (
            "p of another pair, or of another size"
        )


def test_unpaired_values_are_refused() -> None:
    with pytest.raises(ValueError, match="20 and 19"):
        stats.compare([(gaussian(20), gaussian(19))], higher_is_better=True)[0]


def test_exact_images_in_a_comparison() -> None:
    exact, x = np.full(20, math.inf), gaussian(20)
    assert (
        stats.compare([(exact, exact)], higher_is_better=True)[0] == stats.compare([(x, x)], higher_is_better=True)[0]
    )

    result = stats.compare([(exact, x)], higher_is_better=True)[0]
    assert (result.mean, result.half_width, result.infinite, result.win_rate) == (math.inf, math.inf, 20, 1)
    assert math.isnan(result.effect)

    assert math.isnan(stats.compare([([math.inf, 1], [1, math.inf])], higher_is_better=True)[0].mean)


finite = st.integers(-50, 50).map(lambda k: k / 10)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=9))
@pytest.mark.slow
def test_swapping_the_methods_mirrors_the_comparison(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    one, other = stats.compare([(a, b)], higher_is_better=True)[0], stats.compare([(b, a)], higher_is_better=True)[0]
    assert other.mean == -one.mean
    assert other.half_width == one.half_width
    assert (other.wilcoxon_p, other.win_rate) == pytest.approx((one.wilcoxon_p, 1 - one.win_rate))


def test_an_infinite_difference_is_larger_than_every_finite_one() -> None:
    d = stats.differences([math.inf, 1, 1, math.inf], [1, math.inf, 2, math.inf])
    assert d.tolist() == [2e6, -2e6, -1, 0]
    with pytest.raises(ValueError, match="2 and 1"):
        stats.differences([1, 2], [1])


# The paper's figures, and seeds


@pytest.mark.parametrize(
    ("mean", "half_width", "says"),
    [
        (26.84, 0.0, "consistent"),
        (26.8449, 0.0, "consistent"),  # prints as 26.84
        (26.8351, 0.0, "consistent"),
        (26.8451, 0.0, "differs by +0.01"),
        (26.96, 0.11, "differs by +0.12"),
        (26.96, 0.12, "consistent"),
        (26.5, 0.2, "differs by -0.34"),
        (26.5, math.inf, "cannot tell"),
        (math.inf, math.inf, "cannot tell"),
    ],
)
def test_consistent_with_a_published_value(mean: float, half_width: float, says: str) -> None:
    summary = stats.Summary(100, mean, half_width, mean, mean, 0)
    assert stats.consistency(summary, 26.84, 2) == says


def test_seeds_are_averaged_before_images() -> None:
    values = np.array([[1.0, 2.0, 6.0], [3.0, 2.0, 10.0]])
    images, spread = stats.over_seeds(values)
    assert images.tolist() == [2, 2, 8]
    assert spread == stats.Spread(pytest.approx(np.std([3, 5], ddof=1)), 2), "that of the seeds' means over images"
    images, spread = stats.over_seeds(values[:1])
    assert images.tolist() == [1, 2, 6]
    assert spread is None
    assert stats.over_seeds([[math.inf, 1], [2, 3]])[1] is None, "infinitely far apart, and nobody would be told why"
    with pytest.raises(ValueError, match="S, N"):
        stats.over_seeds(values[0])


def test_an_interval_over_seeds_is_that_of_banerjee():
    """Of four images of variance 4 and three seeds of variance 3: variances of the mean of 1, each with its own t."""
    images = np.array([-1.0, -1.0, 1.0, 1.0]) * math.sqrt(3)
    found = stats.summarise(10 + images, higher_is_better=True, spread=stats.Spread(math.sqrt(3), 3))
    assert found.mean == pytest.approx(10)
    assert found.half_width == pytest.approx(math.sqrt(sum(scipy_stats.t.ppf(0.975, f) ** 2 for f in (3, 2))))
    assert stats.of_difference(images, [stats.Spread(math.sqrt(3), 3)]) == pytest.approx(found.half_width)
    (compared,) = stats.compare([(images, 0 * images)], True, [[stats.Spread(math.sqrt(3), 3)]])
    assert compared.half_width == pytest.approx(found.half_width), "a difference is told with another interval"


def test_seeds_that_agree_leave_the_interval_of_the_images():
    images = np.random.default_rng(0).normal(size=50)
    alone = stats.summarise(images, higher_is_better=True)
    assert stats.summarise(images, higher_is_better=True, spread=stats.Spread(0.0, 3)).half_width == pytest.approx(
        alone.half_width
    )
    constant = stats.summarise(np.ones(5), higher_is_better=True, spread=stats.Spread(0.0, 2))
    assert constant.half_width == 0, "a division by nothing"


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e120])
def test_an_interval_over_seeds_has_the_unit_of_its_values_however_large(scale):
    """The square of a variance is out of range long before the variance is."""
    images, spread = np.random.default_rng(0).normal(size=50), stats.Spread(0.1, 3)
    unit = stats.summarise(images, higher_is_better=True, spread=spread).half_width
    found = stats.summarise(scale * images, higher_is_better=True, spread=stats.Spread(scale * 0.1, 3)).half_width
    assert found == pytest.approx(scale * unit, rel=1e-9)
    alone = stats.summarise(scale * images, higher_is_better=True).half_width
    assert alone == pytest.approx(scale * stats.summarise(images, higher_is_better=True).half_width, rel=1e-9)


def test_an_image_that_stands_in_pairs_counts_as_often_beside_seeds():
    images, spread = np.random.default_rng(0).normal(size=50), stats.Spread(1e-9, 2)
    once, twice = (stats.summarise(images, higher_is_better=True, degree=d, spread=spread).half_width for d in (1, 2))
    assert twice == pytest.approx(2 * once)
