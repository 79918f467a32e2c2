"""The choice among the numbers of a thing, by the preset that a task has from its card."""

from collections.abc import Mapping
from typing import TypeVar

from bench.spec import Task, UnknownName

Numbers = TypeVar("Numbers")


def chosen(presets: Mapping[str, Numbers], task: Task) -> Numbers:
    """Return what belongs to the preset of a task. Raises `UnknownName` with the nearest names for another preset."""
    if task.preset not in presets:
        raise UnknownName("preset", task.preset, presets)
    return presets[task.preset]
