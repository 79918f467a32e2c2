"""What the methods without weights share: they enlarge by one fixed operator."""

from typing import ClassVar, Self

import torch

from bench.spec import Task


class Interpolation:
    """A method that needs the factor and nothing else."""

    any_threads: ClassVar[bool] = True

    def __init__(self, factor: int) -> None:
        """Keep the factor; there is nothing to load."""
        self.factor = factor

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:  # noqa: ARG003 - the matrices follow the input
        """Return the method for one factor."""
        return cls(task.factor)
