"""Which sizes and factors a method has weights for on this machine, for whoever asked for others."""

import math
import re
from collections.abc import Iterator

from bench.spec import Task
from methods.weights import catalogue, trained


def words(method: str, task: Task, part: str) -> str:
    """Return a sentence, with a space before it: what there are weights for, and the nearest; "" if for nothing."""
    found = sorted(set(_there(method, task, part)))
    if not found:
        return ""
    told = [_option(factor, side) for factor, side in found]
    nearest = min(found, key=lambda each: _distance(task, *each))
    here = f" On this machine are weights for {', '.join(told)}"
    return f"{here}." if len(told) == 1 else f"{here}; the nearest is {_option(*nearest)}."


def _there(method: str, task: Task, part: str) -> Iterator[tuple[int, int]]:
    """Yield factor and size of the weights of a category that are here; 0 stands for any."""
    for file, _ in catalogue.present():
        of_it = (file.preset, file.part) == (task.preset, part) and method in file.methods
        if of_it and file.category in (task.category, "any"):
            yield file.factor, file.hr_size
    if trained.trainable(method, part):
        stem = re.escape(trained.stem(method, task, part))
        pattern = re.compile(rf"{stem}(?:_(\d+)x)?_(\d+)\.safetensors")
        for folder in trained.places(task.profile, task.preset):
            for match in filter(None, (pattern.fullmatch(path.name) for path in folder.glob("*.safetensors"))):
                yield int(match[1] or 0), int(match[2])


def _option(factor: int, side: int) -> str:
    """Return for what weights are."""
    return " at ".join([*([f"{side} px"] if side else []), *([f"{factor}x"] if factor else [])]) or "every size"


def _distance(task: Task, factor: int, side: int) -> float:
    """Return how far weights are from a task, in doublings; the size counts first."""
    apart = [
        abs(math.log2(wanted / given)) if given else 0.0
        for wanted, given in ((task.hr_size, side), (task.factor, factor))
    ]
    return 8 * apart[0] + apart[1]
