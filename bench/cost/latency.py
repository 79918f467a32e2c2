"""How long a loaded method takes and how much memory: its first call apart, then once its times have settled.

Each measurement is made in a process of its own (`latency_command`), so that what another method left in memory, or had
already made, does not count. Times are of whole calls, with the work on the device.
"""

import resource
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import torch

from bench import contract
from bench.cost import duration
from bench.spec import Method, Task

_WINDOW = 5
"""Calls whose median is looked at."""
_NEAR = 0.05
"""Share by which the medians of two windows may differ to count as settled."""
_MOST = 50
"""Calls that are measured at most."""


@dataclass(frozen=True, slots=True)
class Latency:
    """What was measured of a method, a task and a size of batch."""

    load: float
    """Seconds that loading took: its weights read, its network made and brought to the device."""
    first: float
    """Seconds of the first call, with all that is made only once; NaN for a method that searches."""
    calls: int
    """Measured calls; 0: the seconds of a search are those of a few of its steps, and of all the others like them."""
    median: float
    """Seconds of a call, all images of the batch together."""
    low: float
    high: float
    """The first and the third quartile of these; NaN if there are too few calls."""
    settled: bool
    """Whether the times had settled before they were measured."""
    memory: int
    """Bytes: on CUDA the most that was allocated, else by how much the process grew from before loading to its peak."""
    reserved: int
    """Bytes that CUDA's allocator held at most; 0 elsewhere."""


def measure(method_class: type[Method], task: Task, device: torch.device, batch: int, budget: float) -> Latency:
    """Load a method and time it on `batch` images of noise, for about `budget` seconds after its first call.

    Raises what the method raises.
    """
    before = _resident()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    method, load = _timed(lambda: method_class.load(task, device), device)
    noise = torch.rand(batch, 3, task.lr_size, task.lr_size, generator=torch.Generator().manual_seed(0))
    lr = noise.to(device)
    if method.spec.searches:
        seconds = duration.seconds(method, task, lr) * batch
        return Latency(load, float("nan"), 0, seconds, float("nan"), float("nan"), False, *_memory(device, before))
    call = lambda: contract.upscale(method, task, lr)  # noqa: E731 - of one use
    _, first = _timed(call, device)
    settled, end = _warmed(call, device, budget)
    times: list[float] = []
    while len(times) < _WINDOW or (len(times) < _MOST and perf_counter() < end):
        times.append(_timed(call, device)[1])
    low, _, high = quantiles(times, n=4, method="inclusive")
    return Latency(load, first, len(times), median(times), low, high, settled, *_memory(device, before))


def _warmed(call: Callable[[], object], device: torch.device, budget: float) -> tuple[bool, float]:
    """Call until the median of a window is near that of the one before, or half of the budget is spent.

    Returns whether it is, and until when measuring may take.
    """
    start = perf_counter()
    last = 0.0  # no window is near it
    while perf_counter() < start + budget / 2:
        now = median(_timed(call, device)[1] for _ in range(_WINDOW))
        if abs(now - last) <= _NEAR * last:
            return True, perf_counter() + budget / 2
        last = now
    return False, perf_counter() + budget / 2


def _timed(call: Callable[[], Any], device: torch.device) -> tuple[Any, float]:
    """Return what a call gives and its seconds, the work on the device included."""
    start = perf_counter()
    found = call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return found, perf_counter() - start


def _memory(device: torch.device, before: int) -> tuple[int, int]:
    """Return the bytes of `Latency.memory` and `reserved`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return max(0, peak - before), 0


def _resident() -> int:
    """Return the bytes of memory that this process has now; where nobody says, the most it had."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize()


def plain(found: Latency) -> dict[str, Any]:
    """Return a measurement as JSON values; what is not known is null."""
    return {name: None if value != value else value for name, value in asdict(found).items()}  # noqa: PLR0124 - NaN
