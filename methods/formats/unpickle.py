"""Other people's checkpoints, read without running anything of theirs.

PyTorch's go through torch's own restricted reader, safetensors hold tensors alone, NVIDIA's network pickles are read by
nvidia_pickle.py, numpy's archives by npz.py, matconvnet's by mat.py. Which one a file is for, its content decides
(`file_kinds`).
"""

import pickle  # for the name of its error alone
import warnings
import zipfile
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.spec import BadFile
from methods.formats import eight_bits, file_kinds, mat, npz, nvidia_pickle, sealed
from methods.formats.plain import Plain
from methods.formats.stand_ins import BESIDE_WEIGHTS
from methods.formats.state_dicts import AGAIN, told


def load(path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds: nested dicts whose leaves are CPU tensors and plain values.

    safetensors: {name: tensor}. PyTorch: the dict that was saved. NVIDIA's: {network: {name: tensor}}, the networks and
    names being the file's (G, D, G_ema for PyTorch; G, D, Gs for TensorFlow), and beside them
    "init_kwargs": {network: the arguments it was built with}. numpy's archives, matconvnet's networks: {name: tensor}.

    Raises:
        MissingWeights: there is no such file.
        BadFile: it is cut, damaged, of another kind, or asks for anything but tensors and plain containers (named).
    """
    readers: dict[str, Callable[[Path], Any]] = {
        "pickle": nvidia_pickle.networks,
        "torch": _torch,
        "safetensors": _safetensors,
        "npz": npz.arrays,
        "mat": mat.convolutions,
    }
    read = readers[file_kinds.kind(path)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch's, of old and unusual but not of unsafe files
        values = read(path)
    if not isinstance(values, Mapping) or not values:
        raise BadFile(f"{path} holds no dict of tensors but a {type(values).__name__}; {AGAIN}")
    return dict(values)


def _safetensors(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - needed for few files

    try:
        with safe_open(path, "pt") as file:
            told, values = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a dtype that torch does not have
        raise BadFile(f"{path} is cut or no safetensors file ({error}); {AGAIN}") from error
    sealed.verify(path)
    return eight_bits.unpacked(values, path) if eight_bits.FACT in told else values


def _torch(path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    """Read a PyTorch checkpoint; `Namespace` (the options rosinality saves) is a bag of values."""
    try:
        content = _content(path)
        with torch.serialization.safe_globals([Namespace, *BESIDE_WEIGHTS]):
            return Plain(content)(torch.load(path, map_location="cpu", weights_only=True))
    except BadFile:
        raise
    except pickle.UnpicklingError as error:
        raise BadFile(f"{path} holds more than tensors, or is no PyTorch file ({told(error)}); {AGAIN}") from error
    except Exception as error:  # whatever torch meets in a file that is cut or is something else
        raise BadFile(f"{path} is cut or no PyTorch file ({told(error)}); {AGAIN}") from error


def _content(path: Path) -> int:
    """Return how many bytes a file has, unpacked. Raises `BadFile` for a zip of something else, or of too much."""
    if not zipfile.is_zipfile(path):
        return path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.CRC:  # torch.serialization.set_crc32_options(False): it has no checksum to be held to
                del entry.CRC
        content = sum(entry.file_size for entry in archive.infolist())
        names = archive.namelist()
        pickled = next((name for name in names if name.rpartition("/")[2] == "data.pkl"), None)
        if pickled is None:
            raise BadFile(f"{path} is an archive (zip) without a checkpoint of PyTorch; unpack it first.")
        if content >= file_kinds.LARGEST:
            raise BadFile(f"{path} unpacks to {content:,} bytes; checkpoints of that size are not read.")
        if b"bytearray" in archive.read(pickled):  # torch allows it, and a few bytes could ask for any size
            raise BadFile(f"{path} asks for a bytearray, which has no place among weights; it was not run. Delete it.")
        if damaged := archive.testzip():  # torch does not look at the checksums that it writes
            raise BadFile(f"{path} is damaged: {damaged} in it does not match its checksum; {AGAIN}")
    return content
