"""A training in several processes is the training in one: the same batch, steps, images and, to rounding, weights.

So is one in which a process takes its images in parts: two parts of a process are two processes.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.spec import BenchError
from methods.presets.bank import BankRecipe, BankStage
from methods.training import processes, restorer
from methods.training.bank import bank, growth
from methods.training.drawn import Pool, Scenes
from methods.training.photographs import Photographs
from methods.training.share import Share

from ..conftest import ROOT
from .test_bank import CARD, CPU, TINY
from .test_restorer import RECIPE as RESTORER
from .test_restorer import started

BANK = BankRecipe(
    stages=(BankStage(8, 40, 8), BankStage(32, 32, 8)),
    gamma=0.1, half_life=50, half_precision=False, adaptive=True, noise=False,
)  # fmt: skip
KINDS = ("bank", "noisy bank", "restorer")
START = 0.4  # of the augmentation's probability, so that its draws count

pytestmark = pytest.mark.slow


def trained(kind, share) -> tuple[int, Tensor]:
    """Train a bank or a restorer; return its step and all its weights."""
    torch.set_num_threads(1)
    growth._STEPS = 2
    restorer.Restorer._precision = lambda _: torch.autocast("cpu", enabled=False)
    if kind != "restorer":
        training = bank.BankTraining(replace(BANK, noise=kind == "noisy bank"), TINY, CPU, share=share)
        training.probability.fill_(START)
    else:
        training = started(recipe=replace(RESTORER, images=64, batch=8), share=share)
    feed = Pool(CARD, share, 16)
    while training.step < training.steps:
        training.advance(feed.batch(training.step, training.batch))
    parts = ("network", "discriminator") if kind == "restorer" else ("generator", "average", "discriminator")
    states = [getattr(training, part).state_dict().values() for part in parts]
    numbers = torch.stack([training.probability, training.paths.mean]) if kind != "restorer" else torch.zeros(2)
    return training.step, torch.cat([*(value.flatten() for state in states for value in state), numbers])


def main(folder) -> None:
    rank, ranks = processes.join()
    for kind in KINDS:
        torch.save(trained(kind, Share(0, rank, ranks)), folder / f"{kind}{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> dict[tuple[str, int], tuple[int, Tensor]]:
    """What two processes made: (kind, rank) -> step, weights."""
    folder = tmp_path_factory.mktemp("two")
    words = ["--standalone", "--nproc-per-node", "2", "-m", "tests.training.test_processes", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    kinds = [(kind, rank) for kind in KINDS for rank in (0, 1)]
    return {(kind, rank): torch.load(folder / f"{kind}{rank}.pt", weights_only=True) for kind, rank in kinds}


@pytest.fixture
def alone(monkeypatch) -> Iterator[Callable[..., tuple[int, Tensor]]]:
    """Train in this process; what `trained` sets is undone."""
    monkeypatch.setattr(growth, "_STEPS", growth._STEPS)
    monkeypatch.setattr(restorer.Restorer, "_precision", restorer.Restorer._precision)
    before = torch.get_num_threads()
    yield lambda kind, at_once=None: trained(kind, Share(at_once=at_once))
    torch.set_num_threads(before)


@pytest.mark.parametrize(("kind", "steps"), [("bank", 9), ("restorer", 8)])
def test_two_processes_train_what_one_does(two, alone, kind, steps):
    step, weights = alone(kind)
    (first, mine), (second, other) = two[kind, 0], two[kind, 1]
    assert (step, first, second) == (steps, steps, steps), "the recipe's batch is not the whole batch"
    assert torch.equal(mine, other), "the processes have drifted apart"
    torch.testing.assert_close(mine, weights, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "steps"), [("bank", 9), ("noisy bank", 9), ("restorer", 8)])
def test_two_parts_of_a_process_train_what_two_processes_do(two, alone, kind, steps):
    """Memory decides how the images are split; what is trained, noise included, does not depend on it."""
    (step, weights), (_, processes) = alone(kind, 4), two[kind, 0]
    assert step == steps, "the recipe's batch is not the whole batch"
    torch.testing.assert_close(weights, processes, rtol=1e-6, atol=1e-6)
    if kind != "noisy bank":
        torch.testing.assert_close(weights, alone(kind)[1], rtol=1e-3, atol=1e-4)


def test_a_batch_that_cannot_be_split_is_refused():
    share = Share(0, 0, 3)
    with pytest.raises(BenchError, match=r"batch of 8 images .* 3 processes; start .*: 1, 2, 4, 8\."):
        bank.BankTraining(BANK, TINY, CPU, share=share)
    with pytest.raises(BenchError, match=r"batch of 4 images .* 3 processes"):
        started(share=share)


@pytest.mark.parametrize("kind", ["scenes", "pool", "photographs"])
def test_the_images_of_a_step_are_split_and_none_is_lost(photos, kind):
    def feed(share):
        if kind == "photographs":
            card = replace(CARD, profile=str(photos), reader="folder", source=str(photos / "face"), test_images=1)
            return Photographs(card, share, CPU)
        return Scenes(CARD, share, CPU) if kind == "scenes" else Pool(CARD, share, 16)

    for step in (0, 3):
        whole = feed(Share()).batch(step, 8)
        parts = [feed(Share(0, rank, 2)).batch(step, 8) for rank in (0, 1)]
        assert [len(part) for part in parts] == [4, 4]
        torch.testing.assert_close(torch.stack(parts, 1).flatten(0, 1), whole)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
