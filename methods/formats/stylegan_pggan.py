"""Key maps from the published layouts of StyleGAN (1) and PGGAN to `nets.stylegan` and `nets.pggan`: no files.

| layout             | where                                             | a key of it                   |
| ------------------ | ------------------------------------------------- | ----------------------------- |
| genforce stylegan  | GenForce, in `generator_smooth`                   | `synthesis.layer0.const`      |
| pulse stylegan     | PULSE: `mapping.pt` and `synthesis.pt` in one     | `blocks.4x4.const`            |
| genforce pggan     | GenForce, in `generator_smooth`                   | `layer0.weight`               |
| mganprior pggan    | mGANprior                                         | `layer0.conv.weight`          |
| ours stylegan      | `nets.stylegan`                                   | `synthesis.epilogues.0.bias`  |
| ours pggan         | `nets.pggan`                                      | `to_rgb.weight`               |

Some values of StyleGAN differ from ours, beside the names: the doubling kernels from 128 px on are turned and the
mapping network's biases scaled, see `nets.stylegan`. PULSE's network normalises with another epsilon: an entry says so,
which is added here and stays in the file that we write. StyleGAN2's layouts are in `stylegan2_names`.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, first_names, last, shape, single, stylegan_sizes
from methods.nets import pggan as pggan_net
from methods.nets import stylegan as stylegan_net
from methods.nets.shapes import shapes
from methods.nets.stylegan2_layers import SQRT2

_SIGNS = {
    "genforce stylegan": "synthesis.layer0.const",
    "pulse stylegan": "blocks.4x4.const",
    "genforce pggan": "layer0.weight",
    "mganprior pggan": "layer0.conv.weight",
    "ours stylegan": "synthesis.epilogues.0.bias",
    "ours pggan": "to_rgb.weight",
}
_STAGES = range(9)  # 4 to 1024 px
_LAYERS = range(2 * len(_STAGES))
_MAPPING = range(8)
_LATENT_MEAN = "truncation.w_avg"
_OUTPUT = re.compile(r"(?:synthesis\.)?output(\d+)\..+")  # RGB layers; those of smaller images served the growing
_DROPPED = re.compile(rf".+\.kernel|(?:synthesis\.)?lod|{re.escape(_LATENT_MEAN)}|{_OUTPUT.pattern}")
_TURNED = {f"synthesis.convs.{k}.weight" for k in range(9, 17, 2)}  # StyleGAN, 128 px and more


def layout_of(checkpoint: Mapping[str, Any]) -> str:
    """Return the name of the layout that a checkpoint, or the state dict in it, is in; empty if in none of them."""
    return _layout(opened(checkpoint, _layout))


def _layout(names: Mapping[str, Tensor]) -> str:
    """Return the layout of a state dict; empty for another network's."""
    return next((layout for layout, sign in _SIGNS.items() if sign in names), "")


def is_stylegan(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is of a StyleGAN (1)."""
    return layout_of(checkpoint).endswith(" stylegan")


def is_pulse(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is of the synthesis network of PULSE, whose mapping network is a file of its own."""
    return layout_of(checkpoint) == "pulse stylegan"


def is_pggan(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is of a PGGAN."""
    return layout_of(checkpoint).endswith(" pggan")


def _known(checkpoint: Mapping[str, Any], family: str) -> str:
    """Return the layout. Raises `BenchError` if it is none we know, or not one of the family, "stylegan" or "pggan"."""
    layout = layout_of(checkpoint)
    if layout:
        if not layout.endswith(family):
            raise BenchError(f"these are the weights of a network in the layout {layout!r}, not of a {family}.")
        return layout
    names = opened(checkpoint, _layout)
    raise BenchError(
        f"these are not the weights of a generator in a layout we know ({', '.join(_SIGNS)}); "
        f"the first entries are: {first_names(names)}. Is it the file of another network?"
    )


def to_ours(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Convert the entries of a checkpoint, or of the state dict in it, to those of our network, float32.

    Most are shared with a checkpoint in float32. The FIR, unused RGB layers, the level of detail and the mean latent
    are dropped.

    Raises `BenchError` for an unknown layout, or an entry that is not the network's.
    """
    layout = _known(checkpoint, "")
    theirs = single(opened(checkpoint, _layout))
    if layout.startswith("ours"):
        return theirs
    names = _names(layout, last=max([0, *(int(found[1]) for found in map(_OUTPUT.fullmatch, theirs) if found)]))
    unknown = [name for name in theirs if name not in names and not _DROPPED.fullmatch(name)]
    if unknown:
        raise BenchError(f"the layout {layout!r} has no entry {unknown[0]!r}. Is it the file of another network?")
    found = {ours: _value(ours, theirs[name], layout) for name, ours in names.items() if name in theirs}
    if layout == "pulse stylegan":
        found[f"synthesis.{stylegan_net.TORCH_EPSILON}"] = theirs[_SIGNS[layout]].new_ones(1)
    return found


def stylegan(checkpoint: Mapping[str, Any]) -> stylegan_net.StyleGAN:
    """Return the StyleGAN of a checkpoint; size, widths and depth are read off it.

    PULSE's two files are given as one dict, `mapping | synthesis`; they hold no noise maps: the stored ones are zero.
    The network is float32, on the device of the checkpoint, in eval mode, and shares tensors that are so already.

    Raises `BenchError` if the checkpoint is not a whole StyleGAN.
    """
    layout = _known(checkpoint, "stylegan")
    entries = to_ours(checkpoint)
    if "mapping.layers.0.weight" not in entries:
        raise BenchError(
            "the mapping network is missing; PULSE keeps it in a file of its own, mapping.pt: give both "
            "(`convert synthesis.pt OUT --mapping mapping.pt`)."
        )
    sizes = stylegan_sizes(entries, "synthesis.")
    if layout == "pulse stylegan":
        for k in range(2 * len(sizes["channels"])):
            side = 4 << k // 2
            entries[f"synthesis.epilogues.{k}.noise"] = entries["synthesis.constant"].new_zeros(1, 1, side, side)
    depth = 1 + last(entries, r"mapping\.layers\.(\d+)\.")
    with shapes():
        network = stylegan_net.StyleGAN(**sizes, mapping_layers=depth)
    return filled(network, entries)


def pggan(checkpoint: Mapping[str, Any]) -> pggan_net.PGGAN:
    """Return the PGGAN of a checkpoint, of GenForce's, mGANprior's or ours, as `stylegan` does, raising likewise."""
    _known(checkpoint, "pggan")
    entries = to_ours(checkpoint)
    stages = last(entries, r"layers\.(\d+)\.") // 2 + 1
    widths = {4 << i: shape(entries, f"layers.{2 * i}.bias")[0] for i in range(stages)}
    with shapes():
        network = pggan_net.PGGAN(size=max(widths), channels=widths, z_dim=shape(entries, "layers.0.weight")[1])
    return filled(network, entries)


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
