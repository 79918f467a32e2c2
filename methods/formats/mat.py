"""matconvnet's networks (.mat): MATLAB's files hold arrays, structs and text, and nothing that could be run."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.spec import BadFile
from methods.formats.state_dicts import AGAIN, told


def convolutions(path: Path) -> dict[str, Tensor]:
    """Return the kernels and biases of a network's layers by their names: `conv1_1.weight`, `conv1_1.bias`, ...

    Kernels are float32, as they are stored. Raises `BadFile` if the file is cut or damaged, or of another structure.
    """
    from scipy.io import loadmat  # noqa: PLC0415 - it takes a second, and few files need it

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


def _tensor(values: Any) -> Tensor:  # noqa: ANN401 - an array, if the file is what it should be
    return torch.from_numpy(np.asarray(values, np.float32))
