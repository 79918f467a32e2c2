"""NVIDIA's network pickles (.pkl), read without running anything of theirs.

They are pickles of live objects: the PyTorch ones (StyleGAN2-ADA, StyleGAN3) hold the source text of their classes, to
be executed on reading, the TensorFlow ones (PGGAN, StyleGAN, StyleGAN2) ask for NVIDIA's modules. Here each name that a
pickle asks for is looked up in a short table of stand-ins of our own, and any other name is refused; the source text
stays a string that nobody reads. What the stand-ins return has neither code nor a `__dict__` that a pickle could write.
"""

import io
import pickle  # with a table of names in place of imports
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from bench.spec import BadFile
from methods.formats.state_dicts import AGAIN, told


class _Object:
    """Stands in for NVIDIA's objects; keeps the state the file gives, and does nothing with it."""

    __slots__ = ("state",)
    state: Mapping[str, Any]

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.state = state


class _Dict(dict[Any, Any]):
    """Stands in for OrderedDict and EasyDict; their attributes are dropped."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Keep the items alone."""


class _Array:
    """Stands in for numpy's dtypes and arrays; the array is made at the end, from plain values."""

    __slots__ = ("state",)
    state: tuple[Any, ...]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = (*self.state, *state)

    def tensor(self) -> Tensor:
        """Return the array that (version, shape, dtype, column-major, bytes) describes."""
        _, shape, dtype, fortran, content = self.state
        code, (_, order, *_) = dtype.state[0], dtype.state[1:]
        if not re.fullmatch(r"[fiub][1248]", code):
            raise pickle.UnpicklingError(f"an array of {code!r}")
        content = content.encode("latin1") if isinstance(content, str) else content
        flat = np.frombuffer(content, np.dtype(code).newbyteorder(order)).astype(code)  # in this machine's byte order
        return torch.from_numpy(flat.reshape(shape, order="F" if fortran else "C").copy(order="C"))


class _Sealed:
    """Holds a function or a tensor, so that a pickle cannot write its attributes or set its state."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # noqa: ANN401 - see above
        self.value = value

    def __call__(self, *args: object) -> Any:  # noqa: ANN401 - whatever the function returns
        return self.value(*args)

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError("a function or a tensor is given a state")


def _of(kind: type[Any], *state: object) -> Any:  # noqa: ANN401 - of that kind
    """Return a stand-in with a state."""
    made = kind()
    made.state = state[0] if kind is _Object else state
    return made


def _storage(content: bytes) -> _Sealed:
    """Return the values of a storage, which is a checkpoint of its own inside the pickle, as a flat tensor."""
    storage = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return _Sealed(torch.empty(0, dtype=storage.dtype).set_(storage.untyped()))


def _view(storage: _Sealed, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Sealed:
    """Return a part of a storage; `as_strided`, unlike `set_`, refuses to reach beyond its end."""
    return _Sealed(storage.value.as_strided(shape, strides, offset))


_ARRAYS = {
    "_reconstruct": _Sealed(lambda *_: _of(_Array)),
    "scalar": _Sealed(lambda dtype, content: _of(_Array, 1, (), dtype, False, content).tensor().item()),
}
_NAMES: dict[str, Mapping[str, Any]] = {
    "collections": {"OrderedDict": _Dict},
    "dnnlib.util": {"EasyDict": _Dict},
    "dnnlib.tflib.network": {"Network": _Object},
    "tfutil": {"Network": _Object},
    "torch_utils.persistence": {"_reconstruct_persistent_obj": _Sealed(lambda meta: _of(_Object, meta["state"]))},
    "torch": {
        "Size": tuple,
        "device": _Sealed(lambda *name: ":".join(map(str, name))),
        **{name: getattr(torch, name) for name in ("float16", "float32", "float64", "int32", "int64", "uint8", "bool")},
    },
    "torch._utils": {"_rebuild_tensor_v2": _Sealed(_view), "_rebuild_parameter": _Sealed(lambda data, *_: data)},
    "torch.storage": {"_load_from_bytes": _Sealed(_storage)},
    "numpy": {"ndarray": None, "dtype": _Sealed(lambda code, *_: _of(_Array, code))},
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "_codecs": {"encode": _Sealed(lambda text, _: text.encode("latin1"))},
    "builtins": {"set": set, "frozenset": frozenset},
    "__builtin__": {"set": set, "frozenset": frozenset},
}
"""module -> name -> what a pickle gets for it."""


class _Refused(pickle.UnpicklingError):
    """A pickle that asks for a name it must not have."""


class _Unpickler(pickle.Unpickler):
    """Imports nothing."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - a stand-in
        """Return the stand-in for a name, or refuse."""
        if name not in _NAMES.get(module, {}):
            raise _Refused(f"{module}.{name}")
        return _NAMES[module][name]


def networks(path: Path) -> dict[str, Any]:
    """Read NVIDIA's network pickles."""
    try:
        with path.open("rb") as file:
            values = _Unpickler(file, encoding="latin1").load()
        if isinstance(values, tuple):  # TensorFlow's
            values = dict(zip(("G", "D", "Gs"), values, strict=True))
        found = {name: value for name, value in values.items() if isinstance(value, _Object)}
        networks: dict[str, Any] = {name: dict(_parameters(value)) for name, value in found.items()}
        kwargs = {name: _plain(_kwargs(value)) for name, value in found.items()}
    except _Refused as error:
        raise BadFile(
            f"{path} asks for {error}, which has no place among weights; it was not run. Delete it."
        ) from error
    except Exception as error:  # whatever comes of reading a file that is cut or is something else
        raise BadFile(f"{path} is cut or no network pickle of NVIDIA's ({told(error)}); {AGAIN}") from error
    if not any(networks.values()):
        raise BadFile(f"{path} holds no network; {AGAIN}")
    return {**networks, "init_kwargs": kwargs}


def _parameters(network: _Object, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters and buffers by name, those of the parts after their own."""
    state = network.state
    if "variables" in state:
        own, parts, separator = dict(state["variables"]), state.get("components", {}), "/"
    else:
        hidden = state.get("_non_persistent_buffers_set", ())
        buffers = {name: value for name, value in state["_buffers"].items() if name not in hidden}
        own, parts, separator = {**state["_parameters"], **buffers}, state["_modules"], "."
    for name, value in own.items():
        if value is not None:
            yield prefix + name, torch.as_tensor(_plain(value))
    for name, part in parts.items():
        if part is not None:
            yield from _parameters(part, prefix + name + separator)


def _kwargs(network: _Object) -> Mapping[str, Any]:
    """Return what a network was built with."""
    return network.state.get("_init_kwargs") or network.state.get("static_kwargs") or {}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a pickle
    """Return a value with the stand-ins in it replaced."""
    if isinstance(value, _Sealed):
        return value.value
    if isinstance(value, _Array):
        return value.tensor()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return value
