"""What a pickle gets for the names that it asks for: harmless things of our own, and nothing else.

What the stand-ins return has neither code nor a `__dict__` that a pickle could write, and none of them makes much out
of little: a few bytes that ask for gigabytes are refused.
"""

import io
import pickle  # for the name of its error alone
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

_LONGEST = 4_096  # characters of a path
_FIELDS = 16  # of the state of an array or dtype


class Object:
    """Stands in for NVIDIA's objects; keeps the state the file gives, and does nothing with it."""

    __slots__ = ("state",)
    state: Mapping[str, Any]

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.state = state


class Dict(dict[Any, Any]):
    """Stands in for OrderedDict, EasyDict and the like; their attributes are dropped."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Keep the items alone."""


class Array:
    """Stands in for numpy's dtypes and arrays; the array is made at the end, from plain values."""

    __slots__ = ("state",)
    state: tuple[Any, ...]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if len(self.state) + len(state) > _FIELDS:
            raise pickle.UnpicklingError("an array is described by too many fields")
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


class Sealed:
    """Holds a function or a tensor, so that a pickle cannot write its attributes or set its state."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # noqa: ANN401 - see above
        """Hold a value."""
        self.value = value

    def __call__(self, *args: object) -> Any:  # noqa: ANN401 - whatever the function returns
        """Call it."""
        return self.value(*args)

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError("a function or a tensor is given a state")


def of(kind: type[Any], *state: object) -> Any:  # noqa: ANN401 - of that kind
    """Return a stand-in with a state."""
    made = kind()
    made.state = state[0] if kind is Object else state
    return made


def _storage(content: bytes) -> Sealed:
    """Return the values of a storage, which is a checkpoint of its own inside the pickle, as a flat tensor."""
    storage = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return Sealed(torch.empty(0, dtype=storage.dtype).set_(storage.untyped()))


def _view(storage: Sealed, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> Sealed:
    """Return a part of a storage; `as_strided`, unlike `set_`, refuses to reach beyond its end."""
    return Sealed(storage.value.as_strided(shape, strides, offset))


def _joined(separator: str, parts: tuple[object, ...]) -> str:
    """Return a short text of parts; a pickle could double a long one again and again."""
    text = separator.join(str(part) for part in parts if not isinstance(part, str) or len(part) <= _LONGEST)
    if len(text) > _LONGEST:
        raise pickle.UnpicklingError("a path or a name is too long")
    return text


def _scalar(dtype: Any, content: Any) -> Any:  # noqa: ANN401 - a number, or a short text
    code, (_, order, *_) = dtype.state[0], dtype.state[1:]
    if re.fullmatch(r"[SU]\d+", code):
        raw = content.encode("latin1") if isinstance(content, str) else content
        if len(raw) > 4 * _LONGEST:
            raise pickle.UnpicklingError("a text of numpy is too long")
        return raw.decode("latin1" if code[0] == "S" else "utf-32-be" if order == ">" else "utf-32-le")
    return of(Array, 1, (), dtype, False, content).tensor().item()


_ARRAYS = {"_reconstruct": Sealed(lambda *_: of(Array)), "scalar": Sealed(_scalar)}
_PATHS = {
    name: Sealed(lambda *parts: _joined("/", parts))
    for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
}
_BESIDE: dict[str, Mapping[str, Any]] = {
    "numpy": {"ndarray": Array, "dtype": Sealed(lambda code, *_: of(Array, code))},
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "pathlib": _PATHS,
    "pathlib._local": _PATHS,
    "easydict": {"EasyDict": Dict},
    "pytorch_lightning.utilities.parsing": {"AttributeDict": Dict},
    "lightning.pytorch.utilities.parsing": {"AttributeDict": Dict},
    "lightning_fabric.utilities.data": {"AttributeDict": Dict},
    "lightning.fabric.utilities.data": {"AttributeDict": Dict},
}
NAMES: dict[str, Mapping[str, Any]] = {
    **_BESIDE,
    "collections": {"OrderedDict": Dict},
    "dnnlib.util": {"EasyDict": Dict},
    "dnnlib.tflib.network": {"Network": Object},
    "tfutil": {"Network": Object},
    "torch_utils.persistence": {"_reconstruct_persistent_obj": Sealed(lambda meta: of(Object, meta["state"]))},
    "torch": {
        "Size": tuple,
        "device": Sealed(lambda *name: _joined(":", name)),
        **{name: getattr(torch, name) for name in ("float16", "float32", "float64", "int32", "int64", "uint8", "bool")},
    },
    "torch._utils": {"_rebuild_tensor_v2": Sealed(_view), "_rebuild_parameter": Sealed(lambda data, *_: data)},
    "torch.storage": {"_load_from_bytes": Sealed(_storage)},
    "_codecs": {"encode": Sealed(lambda text, _: text.encode("latin1"))},
    "builtins": {"set": set, "frozenset": frozenset},
    "__builtin__": {"set": set, "frozenset": frozenset},
}
"""module -> name -> what a pickle of NVIDIA's gets for it."""
ARRAYS: dict[str, Mapping[str, Any]] = {
    "numpy": _BESIDE["numpy"],
    **{module: {"_reconstruct": names["_reconstruct"]} for module, names in _BESIDE.items() if "multiarray" in module},
    "_codecs": NAMES["_codecs"],
}
"""What a pickle of numpy arrays gets."""
BESIDE_WEIGHTS = [
    (stand_in, f"{module}.{name}") for module, names in _BESIDE.items() for name, stand_in in names.items()
]
"""What stands beside the weights in checkpoints of PyTorch and is no plain value: numbers of numpy, paths."""
