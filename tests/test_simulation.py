"""Small simulations of whole tables; docs/adr/0006-who-is-best.md has them at full size."""

import numpy as np
import pytest

from . import simulation

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["equal spread", "spread 1 to 10", "skewed", "as measured"])
def test_of_eight_equal_methods_one_is_called_beaten_in_few_tables(kind):
    """At full size in fewer than 5 or 6 %; the rule before this one, in 13."""
    share = simulation.false_positives(kind, 50, 120, np.random.default_rng(0))
    assert share <= 0.10, "more than two standard errors above 5 %"


def test_the_printed_size_is_found_in_80_of_100_tables():
    """The rule before this one found 32 of 100."""
    share = simulation.power_as_printed("equal spread", 100, 120, np.random.default_rng(0))
    assert share == pytest.approx(0.8, abs=0.1)


def test_methods_that_are_best_together_stay_so_beside_worse_ones():
    share = simulation.best_kept("equal spread", 50, 120, np.random.default_rng(0))
    assert share >= 0.90


@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("share", [(0, 0.5), (3, 0.5), (10, 0.5)])
def test_intervals_over_few_seeds_hold_the_true_mean_and_those_over_images_do_not(share, seeds):
    """At full size 95 % and more do; of those over images 94, 60 and 25 %; Welch's, of two seeds, 88 %."""
    wide, narrow = simulation.coverage_of_seeds(share, seeds, 1000, np.random.default_rng(0))
    assert wide >= 0.935, "95 %, and two standard errors"
    assert share[0] < 3 or narrow < 0.75, "the simulation has no seeds that matter"


@pytest.mark.parametrize("other", [(3, 0.5), (0, 0.5), None])
@pytest.mark.parametrize("seeds", [2, 3])
def test_of_two_equal_methods_of_few_seeds_one_is_called_better_in_few_tables(seeds, other):
    """At full size in 0 to 4 %, however unlike their seeds spread; by Welch's intervals in up to 14 %."""
    share = simulation.equal_methods_told_apart(((3, 0.5), other), seeds, 200, np.random.default_rng(0))
    assert share <= 0.08, "more than two standard errors above 5 %"
