"""The optimisers of the searches: plain gradient descent and Adam, to the last bit those of `torch.optim`.

Its classes are made for compilers too: the first of them in a process imports torch's whole compiler, which takes
seconds, as much as a search of `mini`. Adam's formulas are torch's, by its own function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam

_EPSILON = 1e-8
"""Added to the root of Adam's second moment, as in torch and in the released code of every search here."""


@dataclass(slots=True)
class Group:
    """Parameters that move at one rate, which may be changed between two steps."""

    parameters: Sequence[Tensor]
    rate: float


class Optimiser(Protocol):
    """What moves parameters by their gradients."""

    @property
    def groups(self) -> Sequence[Group]:
        """The parameters, each with a gradient when `step` is called."""
        ...

    def step(self, factor: float) -> None:
        """Move them, at so many times their rates; to be called without gradients being recorded."""
        ...


@dataclass(frozen=True, slots=True)
class Descent:
    """Plain gradient descent."""

    groups: Sequence[Group]

    def step(self, factor: float) -> None:
        """Subtract the gradients times the rates."""
        for group in self.groups:
            for parameter in group.parameters:
                parameter.add_(_gradient(parameter), alpha=-group.rate * factor)


class Adam:
    """Adam (D. Kingma and J. Ba, ICLR 2015, Algorithm 1)."""

    def __init__(self, groups: Sequence[Group], betas: tuple[float, float] = (0.9, 0.999)) -> None:
        """Begin with both moments zero."""
        self.groups = groups
        self._betas = betas
        self._moments = [[[torch.zeros_like(each) for each in group.parameters] for group in groups] for _ in range(2)]
        self._steps = [[_count(each) for each in group.parameters] for group in groups]

    def step(self, factor: float) -> None:
        """Take one step of each group, in one pass over its memory where there is any."""
        beta1, beta2 = self._betas
        for group, first, second, steps in zip(self.groups, *self._moments, self._steps, strict=True):
            parameters = list(group.parameters)
            gradients = [_gradient(each) for each in parameters]
            adam(
                parameters, gradients, first, second, [], steps, fused=not parameters[0].is_meta, amsgrad=False,
                beta1=beta1, beta2=beta2, lr=group.rate * factor, weight_decay=0.0, eps=_EPSILON, maximize=False,
            )  # fmt: skip


def _count(parameter: Tensor) -> Tensor:
    """Return the number of a parameter's steps, zero, where torch looks for it: without values it is of no use."""
    return torch.zeros((), device="cpu" if parameter.is_meta else parameter.device)


def _gradient(parameter: Tensor) -> Tensor:
    """Return the gradient of a parameter; zero if the loss did not depend on it.

    Moments carry a parameter on without one.
    """
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
