"""Published weights -> networks, whatever they are of: what `convert` reads.

Every size is read off names and shapes; none is assumed. A network comes back whole, float32 and in eval mode, sharing
those of the tensors it was given that are float32 in our shapes, without ever having drawn random weights.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from bench.spec import BenchError
from methods.formats import esrgan, glean, srresnet, stylegan2, stylegan_pggan
from methods.formats.state_dicts import first_names


def any_network(checkpoint: Mapping[str, Any]) -> nn.Module:  # noqa: PLR0911 - one a kind
    """Return the network of what `unpickle.load` gives, or of the state dict in it; its kind is told by the names.

    A GLEAN has the switches that its file tells; one for LR images below 4 px comes back as one for 4 px.

    Raises `BenchError` if it is of no kind we know, or naming the entries that are missing, left over or misshapen.
    """
    if glean.is_glean(checkpoint):
        return glean.glean(checkpoint, switches=None)
    if stylegan_pggan.is_stylegan(
        checkpoint
    ):  # before StyleGAN2's: our names of its constant and of StyleGAN's are the same
        return stylegan_pggan.stylegan(checkpoint)
    if stylegan_pggan.is_pggan(checkpoint):
        return stylegan_pggan.pggan(checkpoint)
    if stylegan2.is_generator(checkpoint):
        return stylegan2.generator(checkpoint)
    if stylegan2.is_discriminator(checkpoint):
        return stylegan2.discriminator(checkpoint)
    if esrgan.is_rrdbnet(checkpoint):
        return esrgan.rrdbnet(checkpoint)
    if srresnet.is_srresnet(checkpoint):
        return srresnet.srresnet(checkpoint)
    raise BenchError(
        "these are not the weights of a GLEAN, a StyleGAN, StyleGAN2 or PGGAN generator, a StyleGAN2 discriminator, an "
        f"RRDBNet (ESRGAN) or an MSRResNet (SRGAN), in a layout we know; the first entries are: "
        f"{first_names(checkpoint)}. Is it the file of another network?"
    )


def remark(checkpoint: Mapping[str, Any]) -> str:
    """Return what a person should know of the network of a checkpoint that `any_network` takes; mostly nothing."""
    if stylegan2.lacks_noise(checkpoint):
        return "the file holds no noise maps, as its network drew them anew for each image; the stored ones are zero."
    return ""
