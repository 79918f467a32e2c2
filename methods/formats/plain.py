"""The values of a pickle, with the stand-ins in them replaced, and no larger than the file that they came in.

A pickle can name one list twice in a list, and that one twice in the next: thirty levels are 313 bytes, and 2^30 leaves
when they are written out. So each object is looked at once. A tensor can repeat its storage for ever (stride 0): its
size is set against that of the file.
"""

import pickle  # for the name of its error alone
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from methods.formats.stand_ins import Array, Sealed

_DEEPEST = 100
_MOST = 10_000_000
"""Values looked at; the largest checkpoints have some ten thousand."""
_TIMES = 8
"""How many times the size of its file the values of a checkpoint may be, as weights may be named twice."""
_FREE = 1 << 26  # bytes: small filters are stored as repetitions of one number


class Plain:
    """Makes the values of one file plain."""

    def __init__(self, content: int) -> None:
        """Begin with a file of so many bytes, unpacked."""
        self._left = _TIMES * content + _FREE
        self._values = _MOST
        self._done: dict[int, tuple[object, Any]] = {}  # with the objects, so that no id is used twice

    def __call__(self, value: object, depth: int = 0) -> Any:  # noqa: ANN401 - any value of a pickle
        """Return a value of dicts, lists, tuples, CPU tensors and plain values.

        Raises `UnpicklingError` for values that contain themselves, are too many, too deep or too large.
        """
        if isinstance(value, Tensor | Sealed | Array):
            return self._tensor(value)
        if not isinstance(value, Mapping | list | tuple):
            return value
        if id(value) not in self._done:
            self._done[id(value)] = (value, self)  # nothing is made of itself: this marks what is not ready
            self._done[id(value)] = (value, self._container(value, depth))
        made = self._done[id(value)][1]
        if made is self:
            raise pickle.UnpicklingError("its values contain themselves")
        return made

    def _container(self, value: Mapping[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> Any:  # noqa: ANN401
        self._values -= len(value)
        if depth > _DEEPEST or self._values < 0:
            raise pickle.UnpicklingError(
                f"its values are more than {_MOST:,}, or nested in more than {_DEEPEST} levels"
            )
        if isinstance(value, Mapping):
            return {key: self(item, depth + 1) for key, item in value.items()}
        made = [self(item, depth + 1) for item in value]
        return made if isinstance(value, list) else tuple(made)

    def _tensor(self, value: Tensor | Sealed | Array) -> Any:  # noqa: ANN401 - a tensor, or what else was sealed
        """Return a tensor that shares its storage with the one given, and nothing else."""
        if id(value) in self._done:
            tensor = self._done[id(value)][1]
        else:
            given = value.value if isinstance(value, Sealed) else value.tensor() if isinstance(value, Array) else value
            if not isinstance(given, Tensor):
                return given
            plain = given.layout == torch.strided and not given.is_nested and not given.is_quantized
            if not plain or given.device.type != "cpu":
                raise pickle.UnpicklingError("it holds a sparse, nested, quantised or valueless tensor")
            tensor = torch.Tensor.detach(given)  # without the attributes that a file may give to one
            self._done[id(value)] = (value, tensor)
        self._left -= tensor.numel() * tensor.element_size()
        if self._left < 0:
            raise pickle.UnpicklingError("its tensors claim to be many times larger than the file")
        return tensor
