"""What an object holds: its attributes, and every tensor, array and bytes that can be reached through them."""

import sys
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import (
    BuiltinMethodType,
    CellType,
    FunctionType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import TypeAlias

import numpy as np
from torch import Tensor, nn

from bench.spec import BenchError

Held: TypeAlias = Tensor | np.ndarray | str
"""A tensor, an array, or the path under which the same object was met before."""

_PLAIN = (str, int, float, complex, type(None))
_RAW = (bytes, bytearray, memoryview, array)
_HOLDING = {"builtins", "collections", "functools", "types", "argparse", "dataclasses", "array"}
"""Of Python's own modules, those whose objects may hold a method's data. Loggers, locks, streams and the environment
say what the process is like; with them, every run would make every result anew."""
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


def tensors(holder: object, modules: Sequence[ModuleType] = ()) -> Iterator[tuple[str, Held]]:
    """Yield each tensor and array of `holder` and of some modules, with its path, in an order that code alone decides.

    Looked into: attributes, lists, dictionaries, networks, functions, objects inside objects to any depth, classes of
    the modules; an object that is met again is yielded as its first path. Bytes count as an array. Not looked into:
    other classes and modules, iterators, numbers and texts of Python, objects of its library such as loggers and locks.
    Raises `BenchError` beyond a million objects.
    """
    seen: dict[int, tuple[str, object]] = {}  # with the objects, so that no id is used twice
    todo: list[tuple[str, object]] = [(Path(str(part.__file__)).name, part) for part in reversed(modules)]
    todo.append(("", holder))
    while todo:
        path, value = todo.pop()
        if _passed_over(value, modules):
            continue
        if id(value) in seen:
            yield path, seen[id(value)][0]
            continue
        if len(seen) >= _MOST:
            raise BenchError(
                f"{type(holder).__name__} holds more than {_MOST:,} objects; hold arrays instead of lists."
            )
        seen[id(value)] = path, value
        held = _data(value)
        if held is not None:
            yield path, held
        todo += reversed([(f"{path}.{name}", part) for name, part in _parts(value)])


def _passed_over(value: object, modules: Sequence[ModuleType]) -> bool:
    """Return whether an object is a number, a text, of Python's library, or a module or class that is none of some."""
    if isinstance(value, (type, ModuleType)):
        module = value if isinstance(value, ModuleType) else sys.modules.get(value.__module__)
        return all(module is not each for each in modules)
    if isinstance(value, _PLAIN):
        return not isinstance(value, np.generic)  # numpy's float64 is a float
    made_in = type(value).__module__.partition(".")[0]
    return made_in in sys.stdlib_module_names and made_in not in _HOLDING


def _data(value: object) -> Tensor | np.ndarray | None:
    """Return an object as a tensor or an array, if it is data itself."""
    if isinstance(value, Tensor):
        return None if value.is_nested else value
    if isinstance(value, np.ndarray):
        return None if value.dtype.hasobject else value
    if isinstance(value, np.generic):
        return np.asarray(value)
    # subclasses may be anything, such as the random key of a process
    return np.array(memoryview(value)) if type(value) in _RAW else None  # type: ignore[arg-type] # they have buffers


def _parts(value: object) -> Iterator[tuple[object, object]]:
    """Yield what an object is made of, by name or number."""
    if isinstance(value, (dict, MappingProxyType)):
        for index, (key, part) in enumerate(value.items()):
            named = isinstance(key, (str, int))
            yield key if named else index, part
            if not named:
                yield f"key {index}", key
    elif isinstance(value, (list, tuple, deque)):
        yield from enumerate(value)
    elif isinstance(value, (set, frozenset)):  # whose order is another in each process
        yield from enumerate(sorted(value, key=lambda part: (type(part).__name__, getattr(part, "__qualname__", ""))))
    elif isinstance(value, np.ndarray):
        yield from enumerate(value.tolist() if value.dtype.hasobject else ())
    elif isinstance(value, Tensor):
        yield from enumerate(value.unbind() if value.is_nested else ())
    else:
        yield from _of_code(value)
    if isinstance(value, nn.Module):
        yield from _of_network(value)
    elif isinstance(value, ModuleType):  # its __loader__ and the like are of whoever imports it
        yield from ((name, part) for name, part in vars(value).items() if not name.startswith("__"))
    else:
        yield from attributes(value).items()
    yield "class", type(value)


def _of_network(network: nn.Module) -> Iterator[tuple[object, object]]:
    """Yield a network's parameters, buffers and parts, then its other attributes."""
    yield from network.named_parameters(recurse=False, remove_duplicate=False)
    yield from network.named_buffers(recurse=False, remove_duplicate=False)
    yield from network.named_children()
    for name, part in attributes(network).items():
        if name not in ("_parameters", "_buffers", "_modules"):
            # the keys of hooks count those of the whole process
            yield name, list(part.values()) if "_hooks" in name and isinstance(part, dict) else part


def _of_code(value: object) -> Iterator[tuple[object, object]]:
    """Yield what a function, a method or a cell of a closure is made of, besides its attributes."""
    if isinstance(value, (MethodType, BuiltinMethodType, MethodWrapperType)):
        yield "self", value.__self__
        yield "function", getattr(value, "__func__", None)
    elif isinstance(value, FunctionType):
        yield from enumerate(value.__closure__ or ())
        yield "defaults", (value.__defaults__, value.__kwdefaults__)
    elif isinstance(value, CellType):
        with suppress(ValueError):  # nothing was put in yet
            yield "cell", value.cell_contents
