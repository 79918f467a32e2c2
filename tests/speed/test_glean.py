"""How fast GLEAN restores one image at full width, and how long it takes to get it into memory: `nox -s speed`.

Weights are random: times do not depend on their values, but how far bfloat16 is off does, to some extent. Peak memory
is the highest resident set of a process of its own (Linux only) that builds the network and restores the image twice.
"""

import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from torch import Tensor

from methods.nets import winograd
from methods.nets.glean import GLEAN
from methods.nets.rrdbnet import Trunk
from methods.nets.stylegan2 import StyleGAN2Synthesis
from methods.nets.stylegan2_layers import config_f

PAIRS = [(16, 256), (64, 1024)]
LAYOUT = torch.channels_last


def skeleton(in_size, out_size) -> GLEAN:
    with torch.device("meta"):
        bank = StyleGAN2Synthesis(size=out_size, channels=config_f(out_size))
        return GLEAN(trunk=Trunk(), bank=bank, in_size=in_size)


def drawn(in_size, out_size) -> GLEAN:
    """The network in float32, with an output within [-1, 1]: convolutions keep the scale, in the bank as published."""
    network = skeleton(in_size, out_size).to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in [*network.named_parameters(), *network.named_buffers()]:
            scale = 1.0
            if not name.startswith("bank"):
                scale = math.sqrt(2 / value[0].numel()) * (0.1 if ".rdb" in name else 1) if value.dim() > 1 else 0
            value.uniform_(-1, 1, generator=generator).mul_(scale * math.sqrt(3))
            if name.endswith("style.bias"):
                value.fill_(1)
    network.to(memory_format=LAYOUT)
    with torch.inference_mode():
        highest = network(image(in_size, torch.float32)).abs().max()
    network.get_submodule("decoder.last.2").get_parameter("weight").data.div_(highest)  # its bias is 0
    return network


def image(size, dtype) -> Tensor:
    lr = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return lr.to(dtype, memory_format=LAYOUT)


def prepared(network, dtype) -> GLEAN:
    """The network as the benchmark's methods run it."""
    if dtype == torch.float32:
        winograd.accelerate(network)
    return network.to(dtype)


def peak_mib(in_size, out_size, dtype) -> float:
    network = skeleton(in_size, out_size).to(dtype).to_empty(device="cpu").eval()
    for value in [*network.parameters(), *network.buffers()]:
        value.data.zero_()  # written to, so that it is resident
    network = prepared(network.to(memory_format=LAYOUT), dtype)
    with torch.inference_mode():
        for _ in range(2):
            network(image(in_size, dtype))
    # Not getrusage: there a new process starts with the peak of the one that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def in_new_process(function, *arguments) -> object:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


@pytest.mark.benchmark(group="GLEAN, one image")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize(("in_size", "out_size"), PAIRS, ids=[f"{a}-{b}" for a, b in PAIRS])
@torch.inference_mode()
def test_restore(benchmark, in_size, out_size, dtype):
    network = drawn(in_size, out_size)
    expected = network(image(in_size, torch.float32))
    network, lr = prepared(network, dtype), image(in_size, dtype)
    output = benchmark.pedantic(network, args=(lr,), rounds=5, warmup_rounds=1)
    error = (output.float() - expected).square().mean()
    psnr = float(10 * torch.log10(4 / error))
    least = 85 if dtype == torch.float32 else 25
    assert psnr > least, f"{psnr:.1f} dB against the direct computation in float32"
    benchmark.extra_info.update(threads=torch.get_num_threads(), psnr_db=psnr)
    benchmark.extra_info["peak_mib"] = in_new_process(peak_mib, in_size, out_size, dtype)


@pytest.mark.benchmark(group="GLEAN 16-256, into memory")
@pytest.mark.parametrize("way", ["meta and assign", "random and copy"])
def test_load(benchmark, way):
    in_size, out_size = PAIRS[0]
    state = {name: torch.zeros(value.shape) for name, value in skeleton(in_size, out_size).state_dict().items()}

    def assigned():
        skeleton(in_size, out_size).load_state_dict(state, assign=True)

    def copied():
        network = GLEAN(
            trunk=Trunk(), bank=StyleGAN2Synthesis(size=out_size, channels=config_f(out_size)), in_size=in_size
        )
        network.load_state_dict(state)

    benchmark.pedantic(assigned if way == "meta and assign" else copied, rounds=3, warmup_rounds=1)
