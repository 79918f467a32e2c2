"""The training of a bank on tiny sizes: it goes on where it stopped, and grows smoothly."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.spec import BadFile, Card
from methods.nets.rrdbnet import Shape
from methods.nets.stylegan2_layers import double
from methods.presets.bank import BankRecipe, BankStage
from methods.presets.sizes import Sizes
from methods.training import loop, run
from methods.training.bank import bank as training
from methods.training.feed import Pool
from methods.training.share import Share

TINY = Sizes(
    bank_coarse=1, bank_widest=8, bank_base=256, critic_widest=8, style_dim=8, mapping_layers=2,
    trunk_channels=4, trunk_blocks=1, trunk_growth=2, esrgan_plus=Shape(blocks=1, multiple=4, growth=4),
    srgan_channels=4, srgan_blocks=1, generators={},
)  # fmt: skip
RECIPE = BankRecipe(stages=(BankStage(8, 80, 8), BankStage(16, 80, 4)), gamma=0.1, half_life=50, half_precision=False)
CPU = torch.device("cpu")
CARD = Card("mini", "face", "Face", 32, "scenes", "face", "", "")


def tiny(recipe=RECIPE):
    return training.BankTraining(recipe, TINY, CPU, share=Share())


def feed():
    return Pool(CARD, Share(), 16)


def flat(bank):
    state = bank.state()
    return torch.cat([v.flatten().float() for v in [*state["generator"].values(), *state["average"].values()]])


def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(tmp_path):
    whole = tiny()
    assert loop.train(whole, feed(), run.Run(tmp_path / "whole"), "whole")
    for stop in (5, 14, 25):  # within the first stage, the second, and at the end
        part = tiny()
        stopped = run.Run(tmp_path / "parts")
        part.__class__ = type("Stopped", (training.BankTraining,), {"steps": property(lambda _, stop=stop: stop)})
        loop.train(part, feed(), stopped, "part")
    resumed = tiny()
    assert loop.train(resumed, feed(), run.Run(tmp_path / "parts"), "resumed")
    assert (whole.step, resumed.step) == (30, 30)
    torch.testing.assert_close(flat(resumed), flat(whole), rtol=0, atol=1e-6)
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("whole", "parts")]
    assert [line.split(",")[0] for line in logs[0]] == [line.split(",")[0] for line in logs[1]] == ["step", "0"]
    assert (tmp_path / "whole" / "samples.png").is_file()


def reached(folder):
    """The step of the checkpoint in a folder."""
    states = []
    run.Run(folder).load(states.append)
    return states[0]["step"]


def test_no_time_left_stops_with_a_checkpoint(tmp_path):
    bank = tiny()
    assert not loop.train(bank, feed(), run.Run(tmp_path, seconds=0), "none")
    assert reached(tmp_path) == bank.step == 0


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    run.Run(tmp_path).save(tiny().state())
    wider = training.BankTraining(RECIPE, replace(TINY, style_dim=9), CPU, share=Share())
    with pytest.raises(BadFile, match=r"checkpoint\.pt is of another network than the one to be trained"):
        run.Run(tmp_path).load(wider.load)


def test_a_grown_bank_paints_what_it_painted_enlarged():
    bank = tiny()
    for step in range(10):
        bank.advance(feed().batch(step, 8))
    z = torch.randn(2, 8)
    with torch.no_grad():
        before = bank.generator(z, noise="none")
        bank._enter(1)
        after = bank.generator(z, noise="none")
    assert after.shape[-1] == 16
    torch.testing.assert_close(after, double(before))
    with torch.no_grad():
        assert (bank.generator.synthesis.to_rgb[-1].weight == 0).all()


def test_a_grown_discriminator_judges_as_before_and_its_optimiser_goes_on():
    """Behind a block that was drawn anew it would judge at random, and a trained generator make it give up."""
    bank = tiny()
    for step in range(10):
        bank.advance(feed().batch(step, 8))
    old, optimiser = bank.discriminator, bank.d_optimiser
    bank._grow(feed().batch(10, 8))
    images = bank._of_stage(feed().batch(11, 8))
    with torch.no_grad():
        before, after = old(F.avg_pool2d(images, 2)), bank.discriminator(images)
    assert before.shape == (8, 1)
    assert (after - before).abs().mean() < before.std(), "the logits jump"
    assert torch.corrcoef(torch.cat([before, after], 1).T)[0, 1] > 0.7, "other images are judged to be real"
    moments = [optimiser.state[old.score.weight], bank.d_optimiser.state[bank.discriminator.score.weight]]
    assert torch.equal(moments[0]["exp_avg_sq"], moments[1]["exp_avg_sq"])
    assert bank.discriminator.first.weight not in bank.d_optimiser.state


@pytest.mark.parametrize("half", [False, True])
def test_every_weight_is_trained(half):
    recipe = BankRecipe(stages=(BankStage(16, 64, 8),), gamma=0.1, half_life=50, half_precision=half)
    bank = tiny(recipe)
    before = {name: value.clone() for name, value in bank.generator.named_parameters()}
    before |= {name: value.clone() for name, value in bank.discriminator.named_parameters()}
    for step in range(8):
        values = bank.advance(feed().batch(step, 8))
        assert all(math.isfinite(value) for value in values.values())
    now = dict(bank.generator.named_parameters()) | dict(bank.discriminator.named_parameters())
    assert [name for name, value in now.items() if torch.equal(value, before[name])] == []


def test_training_moves_the_images_towards_the_data():
    recipe = replace(RECIPE, stages=(BankStage(8, 800, 8),), rate=0.008, gamma=0.5, half_life=100)
    bank = tiny(recipe)
    real = torch.tensor([0.9, 0.5, 0.1]).view(1, 3, 1, 1).expand(8, 3, 8, 8) + 0.03 * torch.randn(8, 3, 8, 8)

    def distance():
        return (bank.samples().mean((0, 2, 3)) - torch.tensor([0.9, 0.5, 0.1])).abs().max().item()

    start = distance()
    for _ in range(bank.steps):
        bank.advance(real)
    assert distance() < min(0.15, start / 2), "orange data, and the generator does not turn orange"
