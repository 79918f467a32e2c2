"""Bicubic interpolation as MATLAB's imresize enlarges (Keys, a = -0.5): the first row of every table."""

from typing import ClassVar, Self

import torch

from bench import resize
from bench.spec import Images, Spec, Task


class Bicubic:
    """R. Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 1981."""

    spec: ClassVar[Spec] = Spec(
        name="bicubic",
        title="Bicubic",
        family="interpolation",
        paper="Keys 1981",
        factors=(2, 4, 8, 16, 32, 64),
    )

    def __init__(self, factor: int) -> None:
        """Keep the factor; there is nothing to load."""
        self.factor = factor

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:  # noqa: ARG003 - the matrices follow the input
        """Return the method for one factor."""
        return cls(task.factor)

    def upscale(self, lr: Images) -> Images:
        """Enlarge by two matrix products."""
        return resize.upsample(lr, self.factor)
