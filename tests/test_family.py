"""The decisions on all pairs of a table, against scipy, known examples and small simulations."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.scores import family, flips, stats

from .simulation import pairs


def pair(differences, first="a", second="b", task="t", images=None) -> family.Pair:
    d = np.asarray(differences, dtype=float)
    return family.Pair(task, first, second, d, np.arange(d.size) if images is None else np.asarray(images))


def alone(differences, margin=0.0, **options) -> family.Decision:
    (decision,) = family.decide([replace(pair(differences), margin=margin)], **options)
    return decision


def gaussian(n, seed=0, mean=0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, n)


def halls(x, axis=-1) -> float | np.ndarray:
    """Hall's transformed t, written down anew from its equation."""
    n, mean = x.shape[axis], x.mean(axis=axis)
    deviation, skew = x.std(axis=axis), scipy_stats.skew(x, axis=axis)
    s = mean / deviation
    return math.sqrt(n) * (s + skew * s**2 / 3 + skew**2 * s**3 / 27 + skew / (6 * n))


# One pair


@pytest.mark.parametrize("n", [3, 6, 11, 13])
def test_up_to_13_images_p_is_exact(n):
    d = gaussian(n, n, mean=0.4)
    expected = scipy_stats.permutation_test((d,), halls, permutation_type="samples", n_resamples=10**6, axis=-1)
    # scipy doubles the smaller tail; ours counts both, which are equal by symmetry
    assert alone(d).p == pytest.approx(min(1, expected.pvalue), abs=1e-12)


def test_the_drawn_p_is_close_to_that_of_scipy():
    d = gaussian(40, mean=0.3)
    expected = scipy_stats.permutation_test(
        (d,), halls, permutation_type="samples", n_resamples=20_000, random_state=1, axis=-1
    ).pvalue
    assert alone(d).p == pytest.approx(expected, abs=4 * math.sqrt(expected / 10_000))
    assert alone(d).p == pytest.approx(scipy_stats.ttest_1samp(d, 0).pvalue, rel=0.2), "far from t on Gaussian data"


def test_the_smallest_p():
    assert alone(np.ones(100)).p == 1 / 10_001, "p must not be 0"
    assert alone(np.ones(10)).p == 2 / 2**10
    assert alone([1.0]).p == 1, "one image proves nothing"
    assert alone(np.zeros(20)).p == 1, "nothing differs"


def test_below_six_images_nothing_can_be_told_and_from_six_on_something():
    assert alone(np.ones(family.LEAST - 1)).winner == ""
    assert alone(np.ones(family.LEAST)).winner == "a"


def test_the_winner_is_the_better_one_and_p_the_same_either_way():
    d = gaussian(30, mean=0.8)
    one, other = alone(d), alone(-d)
    assert (one.winner, other.winner) == ("a", "b")
    assert one.p == other.p
    assert one.p_adjusted == one.p, "a single comparison needs no adjustment"


def test_p_is_the_same_every_time_and_depends_little_on_the_seed():
    d = gaussian(50, mean=0.3)
    first = alone(d)
    assert first == alone(d), "a table cannot be made again"
    others = [alone(d, seed=seed).p for seed in range(1, 4)]
    assert set(others) != {first.p}, "the seed is not used"
    assert others == pytest.approx([first.p] * 3, abs=0.02)


def test_an_infinite_difference_decides_alone_only_if_it_is_the_rule():
    exact, x = np.full(20, math.inf), gaussian(20)
    assert alone(stats.differences(exact, x)).winner == "a", "exact on every image is better"
    once = np.concatenate(([math.inf], x[1:] - 0.01))
    assert alone(stats.differences(once, x)).p > 0.2, "one exact image is no evidence about the mean"


@pytest.mark.parametrize(("mean", "winner"), [(0.004, ""), (0.006, "a")])
def test_within_the_margin_methods_are_level_however_small_p_is(mean, winner):
    decision = alone(mean + 1e-4 * gaussian(100), margin=0.005)
    assert decision.p == 1 / 10_001
    assert decision.winner == winner


def test_skewed_differences_of_mean_zero_are_not_called_different():
    """The plain sign flip of the mean calls 9 % of these different."""
    draws = np.random.default_rng(0).exponential(1, (300, 30)) - 1
    assert np.mean([alone(d).p < 0.05 for d in draws]) < 0.075


# Several pairs


def test_adjusted_p_is_the_step_down_by_the_largest_statistic():
    """Against a slow step-down, written down as Romano and Wolf (2005) do."""
    x = gaussian(10, 1)[:, None] + np.random.default_rng(2).normal(0, 1, (10, 4)) + [0, 0, 1.2, 2.5]
    found = pairs(x)
    patterns = np.array(np.meshgrid(*[[-1, 1]] * 10)).reshape(10, -1).T
    flipped = np.stack([np.abs(halls(patterns * p.differences)) for p in found])
    observed = np.array([abs(halls(p.differences)) for p in found])
    expected, last, left = {}, 0.0, set(range(len(found)))
    while left:
        index = max(left, key=lambda k: observed[k])
        largest = flipped[sorted(left)].max(axis=0)
        last = max(last, (largest >= observed[index] - 1e-6).mean())
        expected[index] = last
        left.remove(index)
    decisions = family.decide(found, for_best=False)
    assert [d.p_adjusted for d in decisions] == pytest.approx([expected[k] for k in range(len(found))])
    assert all(d.p_adjusted >= d.p for d in decisions)


def test_a_pair_of_which_both_are_beaten_does_not_weigh_on_who_is_best():
    """Two candidates, and six losers that are equal: whether these differ is nobody's question."""
    x = np.random.default_rng(3).normal(0, 1, (30, 8)) - np.array([0, 0.62, *[9] * 6])
    for_best, all_pairs = (family.decide(pairs(x), for_best=choice)[0] for choice in (True, False))
    assert for_best.p_adjusted < all_pairs.p_adjusted
    assert for_best.winner == "0"
    assert for_best.critical < all_pairs.critical
    closed = [d for p, d in zip(pairs(x), family.decide(pairs(x)), strict=True) if {p.first, p.second} <= set("234567")]
    assert all(math.isnan(d.p_adjusted) and d.winner == "" for d in closed), "closed, not decided"


def test_the_family_is_all_tasks():
    """A difference that stands alone may not stand among twenty tables' worth of others."""
    x = gaussian(30, mean=0.6)
    others = [pair(gaussian(30, seed), task=seed) for seed in range(1, 30)]
    single, among = family.decide([pair(x)])[0], family.decide([pair(x), *others])[0]
    assert single.p == among.p < 0.05 < among.p_adjusted
    assert single.winner == "a"
    assert among.winner == ""
    assert among.critical > single.critical


def test_an_image_has_one_sign_in_all_pairs():
    """Ten copies of one comparison are one: no price is paid for what hangs together."""
    d = gaussian(40, mean=0.35)
    copies = family.decide([pair(d, task=k) for k in range(10)], for_best=False)
    assert [c.p_adjusted for c in copies] == [alone(d).p] * 10
    shuffled = np.random.default_rng(0).permutation(40)
    again = family.decide([pair(d), pair(d[shuffled], images=shuffled, task="u")], for_best=False)
    assert again[1].p_adjusted == alone(d).p, "signs go by image, not by place"


def test_pairs_of_fewer_images_take_part():
    few = pair(np.full(8, 1.0), "a", "c", images=np.arange(8))
    decisions = family.decide([pair(gaussian(100)), few])
    assert [d.winner for d in decisions] == ["", "a"]


# What can be told


def test_a_statistic_above_the_critical_one_is_told_and_one_below_is_not():
    x = np.random.default_rng(5).normal(0, 1, (40, 5))
    critical = family.decide(pairs(x))[0].critical
    shifts = np.linspace(0, 2, 41)
    for shift in shifts:
        y = x + np.array([shift, 0, 0, 0, 0])
        (first, *_), statistic = family.decide(pairs(y)), abs(halls(y[:, 0] - y[:, 1]))
        if abs(statistic - critical) > 0.4:  # the other pairs with the first change a little
            assert (first.winner == "0") == (statistic > critical), shift


def test_below_14_images_no_size_is_printed():
    assert flips.detectable((gaussian(13)), 2.0) == math.inf
    assert flips.detectable((gaussian(14)), 2.0) < math.inf


def test_what_can_be_told_grows_with_spread_and_margin_and_shrinks_with_images():
    size = flips.detectable((gaussian(100)), 2.0)
    assert size == pytest.approx((2.0 + 0.84) / 10 * gaussian(100).std(), rel=0.08), "the textbook's formula"
    assert flips.detectable((3 * gaussian(100)), 2.0) == pytest.approx(3 * size)
    assert flips.detectable((gaussian(25)), 2.0) > 1.5 * size
    assert flips.detectable((gaussian(100)), 2.0, margin=0.5) == pytest.approx(0.5 + 0.084, abs=0.02)
    assert flips.detectable((np.full(20, 1.0)), 2.0, margin=0.5) == pytest.approx(0.5, abs=0.01)
