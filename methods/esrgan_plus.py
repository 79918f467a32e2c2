"""ESRGAN+: a larger ESRGAN whose cost is that of GLEAN.

X. Wang et al., "ESRGAN: Enhanced super-resolution generative adversarial networks", ECCV Workshops 2018, enlarged as in
K. C. K. Chan et al., "GLEAN", CVPR 2021, Sec. 4.1: "similar FLOPs". The paper does not print its size;
`methods.nets.rrdbnet.match` states our rule, and the cost table the size it gives. It is trained by us with GLEAN's
recipe: no weights of it are public. (Not the ESRGAN+ of N. C. Rakotonirina and A. Rasoanaivo, ICASSP 2020.)
"""

from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, Self

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.spec import BenchError, Images, Spec, Task
from methods import glean, specs
from methods.formats import esrgan
from methods.nets.rrdbnet import RRDBNet, Width, match
from methods.nets.shapes import shapes
from methods.nets.winograd import fastest
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.weights import load


def size(task: Task) -> Width:
    """Return the width and depth for a task, from the multiply-accumulates of GLEAN for one image of it.

    Raises `BenchError` if there is no GLEAN for the task, or no ESRGAN of its cost.
    """
    target_macs = _glean_macs(replace(task.place, category="any"))
    try:
        wanted = chosen(SIZES, task).esrgan_plus
        return match(target_macs=target_macs, lr_size=task.lr_size, factor=task.factor, wanted=wanted)
    except ValueError as error:
        raise BenchError(f"{error} (category {task.category}, {task.factor}x)") from error


@lru_cache
def _glean_macs(task: Task) -> int:
    """Return the multiply-accumulates of GLEAN for one image."""
    with shapes(), torch.no_grad():
        rival, lr = glean.glean_network(task), torch.empty(1, 3, task.lr_size, task.lr_size)
        with FlopCounterMode(display=False) as counter:
            rival(lr)
    return int(counter.get_total_flops()) // 2


def esrgan_network(task: Task) -> RRDBNet:
    """Return the network for a task with random weights, on torch's default device."""
    found = size(task)
    return RRDBNet(factor=task.factor, channels=found.channels, blocks=found.blocks, growth=found.growth)


class EsrganPlus:
    """The adapter; the network works in [0, 1]."""

    spec: ClassVar[Spec] = specs.ESRGAN_PLUS

    def __init__(self, network: RRDBNet) -> None:
        """Take a ready network."""
        self.network = network.eval()

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read the weights; on the meta device, which has no values, make the network without them."""
        return cls(fastest(load.network(cls.spec.name, task, device, build=esrgan_network, read=esrgan.rrdbnet)))

    def upscale(self, lr: Images) -> Images:
        """Restore a batch."""
        sr: Images = self.network(lr.contiguous(memory_format=torch.channels_last))
        return sr

    @property
    def remark(self) -> str:
        """The size, for the cost table."""
        trunk = self.network.trunk
        growth = trunk.body[0].get_submodule("rdb1.conv1").out_channels
        return f"{trunk.conv_first.out_channels} channels, {len(trunk.body)} blocks, growth {growth}"


class EsrganMse(EsrganPlus):
    """ESRGAN+'s network trained by the squared error alone, ESRGAN's PSNR-oriented form: the bound of distortion."""

    spec: ClassVar[Spec] = specs.ESRGAN_MSE


class EsrganBlind(EsrganPlus):
    """The same network, trained with images that are also blurred, noisy and compressed (presets/mixtures.py)."""

    spec: ClassVar[Spec] = specs.ESRGAN_BLIND
