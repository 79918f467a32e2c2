"""StyleGAN2's weights -> `nets.stylegan2.StyleGAN2` and its discriminator, from any layout of `stylegan2_names`."""

from collections.abc import Mapping
from typing import Any

import torch

from methods.formats import stylegan2_names
from methods.formats.state_dicts import filled, last, opened, shape, single, stylegan2_sizes
from methods.nets.stylegan2 import StyleGAN2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator

_CONTAINERS = ("state_dict", "G_ema", "g_ema", "params_ema", "generator_smooth", "models", "params", "g", "generator")
_D_CONTAINERS = ("state_dict", "D", "d", "params", "models", "discriminator")


def is_generator(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint, or the state dict in it, is of a generator in a layout we know."""
    return stylegan2_names.generator_layout(opened(checkpoint, _CONTAINERS)) is not None


def is_discriminator(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint, or the state dict in it, is of a discriminator in a layout we know."""
    return stylegan2_names.discriminator_layout(opened(checkpoint, _D_CONTAINERS)) is not None


def generator(checkpoint: Mapping[str, Any]) -> StyleGAN2:
    """Return the generator of a checkpoint; size, widths and depth are read off it.

    It is float32, in eval mode, and shares tensors that are so already. Raises `BenchError` if it is not whole.
    """
    ours = stylegan2_names.generator(single(opened(checkpoint, _CONTAINERS)))
    sizes = stylegan2_sizes(ours, "synthesis.")
    with torch.device("meta"):
        network = StyleGAN2(**sizes, mapping_layers=1 + last(ours, r"mapping\.layers\.(\d+)\."))
    return filled(network, ours)


def discriminator(checkpoint: Mapping[str, Any]) -> StyleGAN2Discriminator:
    """Return the discriminator of a checkpoint, as `generator` does, raising likewise."""
    ours = stylegan2_names.discriminator(single(opened(checkpoint, _D_CONTAINERS)))
    blocks = 1 + last(ours, r"blocks\.(\d+)\.")
    channels = {4 << blocks: shape(ours, "first.weight")[0]}
    channels |= {4 << (blocks - 1 - i): shape(ours, f"blocks.{i}.conv2.weight")[0] for i in range(blocks)}
    with torch.device("meta"):
        network = StyleGAN2Discriminator(size=4 << blocks, channels=channels)
    return filled(network, ours)
