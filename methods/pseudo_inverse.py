"""The minimum-norm image whose down-sampled version is the input: what the operator alone allows, with no prior.

M has full rank, so M (M-dagger LR) = LR exactly; rounding to 8 bit is all that LR-consistency loses.
"""

from typing import ClassVar, Self

import torch

from bench import resize
from bench.spec import Images, Spec, Task


class PseudoInverse:
    """The Moore-Penrose inverse of the MATLAB bicubic operator, applied along both axes."""

    spec: ClassVar[Spec] = Spec(
        name="pseudo_inverse",
        title="Pseudo-inverse",
        family="interpolation",
        paper="Penrose 1955",
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
        return resize.pseudo_inverse(lr, self.factor)
