"""How long a search will take, measured on a few of its steps: to be told before the hours are spent."""

from time import perf_counter

import torch

from bench import contract
from bench.cost.count import unrolled
from bench.spec import Images, Method, Task

_SHORT = 1.0
"""Seconds: what takes no longer is run again, as the first time is slower, and for more turns, as it is noisy."""


def seconds(method: Method, task: Task, lr: Images) -> float:
    """Return about how many seconds a method takes for one image of a batch like `lr`, (N, 3, lr_size, lr_size).

    Each of its loops is run once, and for a turn more, or three; the others take as long. Leaves the method with loops
    of one turn: it must not restore anything afterwards.
    """
    turns = unrolled(method)
    once = _timed(method, task, lr)
    more = 1
    if once < _SHORT:
        once, more = _timed(method, task, lr), 3
    total = once
    for name, number in turns.items():
        setattr(method, name, 1 + more)
        total += (number - 1) * max(0.0, _timed(method, task, lr) - once) / more
        setattr(method, name, 1)
    return total / len(lr)


def _timed(method: Method, task: Task, lr: Images) -> float:
    """Return the seconds of one call."""
    start = perf_counter()
    contract.upscale(method, task, lr)
    if lr.device.type == "cuda":
        torch.cuda.synchronize(lr.device)
    return perf_counter() - start


def spelt(duration: float) -> str:
    """Return seconds in the unit that suits them."""
    if duration < 90:  # noqa: PLR2004 - a minute and a half
        return f"{duration:.0f} seconds"
    minutes = duration / 60
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"  # noqa: PLR2004
