"""NVIDIA's network pickles (.pkl), read without running anything of theirs.

They are pickles of live objects: the PyTorch ones (StyleGAN2-ADA, StyleGAN3) hold the source text of their classes, to
be executed on reading, the TensorFlow ones (PGGAN, StyleGAN, StyleGAN2) ask for NVIDIA's modules. Here each name that a
pickle asks for is looked up in a short table of stand-ins of our own (`stand_ins`), and any other name is refused; the
source text stays a string that nobody reads.
"""

import pickle  # for the name of its error alone
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.spec import BadFile
from methods.formats.plain import Plain
from methods.formats.restricted import Refused, Unpickler
from methods.formats.stand_ins import NAMES, Object
from methods.formats.state_dicts import AGAIN, told

_PARTS = 10_000
"""Modules of all networks of a file; NVIDIA's have some hundred. A part may be named twice, and that twice again."""


def networks(path: Path) -> dict[str, Any]:
    """Read NVIDIA's network pickles."""
    try:
        with path.open("rb") as file:
            values = Unpickler(file, NAMES).load()
        if isinstance(values, tuple):  # TensorFlow's
            values = dict(zip(("G", "D", "Gs"), values, strict=True))
        found = {name: value for name, value in values.items() if isinstance(value, Object)}
        plain = Plain(path.stat().st_size)
        parts = iter(range(_PARTS))
        networks: dict[str, Any] = {name: dict(_parameters(value, plain, parts)) for name, value in found.items()}
        kwargs = {name: plain(_kwargs(value)) for name, value in found.items()}
    except Refused as error:
        raise BadFile(
            f"{path} asks for {error}, which has no place among weights; it was not run. Delete it."
        ) from error
    except Exception as error:  # whatever comes of reading a file that is cut or is something else
        raise BadFile(f"{path} is cut or no network pickle of NVIDIA's ({told(error)}); {AGAIN}") from error
    if not any(networks.values()):
        raise BadFile(f"{path} holds no network; {AGAIN}")
    return {**networks, "init_kwargs": kwargs}


def _parameters(network: Object, plain: Plain, parts: Iterator[int], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters and buffers by name, those of the parts after their own; each part takes one of `parts`."""
    if next(parts, None) is None:
        raise pickle.UnpicklingError(f"its networks have more than {_PARTS:,} parts")
    state = network.state
    if "variables" in state:
        own, inner, separator = dict(state["variables"]), state.get("components", {}), "/"
    else:
        hidden = state.get("_non_persistent_buffers_set", ())
        buffers = {name: value for name, value in state["_buffers"].items() if name not in hidden}
        own, inner, separator = {**state["_parameters"], **buffers}, state["_modules"], "."
    for name, value in own.items():
        if value is not None:
            yield prefix + name, torch.as_tensor(plain(value))
    for name, part in inner.items():
        if part is not None:
            yield from _parameters(part, plain, parts, prefix + name + separator)


def _kwargs(network: Object) -> Mapping[str, Any]:
    """Return what a network was built with."""
    return network.state.get("_init_kwargs") or network.state.get("static_kwargs") or {}
