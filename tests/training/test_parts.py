"""A process that cannot hold its part of a batch takes it in parts, which need the memory of one: `--batch-size`."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bench.spec import BenchError
from methods.presets.bank import BankRecipe, BankStage
from methods.presets.restorer import RestorerRecipe
from methods.training import __main__ as command
from methods.training import ingredients, processes, queue
from methods.training.bank import bank, growth
from methods.training.share import Share

from .test_bank import CPU, TINY, feed
from .test_queue import FACE
from .test_restorer import Smooth, started

BANK = BankRecipe(stages=(BankStage(8, 8, 8), BankStage(16, 8, 8)), gamma=0.1, half_life=50)


def test_the_parts_of_a_process_are_further_processes():
    whole = torch.arange(16)
    share = Share(3, 1, 2, at_once=4)
    assert share.parts(16) == [Share(3, 1, 4), Share(3, 3, 4)]
    own = share.of(whole)
    assert [part.tolist() for part in share.split(own)] == [each.of(whole).tolist() for each in share.parts(16)]
    assert Share(at_once=4).parts(4) == Share(at_once=32).parts(4) == [Share()], "what fits together is not split"


@pytest.mark.parametrize("at_once", [2, 3, 6, 12])
def test_parts_that_do_not_fit_are_refused_in_a_sentence(at_once):
    """Two images have no standard deviation among four; twelve do not divide sixteen."""
    share = Share(at_once=at_once)
    wanted = rf"16 images of a step .* {at_once} at once: --batch-size has to divide .* multiple of 4.*: 4, 8, 16\.$"
    with pytest.raises(BenchError, match=wanted):
        bank.BankTraining(replace(BANK, stages=(BankStage(8, 16, 16),)), TINY, CPU, share=share)
    with pytest.raises(BenchError, match=wanted):
        started(recipe=RestorerRecipe(images=16, batch=16), share=share)


def test_a_step_is_down_the_mean_of_the_parts_and_each_is_made_when_the_one_before_is_done():
    weight, made = nn.Parameter(torch.zeros(1)), []

    def losses():
        for slope in (1.0, 3.0):
            made.append(None if weight.grad is None else weight.grad.item())
            yield (weight * slope).sum(), {"slope": torch.tensor(slope)}

    told = processes.descend(losses(), torch.optim.SGD([weight], lr=1), [weight])
    assert (weight.item(), told) == (-2, {"slope": 2}), "Adam would hide that they are summed"
    assert made == [None, 1], "both graphs are there at once"


def largest(*networks) -> list[int]:
    """The most images that a forward pass of networks gets, filled as they run."""
    seen = [0]
    for network in networks:
        network.register_forward_pre_hook(lambda _, given: seen.__setitem__(0, max(seen[0], len(given[0]))))
    return seen


@pytest.mark.parametrize("at_once", [4, None])
@pytest.mark.slow
def test_no_network_gets_more_images_than_fit(monkeypatch, at_once):
    monkeypatch.setattr(growth, "_STEPS", 1)
    training = bank.BankTraining(BANK, TINY, CPU, share=Share(at_once=at_once))
    seen = largest(training.generator.synthesis, training.discriminator, training.average.synthesis)
    training.advance(feed().batch(0, 8))
    assert seen == [at_once or 8]
    if at_once:
        assert training.samples().shape[0] == 32
        assert seen == [4], "the samples need more memory than the training"
    restorer = started(recipe=RestorerRecipe(images=8, batch=8), share=Share(at_once=at_once))
    seen = largest(restorer.network, restorer.discriminator, restorer.vgg)
    restorer.advance(Smooth().batch(0, 8))
    restorer.samples()
    assert seen == [at_once or 8]


class Kept:
    """A tensor that is kept for a backward pass, counted as long as it is."""

    alive = 0
    """Bytes."""
    peak = 0

    def __init__(self, tensor):
        self.tensor, self.size = tensor, tensor.nbytes
        Kept.alive += self.size
        Kept.peak = max(Kept.peak, Kept.alive)

    def __del__(self):
        Kept.alive -= self.size


def kept(training, images) -> int:
    """The most bytes that are kept for backward passes in a step."""
    Kept.peak = Kept.alive
    before = Kept.alive
    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        training.advance(images)
    return Kept.peak - before


@pytest.mark.slow
def test_the_graph_of_a_part_is_gone_before_the_next_is_made():
    """The memory is that of one part: what a step keeps for its backward passes falls with the images at once."""
    banks, restorers = [], []
    for at_once in (4, None):
        recipe = replace(BANK, stages=(BankStage(32, 16, 16),), half_precision=False)
        training = bank.BankTraining(recipe, TINY, CPU, share=Share(at_once=at_once))
        training.step = 1  # what R1 and path lengths keep, such hooks keep too long
        banks.append(kept(training, feed().batch(0, 16)))
        training = started(recipe=RestorerRecipe(images=16, batch=16), share=Share(at_once=at_once))
        restorers.append(kept(training, Smooth().batch(0, 16)))
    assert banks[0] < banks[1] / 3.5
    assert restorers[0] < restorers[1] / 3


@pytest.mark.slow
def test_a_run_goes_on_with_other_parts_and_ends_the_same(settings, tmp_path, monkeypatch):
    """The recipe is the same, and so is the run; a machine with less memory may end it."""
    recipe = BankRecipe(
        stages=(BankStage(32, 24, 8),), gamma=0.1, half_life=50, half_precision=False, noise=False, adaptive=True
    )
    monkeypatch.setattr(ingredients, "bank_recipes", lambda _: {"mini": recipe})
    item = replace(FACE, task=replace(FACE.task, hr_size=32))
    ends = []
    for name, sizes in (("whole", (None, None)), ("parts", (4, None))):
        for size, steps in zip(sizes, (1, 3), strict=True):
            at = replace(settings, runs=tmp_path / name, out=tmp_path / name, batch_size=size)
            with monkeypatch.context() as patch:
                patch.setattr(bank.BankTraining, "steps", steps)
                queue.train(item, at)
        ends.append(at.folder(item) / item.file("bank"))
    whole, parts = (queue.unpickle.load(path) for path in ends)
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        torch.testing.assert_close(parts[key], value, rtol=2e-3, atol=1e-3)


def test_the_command_line_refuses_what_does_not_fit(settings, capsys, monkeypatch):
    monkeypatch.setattr(command, "TrainingSettings", lambda **told: replace(settings, batch_size=told["batch_size"]))
    assert command.main(["bank", "--category", "face", "--batch-size", "3"]) == 2
    assert "--batch-size has to divide them and be a multiple of 4" in capsys.readouterr().err


def test_another_size_is_trained_for_where_networks_have_it(settings, capsys, monkeypatch):
    """What `table --hr-size 64` asks for could not be trained; a bank that grows to 128 px is none of 64 px."""
    words = command.parser().parse_args(["bank", "--category", "cat", "--profile", "paper", "--hr-size", "64"])
    (item,) = command._items(words)
    assert (item.task.hr_size, item.file("bank")) == (64, "bank_cat_64.safetensors")
    assert queue.card_of(item.task, None).hr_size == 64, "the images would have the card's size"
    monkeypatch.setattr(command, "TrainingSettings", lambda **_: settings)
    assert command.main(["bank", "--category", "face", "--hr-size", "64"]) == 2
    assert "grows to 128 px, and 64 px are asked for" in " ".join(capsys.readouterr().err.split())
    assert command.main(["--missing", "--hr-size", "64"]) == 2
