"""matconvnet's networks (.mat): MATLAB's files hold arrays, structs and text, and nothing that could be run.

Their variables may be compressed, a few megabytes to gigabytes: they are unpacked piece by piece and counted first.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.spec import BadFile
from methods.formats import file_kinds
from methods.formats.state_dicts import AGAIN, told

_HEADER = 128  # bytes, the last two of them tell the order of bytes
_COMPRESSED = 15  # the type of such a variable
_PIECE = 1 << 20  # bytes


def convolutions(path: Path) -> dict[str, Tensor]:
    """Return the kernels and biases of a network's layers by their names: `conv1_1.weight`, `conv1_1.bias`, ...

    Kernels are float32, as they are stored. Raises `BadFile` if the file is cut or damaged, or of another structure.
    """
    from scipy.io import loadmat  # noqa: PLC0415 - it takes a second, and few files need it

    content = 0
    for piece in _pieces(path):
        content += piece
        if content > file_kinds.LARGEST:
            raise BadFile(f"{path} unpacks to more than {file_kinds.LARGEST:,} bytes; such files are not read.")
    found: dict[str, Tensor] = {}
    try:
        for layer in loadmat(path, variable_names=["layers"])["layers"].flat:
            fields = layer[0, 0]
            if "weights" in (fields.dtype.names or ()) and fields["weights"].size:
                name = str(fields["name"].item())
                kernels, biases = fields["weights"].flat
                found |= {f"{name}.weight": _tensor(kernels), f"{name}.bias": _tensor(biases).flatten()}
    except Exception as error:  # whatever scipy meets in a file that is cut or is something else
        raise BadFile(f"{path} is cut or no network of matconvnet's ({told(error)}); {AGAIN}") from error
    return found


def _pieces(path: Path) -> Iterator[int]:
    """Yield the sizes of the pieces of a file's variables, unpacked, as far as they can be."""
    with path.open("rb") as file:
        order = "<" if file.read(_HEADER)[-2:] == b"IM" else ">"
        while len(tag := file.read(8)) == struct.calcsize("II"):
            kind, size = struct.unpack(f"{order}II", tag)
            unpack = zlib.decompressobj() if kind == _COMPRESSED else None
            while size > 0 and (packed := file.read(min(size, _PIECE))):
                size -= len(packed)
                yield from _unpacked(unpack, packed) if unpack else (len(packed),)


def _unpacked(unpack: Any, packed: bytes) -> Iterator[int]:  # noqa: ANN401 - zlib's type has no name
    while packed:
        try:
            piece = unpack.decompress(packed, _PIECE)
        except zlib.error:  # scipy says what is wrong with it
            return
        yield len(piece)
        packed = unpack.unconsumed_tail


def _tensor(values: Any) -> Tensor:  # noqa: ANN401 - an array, if the file is what it should be
    return torch.from_numpy(np.asarray(values, np.float32))
