"""The state of a training without its optimisers, as a small file that can be carried to another machine.

Weights are rounded to float16, so that a bank takes 3 MB instead of the 18 MB of its checkpoint; the rest stands in the
file's header. A training that goes on from it begins with new optimisers, and has the images it would have had.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from bench.spec import BadFile
from methods.formats import sealed

_REST = "state"  # of the header


def pack(state: Mapping[str, Any]) -> bytes:
    """Return the content of a .safetensors file: the weights and the numbers of a state, without optimisers."""
    weights = {part: entries for part, entries in state.items() if _is_network(entries)}
    tensors = {
        f"{part}/{name}": value.detach().to("cpu", torch.float16).contiguous().clone()
        for part, entries in weights.items()
        for name, value in entries.items()
    }
    numbers = {
        name: value.item() if isinstance(value, Tensor) else value
        for name, value in state.items()
        if not isinstance(value, Mapping)
    }
    return sealed.pack(tensors, {_REST: json.dumps(numbers)})


def unpack(path: Path) -> dict[str, Any]:
    """Return the state in a file that `pack` made: float32 weights by part, and numbers.

    Raises `BadFile` for a damaged file, or one of something else.
    """
    state: dict[str, Any] = {}
    try:
        with safe_open(path, "pt") as file:
            state |= json.loads((file.metadata() or {})[_REST])
            for key in file.keys():  # noqa: SIM118 - it has no iterator
                part, name = key.split("/")
                value = file.get_tensor(key)
                if value.dtype != torch.float16:
                    raise BadFile(f"{path}: {key} is {value.dtype}, and all weights in it are float16.")
                state.setdefault(part, {})[name] = value.float()
        state["step"], state["seconds"] = int(state["step"]), float(state["seconds"])
    except (AttributeError, KeyError, OSError, SafetensorError, TypeError, ValueError) as error:
        raise BadFile(f"{path} is cut, or not the state of a training ({error}).") from error
    sealed.verify(path)
    return state


def _is_network(entries: object) -> bool:
    """Tell a network's state dict from an optimiser's, and from a number."""
    return isinstance(entries, Mapping) and all(isinstance(value, Tensor) for value in entries.values())
