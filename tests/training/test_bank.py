"""The training of a bank on tiny sizes: it goes on where it stopped, and grows smoothly."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.spec import BadFile, Card
from methods.nets.rrdbnet import Shape
from methods.nets.stylegan2_layers import double
from methods.presets.bank import BankRecipe, BankStage
from methods.presets.sizes import Sizes
from methods.training import loop, queue, run
from methods.training.bank import bank as training
from methods.training.drawn import Pool
from methods.training.share import Share

TINY = Sizes(
    bank_coarse=1, bank_widest=8, bank_base=256, critic_widest=8, style_dim=8, mapping_layers=2,
    trunk_channels=4, trunk_blocks=1, trunk_growth=2, esrgan_plus=Shape(blocks=1, multiple=4, growth=4),
    srgan_channels=4, srgan_blocks=1, generators={},
)  # fmt: skip
RECIPE = BankRecipe(stages=(BankStage(8, 80, 8), BankStage(16, 80, 4)), gamma=0.1, half_life=50, half_precision=False)
CPU = torch.device("cpu")
CARD = Card("mini", "face", "Face", 32, "scenes", "face", "", "")


def tiny(recipe=RECIPE) -> training.BankTraining:
    return training.BankTraining(recipe, TINY, CPU, share=Share())


def feed() -> Pool:
    return Pool(CARD, Share(), 16)


def flat(bank) -> Tensor:
    state = bank.state()
    return torch.cat([v.flatten().float() for v in [*state["generator"].values(), *state["average"].values()]])


@pytest.mark.slow
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


def reached(folder) -> int:
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


@pytest.mark.slow
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


@pytest.mark.slow
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
@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.parametrize("stop", [5, 14, 25], ids=["first stage", "last stage", "later"])
@pytest.mark.slow
def test_a_carried_state_goes_on_at_any_stage(tmp_path, stop):
    """A machine is lost, and of its run no more than the small file is left."""
    bank, images = tiny(replace(RECIPE, adaptive=True)), feed()
    for step in range(stop):
        bank.advance(images.batch(step, bank.batch))
    bank.probability.fill_(0.25)
    run.Run(tmp_path).save(bank.state())
    (tmp_path / "checkpoint.pt").unlink()
    there = tiny(replace(RECIPE, adaptive=True))
    assert run.Run(tmp_path).begun
    run.Run(tmp_path).load(there.load)
    assert (there.step, there.stage, there.probability) == (stop, bank.stage, 0.25)
    torch.testing.assert_close(there.samples(), bank.samples(), rtol=0, atol=5e-3)
    torch.testing.assert_close(there.paths.mean, bank.paths.mean)
    values = there.advance(images.batch(stop, there.batch))
    assert there.step == stop + 1
    assert all(math.isfinite(value) for value in values.values())
    assert not torch.equal(there.generator.synthesis.constant, bank.generator.synthesis.constant), "nothing is trained"


def test_a_carried_state_is_small_and_a_whole_checkpoint_comes_before_it(tmp_path):
    bank = tiny()
    bank.advance(feed().batch(0, 8))
    run.Run(tmp_path).save(bank.state())
    small, whole = ((tmp_path / name).stat().st_size for name in ("state.safetensors", "checkpoint.pt"))
    assert small < whole / 2
    resumed = tiny()
    run.Run(tmp_path).load(resumed.load)
    assert resumed.g_optimiser.state, "the optimisers of the checkpoint were left out"
    (tmp_path / "checkpoint.pt").unlink()
    (tmp_path / "state.safetensors").write_bytes(b"no weights")
    with pytest.raises(BadFile, match=r"state\.safetensors is cut, or not the state of a training"):
        run.Run(tmp_path).load(tiny().load)


def test_half_precision_is_used_where_it_is_faster(monkeypatch):
    """A CPU that does not multiply in bfloat16 computes in it at a ninth to two thirds of its speed."""
    for able, half, expected in (
        ({}, True, False),
        ({"avx512_f": True, "amx_bf16": False, "avx512_bf16": False}, True, False),
        ({"amx_bf16": True, "avx512_bf16": False}, True, True),
        ({"amx_bf16": False, "avx512_bf16": True}, True, True),
        ({"amx_bf16": True, "avx512_bf16": True}, False, False),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=able: found, raising=False)
        with run.precision(CPU, half=half):
            assert torch.is_autocast_enabled("cpu") == expected
        told = queue.machine(queue.TrainingSettings(device=CPU))["arithmetic"]
        assert not half or told == ("bfloat16" if expected else "float32"), "what the file says of it"
