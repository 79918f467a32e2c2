"""VGG16's weights in torchvision's names -> `nets.vgg16.Vgg16`."""

from collections.abc import Mapping
from typing import Any

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, indices, single
from methods.nets.shapes import shapes
from methods.nets.vgg16 import Vgg16

_FIRST = "features.0.weight"


def is_vgg16(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint, or the state dict in it, has a VGG16's first layer, in torchvision's names."""
    entries = opened(checkpoint, lambda names: _FIRST in names)
    return _FIRST in entries and tuple(entries[_FIRST].shape) == (64, 3, 3, 3)


def whole(checkpoint: Mapping[str, Any]) -> Vgg16:
    """Return the network up to the last convolution that is there, as `vgg16` does, raising likewise."""
    entries = opened(checkpoint, lambda names: _FIRST in names)
    return vgg16(checkpoint, layer=indices(entries, r"features\.(\d+)\.weight")[-1])


def vgg16(checkpoint: Mapping[str, Any], *, layer: int) -> Vgg16:
    """Return the network of torchvision's state dict, or of a part of it that reaches at least to `layer`.

    It comes back float32, frozen and in eval mode; what lies behind the layer is left out. Raises `BenchError` naming
    the entries that are missing or of a wrong shape.
    """
    with shapes():
        network = Vgg16(layer=layer)
    wanted = network.state_dict().keys()
    entries = opened(checkpoint, wanted.__and__)
    ours = {name: value for name, value in entries.items() if name in wanted}
    if not ours:
        raise BenchError(
            "these are not the weights of a VGG16 in torchvision's names (features.0.weight, ...). "
            "Is it the file of another network?"
        )
    return filled(network, single(ours)).requires_grad_(requires_grad=False)
