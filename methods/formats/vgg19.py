"""VGG19's weights in torchvision's names (`vgg19-dcbb9e9d.pth`, DFDNet's `weights/vgg19.pth`) -> `nets.vgg19.Vgg19`."""

from collections.abc import Mapping
from typing import Any

import torch

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, single
from methods.nets.shapes import shapes
from methods.nets.vgg16 import DEVIATION, MEAN
from methods.nets.vgg19 import Vgg19


def vgg19(checkpoint: Mapping[str, Any]) -> Vgg19:
    """Return the network of torchvision's state dict, or of a part of it that reaches at least to conv5_4.

    It comes back float32, frozen and in eval mode, with ImageNet's mean and deviation where the file has none, which is
    so in torchvision's; what lies behind conv5_4 is left out. Raises `BenchError` naming the entries that are missing
    or of a wrong shape.
    """
    with shapes():
        network = Vgg19()
    wanted = network.state_dict().keys()
    entries = opened(checkpoint, wanted.__and__)
    ours = {name: value for name, value in entries.items() if name in wanted}
    if not ours:
        raise BenchError(
            "these are not the weights of a VGG19 in torchvision's names (features.0.weight, ...). "
            "Is it the file of another network?"
        )
    imagenet = {"mean": torch.tensor(MEAN), "deviation": torch.tensor(DEVIATION)}
    return filled(network, imagenet | single(ours)).requires_grad_(requires_grad=False)
