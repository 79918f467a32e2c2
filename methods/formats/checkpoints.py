"""Published weights -> networks, whatever they are of: what `convert` reads.

Every size is read off names and shapes; none is assumed. A network comes back whole, float32 and in eval mode, sharing
those of the tensors it was given that are float32 in our shapes, without ever having drawn random weights.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from bench.spec import BenchError
from methods.formats import biggan, esrgan, glean, srntt, srresnet, stylegan2, stylegan_pggan, vgg16, vgg_textures
from methods.formats.state_dicts import first_names

_KINDS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], nn.Module]], ...] = (
    (glean.is_glean, partial(glean.glean, switches=None)),
    (stylegan_pggan.is_stylegan, stylegan_pggan.stylegan),  # before StyleGAN2: our names of both constants are the same
    (stylegan_pggan.is_pggan, stylegan_pggan.pggan),
    (stylegan2.is_generator, stylegan2.generator),
    (stylegan2.is_discriminator, stylegan2.discriminator),
    (biggan.is_generator, biggan.generator),
    (biggan.is_discriminator, biggan.discriminator),
    (esrgan.is_rrdbnet, esrgan.rrdbnet),
    (srntt.is_srntt, srntt.network),  # before MSRResNet: its first layers have the same names
    (srresnet.is_srresnet, srresnet.srresnet),
    (vgg_textures.is_vgg_textures, vgg_textures.vgg_textures),  # before VGG16: that has no colours
    (vgg16.is_vgg16, vgg16.whole),
)
"""How a kind of network is told, and read."""


def is_known(checkpoint: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint has the names of a kind of network that `any_network` reads."""
    return any(is_it(checkpoint) for is_it, _ in _KINDS)


def any_network(checkpoint: Mapping[str, Any]) -> nn.Module:
    """Return the network of what `unpickle.load` gives, or of the state dict in it; its kind is told by the names.

    A GLEAN has the switches that its file tells; one for LR images below 4 px comes back as one for 4 px.

    Raises `BenchError` if it is of no kind we know, or naming the entries that are missing, left over or misshapen.
    """
    for is_it, read in _KINDS:
        if is_it(checkpoint):
            return read(checkpoint)
    raise BenchError(
        "these are not the weights of a GLEAN, a StyleGAN, StyleGAN2, PGGAN or BigGAN generator, a StyleGAN2 or BigGAN "
        "discriminator, an RRDBNet (ESRGAN), an MSRResNet (SRGAN), an SRNTT or a VGG16, in a layout we know; the first "
        f"entries are: {first_names(checkpoint)}. Is it the file of another network?"
    )


def discriminator(checkpoint: Mapping[str, Any]) -> nn.Module:
    """Return the discriminator in a checkpoint, which may hold a generator too, as mmagic's and NVIDIA's files do.

    Raises `BenchError` if there is none of a kind we know, or as `any_network`.
    """
    if stylegan2.is_discriminator(checkpoint):
        return stylegan2.discriminator(checkpoint)
    if biggan.is_discriminator(checkpoint):
        return biggan.discriminator(checkpoint)
    raise BenchError(
        "there is no discriminator of a StyleGAN2 or a BigGAN in this file, in a layout we know; the first entries "
        f"are: {first_names(checkpoint)}. mmagic's and NVIDIA's files hold one, BasicSR's is a file of its own."
    )


def remark(checkpoint: Mapping[str, Any]) -> str:
    """Return what a person should know of the network of a checkpoint that `any_network` takes; mostly nothing."""
    if stylegan2.lacks_noise(checkpoint):
        return "the file holds no noise maps, as its network drew them anew for each image; the stored ones are zero."
    return ""
