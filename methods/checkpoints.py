"""Published weights -> networks. Every size is read off names and shapes; none is assumed.

A function takes what `unpickle.load` returns, or the state dict in it; layouts are told by their names. The network
comes back whole and in eval mode, sharing the tensors it was given, without ever having drawn random weights.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor, nn

from bench.spec import BenchError
from methods import esrgan_layouts, layouts, stylegan2_layouts
from methods.nets.glean import GLEAN
from methods.nets.rrdbnet import RRDBNet, Trunk
from methods.nets.stylegan2 import Discriminator, Generator, Synthesis

_CONTAINERS = ("state_dict", "G_ema", "g_ema", "params_ema", "generator_smooth", "models", "params", "g", "generator")
_D_CONTAINERS = ("state_dict", "D", "d", "params", "models", "discriminator")
_GLEAN, _OUR_GLEAN = "encoder.0.0.conv_first.weight", "encoder.trunk.conv_first.weight"
_SHOWN = 3

Network = TypeVar("Network", bound=nn.Module)


def network(checkpoint: Mapping[str, Any]) -> nn.Module:
    """Return the network of a checkpoint of any kind there is a function for here; told by the names in it.

    Raises `BenchError` if it is of none of these kinds, and as those functions do.
    """
    if _glean_prefix(_opened(checkpoint, ("state_dict",))) is not None:
        return glean(checkpoint)
    for detect, load in (
        (lambda: stylegan2_layouts.detect(_opened(checkpoint, _CONTAINERS)), stylegan2_generator),
        (
            lambda: stylegan2_layouts.detect(_opened(checkpoint, _D_CONTAINERS), discriminator=True),
            stylegan2_discriminator,
        ),
        (lambda: esrgan_layouts.detect(checkpoint), rrdbnet),
    ):
        try:
            detect()
        except BenchError:
            continue
        found: nn.Module = load(checkpoint)
        return found
    raise BenchError(
        "these are not the weights of a GLEAN, a StyleGAN2 generator or discriminator, or an RRDBNet, in a layout we "
        f"know; the first entries are: {', '.join(map(str, list(checkpoint)[:_SHOWN])) or 'none'}."
    )


def safetensors(network: nn.Module) -> bytes:
    """Return a network's weights as the content of a .safetensors file, in our names; the functions here read them."""
    entries = {name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()}
    return save(entries, metadata={"network": type(network).__name__})


def glean(state_dict: Mapping[str, Any]) -> GLEAN:
    """Return the GLEAN of mmagic's (or mmediting's) released weights, with or without the wrapper's prefix.

    Raises `BenchError` naming the entries that are missing, left over or of a wrong shape.
    """
    entries = _opened(state_dict, ("state_dict",))
    prefix = _glean_prefix(entries)
    if prefix is None:
        raise BenchError(
            f"these are not the weights of a GLEAN: no entry {_GLEAN!r}. Is it the file of another network?"
        )
    inside = {name.removeprefix(prefix): value for name, value in entries.items() if name.startswith(prefix)}
    ours = inside if _OUR_GLEAN in inside else layouts.from_mmagic(inside)
    first = _shape(ours, "encoder.trunk.conv_first.weight")
    halvings = [int(m[1]) for name in ours if (m := re.fullmatch(r"encoder\.stages\.(\d+)\.3\.weight", name))]
    if not halvings:
        raise BenchError("the weights of this GLEAN have no latent head (encoder.<N>.3.weight). Is the file complete?")
    with torch.device("meta"):
        trunk = Trunk(
            in_channels=first[1],
            channels=first[0],
            blocks=1 + _last(ours, r"encoder\.trunk\.body\.(\d+)\."),
            growth=_shape(ours, "encoder.trunk.body.0.rdb1.conv1.weight")[0],
        )
        bank = Synthesis(**_synthesis_sizes(ours, "bank."))
        network = GLEAN(trunk=trunk, bank=bank, in_size=4 << halvings[0])
    return _filled(network, ours)


def _glean_prefix(entries: Mapping[str, Tensor]) -> str | None:
    """Return what stands before the names of a GLEAN, or None if there is none."""
    for sign in (_GLEAN, _OUR_GLEAN):
        for name in entries:
            if name.endswith(sign):
                return name.removesuffix(sign)
    return None


def stylegan2_generator(state_dict: Mapping[str, Any]) -> Generator:
    """Return the StyleGAN2 generator of a state dict or checkpoint in any layout of `stylegan2_layouts`.

    Raises `BenchError` as `glean` does, and for a layout that is unknown.
    """
    ours = stylegan2_layouts.generator(_opened(state_dict, _CONTAINERS))
    sizes = _synthesis_sizes(ours, "synthesis.")
    with torch.device("meta"):
        network = Generator(**sizes, mapping_layers=1 + _last(ours, r"mapping\.layers\.(\d+)\."))
    return _filled(network, ours)


def stylegan2_discriminator(state_dict: Mapping[str, Any]) -> Discriminator:
    """Return the StyleGAN2 discriminator of a state dict or checkpoint. Raises `BenchError` as `glean` does."""
    ours = stylegan2_layouts.discriminator(_opened(state_dict, _D_CONTAINERS))
    blocks = 1 + _last(ours, r"blocks\.(\d+)\.")
    channels = {4 << blocks: _shape(ours, "first.weight")[0]}
    channels |= {4 << (blocks - 1 - i): _shape(ours, f"blocks.{i}.conv2.weight")[0] for i in range(blocks)}
    with torch.device("meta"):
        network = Discriminator(size=4 << blocks, channels=channels)
    return _filled(network, ours)


def rrdbnet(state_dict: Mapping[str, Any]) -> RRDBNet:
    """Return the RRDBNet of a state dict or checkpoint in any layout of `esrgan_layouts`; raises `BenchError`."""
    return esrgan_layouts.rrdbnet(state_dict).eval()


def _opened(checkpoint: Mapping[str, Any], containers: tuple[str, ...]) -> dict[str, Tensor]:
    """Take the state dict out of its containers, and `module.` off its names; what is no tensor is left out."""
    for name in containers:
        if isinstance(checkpoint.get(name), Mapping):
            return _opened(checkpoint[name], containers)
    return {name.removeprefix("module."): value for name, value in checkpoint.items() if isinstance(value, Tensor)}


def _synthesis_sizes(ours: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """Return the arguments of `Synthesis` for the entries below a prefix."""
    stages = _last(ours, rf"{re.escape(prefix)}layers\.(\d+)\.") // 2 + 1
    return {
        "size": 4 << (stages - 1),
        "channels": {4 << i: _shape(ours, f"{prefix}layers.{2 * i}.weight")[0] for i in range(stages)},
        "style_dim": _shape(ours, f"{prefix}layers.0.style.weight")[1],
    }


def _last(ours: Mapping[str, Tensor], pattern: str) -> int:
    """Return the largest index that a pattern finds at the beginning of a name."""
    found = [int(match[1]) for name in ours if (match := re.match(pattern, name))]
    if not found:
        raise BenchError(f"the weights have no entry like {pattern!r}. Is the file complete, and of this network?")
    return max(found)


def _shape(ours: Mapping[str, Tensor], name: str) -> torch.Size:
    """Return the shape of an entry that must be there."""
    if name not in ours:
        raise BenchError(f"the weights lack {name!r} (in our names). Is the file complete, and of this network?")
    return ours[name].shape


def _filled(network: Network, ours: Mapping[str, Tensor]) -> Network:
    """Give a network on the meta device its weights, after saying plainly what does not fit."""
    wanted = network.state_dict()
    shapes = {
        f"{name} is {tuple(ours[name].shape)}, not {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in ours and ours[name].shape != value.shape
    }
    problems = {
        "missing": sorted(wanted.keys() - ours.keys()),
        "left over": sorted(ours.keys() - wanted.keys()),
        "of a wrong shape": sorted(shapes),
    }
    told = [
        f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
        for what, names in problems.items()
        if names
    ]
    if told:
        raise BenchError(f"the weights do not fit a {type(network).__name__} (in our names): {'; '.join(told)}.")
    network.load_state_dict(dict(ours), assign=True)
    return network.eval()
