"""The optimisers of the searches against those of torch."""

import subprocess
import sys

import pytest
import torch

from methods.search.descent import Adam, Descent, Group
from methods.search.optimise import Step, optimise

RATES = (0.4, 0.01)
FACTORS = (0.1, 1.0, 0.37, 0.001)


def drawn() -> list[torch.Tensor]:
    """Parameters of several shapes and layouts."""
    source = torch.Generator().manual_seed(0)
    shapes = [(1, 12, 48), (1, 8, 5, 7), (3,)]
    x = [torch.randn(shape, generator=source) for shape in shapes]
    x[1] = x[1].to(memory_format=torch.channels_last)
    return [each.requires_grad_() for each in x]


def losses(x, index) -> torch.Tensor:
    """Depends on the last parameter in the first two steps alone."""
    first = x[0].sin().sum() + (x[1].square() * 1e-3).exp().mean()
    return (first + 0.3 * x[2].square().sum() if index < 2 else first)[None]


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.999), None])
def test_they_move_as_those_of_torch_to_the_last_bit(betas):
    x, y = drawn(), drawn()
    groups = [Group(x[:2], RATES[0]), Group(x[2:], RATES[1])]
    optimise(
        lambda index: Step(torch.zeros(1, 3, 1, 1), losses(x, index)),
        Descent(groups) if betas is None else Adam(groups, betas),
        steps=len(FACTORS),
        rate=lambda index: FACTORS[index],
    )
    theirs = [{"params": y[:2]}, {"params": y[2:]}]
    other = torch.optim.SGD(theirs, lr=1) if betas is None else torch.optim.Adam(theirs, lr=1, betas=betas, fused=True)
    for index, factor in enumerate(FACTORS):
        for group, rate in zip(other.param_groups, RATES, strict=True):
            group["lr"] = rate * factor
        other.zero_grad(
            set_to_none=False
        )  # Adam's moments carry on a parameter whose gradient is zero, as they do ours
        losses(y, index).sum().backward()
        other.step()
    assert not torch.equal(x[2], drawn()[2])
    for ours, torchs in zip(x, y, strict=True):
        assert torch.equal(ours, torchs), "a search would end elsewhere than it did with torch's own optimiser"


def test_a_search_does_not_import_torchs_compiler():
    code = (
        "import sys, torch; from methods.search.descent import *; from methods.search.optimise import *\n"
        "for kind in (Adam, Descent):\n"
        "    x = torch.ones(1, requires_grad=True)\n"
        "    optimise(lambda _: Step(torch.zeros(1, 3, 1, 1), x.square()), kind([Group([x], 0.1)]), steps=2)\n"
        "sys.exit(any(name in sys.modules for name in ('torch._dynamo', 'sympy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0, "it takes seconds in every worker"
