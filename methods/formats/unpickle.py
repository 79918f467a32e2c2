"""Other people's checkpoints, read without running anything of theirs.

.pt and .pth go through torch's own restricted reader, .safetensors holds tensors alone, NVIDIA's .pkl are read by
methods/formats/nvidia_pickle.py.
"""

import pickle  # for the name of its error alone
import warnings
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.spec import BadFile, MissingWeights
from methods.formats import nvidia_pickle
from methods.formats.state_dicts import AGAIN, told


def load(path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds: nested dicts whose leaves are CPU tensors and plain values.

    .safetensors: {name: tensor}. .pt, .pth: the dict that was saved. .pkl: {network: {name: tensor}}, the networks and
    names being the file's (G, D, G_ema for PyTorch; G, D, Gs for TensorFlow), and beside them
    "init_kwargs": {network: the arguments it was built with}.

    Raises:
        MissingWeights: there is no such file.
        BadFile: it is cut, of another kind, or asks for anything but tensors and plain containers (named).
    """
    readers = {".pkl": nvidia_pickle.networks, ".pt": _torch, ".pth": _torch, ".safetensors": _safetensors}
    if path.suffix not in readers:
        raise BadFile(f"{path} ends in {path.suffix or 'nothing'}; checkpoints are {', '.join(readers)}.")
    if not path.is_file():
        raise MissingWeights(f"there is no file {path}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch's, of old and unusual but not of unsafe files
        values = readers[path.suffix](path)
    if not isinstance(values, Mapping) or not values:
        raise BadFile(f"{path} holds no dict of tensors but a {type(values).__name__}; {AGAIN}")
    return dict(values)


def _safetensors(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors."""
    from safetensors import SafetensorError  # noqa: PLC0415 - needed for few files
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(path)
    except SafetensorError as error:
        raise BadFile(f"{path} is cut or no safetensors file ({error}); {AGAIN}") from error


def _torch(path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    """Read a PyTorch checkpoint; `Namespace` (the options rosinality saves) is a bag of values."""
    try:
        with torch.serialization.safe_globals([Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadFile(f"{path} holds more than tensors, or is no PyTorch file ({told(error)}); {AGAIN}") from error
    except Exception as error:  # whatever torch meets in a file that is cut or is something else
        raise BadFile(f"{path} is cut or no PyTorch file ({told(error)}); {AGAIN}") from error
