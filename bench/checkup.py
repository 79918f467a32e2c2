"""What a run needs of the machine and the installation, looked at piece by piece. For `doctor`."""

import importlib
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from bench import devices, escape, fingerprint, machine, shipped
from bench.paths import expanded, short, user_weights
from bench.spec import BenchError

PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "pillow": "PIL",
    "scipy": "scipy",
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    "safetensors": "safetensors",
    "lpips": "lpips",
    "onnxruntime": "onnxruntime",
    "insightface": "insightface",
}
"""What a table needs: name of the package -> name of its module."""
_ROOT = Path(__file__).resolve().parent.parent
_LITTLE = 2 * 10**9
"""Bytes of disk below which a table of many images may not fit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    section: str
    name: str
    text: str
    """What it is like, in words."""
    problem: str = ""
    """What is broken and what to do about it; empty if nothing is."""
    counts: tuple[tuple[str, int], ...] = ()
    """The numbers in the text, by name."""


def packages() -> Iterator[Finding]:
    """Yield the version of Python, of the suite and of each package, which is imported to see that it works."""
    yield Finding("versions", "python", platform.python_version())
    yield Finding(
        "versions", "glean-bench", f"{fingerprint.package_version('glean-bench')}, commit {fingerprint.commit()}"
    )
    for package, module in PACKAGES.items():
        version = fingerprint.package_version(package)
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 - a broken package raises what it likes
            problem = f"{package} cannot be imported ({type(error).__name__}: {error}); install glean-bench again."
            yield Finding("versions", package, version, problem)
        else:
            yield Finding("versions", package, version)
    lmdb = fingerprint.package_version("lmdb")
    without = ", which LSUN's databases need: pip install 'glean-bench[lmdb]'"
    yield Finding("versions", "lmdb", lmdb if lmdb != "not installed" else f"{lmdb}{without}")


def hardware() -> Iterator[Finding]:
    """Yield device, threads, cores and memory."""
    device = devices.named("auto")
    yield Finding("machine", "device", fingerprint.device_name(device))
    yield Finding("machine", "threads", f"{torch.get_num_threads()} of torch")
    load = machine.load()
    wanted = "" if load is None else f", load {load:.1f}{', so tables are slow' if machine.busy() else ''}"
    yield Finding("machine", "cores", f"{machine.cores()}{wanted}")
    free = machine.memory()
    yield Finding("machine", "memory", "unknown" if free is None else f"{free / 1e9:.1f} GB free")


def folder(name: str, path: Path) -> Finding:
    """Return whether a folder can be written to, and how much space there is; one that is not there will be made."""
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    text = f"{path}, {free / 1e9:.1f} GB free"
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding("folders", name, text, f"{there} cannot be written to; name another folder with --out.")
    if free < _LITTLE:
        text += ", which is little"
    return Finding("folders", name, text)


def data_folder() -> Finding:
    """Return whether $GLEAN_DATA is a folder that can be read, and how much space there is."""
    given = os.environ.get("GLEAN_DATA", "")
    if not given:
        return Finding("folders", "data", "$GLEAN_DATA is not set; only drawn images and your own folders are there")
    path = expanded(given)
    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        problem = (
            f"$GLEAN_DATA is {given}, which is no folder that can be read; set it to the folder of your data sets."
        )
        return Finding("folders", "data", given, problem)
    return Finding("folders", "data", f"{given}, {shutil.disk_usage(path).free / 1e9:.1f} GB free")


def weights_folder() -> Finding:
    """Return where the user's weight files belong, and whether it can be a folder; training and fetching make it."""
    given, path = os.environ.get("GLEAN_WEIGHTS", ""), user_weights()[0]
    if not given:
        return Finding("folders", "weights", f"$GLEAN_WEIGHTS is not set; your own lie in {short(path)}")
    told, wrong = escape.plain(given), _no_folder(path)
    if told != given:
        wrong = "there are control characters in it, such as a line break, so that no command can name it"
    problem = f"$GLEAN_WEIGHTS is {told}, and {wrong}; set it to the folder of your weight files." if wrong else ""
    return Finding("folders", "weights", told, problem)


def _no_folder(path: Path) -> str:
    """Return why a path is no folder and cannot be made one; "" if it is or can."""
    there = next(place for place in (path, *path.absolute().parents) if place.is_symlink() or place.exists())
    return "" if there.is_dir() else f"{escape.plain(str(there))} is no folder"


def shipped_files() -> Finding:
    """Return whether the weight files that come with the suite are what they were."""
    names, wrong = shipped.listed(), []
    for name in names:
        try:
            shipped.check(_ROOT / name)
        except OSError:
            wrong.append(f"{name} is missing; install glean-bench again.")
        except BenchError as error:
            wrong.append(str(error))
    text = f"{len(names) - len(wrong)} of {len(names)} are whole"
    return Finding(
        "weights", "shipped", text, " ".join(wrong), (("whole", len(names) - len(wrong)), ("of", len(names)))
    )
