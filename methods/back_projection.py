"""Back-projection: any method's result, moved to the nearest image that down-samples to the input exactly.

x + M-dagger (LR - M x), as in M. Irani and S. Peleg, "Improving resolution by image registration", 1991, with the exact
pseudo-inverse in place of their iteration. It shows how much of a gap between methods is mere LR-inconsistency.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Self

import torch

from bench import resize
from bench.spec import Effort, Images, Method, Spec, Task

SUFFIX = "+bp"


def back_projected(inner: type[Method]) -> type[Method]:
    """Return the class of `<name>+bp` for a method class."""

    class BackProjected:
        """The inner method, then one exact projection."""

        spec: ClassVar[Spec] = replace(
            inner.spec, name=inner.spec.name + SUFFIX, title=f"{inner.spec.title} + back-projection"
        )
        inner_class: ClassVar[type[Method]] = inner

        def __init__(self, method: Method, factor: int) -> None:
            """Take the inner method, loaded."""
            self.method = method
            self.factor = factor

        @classmethod
        def load(cls, task: Task, device: torch.device) -> Self:
            """Load the inner method."""
            return cls(inner.load(task, device), task.factor)

        @property
        def efforts(self) -> Sequence[Effort]:
            """What the inner method spent."""
            found: Sequence[Effort] = getattr(self.method, "efforts", ())
            return found

        def upscale(self, lr: Images) -> Images:
            """Restore, then project."""
            return resize.back_project(self.method.upscale(lr).clamp(0, 1), lr, self.factor)

    return BackProjected
