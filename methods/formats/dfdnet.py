"""Key maps from the published layouts of DFDNet to `nets.dfdnet.DFDNet`: no files are read here.

| layout     | where                                          | a key of it                              |
| ---------- | ---------------------------------------------- | ---------------------------------------- |
| csxmli2016 | the authors' `latest_net_G.pth`                | `le_256.0.weight_orig`                   |
| basicsr    | BasicSR's `DFDNet_official`, in `params`       | `attn_blocks.left_eye_256.0.weight_orig` |
| ours       | safetensors of this suite, with the dictionary | `components.left_eye.0.centres`          |

The published files hold VGG19 too, and no dictionary: that is files of its own (formats/dfdnet_dictionary.py). What the
authors' program does with a file whose names it does not find is to keep random weights; here that is an error.

Their convolutions are spectrally normalised: a file has a weight and the two vectors of its power iteration. In eval
mode the weight is divided by u W v, the same in each call, so it is divided once, here. (The authors' program tests in
training mode, where each call makes a step of the iteration more; trained weights are at its end.)
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.own_files import completed
from methods.formats.state_dicts import filled, first_names, last, shape, shown, single
from methods.nets.dfdnet import PARTS, DFDNet
from methods.nets.shapes import shapes
from methods.nets.vgg19 import Vgg19

_SIDES = (256, 128, 64, 32)  # px: of the four scales, in images of 512 px
_SHORT = {"left_eye": "le", "right_eye": "re", "nose": "no", "mouth": "mo"}
_BLOCKS = (2, 2, 4, 4, 4)  # convolutions of VGG19 between its poolings
_VGG19 = {  # BasicSR's name: torchvision's number; each convolution has a ReLU, each block a pooling
    f"conv{block}_{place}": 2 * (sum(_BLOCKS[: block - 1]) + place - 1) + block - 1
    for block, count in enumerate(_BLOCKS, 1)
    for place in range(1, count + 1)
}
_CSXMLI2016 = {
    **{
        rf"{short}_{side}\.([02])": rf"components.{part}.{level}.attention.\1"
        for part, short in _SHORT.items()
        for level, side in enumerate(_SIDES)
    },
    **{rf"MSDilate\.conv{branch + 1}\.([02])": rf"dilated.branches.{branch}.\1" for branch in range(4)},
    r"MSDilate\.convi": "dilated.fusion",
    r"up([0-3])\.conv1\.1": r"ups.\1.conv",
    r"up([0-3])\.ScaleModel1\.([02])": r"ups.\1.scale.\2",
    r"up([0-3])\.ShiftModel1\.([02])": r"ups.\1.shift.\2",
    r"up([0-3])\.convup\.1": r"ups.\1.up",
    r"up4\.([04])": r"last.\1",
    r"up4\.([23])\.Model\.([02])": r"last.\1.body.\2",
    r"VggExtract\.model\.features\.(\d+)": r"extractor.features.\1",
    r"VggExtract\.RGB_mean": "extractor.mean",
    r"VggExtract\.RGB_std": "extractor.deviation",
}
_BASICSR = {
    **{
        rf"attn_blocks\.{part}_{side}\.([02])": rf"components.{part}.{level}.attention.\1"
        for part in PARTS
        for level, side in enumerate(_SIDES)
    },
    r"multi_scale_dilation\.conv_blocks\.([0-3])\.([02])": r"dilated.branches.\1.\2",
    r"multi_scale_dilation\.conv_fusion": "dilated.fusion",
    r"upsample([0-3])\.conv1\.1": r"ups.\1.conv",
    r"upsample([0-3])\.scale_block\.([02])": r"ups.\1.scale.\2",
    r"upsample([0-3])\.shift_block\.([02])": r"ups.\1.shift.\2",
    r"upsample([0-3])\.convup\.1": r"ups.\1.up",
    r"upsample4\.([04])": r"last.\1",
    r"upsample4\.([23])\.body\.([02])": r"last.\1.body.\2",
    **{rf"vgg_extractor\.vgg_net\.{name}": f"extractor.features.{number}" for name, number in _VGG19.items()},
    r"vgg_extractor\.mean": "extractor.mean",
    r"vgg_extractor\.std": "extractor.deviation",
}
_UNUSED = re.compile(  # of the authors' file: heads that no pass goes through, the blur, VGG19 twice and its classifier
    r"to_rgb[0-3]\..+|up[0-3]\.conv1\.0\.weight(_flip)?|VggExtract\.(features|model\.classifier)\..+"
)
_LAYOUTS = {  # name: (a key that tells, table)
    "csxmli2016": ("le_256.0.bias", _CSXMLI2016),
    "basicsr": ("attn_blocks.left_eye_256.0.bias", _BASICSR),
    "ours": ("components.left_eye.0.centres", {r"(.+)": r"\1"}),
}
_EXTRACTOR = "extractor."
_FLAT = ("extractor.mean", "extractor.deviation")  # published as (1, 3, 1, 1)
_NORM = ("_orig", "_u", "_v")  # the weight, and the vectors of its power iteration


def layout_of(checkpoint: Mapping[str, Any]) -> str:
    """Return the name of the layout that a checkpoint, or the state dict in it, is in; empty if in none of them."""
    return _layout(opened(checkpoint, _layout))


def _layout(names: Mapping[str, Tensor]) -> str:
    return next((layout for layout, (sign, _) in _LAYOUTS.items() if sign in names), "")


def to_ours(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the entries of a checkpoint in the names of `DFDNet`, without spectral norm, float32.

    What the authors' file holds beside what is used is dropped. Raises `BenchError` for an unknown layout, an entry
    that is not DFDNet's, or a norm of which a part is missing.
    """
    entries = opened(checkpoint, _layout)
    layout = _layout(entries)
    if not layout:
        raise BenchError(
            f"these are not the weights of a DFDNet in a layout we know ({', '.join(_LAYOUTS)}); "
            f"the first entries are: {first_names(entries)}. Is it the file of another network?"
        )
    table = _LAYOUTS[layout][1]
    used = {name: value for name, value in entries.items() if layout == "ours" or not _UNUSED.fullmatch(name)}
    ours = {_renamed(name, table): value for name, value in _divided(single(used)).items()}
    return {name: value.flatten() if name in _FLAT else value for name, value in ours.items()}


def dfdnet(
    checkpoint: Mapping[str, Any],
    *,
    dictionary: Mapping[str, Tensor] | None = None,
    extractor: nn.Module | None = None,
) -> DFDNet:
    """Return the network of a checkpoint; its sizes are read off names and shapes.

    `dictionary`, as formats/dfdnet_dictionary.py reads it, is for the published layouts, whose files hold none.
    `extractor` becomes part of the network, with the weights that the file has for it, or with its own if the file was
    written without them; None: a VGG19, whose weights are in the file. The network is float32, in eval mode, and shares
    tensors that are so already.

    Raises `BenchError` if anything is missing, left over or misshapen, or there are two dictionaries; `BadFile` for
    another extractor than the one that the file was trained with.
    """
    ours = _with_extractor(_with_dictionary(to_ours(checkpoint), dictionary or {}), extractor)
    scales = range(1 + last(ours, r"components\.left_eye\.(\d+)\.centres"))
    for name in (f"components.{part}.{scale}.centres" for part in PARTS for scale in scales):
        shape(ours, name)
    with shapes():
        try:
            network = DFDNet(
                extractor=Vgg19() if extractor is None else extractor,
                dictionary={part: [ours[f"components.{part}.{scale}.centres"] for scale in scales] for part in PARTS},
                width=shape(ours, "last.0.weight")[0],
            )
        except ValueError as error:
            raise BenchError(f"these weights are of no DFDNet: {error}") from error
    return filled(network, ours)


def _with_dictionary(ours: dict[str, Tensor], dictionary: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the entries with those of a dictionary; there must be one, here or there."""
    own = any(name.endswith(".centres") for name in ours)
    if own and dictionary:
        raise BenchError("this file of DFDNet has its dictionary in it; give no other one with it.")
    if not own and not dictionary:
        raise BenchError(
            "this file of DFDNet holds no dictionary, as published; give it too: the folder DictionaryCenter512 of the "
            "authors, or BasicSR's DFDNet_dict_512."
        )
    return {**ours, **single(dictionary)}


def _with_extractor(ours: dict[str, Tensor], extractor: nn.Module | None) -> dict[str, Tensor]:
    """Return the entries with those of an extractor, if they were left out."""
    if extractor is None:
        return ours
    whole = completed(ours, _EXTRACTOR, lambda: extractor)
    if any(name.startswith(_EXTRACTOR) for name in whole):
        return whole
    return {**whole, **{_EXTRACTOR + name: value for name, value in extractor.state_dict().items()}}


def _divided(entries: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the entries with each normalised weight W as W / (u W v), and without u and v."""
    plain = {name: value for name, value in entries.items() if not name.endswith(_NORM)}
    for layer in dict.fromkeys(name.rpartition("_")[0] for name in entries if name.endswith(_NORM)):
        missing = [layer + part for part in _NORM if layer + part not in entries]
        if missing:
            raise BenchError(f"the weights lack {', '.join(missing)}, of a spectral norm. Is the file complete?")
        weight, u, v = (entries[layer + part] for part in _NORM)
        if weight.dim() < 2 or (u.shape, v.shape) != (weight.shape[:1], weight[0].flatten().shape):  # noqa: PLR2004
            raise BenchError(f"{layer} and the vectors of its spectral norm do not fit. Is the file complete?")
        plain[layer] = weight / u.dot(weight.flatten(1).mv(v))
    return plain


def _renamed(name: str, table: Mapping[str, str]) -> str:
    for pattern, ours in table.items():
        if found := re.fullmatch(rf"(?:{pattern})(\.weight|\.bias|)", name):
            return found.expand(ours) + found.groups()[-1]
    raise BenchError(f"DFDNet has no entry {shown(name)!r} in this layout. Is it the file of another network?")
