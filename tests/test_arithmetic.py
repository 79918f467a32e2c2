"""`--dtype` and `--compile`: what they do to a method's results, its fingerprint and its note."""

import shutil
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar, cast

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from bench import contract, resize
from bench.fingerprint import run
from bench.running import compiled
from bench.running.arithmetic import arithmetic, otherwise
from bench.running.runner import LoadError, Local
from bench.spec import Method, Spec, Task
from methods import specs
from methods.back_projection import back_projected

TASK = Task("mini", "face", 4, 32)
CPU = torch.device("cpu")
LR = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Smoothing:
    """A convolution of the enlarged image; it notes in what its results are."""

    spec: ClassVar[Spec] = Spec(name="smoothing", title="S", family="feed-forward", paper="none", factors=(4,))
    dtypes: ClassVar[list[torch.dtype]] = []

    def __init__(self) -> None:
        self.network = nn.Conv2d(3, 3, 3, padding=1)
        nn.init.constant_(self.network.weight, 1 / 27)
        nn.init.zeros_(self.network.bias)

    @classmethod
    def load(cls, _: Task, __: torch.device) -> "Smoothing":
        return cls()

    def upscale(self, lr: torch.Tensor) -> torch.Tensor:
        made = self.network(interpolate(lr, scale_factor=4.0))
        self.dtypes.append(made.dtype)
        return made


class Searching(Smoothing):
    """The same, called a search."""

    spec = replace(Smoothing.spec, name="searching", family="inversion")


def loaded(method, **asked):
    return Local(method).load(replace(TASK, **asked), CPU)


def pictures(method, **asked) -> torch.Tensor:
    made = loaded(method, **asked)
    return torch.stack([outcome.image for outcome in made.attempt(LR) if outcome.image is not None])


def test_networks_compute_in_bfloat16_and_results_are_float32_again():
    Smoothing.dtypes.clear()
    found = pictures(Smoothing, dtype="bfloat16")
    assert Smoothing.dtypes[-1] is torch.bfloat16, "it was float32 all the time"
    apart = (found.int() - pictures(Smoothing).int()).abs()
    assert Smoothing.dtypes[-1] is torch.float32, "the type of one task is that of the next"
    assert 0 < apart.max() <= 3


def test_the_note_says_how_far_from_float32_that_is():
    remark = loaded(Smoothing, dtype="bfloat16").facts.remark
    assert "bfloat16: " in remark
    decibels = int(remark.partition("bfloat16: ")[2].split()[0])
    pattern = torch.stack([each := torch.linspace(0, 1, 8).expand(8, 8), each.mT, (each > each.mT).float()])[None]
    plain, half = (contract.upscale(Smoothing(), replace(TASK, dtype=d), pattern) for d in ("float32", "bfloat16"))
    assert decibels == round(-10 * (plain - half).double().square().mean().log10().item())
    assert loaded(Smoothing).facts.remark == ""


@pytest.mark.parametrize("asked", [{"dtype": "bfloat16"}, {"compiled": True}])
def test_a_search_stays_as_it_is_and_its_results_are_taken_again(asked):
    assert Searching.spec.searches
    assert otherwise(Searching.spec, replace(TASK, **asked)) == ()
    assert run(Searching, Searching(), replace(TASK, **asked), CPU) == run(Searching, Searching(), TASK, CPU)
    assert torch.equal(pictures(Searching, **asked), pictures(Searching))


def test_results_of_another_arithmetic_are_not_taken_for_these():
    asked = ({}, {"dtype": "bfloat16"}, {"compiled": True}, {"dtype": "bfloat16", "compiled": True})
    assert len({run(Smoothing, Smoothing(), replace(TASK, **each), CPU) for each in asked}) == 4


@pytest.mark.parametrize(
    ("method", "dtype", "allowed"),
    [(Smoothing, "float32", False), (Smoothing, "tf32", True), (Searching, "tf32", False)],
)
def test_a_gpu_keeps_ten_bits_of_each_factor_only_if_it_is_asked_to(method, dtype, allowed):
    # cuDNN does by default: figures would depend on the card in the third digit.
    kinds = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [kind.allow_tf32 for kind in kinds]
    with arithmetic(method.spec, replace(TASK, dtype=dtype), torch.device("cuda")):
        assert [kind.allow_tf32 for kind in kinds] == [allowed, allowed]
    assert [kind.allow_tf32 for kind in kinds] == before


def test_back_projection_of_bfloat16_meets_its_input_as_well_as_that_of_float32():
    projected = back_projected(Smoothing)
    sr = contract.upscale(projected.load(TASK, CPU), replace(TASK, dtype="bfloat16"), LR * 0.5 + 0.25)
    assert Smoothing.dtypes[-1] is torch.bfloat16
    assert (resize.downsample(sr, 4) - (LR * 0.5 + 0.25)).abs().mean() < 2e-3


def test_the_operator_is_exact_whatever_networks_compute_in():
    # Back-projection within a method, and the LR images of a loss, go through it.
    hr = torch.rand(1, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        found = resize.downsample(hr, 4)
    assert found.dtype is torch.float32
    assert torch.equal(found, resize.downsample(hr, 4))


def test_a_machine_that_cannot_compile_says_what_to_do(monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", lambda _: broken)
    with pytest.raises(LoadError, match=r"smoothing cannot do with compiled .*no compiler.*Leave out"):
        loaded(Smoothing, compiled=True)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
@pytest.mark.slow
def test_what_is_compiled_is_the_same_to_rounding():
    made = loaded(Smoothing, compiled=True)
    assert int(made.facts.remark.partition("compiled: ")[2].split()[0]) > 90
    found = torch.stack([outcome.image for outcome in made.attempt(LR) if outcome.image is not None])
    assert (found.int() - pictures(Smoothing).int()).abs().max() <= 1


def test_an_oracle_is_not_asked_for_an_invented_picture():
    """It knows its test images alone; the whole cell would fail."""
    oracle = cast("Method", SimpleNamespace(spec=specs.SRNTT_ORACLE, upscale=None))
    task = Task("mini", "face", 16, 128, preset="mini", dtype="bfloat16")
    made, remark = compiled.ready(oracle, task, torch.device("cpu"))
    assert made is oracle
    assert "not compared with float32, as an oracle knows no pattern" in remark
