"""What it takes to search for an image at the `mini` sizes, one at a time and four at once: `nox -s speed`.

128 px from 8 px, in as many steps as the tables have. Banks and discriminator are random, which times do not depend on.
"""

from time import perf_counter

import pytest
import torch

from bench.spec import Method, Task
from methods.nets import stylegan2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.presets.dgp import DGP
from methods.presets.mganprior import MGANPRIOR
from methods.presets.pulse import PULSE
from methods.presets.sizes import SIZES
from methods.search import dgp, mganprior, pulse
from methods.search.singan import SinGan

TASK = Task("mini", "face", 16, 128, preset="mini")
LR = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
MINI = SIZES["mini"]


def bank() -> stylegan2.StyleGAN2:
    """A bank whose images are about [-1, 1]."""
    torch.manual_seed(0)
    network = stylegan2.StyleGAN2(
        size=128, channels=MINI.bank_channels(128), style_dim=MINI.style_dim, mapping_layers=MINI.mapping_layers
    )
    for layer in network.synthesis.to_rgb:
        layer.weight.data.mul_(0.2)
    return network.requires_grad_(requires_grad=False)


def method(name) -> Method:
    if name == "pulse":
        return pulse.Pulse(bank(), TASK, PULSE["mini"])
    if name == "mganprior":
        return mganprior.Mganprior(bank(), TASK, MGANPRIOR["mini"])
    if name == "dgp":
        critic = StyleGAN2Discriminator(size=128, channels=MINI.critic_channels(128))
        return dgp.Dgp(bank(), critic, TASK, DGP["mini"])
    return SinGan.load(TASK, torch.device("cpu"))


@pytest.mark.benchmark(group="PULSE, 100 steps at 128 px, one image")
@torch.no_grad()
def test_one_image(benchmark):
    searching = method("pulse")
    benchmark.pedantic(searching.upscale, args=(LR[:1],), rounds=3, warmup_rounds=1)
    benchmark.extra_info.update(threads=torch.get_num_threads(), steps=searching.steps)


@pytest.mark.benchmark(group="128 px, four images at once")
@pytest.mark.parametrize("name", ["pulse", "mganprior", "dgp", "singan"])
@torch.no_grad()
def test_four_at_once(benchmark, name):
    searching = method(name)
    searching.upscale(LR[:1])
    start = perf_counter()
    alone = torch.cat([searching.upscale(each) for each in LR.split(1)])
    singly = perf_counter() - start
    together = benchmark.pedantic(searching.upscale, args=(LR,), rounds=1)
    assert (together - alone).abs().max() < 1e-4, "a batch is not what its images are alone"
    seconds = benchmark.stats["median"]
    benchmark.extra_info.update(threads=torch.get_num_threads(), speed_up=round(singly / seconds, 2))
    benchmark.extra_info.update({"s/image": round(seconds / 4, 2), "s/image alone": round(singly / 4, 2)})
