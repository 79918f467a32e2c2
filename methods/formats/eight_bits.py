"""Weights in 8 bits: half of a float16 file, for what comes with the suite.

Each output channel of a convolution, and each row of a matrix, is stored as whole numbers of -127 to 127 (`.int8`
behind its name) and the float32 number that they are multiplied with (`.scale`): the largest of its absolute values
over 127, so that no weight is more than half of that away from what it was. Biases and small tensors stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from bench.spec import BadFile
from methods.formats import file_kinds
from methods.formats.state_dicts import shown

FACT = "bits"
"""The entry of a file's header that says that it holds such weights: 8. Names like theirs alone say nothing."""
_NUMBERS, _SCALE = ".int8", ".scale"
_MOST = 127
_LEAST_VALUES = 256  # of a tensor, for which it is worth the while


def packed(entries: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return entries with the larger ones in 8 bits, as two entries each."""
    found: dict[str, Tensor] = {}
    for name, value in entries.items():
        if value.is_floating_point() and value.ndim > 1 and value.numel() >= _LEAST_VALUES:
            rows = value.float().flatten(1)
            scale = rows.abs().amax(1) / _MOST
            numbers = rows / scale.where(scale > 0, 1)[:, None]
            found[name + _NUMBERS] = numbers.round().clamp(-_MOST, _MOST).to(torch.int8).view(value.shape)
            found[name + _SCALE] = scale
        else:
            found[name] = value
    return found


def unpacked(entries: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the entries of a file with what `packed` stored as float32; others as they are.

    Raises `BadFile` for numbers without their scale, or with one of another shape, and for more than is ever read.
    """
    whole = dict(entries)
    if (content := 4 * sum(value.numel() for value in entries.values())) > file_kinds.LARGEST:
        raise BadFile(f"{path} unpacks to {content:,} bytes; checkpoints of that size are not read.")
    for name in [name for name in entries if name.endswith(_NUMBERS)]:
        own = name.removesuffix(_NUMBERS)
        numbers, scale = whole.pop(name), whole.pop(own + _SCALE, None)
        if numbers.dtype != torch.int8 or numbers.ndim < 2 or own in whole:  # noqa: PLR2004 - a row for each scale
            raise BadFile(f"{path}: {shown(name)} does not hold weights in 8 bits; get the file again.")
        if scale is None or scale.dtype != torch.float32 or scale.shape != numbers.shape[:1]:
            raise BadFile(f"{path}: {shown(name)} lacks its scale, a number for each row; get the file again.")
        whole[own] = numbers.float().mul_(scale.view(-1, *[1] * (numbers.ndim - 1)))
    return whole
