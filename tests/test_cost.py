"""What a method costs, by part, against the counts of the released network."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it
from torch.utils.flop_counter import FlopCounterMode

from bench.cost.count import count
from bench.spec import Spec, Task
from methods import BY_NAME
from methods.glean import Glean

# GMACs of the released network by part: encoder (rrdb + head + down + latent), fusion, bank, decoder; dead
# (fusion_skip + to_rgb). Parameters: encoder, fusion_out, decoder, bank synthesis with to_rgb.
FACTS = {
    (16, 256): ((4.790, 1.585, 45.32, 108.83, 0.057), (87_407_360, 14_157_312, 40_262_915, 27_933_090)),
    (64, 1024): ((75.618, 25.75, 75.12, 175.76, 0.342), (113_625_856, 23_595_520, 7_855_747, 28_268_812)),
    (32, 512): ((18.962, 6.417, 60.09, 145.41, 0.134), (100_516_608, 18_876_416, 21_902_851, 28_175_335)),
}


@pytest.mark.parametrize(("in_size", "out_size"), FACTS)
def test_glean_by_part_is_the_released_network(in_size, out_size):
    macs, parameters = FACTS[in_size, out_size]
    found = count(Glean, Task("paper", "x", out_size // in_size, out_size))
    parts = [found.parts[name] for name in ("encoder", "fusion", "bank", "decoder")]
    got = [part.macs / 1e9 for part in parts]
    assert got == pytest.approx(macs[:4], abs=0.006)
    assert found.dead / 1e9 == pytest.approx(macs[4], abs=0.001)
    assert found.parts["rest"].macs < 1e5, "work that no part owns up to"
    encoder, fusion, bank, decoder = parts
    assert (encoder.trainable, fusion.trainable, decoder.trainable, bank.frozen) == parameters
    assert (encoder.frozen, fusion.frozen, decoder.frozen, bank.trainable) == (0, 0, 0, 0)
    assert found.macs == sum(part.macs for part in found.parts.values())
    assert found.flops == 2 * found.macs


class Steps:
    """A method with two named networks that it calls from each other, a functional product, and a backward pass."""

    spec = Spec(name="steps", title="Steps", family="inversion", paper="none", factors=(2,))
    remark = "two steps"
    loops = ("steps", "rounds")

    def __init__(self):
        self.steps, self.rounds = 2, 500
        self.bank = nn.Conv2d(3, 3, 1, bias=False, device="meta").requires_grad_(requires_grad=False)
        self.encoder = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, device="meta"), nn.Identity())
        self.encoder[1].forward = lambda x: self.bank(x)  # noqa: PLW0108 - set itself, it would be a part of it

    @classmethod
    def load(cls, _task, _device):
        return cls()

    def upscale(self, lr):
        z = lr.clone().requires_grad_()
        for _ in range(self.steps):
            with torch.enable_grad():
                self.encoder(z).sum().backward()
        for _ in range(self.rounds):
            self.bank(lr)
        return F.conv2d(F.interpolate(lr, scale_factor=2), torch.empty(3, 3, 1, 1, device="meta"))


def test_parts_that_call_each_other_loops_and_backward_passes_are_counted_as_often_as_they_run():
    found = count(Steps, Task("x", "x", 2, 8))
    one, conv = 9 * 16, 81 * 16  # the 1x1 and the 3x3 convolution at 4x4
    forward = {"bank": (2 + 500) * one, "encoder": 2 * conv, "fusion": 0, "decoder": 0}
    assert {name: found.parts[name].macs for name in forward} == forward
    # bank: for its input; encoder: for its input and its weight; and the last product at 8x8.
    assert found.macs == sum(forward.values()) + 2 * (one + 2 * conv) + 9 * 64
    assert found.remark == "two steps"
    assert (found.trainable, found.frozen) == (84, 9)


class Nested(Steps):
    """The steps of a loop in the turns of another; what is outside of both is counted once."""

    loops = ("epochs turns", "rounds")

    def __init__(self):
        super().__init__()
        self.epochs, self.turns = 7, 3

    def upscale(self, lr):
        for _ in range(self.epochs):
            for _ in range(self.turns):
                self.encoder(lr)
        for _ in range(self.rounds):
            self.bank(lr)
        return self.bank(F.interpolate(lr, scale_factor=2))


def test_the_turns_of_nested_loops_multiply():
    found = count(Nested, Task("x", "x", 2, 8))
    one, conv = 9 * 16, 81 * 16
    assert found.parts["encoder"].macs == 7 * 3 * conv
    assert found.parts["bank"].macs == (7 * 3 + 500 + 4) * one


@pytest.mark.parametrize(
    ("name", "turns"),
    [
        ("singan", {"epochs": 2, "steps": 3}),
        ("dgp", {"draws": 3, "steps": 2}),
        ("dgp.biggan", {"draws": 3, "steps": 2}),
        ("pulse", {"steps": 3}),
        ("mganprior", {"steps": 3}),
        ("esrgan_plus", {}),
        ("glean", {}),
    ],
)
@pytest.mark.slow
def test_the_suite_counts_what_torch_counts_if_every_turn_is_run(name, turns):
    class Short(BY_NAME[name]):
        @classmethod
        def load(cls, task, device):
            method = super().load(task, device)
            for attribute, number in turns.items():
                setattr(method, attribute, number)
            return method

    task = Task("mini", "face", 4, 64 if name == "singan" else 128, preset="mini")  # SinGAN has networks for every size
    assert set(turns) == {name for names in getattr(Short, "loops", ()) for name in names.split()}
    method = Short.load(task, torch.device("meta"))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        method.upscale(torch.empty(1, 3, task.lr_size, task.lr_size, device="meta"))
    assert count(Short, task).flops == counter.get_total_flops(), "a loop's turns do not cost the same"
