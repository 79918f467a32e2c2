"""DFDNet's published dictionaries -> entries of `nets.dfdnet.DFDNet`, for images of 512 px.

The authors' is a folder, `DictionaryCenter512`, of arrays `{part}_{256,128,64,32}_center.npy`, each (K, C * h * w);
BasicSR's is a PyTorch file, `DFDNet_dict_512`, of {"256": {part: (K, C, h, w)}, ...}. Neither is unpickled.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.spec import BadFile, BenchError, MissingWeights
from methods.formats import unpickle
from methods.formats.state_dicts import first_names
from methods.nets.dfdnet import PARTS, patch_sides

_SIDES = (256, 128, 64, 32)  # px: of the four scales, in images of 512 px


def load(path: Path) -> dict[str, Tensor]:
    """Return the dictionary of the authors' folder or of BasicSR's file, in the names of `DFDNet`.

    Raises:
        MissingWeights: there is no such folder or file, or one of the arrays is not in it.
        BadFile: one is damaged, or holds anything but numbers.
        BenchError: it is no dictionary of DFDNet, or one for images of another size.
    """
    if path.is_dir():
        found = {(part, side): _array(path / f"{part}_{side}_center.npy") for part in PARTS for side in _SIDES}
    else:
        found = _of_basicsr(unpickle.load(path), path)
    return {
        f"components.{part}.{level}.centres": _shaped(found[part, side], patch_sides()[part][level], part, path)
        for part in PARTS
        for level, side in enumerate(_SIDES)
    }


def _array(path: Path) -> Tensor:
    """Read an array of numbers."""
    if not path.is_file():
        raise MissingWeights(f"DFDNet's dictionary lacks {path}; give the folder with all sixteen arrays.")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped, as a header may claim any size
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            raise BadFile(f"{path} holds no array of fractional numbers; fetch DFDNet's dictionary again.")
        return torch.from_numpy(np.array(array, dtype=np.float32))
    except (ValueError, EOFError, OSError) as error:
        raise BadFile(f"{path} is no array of numbers, or cut ({error}); fetch DFDNet's dictionary again.") from error


def _of_basicsr(checkpoint: Mapping[str, Any], path: Path) -> dict[tuple[str, int], Tensor]:
    found: dict[tuple[str, int], Tensor] = {}
    for side in _SIDES:
        parts = checkpoint.get(str(side))
        for part in PARTS:
            centres = parts.get(part) if isinstance(parts, Mapping) else None
            if not isinstance(centres, Tensor):
                raise BenchError(
                    f"{path} is no dictionary of DFDNet as BasicSR has it: there is no {part} of {side} px in it; its "
                    f"first entries are: {first_names(checkpoint)}. Is it another file?"
                )
            found[part, side] = centres
    return found


def _shaped(centres: Tensor, side: int, part: str, path: Path) -> Tensor:
    """Return centres (K, C, h, w) or (K, C * h * w) as (K, C, side, side)."""
    flat = centres.flatten(1) if centres.dim() > 1 else centres
    pixels = side * side
    if flat.dim() < 2 or not flat.numel() or flat.shape[1] % pixels or centres.shape[2:] not in ((), (side, side)):  # noqa: PLR2004
        raise BenchError(
            f"the {part} in {path} are {tuple(centres.shape)}, where centres of {side} x {side} px are wanted. "
            "Is it DFDNet's dictionary for 512 px?"
        )
    return flat.reshape(len(flat), -1, side, side)
