"""How long a search will take, measured on a few of its steps: to be told before the hours are spent."""

from time import perf_counter

import torch

from bench import contract
from bench.cost.count import unrolled
from bench.spec import Images, Method, Task

_ENOUGH = 0.5
"""Seconds of further turns: fewer say nothing about one turn."""
_LONG = 60.0
"""Seconds: nothing that takes this long is run once more only to be sure."""


def seconds(method: Method, task: Task, lr: Images) -> float:
    """Return about how many seconds a method takes for one image of a batch like `lr`, (N, 3, lr_size, lr_size).

    Each of its loops is run once, and again for as many further turns as take a time that can be measured; all others
    take as long. Leaves the method with loops of one turn: it must not restore anything afterwards.
    """
    turns = unrolled(method)
    once = _timed(method, task, lr)
    if once < _LONG:  # the first time may be much slower: packages are imported, memory is claimed
        once = min(once, _timed(method, task, lr))
    return (once + sum(_further(method, task, lr, loop, once) for loop in turns.items())) / len(lr)


def _further(method: Method, task: Task, lr: Images, loop: tuple[str, int], once: float) -> float:
    """Return the seconds of all further turns of a loop, of which `once` has the first."""
    name, number = loop
    turns, longer = 0, 0.0
    while turns < number - 1 and longer < max(_ENOUGH, once / 3):
        turns = min(4 * turns or 1, number - 1)
        setattr(method, name, 1 + turns)
        longer = _timed(method, task, lr) - once
        setattr(method, name, 1)
    return max(0.0, longer) * (number - 1) / max(turns, 1)


def _timed(method: Method, task: Task, lr: Images) -> float:
    """Return the seconds of one call."""
    start = perf_counter()
    contract.upscale(method, task, lr)
    if lr.device.type == "cuda":
        torch.cuda.synchronize(lr.device)
    return perf_counter() - start
