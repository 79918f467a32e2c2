"""A network from somebody's file as a method: `--with FILE.pth`, whatever trained it, read as tensors alone.

Our own layouts come first (GLEAN, RRDBNet, SRResNet), then those that spandrel knows. A network for 4x makes images of
16x by being applied twice, its values clamped between and not rounded; 8x is what our operator makes of 16x.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import nn

from bench import origins
from bench.paths import expanded
from bench.spec import BenchError, Images, Method, MissingWeights, Spec, Task
from methods.formats import checkpoints, foreign, unpickle
from methods.formats.network import Range, SuperResolver, enlarged, times
from methods.nets.glean import GLEAN
from methods.nets.rrdbnet import RRDBNet
from methods.nets.srresnet import MSRResNet
from methods.nets.winograd import fastest
from methods.search.optimise import generators

_ENDINGS = (".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".pkl", ".pth.tar")
"""Of what is taken for the file of a network; its content says what it is."""
_FACTORS = (2, 4, 8, 16, 32, 64, 128)
_NAMED = re.compile(r"(?:(?P<name>[^=/\\]+)=)?(?P<file>.+)", re.DOTALL)


def weight_file(text: str) -> tuple[Path, str] | None:
    """Return the path and the row's name of FILE.pth or NAME=FILE.pth; None for a text that is neither."""
    if not text.lower().endswith(_ENDINGS):
        return None
    match = None if expanded(text).is_file() else _NAMED.fullmatch(text)
    file, name = (match["file"], match["name"]) if match else (text, None)
    path = expanded(file)
    return path, (name or re.sub(r"(\.pth)?\.[^.]*$", "", path.name)).strip()


def of_file(path: Path, name: str) -> type[Method]:
    """Return the method class of the network in a file; `name` is that of its row.

    What is wrong with the file is said when it is loaded for a task, so that it costs its row alone: `MissingWeights`
    for a network that cannot do the task, `BenchError` for a file that is no network.
    """
    draws, face = False, False
    try:
        found = network(path)
        draws, face = found.draws, bool(found.face)
    except BenchError:
        pass  # `load` says so

    class Given(_Given):
        spec: ClassVar[Spec] = Spec(
            name, name, "feed-forward", "", _FACTORS, ("face",) if face else None, max_batch=4, seeded=draws
        )
        file: ClassVar[Path] = path

    return Given


class _Given:
    """The adapter of a network that somebody gave."""

    spec: ClassVar[Spec]
    file: ClassVar[Path]

    def __init__(self, found: SuperResolver, task: Task) -> None:
        """Take a network that is on its device."""
        self.network = found.network  # its weights are part of the fingerprint
        self.builder = found.builder.encode()  # and so is who made it
        self._found, self._task = found, task

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read the file, and see whether its network can do the task."""
        found = network(cls.file)
        if found.only and (found.only, found.only * found.scale) != (task.lr_size, task.hr_size):
            raise MissingWeights(
                f"{cls.file.name} is a {found.kind} that makes {found.only * found.scale} px of {found.only}; here "
                f"{task.hr_size} px are made of {task.lr_size}."
            )
        origins.note(cls.file.name, "")
        if device.type != "meta":
            found.network.to(device)
        return cls(found, task)

    def upscale(self, lr: Images) -> Images:
        """Restore a batch; one that draws random numbers image by image, from the seed and the image."""
        if not self._found.draws:
            return enlarged(self._found, lr, self._task.hr_size)
        made = []
        for image, source in zip(lr, generators(lr, self._task.seed), strict=True):
            with torch.random.fork_rng([lr.device] if lr.is_cuda else []):
                torch.manual_seed(source.initial_seed())
                made.append(enlarged(self._found, image[None], self._task.hr_size))
        return torch.cat(made)

    @property
    def remark(self) -> str:
        """What was done to reach the factor."""
        found, factor = self._found, self._task.factor
        if found.face:
            return f"{found.kind}, for blind faces of {found.face} px: LR enlarged to {found.face} px by our operator"
        count = times(found.scale, factor)
        parts = [f"{found.kind} {found.scale}x"]
        if count > 1:
            parts.append(f"applied {count} times, clamped between")
        if found.scale**count != factor:
            parts.append(f"brought from {found.scale**count}x to {factor}x by our operator")
        if max(self._task.lr_size % found.multiple, found.least - self._task.lr_size) > 0:
            parts.append(f"inputs extended by mirroring to what it takes (from {found.least} px, by {found.multiple})")
        return ", ".join(parts)


def network(path: Path) -> SuperResolver:
    """Return the network in a file. Raises `MissingWeights` if it is not there or restores nothing, `BenchError`."""
    if not path.is_file():
        raise MissingWeights(f"there is no file {path}.")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> SuperResolver:  # noqa: ARG001 - a changed file is read again
    checkpoint = unpickle.load(path)
    reason: BenchError | None = None
    if checkpoints.is_known(checkpoint):
        try:
            return _ours(checkpoints.any_network(checkpoint), path.name)
        except BenchError as error:  # a part of it may have the names of a network of ours: GFPGAN holds a StyleGAN2
            reason = error
    if (found := foreign.network(checkpoint, path.name)) is not None:
        return found
    raise reason or foreign.unknown(checkpoint, path.name)


def _ours(found: nn.Module, name: str) -> SuperResolver:
    """Return a network of ours with what it takes."""
    if isinstance(found, GLEAN):
        scale = found.bank.size // found.in_size
        return SuperResolver(fastest(found), "GLEAN", scale, Range(-1, 1), only=found.in_size)
    if isinstance(found, RRDBNet) and (scale := 2**found.stages // found.unshuffle) > 1:
        return SuperResolver(fastest(found), "RRDBNet", scale, multiple=found.unshuffle)
    if isinstance(found, MSRResNet):
        return SuperResolver(fastest(found), "MSRResNet", found.factor)
    raise MissingWeights(f"{name} is a {type(found).__name__}, which makes no image larger.")
