"""SRGAN: residual blocks at the LR size, pixel shuffles, trained against a discriminator.

C. Ledig et al., "Photo-realistic single image super-resolution using a generative adversarial network", CVPR 2017. The
network is the form without batch normalisation in which ESRGAN's authors and mmagic publish it (methods/nets/srresnet);
the x2 stages for factors above 4 are ours. The published 4x weights (mmagic's) were trained on DIV2K, whole scenes and
no category of ours; all others are trained by us.
"""

from typing import ClassVar, Self

import torch

from bench.spec import BenchError, Images, Spec, Task
from methods import specs
from methods.formats import srresnet
from methods.nets.srresnet import MSRResNet
from methods.nets.winograd import fastest
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.weights import load


def srgan_network(task: Task) -> MSRResNet:
    """Return the network for a task with random weights, on torch's default device; sizes are those of its preset.

    Raises `BenchError` if there is no such network for the task's factor.
    """
    size = chosen(SIZES, task)
    try:
        return MSRResNet(factor=task.factor, channels=size.srgan_channels, blocks=size.srgan_blocks)
    except ValueError as error:
        raise BenchError(f"{error} (category {task.category})") from error


class Srgan:
    """The adapter; the network works in [0, 1]."""

    spec: ClassVar[Spec] = specs.SRGAN

    def __init__(self, network: MSRResNet) -> None:
        """Take a ready network."""
        self.network = network.eval()

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read the weights; on the meta device, which has no values, make the network without them."""
        return cls(fastest(load.network(cls.spec.name, task, device, build=srgan_network, read=srresnet.srresnet)))

    def upscale(self, lr: Images) -> Images:
        """Restore a batch."""
        sr: Images = self.network(lr.contiguous(memory_format=torch.channels_last))
        return sr
