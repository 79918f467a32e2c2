"""Weights of VGG16 and VGG19 -> `nets.vgg_textures.VggTextures`, with the colours that they are for.

| layout      | where                                               | a key of it         |
| ----------- | --------------------------------------------------- | ------------------- |
| torchvision | `vgg16-*.pth`, `vgg19-*.pth`, or a part of one      | `features.0.weight` |
| matconvnet  | `imagenet-vgg-verydeep-19.mat`, the published SRNTT | `conv1_1.weight`    |
| ours        | torchvision's names                                 | and `mean`          |

matconvnet's kernels are read as (width, height, inputs, outputs), as the published SRNTT reads them.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, first_names, single
from methods.nets.shapes import shapes
from methods.nets.vgg_textures import MATCONVNET, TORCHVISION, VggTextures

_LAYERS = {"conv1_1": 0, "conv1_2": 2, "conv2_1": 5, "conv2_2": 7, "conv3_1": 10}
"""matconvnet's name of each convolution, and its number in torchvision's."""
_SIGNS = {"torchvision": "features.0.weight", "matconvnet": "conv1_1.weight"}
_KERNEL = 4  # dimensions


def is_vgg_textures(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is a VGG in matconvnet's names, or one of ours, which has its colours."""
    entries = opened(checkpoint, _signed)
    return _SIGNS["matconvnet"] in entries or (_SIGNS["torchvision"] in entries and "deviation" in entries)


def vgg_textures(checkpoint: Mapping[str, Any]) -> VggTextures:
    """Return the network of a VGG's weights, or of the part of them that reaches to conv3_1.

    It comes back float32, frozen and in eval mode; what lies behind relu3_1 is left out. Raises `BenchError` for
    another network, or naming the entries that are missing or of a wrong shape.
    """
    entries = opened(checkpoint, _signed)
    if _SIGNS["matconvnet"] in entries:
        ours = _from_matconvnet(entries) | _colours(MATCONVNET)
    elif _SIGNS["torchvision"] in entries:
        wanted = {f"features.{n}.{part}" for n in _LAYERS.values() for part in ("weight", "bias")} | {
            "mean",
            "deviation",
        }
        ours = _colours(TORCHVISION) | {name: value for name, value in entries.items() if name in wanted}
    else:
        raise BenchError(
            "these are not the weights of a VGG16 or VGG19 in torchvision's or matconvnet's names "
            f"({', '.join(_SIGNS.values())}); the first entries are: {first_names(entries)}. "
            "Is it the file of another network?"
        )
    with shapes():
        network = VggTextures()
    return filled(network, single(ours)).requires_grad_(requires_grad=False)


def _signed(names: Mapping[str, Tensor]) -> bool:
    return any(sign in names for sign in _SIGNS.values())


def _from_matconvnet(entries: Mapping[str, Tensor]) -> dict[str, Tensor]:
    ours: dict[str, Tensor] = {}
    for theirs, number in _LAYERS.items():
        for part in ("weight", "bias"):
            value = entries.get(f"{theirs}.{part}")
            if value is not None:
                turned = value.permute(3, 2, 1, 0) if value.dim() == _KERNEL else value
                ours[f"features.{number}.{part}"] = turned.contiguous()
    return ours


def _colours(colours: tuple[tuple[float, ...], tuple[float, ...]]) -> dict[str, Tensor]:
    return {"mean": torch.tensor(colours[0]), "deviation": torch.tensor(colours[1])}
