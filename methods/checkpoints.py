"""Published weights -> networks. Every size is read off names and shapes; none is assumed.

A function takes what `unpickle.load` returns, or the state dict in it; layouts are told by their names. The network
comes back whole, float32 and in eval mode, sharing those of the tensors it was given that are float32 in our shapes,
without ever having drawn random weights. All raise `BenchError` for a layout that is unknown, and naming the entries
that are missing, left over or of a wrong shape.
"""

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from bench.spec import BadFile, BenchError
from methods import esrgan_layouts, gan_layouts, glean_layouts, srresnet_layouts, stylegan2_layouts
from methods.nets import pggan, stylegan
from methods.nets.glean import FULL, GLEAN, Switches
from methods.nets.rrdbnet import RRDBNet
from methods.nets.srresnet import MSRResNet
from methods.nets.stylegan2 import Generator
from methods.nets.stylegan2_discriminator import Discriminator
from methods.state_dicts import filled, first_names, kind, last, opened, shape, single, stylegan2_sizes

_CONTAINERS = ("state_dict", "G_ema", "g_ema", "params_ema", "generator_smooth", "models", "params", "g", "generator")
_DIGEST = "sha256"  # in the place of a part that was left out
_D_CONTAINERS = ("state_dict", "D", "d", "params", "models", "discriminator")


def network(checkpoint: Mapping[str, Any]) -> nn.Module:
    """Return the network of a checkpoint of any kind there is a function for here; told by the names in it.

    A GLEAN has the switches that its file tells; one for LR images below 4 px comes back as one for 4 px.

    Raises `BenchError` if it is of none of these kinds, and as those functions do.
    """
    for detect, load in _KINDS:
        try:
            detect(checkpoint)
        except BenchError:
            continue
        return load(checkpoint)
    raise BenchError(
        "these are not the weights of a GLEAN, a StyleGAN, StyleGAN2 or PGGAN generator, a StyleGAN2 discriminator, an "
        f"RRDBNet (ESRGAN) or an MSRResNet (SRGAN), in a layout we know; the first entries are: "
        f"{first_names(checkpoint)}. Is it the file of another network?"
    )


def safetensors(
    network: nn.Module,
    *,
    dtype: torch.dtype | None = None,
    without: str | None = None,
    facts: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Return a network's weights as the content of a .safetensors file, in our names; the functions here read them.

    `dtype` None: as they are. Entries that begin with `without` are left out, a digest takes their place: `completed`
    puts them back. `facts` go into the file's header.
    """
    own = network.state_dict()
    left = {name: value for name, value in own.items() if without is not None and name.startswith(without)}
    entries = {
        name: value.detach().to("cpu", dtype).contiguous().clone() for name, value in own.items() if name not in left
    }
    if left:
        entries[f"{without}{_DIGEST}"] = _digest(left)
    return save(entries, metadata={"network": kind(network), **facts})


def completed(state_dict: Mapping[str, Any], prefix: str, part: Callable[[], nn.Module]) -> dict[str, Any]:
    """Return weights with the part whose entries begin with `prefix`, if `safetensors` left it out.

    `part` is only called then. Raises `BadFile` if it is not the part that the weights were stored without.
    """
    if prefix + _DIGEST not in state_dict:
        return dict(state_dict)
    entries = {prefix + name: value for name, value in part().state_dict().items()}
    if not torch.equal(_digest(entries), state_dict[prefix + _DIGEST]):
        raise BadFile(
            f"the weights were trained around another {prefix.removesuffix('.')} than the one that is here. "
            "Train them again, or put back the file they were trained with."
        )
    return {**{name: value for name, value in state_dict.items() if name != prefix + _DIGEST}, **entries}


def _digest(entries: Mapping[str, Tensor]) -> Tensor:
    """Return the sha256 of entries, as float16, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(entries):
        value = entries[name].detach().to("cpu", torch.float16).contiguous()
        digest.update(f"{name}{tuple(value.shape)}".encode() + value.numpy().tobytes())
    return torch.tensor(list(digest.digest()), dtype=torch.uint8)


def glean(state_dict: Mapping[str, Any], *, switches: Switches = FULL, in_size: int | None = None) -> GLEAN:
    """Return the GLEAN of our weights or of mmagic's (or mmediting's), with or without the wrapper's prefix.

    `in_size` None: LR images of the size that the weights tell, at least 4 px; 1 or 2 px must be asked for.

    Raises `BenchError`, also for another `in_size` than that of the weights, or switches that do not fit them.
    """
    return glean_layouts.glean(state_dict, switches=switches, in_size=in_size)


def stylegan_generator(state_dict: Mapping[str, Any]) -> stylegan.Generator:
    """Return the StyleGAN (1) generator of a state dict or checkpoint in any layout of `gan_layouts`."""
    return gan_layouts.stylegan(state_dict)


def pggan_generator(state_dict: Mapping[str, Any]) -> pggan.Generator:
    """Return the PGGAN generator of a state dict or checkpoint in any layout of `gan_layouts`."""
    return gan_layouts.pggan(state_dict)


def stylegan2_generator(state_dict: Mapping[str, Any]) -> Generator:
    """Return the StyleGAN2 generator of a state dict or checkpoint in any layout of `stylegan2_layouts`."""
    ours = stylegan2_layouts.generator(single(opened(state_dict, _CONTAINERS)))
    sizes = stylegan2_sizes(ours, "synthesis.")
    with torch.device("meta"):
        network = Generator(**sizes, mapping_layers=1 + last(ours, r"mapping\.layers\.(\d+)\."))
    return filled(network, ours)


def stylegan2_discriminator(state_dict: Mapping[str, Any]) -> Discriminator:
    """Return the StyleGAN2 discriminator of a state dict or checkpoint in any layout of `stylegan2_layouts`."""
    ours = stylegan2_layouts.discriminator(single(opened(state_dict, _D_CONTAINERS)))
    blocks = 1 + last(ours, r"blocks\.(\d+)\.")
    channels = {4 << blocks: shape(ours, "first.weight")[0]}
    channels |= {4 << (blocks - 1 - i): shape(ours, f"blocks.{i}.conv2.weight")[0] for i in range(blocks)}
    with torch.device("meta"):
        network = Discriminator(size=4 << blocks, channels=channels)
    return filled(network, ours)


def rrdbnet(state_dict: Mapping[str, Any]) -> RRDBNet:
    """Return the RRDBNet of a state dict or checkpoint in any layout of `esrgan_layouts`."""
    return esrgan_layouts.rrdbnet(state_dict).eval()


def srresnet(state_dict: Mapping[str, Any]) -> MSRResNet:
    """Return the MSRResNet of a state dict or checkpoint in any layout of `srresnet_layouts`."""
    return srresnet_layouts.srresnet(state_dict)


_KINDS: tuple[tuple[Callable[[Mapping[str, Any]], object], Callable[[Mapping[str, Any]], nn.Module]], ...] = (
    (glean_layouts.detect, lambda checkpoint: glean_layouts.glean(checkpoint, switches=None, in_size=None)),
    # Before StyleGAN2's: our names of its constant and of StyleGAN's are the same.
    (lambda checkpoint: gan_layouts.detect(checkpoint, "stylegan"), stylegan_generator),
    (lambda checkpoint: gan_layouts.detect(checkpoint, "pggan"), pggan_generator),
    (lambda checkpoint: stylegan2_layouts.detect(opened(checkpoint, _CONTAINERS)), stylegan2_generator),
    (
        lambda checkpoint: stylegan2_layouts.detect(opened(checkpoint, _D_CONTAINERS), discriminator=True),
        stylegan2_discriminator,
    ),
    (esrgan_layouts.detect, rrdbnet),
    (srresnet_layouts.detect, srresnet),
)
"""What tells each kind, by raising `BenchError` for another, and what loads it."""
