"""On a GPU no picture may wait: a value that Python asks for stops the start of everything that comes after it."""

from dataclasses import replace

import pytest
import torch

from methods.search import dgp_shared, optimise
from methods.search.mganprior import Mganprior
from methods.search.pulse import Pulse
from methods.search.singan import SinGan

from . import test_dgp, test_mganprior, test_pulse, test_singan
from .training.test_restorer import Smooth, networks
from .training.test_waiting import Operations

ROUND = 10
"""A search may ask once in so many steps."""


@torch.no_grad()
def waits(method, side) -> list[str]:
    lr = Smooth().batch(0, 1)[:, :, :side, :side].contiguous()
    method.upscale(lr)  # constants are made once
    with Operations() as found:
        method.upscale(lr)
    return found.waits


@pytest.mark.parametrize("name", ["glean", "esrgan_plus", "srgan"])
def test_a_method_of_one_pass_asks_for_nothing(name):
    assert waits(networks(name), 8) == []


def pulse(steps):
    return Pulse(test_pulse.tiny(), test_pulse.TASK, replace(test_pulse.QUICK, steps=steps))


def mganprior(steps):
    return Mganprior(test_mganprior.made("pggan"), test_mganprior.TASK, replace(test_mganprior.SHORT, steps=steps))


def dgp(steps):
    return test_dgp.port(replace(test_dgp.SHORT, steps=steps))


def biggan(steps):
    return test_dgp.original(replace(test_dgp.SHORT, draws=2, steps=steps))


@pytest.mark.parametrize(("made", "side"), [(pulse, 4), (mganprior, 8), (dgp, 4), (biggan, 8)])
def test_a_search_asks_in_every_tenth_step(monkeypatch, made, side):
    monkeypatch.setattr(optimise, "ready", lambda _: False)  # as on a GPU
    monkeypatch.setattr(dgp_shared.optimise, "each", lambda items, search, _: [search(item) for item in items])
    short, long = (waits(made(steps), side) for steps in (ROUND, 3 * ROUND))
    assert len(long) - len(short) <= 2, long
    assert short, "nothing was counted: even the end of a search asks which images are whole"


def test_singan_asks_for_nothing_in_an_epoch(monkeypatch):
    made = lambda epochs: SinGan(  # noqa: E731
        test_singan.task(16), replace(test_singan.SHORT, schedule=replace(test_singan.SHORT.schedule, epochs=epochs))
    )
    assert len(waits(made(4), 16)) == len(waits(made(1), 16))
