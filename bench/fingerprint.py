"""What a number was made with: code, weights, versions, machine. A stored result is reused only under the same one."""

import ast
import hashlib
import importlib.util
import inspect
import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import nn

from bench.spec import Method, Task

SCHEMA = 2
"""Raised when the way of restoring changes, so that older results are not mixed in."""

_OURS = ("bench", "methods")
_WITHOUT_EFFECT = ("bench.spec", *(f"methods.weights.{name}" for name in ("catalogue", "folders", "trained")))
"""Modules that change no picture: the nouns, whose values are in the fingerprint, and what finds weight files, whose
content is. A corrected address must not throw results away."""


def run(method_class: type[Method], method: Method, task: Task, device: torch.device) -> str:
    """Return the fingerprint of one cell, 16 hex digits: equal ones give the same images."""
    facts = {
        "schema": SCHEMA,
        "method": method_class.spec.name,
        "task": [task.profile, task.category, task.factor, task.hr_size, task.seed, task.preset],
        "sources": sources(method_class),
        "weights": weights(method),
        "torch": torch.__version__,
        "device": device_name(device),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def sources(method_class: type[Method]) -> str:
    """Return the sha256 of the texts of `files`."""
    digests = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files(method_class))
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def files(method_class: type[Method]) -> set[Path]:
    """Return the file that defines a method, and every file of ours, or beside it, that it imports."""
    inner = getattr(method_class, "inner_class", None)
    todo = [Path(inspect.getfile(part)) for part in (method_class, inner) if part is not None]
    found: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += _imports(path.read_bytes(), path)
    return found


def _imports(text: bytes, path: Path) -> list[Path]:
    """Return the files of ours, or beside `path`, that a source text imports anywhere in it."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    found = (_file(name, path) for name in names if name not in _WITHOUT_EFFECT)
    return [file for file in found if file is not None]


def _file(name: str, importer: Path) -> Path | None:
    """Return the source file of a module if it is ours or lies beside its importer; a package has its `__init__`."""
    if name.split(".", maxsplit=1)[0] not in _OURS:
        beside = importer.parent / f"{name}.py"
        return beside if beside.is_file() else None
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a name inside a module, not a module
        return None
    origin = found.origin if found is not None else None
    # A package's __init__ lists every method: it would make each result depend on all of them.
    return Path(origin) if origin and Path(origin).name != "__init__.py" else None


def weights(method: Method) -> str:
    """Return the sha256 of every parameter and buffer of the networks a loaded method holds, or `none`."""
    digest = hashlib.sha256()
    holders = [method, getattr(method, "method", None)]
    for name, value in sorted(item for holder in holders if holder for item in vars(holder).items()):
        if isinstance(value, nn.Module):
            for key, tensor in value.state_dict().items():
                digest.update(f"{name}.{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest() if digest.digest() != hashlib.sha256().digest() else "none"


def device_name(device: torch.device) -> str:
    """Return the kind of device, and its name where it has one."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def machine(device: torch.device) -> dict[str, str]:
    """Return what a reader needs to repeat a table: versions, device, threads, commit."""
    return {
        "glean-bench": _version("glean-bench"),
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lpips": _version("lpips"),
        "insightface": _version("insightface"),
        "onnxruntime": _version("onnxruntime"),
        "device": device_name(device),
        "machine": platform.machine(),
        "threads": str(torch.get_num_threads()),
    }


def _version(package: str) -> str:
    """Return the installed version of a package, or `not installed`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """Return the commit of the checkout this package lies in, with `+changes` if it was edited, or `none`."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return "none"
    git = ["git", "-C", str(here)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)  # noqa: S603
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return head.stdout.strip() + ("+changes" if changed.stdout.strip() else "")
