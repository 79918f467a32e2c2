"""mGANprior's mixture (Gu et al., CVPR 2020, Eq. 2): features of several codes, weighted by channel."""

from typing import TypeAlias

from torch import Tensor

from bench.spec import BenchError, Images
from methods.nets.pggan import PGGAN
from methods.nets.stylegan2 import StyleGAN2
from methods.nets.stylegan2_layers import double

MixedBank: TypeAlias = PGGAN | StyleGAN2


def width(bank: MixedBank, layer: int) -> int:
    """Return the channels of the features behind a layer; raises `BenchError` if the bank cannot be cut there."""
    if isinstance(bank, PGGAN):
        widths = dict(enumerate(bank.widths, start=1))
    else:
        widths = {2 * stage + 2: each for stage, each in enumerate(bank.synthesis.channels.values())}
    if layer not in widths:
        raise BenchError(
            f"mGANprior cannot mix behind layer {layer} of a generator of {bank.size} px; "
            f"choose one of {', '.join(map(str, widths))}."
        )
    return widths[layer]


def mixed(bank: MixedBank, z: Tensor, alpha: Tensor, layer: int) -> Images:
    """Return the images (B, 3, R, R), about [-1, 1], of codes z (B, N, z_dim) with weights alpha (B, N, C)."""
    if isinstance(bank, PGGAN):
        features = bank.prefix(z.flatten(0, 1), layer)
        return bank.suffix(_mixture(features, alpha) / z.shape[1], layer)
    return _mixed_by_stylegan2(bank, z, alpha, stage=layer // 2 - 1)


def _mixture(features: Tensor, alpha: Tensor) -> Tensor:
    """Return the sum over the codes of Eq. 2, (B, C, R, R) for (B N, C, R, R) and (B, N, C)."""
    each: Tensor = features.unflatten(0, alpha.shape[:2])
    return (each * alpha[..., None, None]).sum(1)


def _mixed_by_stylegan2(bank: StyleGAN2, z: Tensor, alpha: Tensor, stage: int) -> Images:
    synthesis = bank.synthesis
    each = bank.mapping(z.flatten(0, 1))  # (B N, L, D)
    w = each.unflatten(0, z.shape[:2]).mean(1)  # (B, L, D)
    noise = synthesis.noise_maps("stored", len(each))
    features = [synthesis.start(each, noise)]
    for index in range(1, stage + 1):
        features.append(synthesis.stage(index, features[-1], each, noise))
    x = _mixture(features.pop(), alpha)
    image: Tensor = synthesis.to_rgb[stage](x, w[:, 2 * stage + 1])
    if features:
        image = image + double(synthesis.image(features, each).unflatten(0, z.shape[:2]).mean(1))
    for index in range(stage + 1, synthesis.stages):
        x = synthesis.stage(index, x, w, noise)
        image = double(image) + synthesis.to_rgb[index](x, w[:, 2 * index + 1])
    return image
