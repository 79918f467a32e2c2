"""On a GPU no step may wait: a value that Python asks for stops the start of everything that comes after it."""

import traceback
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.autograd import gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from methods.nets import stylegan2_layers as layers
from methods.presets.bank import BankStage
from methods.training.bank.bank import BankTraining
from methods.training.share import Share

from .test_bank import CPU, RECIPE, TINY, feed
from .test_restorer import Smooth, started

ROOT = Path(__file__).parents[2]
WAITS = ("_local_scalar_dense", "lift_fresh", "nonzero", "equal")
"""A value asked for; a tensor made of Python's numbers; a shape that depends on values."""


class Operations(TorchDispatchMode):
    """What runs, and those of them for which a GPU would be waited for, with the line that asks."""

    def __init__(self):
        super().__init__()
        self.waits, self.count = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::").split(".")[0]
        frames = traceback.extract_stack()
        if not any(frame.filename.endswith(("optim/adam.py", "optim/optimizer.py")) for frame in frames):
            self.count += 1  # on a GPU, Adam is one operation
            if name in WAITS:
                own = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT)]
                self.waits.append(f"{name}: {own[-1].filename}:{own[-1].lineno}")
        return func(*args, **kwargs or {})


def trained(training, images, steps) -> Operations:
    """The last of some steps; constants are made in the first."""
    for step in range(steps - 1):
        training.advance(images(step))
    last = images(steps - 1)
    with Operations() as found:
        training.advance(last)
    return found


@pytest.mark.parametrize("name", ["glean", "esrgan_plus", "srgan"])
def test_a_step_of_a_restorer_waits_for_nothing(name):
    assert trained(started(name), lambda step: Smooth().batch(step, 4), 2).waits == []


@pytest.mark.parametrize("steps", [2, 9, 17], ids=["plain", "path lengths", "and R1"])
def test_a_step_of_a_bank_waits_for_nothing(steps):
    recipe = replace(RECIPE, stages=(BankStage(8, 800, 8),), adaptive=True)
    training, images = BankTraining(recipe, TINY, CPU, share=Share()), feed()
    assert trained(training, lambda step: images.batch(step, 8), steps).waits == []


def test_the_second_derivative_of_the_filter_is_the_filter():
    """Torch's own goes through the channels one by one: R1 cost three times as many operations."""
    x = torch.randn(1, 2, 6, 6, dtype=torch.double, requires_grad=True)
    for apply in (
        lambda x: layers.blur(x, padding=2),
        lambda x: layers.blur(x, padding=1, stride=2),
        layers.double,
    ):
        assert gradgradcheck(lambda x, apply=apply: apply(x).pow(3), x)
    wide = torch.randn(1, 64, 8, 8, requires_grad=True)
    with Operations() as found:
        (first,) = torch.autograd.grad(layers.blur(wide, padding=2).square().sum(), wide, create_graph=True)
        first.square().sum().backward()
    assert found.count < 40, "an operation for each channel"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["srgan", "esrgan_plus", "glean"])
def test_a_step_in_bfloat16_is_one_in_float32_to_its_rounding(monkeypatch, name):
    """Under autocast the operator's matrix product was in bfloat16, and its result refused."""
    exact = started(name).advance(Smooth().batch(0, 4))
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    training = started(name)
    told = training.advance(Smooth().batch(0, 4))
    assert told.keys() == exact.keys()
    for loss, value in told.items():
        assert value.item() == pytest.approx(exact[loss].item(), rel=0.05), loss
    assert any(value.item() != exact[loss].item() for loss, value in told.items()), "nothing was in bfloat16"
