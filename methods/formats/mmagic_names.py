"""Key maps from mmagic's (and mmediting's) StyleGAN2 to ours: pure functions on state dicts, no files.

A line of a table is (their name, our name, what to add to their index n). Entries without a place in our networks are
named in `_DROPPED`; an entry that no line knows is an error.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from bench.spec import BenchError

Table = tuple[tuple[str, str, int], ...]

_LAYER = (
    (r"conv\.weight_orig", "weight"),
    (r"conv\.style_modulation\.linear\.weight_orig", "style.weight"),
    (r"conv\.style_modulation\.bias", "style.bias"),
    (r"noise_injector\.weight", "noise_gain"),
    (r"(?:activate\.)?bias", "bias"),
)
SYNTHESIS: Table = (
    (r"constant_input\.input", "constant", 0),
    (r"injected_noise_(?P<n>\d+)", "layers.{n}.noise", 0),
    *((rf"conv1\.{theirs}", f"layers.0.{ours}", 0) for theirs, ours in _LAYER),
    *((rf"convs\.(?P<n>\d+)\.{theirs}", f"layers.{{n}}.{ours}", 1) for theirs, ours in _LAYER),
    *((rf"to_rgb1\.{theirs}", f"to_rgb.0.{ours}", 0) for theirs, ours in _LAYER),
    *((rf"to_rgbs\.(?P<n>\d+)\.{theirs}", f"to_rgb.{{n}}.{ours}", 1) for theirs, ours in _LAYER),
)
_GENERATOR: Table = (
    *((theirs, f"synthesis.{ours}", shift) for theirs, ours, shift in SYNTHESIS),
    (r"style_mapping\.(?P<n>\d+)\.linear\.weight_orig", "mapping.layers.{n}.weight", -1),
    (r"style_mapping\.(?P<n>\d+)\.bias", "mapping.layers.{n}.bias", -1),
)
_DISCRIMINATOR: Table = (
    (r"convs\.0\.0\.conv\.weight_orig", "first.weight", 0),
    (r"convs\.0\.1\.bias", "first.bias", 0),
    (r"convs\.(?P<n>\d+)\.conv1\.0\.conv\.weight_orig", "blocks.{n}.conv1.weight", -1),
    (r"convs\.(?P<n>\d+)\.conv1\.1\.bias", "blocks.{n}.conv1.bias", -1),
    (r"convs\.(?P<n>\d+)\.conv2\.1\.conv\.weight_orig", "blocks.{n}.conv2.weight", -1),
    (r"convs\.(?P<n>\d+)\.conv2\.2\.bias", "blocks.{n}.conv2.bias", -1),
    (r"convs\.(?P<n>\d+)\.skip\.1\.conv\.weight_orig", "blocks.{n}.skip", -1),
    (r"final_conv\.0\.conv\.weight_orig", "last.weight", 0),
    (r"final_conv\.1\.bias", "last.bias", 0),
    (r"final_linear\.0\.linear\.weight_orig", "hidden.weight", 0),
    (r"final_linear\.0\.bias", "hidden.bias", 0),
    (r"final_linear\.1\.linear\.weight_orig", "score.weight", 0),
    (r"final_linear\.1\.bias", "score.bias", 0),
)
_DROPPED = (
    r".+\.kernel",  # the FIR, a constant
    r"fusion_skip\..+",  # GLEAN computes it and drops the result
    r"generator\.style_mapping\..+",  # GLEAN's bank starts from w
)
_UP = r"(^|\.)layers\.\d*[13579]\.weight$"  # up-sampling convolutions are (in, out, k, k) with us


def generator_from_mmagic(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the entries of mmagic's StyleGAN2 generator, without prefix, to those of `nets.stylegan2.StyleGAN2`."""
    return renamed(state_dict, _GENERATOR)


def discriminator_from_mmagic(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the entries of mmagic's StyleGAN2 discriminator, without prefix, to those of the discriminator."""
    return renamed(state_dict, _DISCRIMINATOR)


def renamed(state_dict: Mapping[str, Tensor], table: Table) -> dict[str, Tensor]:
    """Rename and reshape the entries by a table. Raises `BenchError` for an entry that no line knows."""
    entries: dict[str, Tensor] = {}
    for theirs, value in state_dict.items():
        if any(re.fullmatch(pattern, theirs) for pattern in _DROPPED):
            continue
        ours = _rename(theirs, table)
        entries[ours] = _reshaped(ours, value)
    return entries


def _rename(theirs: str, table: Table) -> str:
    for pattern, ours, shift in table:
        if match := re.fullmatch(pattern, theirs):
            fields = match.groupdict()
            if "n" in fields:
                fields["n"] = str(int(fields["n"]) + shift)
            return ours.format(**fields)
    raise BenchError(f"this layout has no entry {theirs!r}; cut off its prefix and pick the right network.")


def _reshaped(ours: str, value: Tensor) -> Tensor:
    """Drop the leading 1 of modulated weights (1, out, in, k, k), and flatten the RGB biases (1, 3, 1, 1)."""
    if value.dim() == 5:  # noqa: PLR2004 - as above
        return value[0].transpose(0, 1).contiguous() if re.search(_UP, ours) else value[0]
    return value.flatten() if ours.endswith("bias") else value
