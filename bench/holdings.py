"""What an object holds: its attributes, and every tensor and array that can be reached through them."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from types import CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import TypeAlias

import numpy as np
from torch import Tensor, nn

from bench.spec import BenchError

Held: TypeAlias = Tensor | np.ndarray | str
"""A tensor, an array, or the path under which the same object was met before."""

_PLAIN = (str, bytes, bytearray, int, float, complex, type(None), type, ModuleType)
_MOST = 1_000_000
"""Objects looked at; a method that holds more is refused an answer rather than given half of one."""


def attributes(holder: object) -> dict[str, object]:
    """Return an object's own attributes by name, those in `__slots__` included. No property is run."""
    found: dict[str, object] = dict(getattr(holder, "__dict__", {}))
    for kind in type(holder).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, MemberDescriptorType) and not name.startswith("__"):
                try:
                    found[name] = member.__get__(holder)
                except AttributeError:  # a slot that was not filled
                    continue
    return found


def tensors(holder: object) -> Iterator[tuple[str, Held]]:
    """Yield each tensor and array that `holder` holds, with its path, in an order that its code alone decides.

    Looked into: attributes, lists, dictionaries, networks, closures, objects inside objects to any depth; an object
    that is met again is yielded as its first path. Not looked into: classes, modules, and what only a function's
    globals name. Raises `BenchError` beyond a million objects.
    """
    seen: dict[int, tuple[str, object]] = {}  # with the objects, so that no id is used twice
    todo: list[tuple[str, object]] = [("", holder)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, _PLAIN):
            continue
        if id(value) in seen:
            yield path, seen[id(value)][0]
            continue
        if len(seen) >= _MOST:
            raise BenchError(
                f"{type(holder).__name__} holds more than {_MOST:,} objects; hold arrays instead of lists."
            )
        seen[id(value)] = path, value
        if isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.dtype != object):
            yield path, value
            continue
        todo += reversed([(f"{path}.{name}", part) for name, part in _parts(value)])


def _parts(value: object) -> Iterator[tuple[object, object]]:
    """Yield what an object is made of, by name or number."""
    if isinstance(value, dict):
        for index, (key, part) in enumerate(value.items()):
            yield key if isinstance(key, (str, int)) else index, part
    elif isinstance(value, (list, tuple, deque, set, frozenset, np.ndarray)):
        yield from enumerate(value)
    elif isinstance(value, nn.Module):
        yield from value.named_parameters(recurse=False, remove_duplicate=False)
        yield from value.named_buffers(recurse=False, remove_duplicate=False)
        yield from value.named_children()
    elif isinstance(value, MethodType):
        yield "self", value.__self__
    elif isinstance(value, FunctionType):
        yield from enumerate(value.__closure__ or ())
    elif isinstance(value, CellType):
        with suppress(ValueError):  # nothing was put in yet
            yield "cell", value.cell_contents
    for name, part in attributes(value).items():
        if not (isinstance(value, nn.Module) and name in ("_parameters", "_buffers", "_modules")):
            yield name, part
