"""GLEAN's weights -> `nets.glean.GLEAN`: mmagic's names (`glean_names`) or ours, every variant of `Switches`.

Widths, sizes and switches all show in names and shapes. One thing does not: an LR image below 4 px is enlarged to 4 px
inside, so the weights for 1, 2 and 4 px look alike.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bench.spec import BenchError
from methods.formats import biggan, glean_names
from methods.formats.containers import opened
from methods.formats.state_dicts import (
    filled,
    first_names,
    indices,
    last,
    shape,
    single,
    stylegan2_sizes,
    stylegan_sizes,
)
from methods.nets import stylegan, stylegan2
from methods.nets.biggan import BigGAN
from methods.nets.biggan_bank import BigGANBank
from methods.nets.glean import FULL, GLEAN, Switches, Wanted
from methods.nets.glean_parts import BASE
from methods.nets.rrdbnet import Trunk
from methods.nets.shapes import shapes
from methods.nets.synthesis import Synthesis

_BIGGAN = "bank.generator."
_SIGNS = {"mmagic": "encoder.0.0.conv_first.weight", "ours": "encoder.trunk.conv_first.weight"}


def is_glean(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint, or the state dict in it, is of a GLEAN in a layout we know."""
    return _layout(opened(checkpoint, _layout)) is not None


def _layout(names: Mapping[str, Tensor]) -> tuple[str, str] | None:
    """Return the layout and what stands before its names; None for another network."""
    found = (
        (layout, name.removesuffix(sign)) for layout, sign in _SIGNS.items() for name in names if name.endswith(sign)
    )
    return next(found, None)


def _known(entries: Mapping[str, Tensor]) -> tuple[str, str]:
    """Return the layout and what stands before its names; raises `BenchError` for another network."""
    if found := _layout(entries):
        return found
    raise BenchError(
        f"these are not the weights of a GLEAN: no entry {' or '.join(map(repr, _SIGNS.values()))}; "
        f"the first entries are: {first_names(entries)}. Is it the file of another network?"
    )


def glean(checkpoint: Mapping[str, Any], *, switches: Switches | None = FULL, in_size: int | None = None) -> GLEAN:
    """Return the GLEAN of our weights or of mmagic's (or mmediting's), with or without the wrapper's prefix.

    `switches` None: those that the file tells. `in_size` None: LR images of the size that the weights tell, at least
    4 px; 1 or 2 px must be asked for.

    Raises `BenchError`, also for another `in_size` than that of the weights, or switches that do not fit them.
    """
    entries = opened(checkpoint, _layout)
    layout, prefix = _known(entries)
    inside = single({name.removeprefix(prefix): value for name, value in entries.items() if name.startswith(prefix)})
    ours = glean_names.from_mmagic(inside) if layout == "mmagic" else inside
    with shapes():
        bank = _bank(ours)
        trunk = _trunk(ours)
        inner = _inner_size(ours, bank)
        chosen = switches or _switches(ours, bank, inner)
        if in_size is not None and max(in_size, BASE) != inner:
            below = " or less" if inner == BASE else ""
            raise BenchError(
                f"these weights of a GLEAN make {bank.size} px of LR images of {inner} px{below}, but LR images of "
                f"{in_size} px were asked for. Take the weights for that factor and size."
            )
        try:
            network = GLEAN(trunk=trunk, bank=bank, in_size=inner if in_size is None else in_size, switches=chosen)
        except ValueError as error:
            raise BenchError(f"no GLEAN with {chosen} has these weights: {error} Is it the right file?") from error
    return filled(network, ours, of=f" with {chosen}")


def _trunk(ours: Mapping[str, Tensor]) -> Trunk:
    channels, inputs, *_ = shape(ours, "encoder.trunk.conv_first.weight")
    return Trunk(
        in_channels=inputs,
        channels=channels,
        blocks=1 + last(ours, r"encoder\.trunk\.body\.(\d+)\."),
        growth=shape(ours, "encoder.trunk.body.0.rdb1.conv1.weight")[0],
    )


def _bank(ours: Mapping[str, Tensor]) -> Synthesis:
    if any(name.startswith("bank.epilogues.") for name in ours):
        return stylegan.StyleGANSynthesis(**stylegan_sizes(ours, "bank."))
    if (label := f"{_BIGGAN}shared.weight") in ours:
        entries = {name.removeprefix(_BIGGAN): value for name, value in ours.items() if name.startswith(_BIGGAN)}
        if (classes := shape(ours, label)[0]) != 1:
            raise BenchError(f"the bank is a BigGAN of {classes} classes; a GLEAN has one of its category alone.")
        return BigGANBank(BigGAN(**biggan.generator_sizes(entries)))
    return stylegan2.StyleGAN2Synthesis(**stylegan2_sizes(ours, "bank."))


def _inner_size(ours: Mapping[str, Tensor], bank: Synthesis) -> int:
    """Return the size at which the encoder starts.

    A decoder doubles it to the bank's; without one, the encoder halves it to 4 px for the latents, or, where they are
    learned, to the coarsest feature that it gives to the bank.
    """
    if doublings := indices(ours, r"decoder\.blocks\.(\d+)\."):
        return bank.size >> (1 + doublings[-1])
    if head := indices(ours, r"encoder\.stages\.(\d+)\.3\."):
        return BASE << head[0]
    fused = indices(ours, r"fusion\.(\d+)\.")
    if not fused:
        raise BenchError(
            "the size of the LR images does not show in the weights of this GLEAN, which has no decoder "
            "(decoder.blocks.<n>), latent head (encoder.stages.<n>.3) or fusion (fusion.<n>). Is the file complete?"
        )
    return BASE << fused[0] + len(indices(ours, r"encoder\.stages\.(\d+)\.2\."))


def _switches(ours: Mapping[str, Tensor], bank: Synthesis, inner: int) -> Switches:
    """Return the switches that the file tells, or others that give the same network."""
    fused = [BASE << stage for stage in indices(ours, r"fusion\.(\d+)\.")]
    heads = [
        shape(ours, f"encoder.stages.{n}.3.weight")[0] for n in indices(ours, r"encoder\.stages\.(\d+)\.3\.weight")
    ]
    decoder = any(name.startswith("decoder.") for name in ours)
    above = [size for size in bank.channels if size > inner]
    return Switches(
        encoder_features=_wanted([size for size in bank.channels if size <= inner], fused),
        latents="learned" if "latents" in ours else "single" if heads == [bank.style_dim] else "per-block",
        bank_features=_wanted(above, _taken(ours, bank, above)) if decoder else "all",
        decoder=decoder,
    )


def _taken(ours: Mapping[str, Tensor], bank: Synthesis, above: list[int]) -> list[int]:
    """Return the resolutions at which the decoder has inputs for the bank's features: twice as many as without."""
    names = [f"decoder.blocks.{i}.weight" for i in range(1, len(above))] + ["decoder.last.0.weight"]
    inputs = {size: shape(ours, name)[1] for size, name in zip(above, names, strict=False)}
    return [size for size, width in inputs.items() if width == 2 * bank.channels[size]]


def _wanted(offered: list[int], passed: list[int]) -> Wanted:
    if not passed:
        return "none"
    return "finest" if passed == offered[-1:] else max(passed)
