"""Key maps from the published layouts of SRResNet and SRGAN to `nets.srresnet.MSRResNet`: no files are read here.

| layout | where                                                  | a key of it                          |
| ------ | ------------------------------------------------------ | ------------------------------------ |
| mmagic | mmediting, mmagic: `msrresnet_*.pth`, `srgan_*.pth`    | `generator.trunk_net.0.conv1.weight` |
| ours   | BasicSR, flat or in `params`, `params_ema`; our own    | `body.0.conv1.weight`                |

mmagic's network has no activation behind the pixel shuffles. Its weights would fit the other form too and give another
image; so `MSRResNet` has an entry of its own for it, which is added here and stays in the file that we write.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, first_names, indices, last, shape, single
from methods.nets.shapes import shapes
from methods.nets.srresnet import LINEAR, MSRResNet

_LAYOUTS = {  # name: (prefix, a key that tells)
    "mmagic": ("generator.", "trunk_net.0.conv1.weight"),
    "mmagic, bare": ("", "trunk_net.0.conv1.weight"),
    "ours": ("", "body.0.conv1.weight"),
}
_MMAGIC = {
    r"trunk_net\.(\d+\.conv[12]\.(?:weight|bias))": r"body.\1",
    r"upsample([12])\.upsample_conv\.(weight|bias)": r"upconv\1.\2",
    r"((?:conv_first|conv_hr|conv_last)\.(?:weight|bias))": r"\1",
}


def layout_of(checkpoint: Mapping[str, Any]) -> str:
    """Return the name of the layout that a checkpoint, or the state dict in it, is in; empty if in none of them."""
    return _layout(opened(checkpoint, _layout))


def _layout(names: Mapping[str, Tensor]) -> str:
    """Return the layout of a state dict; empty for another network's."""
    return next((layout for layout, (prefix, sign) in _LAYOUTS.items() if prefix + sign in names), "")


def is_srresnet(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is of an MSRResNet in a layout we know."""
    return layout_of(checkpoint) != ""


def to_ours(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Rename the entries of a checkpoint, or of the state dict in it, to those of `MSRResNet`; the tensors are shared.

    Raises `BenchError` for an unknown layout, or an entry that is not mmagic's. What else a training checkpoint of
    mmagic holds beside the generator is dropped.
    """
    entries = opened(checkpoint, _layout)
    layout = _layout(entries)
    if not layout:
        raise BenchError(
            f"these are not the weights of an MSRResNet (SRResNet, SRGAN) in a layout we know ({'; '.join(_LAYOUTS)}); "
            f"the first entries are: {first_names(entries)}. Is it the file of another network?"
        )
    prefix, _ = _LAYOUTS[layout]
    inside = {name.removeprefix(prefix): value for name, value in entries.items() if name.startswith(prefix)}
    if layout == "ours":
        return inside
    ours = {_rename(name): value for name, value in inside.items()}
    return ours | {LINEAR: inside[_LAYOUTS[layout][1]].new_ones(1)}


def srresnet(checkpoint: Mapping[str, Any]) -> MSRResNet:
    """Return the network of a checkpoint; factor, width, depth and form are read off it.

    It is float32, on the device of the checkpoint, in eval mode, and shares tensors that are so already.

    Raises `BenchError` if it is not an `MSRResNet`, whole and of a factor we know.
    """
    ours = single(to_ours(checkpoint))
    channels = shape(ours, "conv_first.weight")[0]
    widening = shape(ours, "upconv1.weight")[0] // max(channels, 1)
    stages = len(indices(ours, r"upconv(\d+)\.weight"))
    blocks = 1 + last(ours, r"body\.(\d+)\.")
    try:
        with shapes():
            network = MSRResNet(
                factor=3**stages if widening == 9 else 2**stages,  # noqa: PLR2004 - 3 * 3, a stage of x3
                channels=channels,
                blocks=blocks,
                activated_stages=LINEAR not in ours,
            )
    except ValueError as error:
        raise BenchError(f"the weights are not those of an MSRResNet: {error} They cannot be used here.") from error
    return filled(network, ours)


def _rename(name: str) -> str:
    for pattern, ours in _MMAGIC.items():
        if found := re.fullmatch(pattern, name):
            return found.expand(ours)
    raise BenchError(f"mmagic's MSRResNet has no entry {name!r}. Is it the file of another network?")
