"""What a number was made with: code, weights, files, versions, machine. A result is reused only under the same one.

docs/adding.md tells, line by line, what makes a result be made anew.
"""

import hashlib
import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.holdings import tensors
from bench.imports import files, home, modules, sha256, sources
from bench.running.arithmetic import otherwise
from bench.running.declared import spec
from bench.spec import Method, MissingWeights, Task

SCHEMA = 3
"""Raised when the way of restoring changes, so that older results are not mixed in."""


def run(method_class: type[Method], method: Method, task: Task, device: torch.device) -> str:
    """Return the fingerprint of one cell, 16 hex digits: equal ones give the same images.

    Raises `MissingWeights` if a file that the method's spec names is not there.
    """
    facts = {
        "schema": SCHEMA,
        "spec": repr(spec(method_class.spec)),
        "task": [task.profile, task.category, task.factor, task.hr_size, task.seed, task.preset],
        "sources": sources(files(method_class)),
        "files": {name: sha256(path) for name, path in declared(method_class).items()},
        "weights": weights(method),
        "torch": torch.__version__,
        "device": device_name(device),
        "arithmetic": [
            *_arithmetic(device, any_threads=getattr(method_class, "any_threads", False)),
            *otherwise(method_class.spec, task),
        ],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _arithmetic(device: torch.device, *, any_threads: bool) -> list[str]:
    """Return what else decides how torch rounds: its dtype, and on a CPU the instructions and the threads.

    Threads that share a sum add it in another order; `any_threads` says that the method's pictures do not show it.
    """
    facts = [str(torch.get_default_dtype()), torch.get_float32_matmul_precision()]
    if device.type == "cpu":
        return [*facts, torch.backends.cpu.get_cpu_capability(), "" if any_threads else str(torch.get_num_threads())]
    return facts


def declared(method_class: type[Method]) -> dict[str, Path]:
    """Return where the files are that a method's spec names: beside the file of its class.

    Raises `MissingWeights` if one is not there.
    """
    spec = method_class.spec
    if not spec.files:
        return {}
    folder = home(method_class) or Path()
    found = {name: folder / name for name in spec.files}
    for path in found.values():
        if not path.is_file():
            raise MissingWeights(f"{spec.name} names {path.name} in Spec.files, and there is no {path}; put it there.")
    return found


def weights(method: Method) -> str:
    """Return the sha256 of every tensor and array that a loaded method and its files hold (`holdings`), or `none`."""
    digest, none = hashlib.sha256(), True
    for path, held in tensors(method, modules(type(method))):
        if isinstance(held, str):
            digest.update(f"{path} is {held}\n".encode())
            continue
        none = False
        digest.update(f"{path} {held.dtype} {tuple(held.shape)}\n".encode())
        digest.update(held.tobytes() if isinstance(held, np.ndarray) else _content(held))
    return "none" if none else digest.hexdigest()


def _content(tensor: Tensor) -> bytes:
    """Return the bytes of a tensor's values; a tensor on the meta device has none."""
    if tensor.is_meta:
        return b""
    value = tensor.detach()
    value = value.to_dense() if value.layout is not torch.strided else value
    plain = value.cpu().resolve_conj().resolve_neg().contiguous().flatten()
    return plain.view(torch.uint8).numpy().tobytes()


def device_name(device: torch.device) -> str:
    """Return the kind of device, and its name where it has one."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def machine(device: torch.device) -> dict[str, str]:
    """Return what a reader needs to repeat a table: versions, device, threads, commit."""
    return {
        "glean-bench": package_version("glean-bench"),
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lpips": package_version("lpips"),
        "insightface": package_version("insightface"),
        "onnxruntime": package_version("onnxruntime"),
        "device": device_name(device),
        "machine": platform.machine(),
        "threads": str(torch.get_num_threads()),
    }


def package_version(package: str) -> str:
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
