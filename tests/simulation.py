"""Simulated tables: how often equal methods are told apart, how often unequal ones, how often intervals cover.

`python -m tests.simulation` prints the figures of docs/adr/0006-who-is-best.md and 0010-seeds.md, of so many rounds as
it is told (2,000); tests/test_simulation.py runs fewer.
"""

import math
import sys
from collections.abc import Hashable
from itertools import combinations

import numpy as np
import pandas as pd

from bench.scores import family, flips, stats

METHODS = 8
KINDS = ("equal spread", "spread 1 to 10", "skewed", "very skewed", "as measured")

_COLUMNS = ("bicubic", "srgan", "mganprior", "pulse", "dgp", "singan", "esrgan_plus", "glean")


def noise(kind, n, rng, methods=METHODS) -> np.ndarray:
    """Values (n, methods) of equally good methods; a part is common to all of an image."""
    common = rng.normal(0, 1.5, (n, 1))
    if kind == "spread 1 to 10":
        return common + rng.normal(0, 1, (n, methods)) * np.geomspace(0.3, 3, methods)
    if kind == "skewed":  # half of them to the other side, so that differences are skewed by 1.4
        return common + (rng.exponential(1, (n, methods)) - 1) * np.where(np.arange(methods) % 2, 1, -1)
    if kind == "very skewed":  # differences by 4.4
        return common + (rng.lognormal(0, 1, (n, methods)) - math.exp(0.5)) * np.where(np.arange(methods) % 2, 1, -1)
    if kind == "as measured":
        return _measured()[rng.integers(0, 100, n)][:, :methods]
    return common + rng.normal(0, 1, (n, methods))


def _measured() -> np.ndarray:
    """The published LPIPS of towers at 16x, brought to the same mean."""
    values = pd.read_csv("reports/published/mini/factors.images.csv", dtype={"image": str})
    found = values[(values.category == "tower") & (values.factor == 16)].pivot_table("lpips", "image", "method")
    return (found - found.mean())[list(_COLUMNS)].to_numpy()


def pairs(values, task="task") -> list[family.Pair]:
    """All pairs of methods whose values these are, higher is better."""
    places = np.arange(len(values))
    return [
        family.Pair(task, str(a), str(b), values[:, a] - values[:, b], places)
        for a, b in combinations(range(values.shape[1]), 2)
    ]


def beaten(tables) -> set[tuple[Hashable, str]]:
    """Who is beaten, by task and name, in a table of several tasks."""
    found = [pair for task, values in enumerate(tables) for pair in pairs(values, task)]
    decided = zip(found, family.decide(found), strict=True)
    return {(p.task, p.second if d.winner == p.first else p.first) for p, d in decided if d.winner}


def false_positives(kind, n, rounds, rng, tasks=1) -> float:
    """The share of tables of equal methods in which one is called beaten."""
    return np.mean([bool(beaten([noise(kind, n, rng) for _ in range(tasks)])) for _ in range(rounds)])


def best_kept(kind, n, rounds, rng) -> float:
    """The share of tables in which none of three equal best is called beaten; the other five are behind."""
    behind = np.array([0, 0, 0, 0.2, 0.4, 0.6, 1, 2])
    return np.mean([not {m for _, m in beaten([noise(kind, n, rng) - behind])} & set("012") for _ in range(rounds)])


def power_as_printed(kind, n, rounds, rng) -> float:
    """The share of tables that tell two methods apart whose true difference is what a like table prints."""
    behind = np.array([0, 0, 0, 0, 3, 6, 9, 12]) * noise(kind, 1000, rng).std(axis=0).max()
    found = []
    for _ in range(rounds // 10):
        printed = pairs(noise(kind, n, rng) - behind)
        size = flips.detectable(printed[0].differences, family.decide(printed)[0].critical)
        for _ in range(10):
            values = noise(kind, n, rng) - behind
            values[:, 0] += size
            found.append(family.decide(pairs(values))[0].winner == "0")
    return np.mean(found)


def coverage(kind, n, rounds, rng) -> float:
    """The share of 95 % t intervals that hold the true mean."""
    draws = [noise(kind, n, rng)[:, 1] for _ in range(rounds)]
    summaries = [stats.summarise(values, higher_is_better=True) for values in draws]
    return np.mean([abs(found.mean) <= found.half_width for found in summaries])


SEEDS = (2, 3, 5)
SHARES = ((0, 0.5), (1, 0.5), (3, 0.5), (10, 0.5))
"""How far seeds move a mean, in its standard errors over images; how far they move an image, in images' deviations."""
UNEQUAL = (((3, 0.5), (3, 0.5)), ((3, 0.5), (1, 0.5)), ((3, 0.5), (0, 0.5)), ((3, 0.5), None), ((1, 0.5), (1, 0.5)))
"""The same of two methods."""


def of_seeds(seeds, share, n, rng) -> np.ndarray:
    """Values (S, N) that several seeds give of the same images, beside what is the images' own; the true mean is 0."""
    moved, apart = share
    return rng.normal(0, moved / math.sqrt(n), (seeds, 1)) + rng.normal(0, apart, (seeds, n))


def coverage_of_seeds(share, seeds, rounds, rng, n=100) -> tuple[float, float]:
    """The share of intervals over images and seeds that hold the true mean; and of those over images alone."""
    wide = narrow = 0
    for _ in range(rounds):
        means, spread = stats.over_seeds(rng.normal(0, 1, n) + of_seeds(seeds, share, n, rng))
        found = stats.summarise(means, higher_is_better=True, spread=spread)
        alone = stats.summarise(means, higher_is_better=True)
        wide += abs(found.mean) <= found.half_width
        narrow += abs(alone.mean) <= alone.half_width
    return wide / rounds, narrow / rounds


def equal_methods_told_apart(shares, seeds, rounds, rng, tasks=1) -> float:
    """The share of tables of two equal methods, each of several seeds, in which one is called better in some category.

    `shares` holds that of each of the two; None is a method of one training, or none.
    """
    told = 0
    for _ in range(rounds):
        found = [_pair_of_seeds(shares, seeds, rng, task) for task in range(tasks)]
        told += any(decision.winner for decision in family.decide(found))
    return told / rounds


def _pair_of_seeds(shares, seeds, rng, task, n=100) -> family.Pair:
    """Two equal methods in one category."""
    common = rng.normal(0, 1, n)
    both = [
        stats.over_seeds(common + (rng.normal(0, 0.5, (1, n)) if share is None else of_seeds(seeds, share, n, rng)))
        for share in shares
    ]
    differences = both[0][0] - both[1][0]
    margin = stats.of_difference(differences, [spread for _, spread in both if spread])
    return family.Pair(task, "a", "b", differences, np.arange(n), margin)


def main(rounds) -> None:
    """Print every figure, in per cent, with fewer flips than the 10,000 of a table: a fifth of the time, or a tenth."""
    flips.FLIPS = 2000
    of_images(rounds, np.random.default_rng(0))
    flips.FLIPS = 1000
    of_images_and_seeds(rounds, np.random.default_rng(0))


def of_images(rounds, rng) -> None:
    """Print the figures of ADR 6."""
    for title, simulate, sizes in (
        ("equal methods told apart", false_positives, (8, 13, 25, 100)),
        ("the same, five categories", lambda *a: false_positives(*a, tasks=5), (25, 100)),
        ("all of three equal best kept", best_kept, (25, 100)),
        ("found at the printed size", power_as_printed, (25, 100)),
        ("intervals cover", coverage, (8, 25, 100)),
    ):
        print(f"\n{title}, n = {sizes}")
        for kind in KINDS:
            shares = [100 * simulate(kind, n, rounds, rng) for n in sizes]
            print(f"{kind:16}", *(f"{share:6.1f}" for share in shares), flush=True)


def of_images_and_seeds(rounds, rng) -> None:
    """Print the figures of ADR 10; the pairs of methods, which take the time, of a fifth of the rounds."""
    print(f"\nof S = {SEEDS} seeds: intervals cover, those of images alone do")
    for share in SHARES:
        covered = [coverage_of_seeds(share, seeds, rounds, rng) for seeds in SEEDS]
        columns = (*(wide for wide, _ in covered), *(narrow for _, narrow in covered))
        print(f"{share!s:16}", *(f"{100 * value:6.1f}" for value in columns), flush=True)
    print(f"\ntwo equal methods of S = {SEEDS} told apart: in one category, in one of five")
    for shares in UNEQUAL:
        told = [
            equal_methods_told_apart(shares, seeds, rounds // 5, rng, tasks=tasks)
            for tasks in (1, 5)
            for seeds in SEEDS
        ]
        print(f"{shares!s:24}", *(f"{100 * value:6.1f}" for value in told), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
