"""Back-projection: any method's result, moved to the nearest image that down-samples to the input exactly.

x + M-dagger (LR - M x), as in M. Irani and S. Peleg, "Improving resolution by image registration", 1991, with the exact
pseudo-inverse in place of their iteration. It shows how much of a gap between methods is mere LR-inconsistency.

Of a method that searches for minutes, x is the 8-bit result that is stored, which then need not be searched twice; of
any other it is what the method returned, clamped to [0, 1].
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Self

import torch

from bench import resize
from bench.spec import Effort, Images, Method, Spec, Task

SUFFIX = "+bp"


def back_projected(of: type[Method]) -> type[Method]:
    """Return the class of `<name>+bp` for a method class."""

    class BackProjected:
        """The inner method, then one exact projection."""

        spec: ClassVar[Spec] = replace(
            of.spec,
            name=of.spec.name + SUFFIX,
            title=f"{of.spec.title} + back-projection",
            factors=tuple(factor for factor in of.spec.factors if factor > 1),  # an image of its size becomes the input
        )
        inner_class: ClassVar[type[Method]] = of
        any_threads: ClassVar[bool] = getattr(of, "any_threads", False)

        def __init__(self, inner: Method, factor: int) -> None:
            """Take the inner method, loaded."""
            self.inner = inner
            self.factor = factor

        @classmethod
        def load(cls, task: Task, device: torch.device) -> Self:
            """Load the inner method."""
            return cls(of.load(task, device), task.factor)

        @property
        def efforts(self) -> Sequence[Effort]:
            """What the inner method spent."""
            found: Sequence[Effort] = getattr(self.inner, "efforts", ())
            return found

        @property
        def remark(self) -> str:
            """What the inner method says of itself."""
            found: str = getattr(self.inner, "remark", "")
            return found

        def upscale(self, lr: Images) -> Images:
            """Restore, then project."""
            sr = self.inner.upscale(lr).float().clamp(0, 1)  # under autocast it may be bfloat16, too coarse for M
            return self.refine(resize.quantise(sr) if of.spec.searches else sr, lr)

        def refine(self, sr: Images, lr: Images) -> Images:
            """Project."""
            return resize.back_project(sr, lr, self.factor)

    return BackProjected
