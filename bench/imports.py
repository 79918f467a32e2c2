"""Which source files a result comes from: those of a class, and what they import. Read, not run."""

import ast
import hashlib
import importlib.util
import json
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path
from types import ModuleType

from bench.spec import BadGuest, Method

_ROOT = Path(__file__).resolve().parent.parent
_OURS = ("bench", "methods")
_SOURCES = tuple(SOURCE_SUFFIXES)
_MODULES = (*_SOURCES, *EXTENSION_SUFFIXES)
_WITHOUT_EFFECT = (
    *(f"bench.{name}" for name in ("spec", "origins", "shipped", "atomic", "paths")),
    *("methods.specs", "methods.formats.file_kinds", "methods.formats.sealed"),
    *(f"methods.weights.{name}" for name in ("absent", "advice", "catalogue", "fits", "folders", "trained")),
)
"""Modules that change no picture: the nouns and the specs, whose values are in the fingerprint, and what finds,
verifies and tells of weight files, whose content is. A corrected address must not throw results away."""


def sources(paths: Iterable[Path]) -> str:
    """Return the sha256 of source files: their names, from the folder they have in common, and their texts."""
    ours = {path for path in paths if path.is_relative_to(_ROOT)}
    foreign = set(paths) - ours
    common = Path(os.path.commonpath([path.parent for path in foreign])) if foreign else _ROOT
    named = [(path.relative_to(_ROOT if path in ours else common).as_posix(), _digest(path)) for path in paths]
    return hashlib.sha256(json.dumps(sorted(named)).encode()).hexdigest()


def files(method_class: type[Method]) -> set[Path]:
    """Return the files that define a method and the classes it is made of, with all that these import (`imported`)."""
    return imported(path for kind in layers(method_class) for part in kind.__mro__ if (path := _defined(part)))


def layers(method_class: type[Method]) -> Iterator[type[Method]]:
    """Yield a class and, if it refines another's result, that class, and so on. Raises `BadGuest` for a circle."""
    layer: object = method_class
    seen: set[type] = set()
    while isinstance(layer, type):
        if layer in seen:
            raise BadGuest(
                f"the inner_class of {method_class.__name__} leads back to {layer.__name__}; it must be another class, "
                "whose result is refined."
            )
        seen.add(layer)
        yield layer
        layer = getattr(layer, "inner_class", None)


def imported(paths: Iterable[Path]) -> set[Path]:
    """Return source files and what they import anywhere in them, again and again.

    Of ours, the modules; beside the file at the start, modules, and packages with every file in them.
    """
    todo = [(path, path.parent) for path in paths]
    found: set[Path] = set()
    while todo:
        path, root = todo.pop()
        if path not in found:
            found.add(path)
            todo += [(other, root) for name in _names(path) for other in _modules(name, root)]
    return found


def home(method_class: type[Method]) -> Path | None:
    """Return the folder of a method's file, or of the one that it refines; None if there is no file."""
    *_, innermost = layers(method_class)
    path = _file(sys.modules.get(innermost.__module__))
    return path and path.parent


def modules(method_class: type[Method]) -> list[ModuleType]:
    """Return the modules of a guest: its own file's and those beside it that it imports, as far as they are loaded."""
    wanted = {path for path in files(method_class) if not _is_ours(path)}
    found = [module for _, module in sorted(sys.modules.items()) if _file(module) in wanted]
    return sorted(found, key=lambda module: str(_file(module)))


def _defined(part: type) -> Path | None:
    """Return the file of a class of ours or of a guest; None for those of Python and of installed packages."""
    path = _file(sys.modules.get(part.__module__))
    return path if path and (part.__module__.split(".")[0] in _OURS or not _installed(path)) else None


def _file(module: object) -> Path | None:
    file = getattr(module, "__dict__", {}).get("__file__")
    return Path(file) if isinstance(file, str) else None


def _installed(path: Path) -> bool:
    return any(path.is_relative_to(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


def _names(path: Path) -> tuple[str, ...]:
    """Return the names that a source file imports, but for relative ones: their package is taken whole anyway."""
    if not path.name.endswith(_SOURCES):
        return ()
    return _our_names(path) if _is_ours(path) else _named(path.read_bytes())


def _digest(path: Path) -> str:
    """Return the sha256 of a source file."""
    return _our_digest(path) if _is_ours(path) else sha256(path)


def _is_ours(path: Path) -> bool:
    """Return whether a file is of the suite; a guest's may be edited while we run, and is then imported again."""
    return any(path.is_relative_to(_ROOT / top) for top in _OURS)


@lru_cache(maxsize=1024)
def _our_names(path: Path) -> tuple[str, ...]:
    """Return the names that a file of ours imports, read once in a process: what runs is what was imported."""
    return _named(path.read_bytes())


@lru_cache(maxsize=1024)
def _our_digest(path: Path) -> str:
    """Return the sha256 of a file of ours, read once in a process, as `_our_names`: each cell asks for it."""
    return sha256(path)


@lru_cache(maxsize=1024)
def _named(source: bytes) -> tuple[str, ...]:
    """Return the names that a text imports; each cell of a table asks for the same ones again."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            given = [*node.args, *(each.value for each in node.keywords)][:1]
            names += [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return tuple(names)


def _called(node: ast.Call) -> str:
    """Return the name of what is called, without what it is an attribute of."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _modules(name: str, root: Path) -> Iterable[Path]:
    """Return the source files behind a name that is ours, or lies in `root`."""
    top = name.split(".", maxsplit=1)[0]
    if top in _OURS:
        path = _ours(name)
        return [path] if path is not None else []
    beside = (root / f"{top}{suffix}" for suffix in _MODULES)
    inside = (path for path in sorted((root / top).rglob("*")) if path.name.endswith(_MODULES))
    return [path for path in (*beside, *inside) if path.is_file()]


def _ours(name: str) -> Path | None:
    """Return the file of a module of ours, or of the one that a package's public name comes from."""
    there, origin = _origin(name)
    if not there:
        package, _, public = name.rpartition(".")
        source = getattr(getattr(sys.modules.get(package), public, None), "__module__", "")
        return _ours(source) if str(source).startswith(tuple(f"{top}." for top in _OURS)) else None
    # A package's __init__ lists every method: it would make each result depend on all of them.
    if name in _WITHOUT_EFFECT or origin is None or Path(origin).name == "__init__.py":
        return None
    return Path(origin)


@lru_cache(maxsize=4096)
def _origin(name: str) -> tuple[bool, str | None]:
    """Return whether there may be a module of that name, or what a package says it has, and the file of the module.

    It is looked for once: the modules of ours stay while we run.
    """
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a name inside a module, not a module
        return True, None
    return found is not None, found.origin if found is not None else None


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
