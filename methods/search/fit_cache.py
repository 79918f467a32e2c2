"""PULSE's fit of a million latents, kept from one cell and process to the next: it takes minutes, and does not change.

A file for each bank, in $XDG_CACHE_HOME/glean-bench or ~/.cache/glean-bench, named by the checksum of its mapping
network and whatever else decides the values. It is written whole or not at all, so that runs beside each other do no
harm; one that is damaged is made anew.
"""

import hashlib
from pathlib import Path
from threading import Lock

import torch
from rich.console import Console
from rich.markup import escape
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bench import atomic
from bench.paths import cache
from bench.spec import BadFile, OutputError
from methods.formats import sealed
from methods.nets.stylegan2 import MappingNetwork
from methods.search.pulse_terms import gaussian_fit

_MAKING = Lock()


def fit(mapping: MappingNetwork, *, width: int, samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return what `gaussian_fit` does, from the cache if it is there; where nothing can be written, it is not kept."""
    if device.type == "meta":
        return gaussian_fit(mapping, width=width, samples=samples, device=device)
    with _MAKING:  # threads of this process; another process writes a file of its own, and the last one stays
        return _kept(mapping, width, samples, device)


def _kept(mapping: MappingNetwork, width: int, samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the fit of the cache, made if need be."""
    path = cache() / f"pulse-fit-{_key(mapping, width, samples, device)}.safetensors"
    if (kept := _read(path, width)) is not None:
        return kept[0].to(device), kept[1].to(device)
    mean, deviation = gaussian_fit(mapping, width=width, samples=samples, device=device)
    try:
        atomic.write(path, sealed.pack({"mean": mean.cpu(), "deviation": deviation.cpu()}, {}))
    except OutputError as error:
        words = f"PULSE's fit of its bank is not kept for the next run: {error}"
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[yellow]note[/]: {escape(words)}")
    return mean, deviation


def _key(mapping: MappingNetwork, width: int, samples: int, device: torch.device) -> str:
    """Return what tells fits apart: the network's values, the samples, and what decides how torch rounds."""
    cuda = device.type == "cuda"
    where = torch.cuda.get_device_name(device) if cuda else f"{device.type}, {torch.get_num_threads()} threads"
    facts = (width, samples, torch.__version__, where, torch.get_default_dtype())
    digest = hashlib.sha256(f"{facts} {mapping}".encode())
    for name, value in sorted(mapping.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _read(path: Path, width: int) -> tuple[Tensor, Tensor] | None:
    """Return mean and deviation of a file, or None if it is not there or not whole."""
    try:
        values = load_file(path)
        sealed.verify(path)
        mean, deviation = values["mean"], values["deviation"]
    except (BadFile, KeyError, OSError, SafetensorError, ValueError):
        return None
    sound = all(each.shape == (width,) and each.dtype == torch.float32 for each in (mean, deviation))
    return (mean, deviation) if sound else None
