"""StyleGAN2's weights -> `nets.stylegan2.StyleGAN2` and its discriminator, from any layout of `stylegan2_names`."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from methods.formats import stylegan2_names
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, last, shape, single, stylegan2_sizes
from methods.nets.shapes import shapes
from methods.nets.stylegan2 import StyleGAN2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator


def is_generator(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint, or the state dict in it, is of a generator in a layout we know."""
    return stylegan2_names.generator_layout(opened(checkpoint, stylegan2_names.generator_layout)) is not None


def is_discriminator(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint, or the state dict in it, is of a discriminator in a layout we know."""
    return stylegan2_names.discriminator_layout(opened(checkpoint, stylegan2_names.discriminator_layout)) is not None


def generator(checkpoint: Mapping[str, Any]) -> StyleGAN2:
    """Return the generator of a checkpoint; size, widths and depth are read off it.

    It is float32, in eval mode, and shares tensors that are so already. Noise maps that a file lacks (`lacks_noise`)
    are zero. Raises `BenchError` if it is not whole.
    """
    ours = _named(checkpoint)
    sizes = stylegan2_sizes(ours, "synthesis.")
    if _noiseless(ours):
        for k in range(2 * len(sizes["channels"]) - 1):
            side = 4 << (k + 1) // 2
            ours[f"synthesis.layers.{k}.noise"] = ours["synthesis.constant"].new_zeros(1, 1, side, side)
    with shapes():
        network = StyleGAN2(**sizes, mapping_layers=1 + last(ours, r"mapping\.layers\.(\d+)\."))
    return filled(network, ours)


def lacks_noise(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is of a generator without noise maps, as rosinality's training once wrote them."""
    return is_generator(checkpoint) and _noiseless(_named(checkpoint))


def _named(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    return stylegan2_names.generator(single(opened(checkpoint, stylegan2_names.generator_layout)))


def _noiseless(ours: Mapping[str, Tensor]) -> bool:
    """Tell whether a generator has no noise map at all; one that has some is damaged."""
    return not any(name.endswith(".noise") for name in ours)


def discriminator(checkpoint: Mapping[str, Any]) -> StyleGAN2Discriminator:
    """Return the discriminator of a checkpoint, as `generator` does, raising likewise."""
    ours = stylegan2_names.discriminator(single(opened(checkpoint, stylegan2_names.discriminator_layout)))
    blocks = 1 + last(ours, r"blocks\.(\d+)\.")
    channels = {4 << blocks: shape(ours, "first.weight")[0]}
    channels |= {4 << (blocks - 1 - i): shape(ours, f"blocks.{i}.conv2.weight")[0] for i in range(blocks)}
    with shapes():
        network = StyleGAN2Discriminator(size=4 << blocks, channels=channels)
    return filled(network, ours)
