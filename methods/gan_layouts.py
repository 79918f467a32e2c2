"""Key maps from the published layouts of StyleGAN (1) and PGGAN to `nets.stylegan` and `nets.pggan`: no files.

| layout             | where                                             | a key of it                   |
| ------------------ | ------------------------------------------------- | ----------------------------- |
| genforce stylegan  | GenForce, in `generator_smooth`                   | `synthesis.layer0.const`      |
| pulse stylegan     | PULSE: `mapping.pt` and `synthesis.pt` in one     | `blocks.4x4.const`            |
| genforce pggan     | GenForce, in `generator_smooth`                   | `layer0.weight`               |
| mganprior pggan    | mGANprior                                         | `layer0.conv.weight`          |

Some values of StyleGAN differ from ours, beside the names: the doubling kernels from 128 px on are turned and the
mapping network's biases scaled, see `nets.stylegan`. StyleGAN2's layouts are in `stylegan2_layouts`.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench.spec import BenchError
from methods.nets import pggan as pggan_net
from methods.nets import stylegan as stylegan_net
from methods.nets.stylegan2 import SQRT2

_CONTAINERS = ("models", "generator_smooth", "generator")  # the averaged weights are the ones to test with
_SIGNS = {
    "genforce stylegan": "synthesis.layer0.const",
    "pulse stylegan": "blocks.4x4.const",
    "genforce pggan": "layer0.weight",
    "mganprior pggan": "layer0.conv.weight",
}
_STAGES = range(9)  # 4 to 1024 px
_LAYERS = range(2 * len(_STAGES))
_MAPPING = range(8)
_LATENT_MEAN = "truncation.w_avg"
_OUTPUT = re.compile(r"(?:synthesis\.)?output(\d+)\..+")  # RGB layers; those of smaller images served the growing
_DROPPED = re.compile(rf".+\.kernel|(?:synthesis\.)?lod|{re.escape(_LATENT_MEAN)}|{_OUTPUT.pattern}")
_TURNED = {f"synthesis.convs.{k}.weight" for k in range(9, 17, 2)}  # StyleGAN, 128 px and more
_Network = TypeVar("_Network", bound=nn.Module)


def detect(checkpoint: Mapping[str, Any]) -> str:
    """Return the name of the layout that a checkpoint, or the state dict in it, is in.

    Raises `BenchError` if it is in none of them.
    """
    names = _state_dict(checkpoint).keys()
    for layout, sign in _SIGNS.items():
        if sign in names:
            return layout
    raise BenchError(
        f"these are not the weights of a generator in a layout we know ({', '.join(_SIGNS)}); "
        f"the first entries are: {', '.join(list(names)[:3]) or 'none'}. Is it the file of another network?"
    )


def to_ours(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Convert the entries of a checkpoint, or of the state dict in it, to those of our network; most are shared.

    The FIR, unused RGB layers, the level of detail and the mean latent are dropped.

    Raises `BenchError` for an unknown layout, or an entry that is not the network's.
    """
    layout = detect(checkpoint)
    theirs = _state_dict(checkpoint)
    names = _names(layout, last=max([0, *(int(found[1]) for found in map(_OUTPUT.fullmatch, theirs) if found)]))
    unknown = [name for name in theirs if name not in names and not _DROPPED.fullmatch(name)]
    if unknown:
        raise BenchError(f"the layout {layout!r} has no entry {unknown[0]!r}. Is it the file of another network?")
    return {ours: _value(ours, theirs[name], layout) for name, ours in names.items() if name in theirs}


def latent_mean(checkpoint: Mapping[str, Any]) -> Tensor | None:
    """Return the mean of w that GenForce's files hold, for `nets.stylegan2.truncate`: (style_dim,), else None."""
    return _state_dict(checkpoint).get(_LATENT_MEAN)


def stylegan(checkpoint: Mapping[str, Any]) -> stylegan_net.Generator:
    """Return the StyleGAN of a checkpoint; size, widths and depth are read off it.

    PULSE's two files are given as one dict, `mapping | synthesis`; they hold no noise maps: the stored ones are zero.
    The network is float32, on the device of the checkpoint, and shares tensors that are so already.

    Raises `BenchError` if the checkpoint is not a whole StyleGAN.
    """
    entries = _entries(checkpoint, "stylegan")
    widths = _widths(entries, "synthesis.epilogues.{}.bias")
    style_dim, depth = _mapping(entries)
    if detect(checkpoint) == "pulse stylegan":
        for k in range(2 * len(widths)):
            side = 4 << k // 2
            entries[f"synthesis.epilogues.{k}.noise"] = entries["synthesis.constant"].new_zeros(1, 1, side, side)
    with torch.device("meta"):
        network = stylegan_net.Generator(size=max(widths), channels=widths, style_dim=style_dim, mapping_layers=depth)
    return _filled(network, entries)


def pggan(checkpoint: Mapping[str, Any]) -> pggan_net.Generator:
    """Return the PGGAN of a checkpoint, of GenForce's or mGANprior's, as `stylegan` does, raising likewise."""
    entries = _entries(checkpoint, "pggan")
    widths = _widths(entries, "layers.{}.bias")
    with torch.device("meta"):
        network = pggan_net.Generator(size=max(widths), channels=widths, z_dim=entries["layers.0.weight"].shape[1])
    return _filled(network, entries)


def _entries(checkpoint: Mapping[str, Any], family: str) -> dict[str, Tensor]:
    """Return our entries, float32, if the checkpoint is of the family."""
    layout = detect(checkpoint)
    if layout.split()[1] != family:
        raise BenchError(f"these are the weights of a network in the layout {layout!r}, not of a {family}.")
    return {name: value.float() for name, value in to_ours(checkpoint).items()}


def _mapping(entries: Mapping[str, Tensor]) -> tuple[int, int]:
    """Return the width and the depth of the mapping network."""
    if "mapping.layers.0.weight" not in entries:
        raise BenchError("the mapping network is missing. PULSE keeps it in a file of its own: give both, as one dict.")
    return len(entries["mapping.layers.0.weight"]), sum(f"mapping.layers.{k}.weight" in entries for k in _MAPPING)


def _filled(network: _Network, entries: Mapping[str, Tensor]) -> _Network:
    try:
        network.load_state_dict(dict(entries), assign=True)
    except RuntimeError as error:
        raise BenchError(f"the weights are not those of a whole generator: {error}. Is the file complete?") from error
    return network


def _widths(entries: Mapping[str, Tensor], bias: str) -> dict[int, int]:
    """Return the width at each resolution, off the first layer of each: 2i works at 4 * 2^i px."""
    widths = {4 << i: len(entries[bias.format(2 * i)]) for i in _STAGES if bias.format(2 * i) in entries}
    if list(widths) != [4 << i for i in range(len(widths))] or not widths:
        raise BenchError(f"the generator lacks a resolution: it has {list(widths)} px. Is the file complete?")
    return widths


def _state_dict(checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the state dict out of its containers."""
    for container in _CONTAINERS:
        if isinstance(checkpoint.get(container), Mapping):
            return _state_dict(checkpoint[container])
    return checkpoint


def _value(ours: str, value: Tensor, layout: str) -> Tensor:
    """Convert what differs in more than its name."""
    if layout.endswith("pggan"):
        return value
    if ours in _TURNED:
        return value.flip(2, 3)
    return value / SQRT2 if re.fullmatch(r"mapping\..+\.bias", ours) else value


def _names(layout: str, last: int) -> dict[str, str]:
    """Return our name for each name of a layout; `last` is the number of the RGB layer of the full size."""
    if layout == "genforce pggan":
        return _pggan("weight", "bias", last)
    if layout == "mganprior pggan":
        return _pggan("conv.weight", "wscale.bias", last)
    names = {_SIGNS[layout]: "synthesis.constant"}
    genforce = layout.startswith("genforce")
    dense = "mapping.dense" if genforce else "dense"
    names |= {f"{dense}{k}.{kind}": f"mapping.layers.{k}.{kind}" for k in _MAPPING for kind in ("weight", "bias")}
    rgb = f"synthesis.output{last}" if genforce else "torgb"
    names |= {f"{rgb}.{kind}": f"synthesis.to_rgb.{kind}" for kind in ("weight", "bias")}
    for k in _LAYERS:
        theirs = f"synthesis.layer{k}"
        layer, noise, style = (theirs, f"{theirs}.apply_noise", f"{theirs}.style") if genforce else _pulse(k)
        ours = f"synthesis.epilogues.{k}"
        names |= {f"{layer}.weight": f"synthesis.convs.{k - 1}.weight", f"{layer}.bias": f"{ours}.bias"}
        names |= {f"{noise}.weight": f"{ours}.noise_gain", f"{noise}.noise": f"{ours}.noise"}
        names |= {f"{style}.weight": f"{ours}.style.weight", f"{style}.bias": f"{ours}.style.bias"}
    return names


def _pulse(k: int) -> tuple[str, str, str]:
    """Return what PULSE's names of layer k, of its noise and of its style start with; the 4x4 block has its own."""
    stage, second = divmod(k, 2)
    block = f"blocks.{4 << stage}x{4 << stage}"
    layer = {0: block, 1: f"{block}.conv"}.get(k, f"{block}.{'conv1' if second else 'conv0_up'}")
    return layer, f"{block}.epi{second + 1}.noise", f"{block}.epi{second + 1}.style_mod.lin"


def _pggan(weight: str, bias: str, last: int) -> dict[str, str]:
    ours = {f"layer{k}": f"layers.{k}" for k in _LAYERS} | {f"output{last}": "to_rgb"}
    kinds = {weight: "weight", bias: "bias"}
    return {f"{a}.{kind}": f"{ours[a]}.{kinds[kind]}" for a in ours for kind in kinds}
