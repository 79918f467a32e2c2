"""A loaded method as a task asks for it: compiled or not, with how far it then is from float32 as it stands."""

from dataclasses import replace
from typing import Any, cast

import torch

from bench import contract
from bench.running.arithmetic import otherwise
from bench.spec import BenchError, Images, Method, Task

_NONE = 1e-12
"""The mean squared error that is told as none: 120 dB."""


class Compiled:
    """A loaded method whose `upscale` is compiled; everything else is the method's."""

    def __init__(self, method: Method) -> None:
        """Note what is to be compiled: that is done with the first images."""
        self.method = method
        self.upscale = torch.compile(method.upscale)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the method has
        """Look it up in the method."""
        return getattr(self.method, name)


def ready(method: Method, task: Task, device: torch.device) -> tuple[Method, str]:
    """Return the method, and a remark: how far from float32 as it stands its results are, on a pattern.

    Raises `BenchError` if it cannot be compiled.
    """
    words = otherwise(method.spec, task)
    if not words or device.type == "meta":
        return method, ""
    if method.spec.oracle:
        made = cast("Method", Compiled(method)) if task.compiled else method
        return made, f"{', '.join(words)}: not compared with float32, as an oracle knows no pattern"
    pattern = _pattern(task.lr_size).to(device)
    plain = contract.upscale(method, replace(task, dtype="float32"), pattern)
    made = cast("Method", Compiled(method)) if task.compiled else method
    try:
        with contract.caught():
            other = contract.upscale(made, task, pattern)
    except contract.Failed as failed:
        raise BenchError(
            f"{method.spec.name} cannot do with {' and '.join(words)} ({contract.failure(failed)}). Leave out what it "
            "cannot do; on a CPU --compile needs a C++ compiler."
        ) from failed
    apart = (plain.double() - other.double()).square().mean().clamp(min=_NONE)
    return made, f"{', '.join(words)}: {-10 * apart.log10().item():.0f} dB from float32 as it stands, on a pattern"


def _pattern(side: int) -> Images:
    """Return an image (1, 3, side, side) of slopes and an edge."""
    across = torch.linspace(0, 1, side).expand(side, side)
    return torch.stack([across, across.mT, (across > across.mT).float()])[None]
