"""Key maps from the four published layouts of ESRGAN's generator to `nets.rrdbnet.RRDBNet`: no files are read here.

| layout  | where                              | a key of it                          |
| ------- | ---------------------------------- | ------------------------------------ |
| oldest  | ESRGAN's first files (`_old_arch`) | `model.1.sub.0.RDB1.conv1.0.weight`  |
| xinntao | ESRGAN's own repository            | `RRDB_trunk.0.RDB1.conv1.weight`     |
| basicsr | BasicSR, in `params` `params_ema`  | `body.0.rdb1.conv1.weight`           |
| mmagic  | mmediting, mmagic                  | `generator.body.0.rdb1.conv1.weight` |

A file in one layout that is loaded as another is the standard failure; nobody has to know which one a file is in.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, first_names, indices, last, shape, single
from methods.nets.rrdbnet import RRDBNet
from methods.nets.shapes import shapes

_STAGES = range(7)  # x1 to x64
_BASICSR = {
    r"conv_first": "trunk.conv_first",
    r"body\.(\d+)\.rdb(\d)\.conv(\d)": r"trunk.body.\1.rdb\2.conv\3",
    r"conv_body": "trunk.conv_body",
    r"conv_up(\d)": r"conv_up\1",
    r"conv_hr": "conv_hr",
    r"conv_last": "conv_last",
}
_XINNTAO = {
    r"conv_first": "trunk.conv_first",
    r"RRDB_trunk\.(\d+)\.RDB(\d)\.conv(\d)": r"trunk.body.\1.rdb\2.conv\3",
    r"trunk_conv": "trunk.conv_body",
    r"upconv(\d)": r"conv_up\1",
    r"HRconv": "conv_hr",
    r"conv_last": "conv_last",
}
_OLDEST = {  # numbered in the order of an nn.Sequential: three to a x2 stage, the last convolutions after them
    r"model\.0": "trunk.conv_first",
    r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0": r"trunk.body.\1.rdb\2.conv\3",
    r"model\.1\.sub\.\d+": "trunk.conv_body",
    **{rf"model\.{3 * stage + 3}": f"conv_up{stage + 1}" for stage in _STAGES},
    **{rf"model\.{3 * stages + 2}": "conv_hr" for stages in _STAGES},
    **{rf"model\.{3 * stages + 4}": "conv_last" for stages in _STAGES},
}
_OURS = {r"(trunk\..+|conv_up\d|conv_hr|conv_last)": r"\1"}
_LAYOUTS = {  # name: (prefix, a key that tells, table); the averaged weights first
    "mmagic, averaged": ("generator_ema.", "body.0.rdb1.conv1.weight", _BASICSR),
    "mmagic": ("generator.", "body.0.rdb1.conv1.weight", _BASICSR),
    "basicsr": ("", "body.0.rdb1.conv1.weight", _BASICSR),
    "xinntao": ("", "RRDB_trunk.0.RDB1.conv1.weight", _XINNTAO),
    "oldest": ("", "model.1.sub.0.RDB1.conv1.0.weight", _OLDEST),
    "ours": ("", "trunk.body.0.rdb1.conv1.weight", _OURS),
}


def layout_of(checkpoint: Mapping[str, Any]) -> str:
    """Return the name of the layout that a checkpoint, or the state dict in it, is in; empty if in none of them."""
    return _layout(opened(checkpoint, _layout))


def _layout(names: Mapping[str, Tensor]) -> str:
    """Return the layout of a state dict; empty for another network's."""
    return next((layout for layout, (prefix, sign, _) in _LAYOUTS.items() if prefix + sign in names), "")


def is_rrdbnet(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is of an RRDBNet in a layout we know."""
    return layout_of(checkpoint) != ""


def to_ours(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Rename the entries of a checkpoint, or of the state dict in it, to those of `RRDBNet`; the tensors are shared.

    Raises `BenchError` for an unknown layout, or an entry that is not ESRGAN's. What else a training checkpoint of
    mmagic holds beside the generator is dropped.
    """
    entries = opened(checkpoint, _layout)
    layout = _layout(entries)
    if not layout:
        raise BenchError(
            f"these are not the weights of ESRGAN's generator in a layout we know ({', '.join(_LAYOUTS)}); "
            f"the first entries are: {first_names(entries)}. Is it the file of another network?"
        )
    prefix, _, table = _LAYOUTS[layout]
    return {
        _rename(name.removeprefix(prefix), table): value for name, value in entries.items() if name.startswith(prefix)
    }


def rrdbnet(checkpoint: Mapping[str, Any]) -> RRDBNet:
    """Return the network of a checkpoint; factor, width, depth and growth are read off it.

    It is float32, on the device of the checkpoint, in eval mode, and shares tensors that are so already.

    Raises `BenchError` if it is not an `RRDBNet`, whole and of a factor we know.
    """
    ours = single(to_ours(checkpoint))
    channels, inputs, *_ = shape(ours, "trunk.conv_first.weight")
    with shapes():
        network = RRDBNet(
            factor=_factor(inputs, len(indices(ours, r"conv_up(\d+)\.weight"))),
            channels=channels,
            blocks=1 + last(ours, r"trunk\.body\.(\d+)\."),
            growth=shape(ours, "trunk.body.0.rdb1.conv1.weight")[0],
        )
    return filled(network, ours)


def _factor(inputs: int, stages: int) -> int:
    """Return the factor of a network of so many input channels, 3 for each pixel that is unshuffled into them."""
    factors = {(3, stages): 1 << stages for stages in _STAGES[2:]} | {(12, 2): 2, (48, 2): 1}
    if (inputs, stages) not in factors:
        raise BenchError(
            f"these weights take {inputs} channels and enlarge in {stages} stages; RRDBNet takes 3 and has 2 to 6 "
            "stages, or takes 12 (x2) or 48 (x1) and has 2. It cannot be used here."
        )
    return factors[inputs, stages]


def _rename(name: str, table: Mapping[str, str]) -> str:
    layer, _, kind = name.rpartition(".")
    for pattern, ours in table.items():
        if found := re.fullmatch(pattern, layer):
            return f"{found.expand(ours)}.{kind}"
    raise BenchError(f"ESRGAN's generator has no entry {name!r} in this layout. Is it the file of another network?")
