"""The counter of FLOPs: torch's own is the reference, for what is seen for the first time and for what is known."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it
from torch.utils.flop_counter import FlopCounterMode

from bench.cost.flop_counter import Counter


class Net(nn.Module):
    """Every kind of layer that has FLOPs in the suite, and normalisations, which torch takes apart."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(4, 8, 3, groups=2), nn.BatchNorm2d(8), nn.LeakyReLU(0.2, inplace=True),
            nn.ConvTranspose2d(8, 6, 4, stride=2), nn.InstanceNorm2d(6, affine=True), nn.Conv2d(6, 6, 3, padding=1),
        )  # fmt: skip
        self.last = nn.Linear(6, 5)

    def forward(self, x):
        made = self.layers(x)
        query = made.flatten(2)  # (B, 6, N)
        attended = F.scaled_dot_product_attention(query, query, query)
        return torch.einsum("bcn,cd->bnd", attended, torch.ones(6, 6, device=x.device)) @ self.last.weight.T


def train(network, x, times) -> None:
    """Take steps of Adam on a loss with a gradient penalty."""
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    for _ in range(times):
        x = x.detach().requires_grad_()
        scores = network(x * 1)  # torch's counter does not take a leaf
        (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        (scores.mean() + gradient.square().mean()).backward()
        optimiser.step()


@pytest.mark.parametrize("size", [8, 12])
def test_training_has_as_many_flops_as_torch_counts_however_often_it_was_seen(size):
    with torch.device("meta"):
        network, x = Net(), torch.empty(2, 4, size, size)
    with FlopCounterMode(display=False) as reference:
        train(network, x, 3)
    known = {}
    for _ in range(2):
        with Counter(known) as counter:
            train(network, x, 3)
        assert counter.flops == reference.get_total_flops(), "an operation was missed, or taken for another one"
    assert counter.flops > 0
    with Counter(known) as counter, torch.no_grad():
        network(x[:1])
    with FlopCounterMode(display=False) as reference, torch.no_grad():
        network(x[:1])
    assert counter.flops == reference.get_total_flops(), "a smaller batch was taken for the known one"


ALIKE = [
    lambda x: x.int() * 1,
    lambda x: x.int() * 1.0,
    lambda x: x.bool() * True,
    lambda x: x.bool() * 1,
    lambda x: x.sum(0),
    lambda x: x.sum(1),
    lambda x: x.sum(1, keepdim=True),
    lambda x: x.sum(1, dtype=torch.float64),
    lambda x: x > 0,
    lambda x: x.mT * 2,
    lambda x: x.mT.contiguous() * 2,
    lambda x: torch.cat([x, x]),
    lambda x: torch.cat([x, x], 1),
    lambda x: torch.stack(x.unbind(1)),
    lambda x: x.max(1).values,
    lambda x: x.max(1).indices,
    lambda x: x.view(12),
    lambda x: x.add_(1).unsqueeze_(0),
    lambda x: torch.zeros(2, device=x.device, dtype=torch.float16),
]


def test_results_have_the_form_they_have_without_the_counter():
    known = {}
    for _ in range(2):  # at first they are run, then they are known
        for operation in ALIKE:
            expected = operation(torch.empty(3, 4, device="meta"))
            with Counter(known):
                result = operation(torch.empty(3, 4, device="meta"))
            assert (result.shape, result.stride(), result.dtype, result.device) == (
                expected.shape, expected.stride(), expected.dtype, expected.device
            ), "it was taken for an operation that differs in an argument"  # fmt: skip


def test_tensors_with_values_keep_them():
    source = torch.Generator().manual_seed(0)
    expected = [torch.randn(4, generator=source).mul_(2).sum() for _ in range(2)]
    source.manual_seed(0)
    with Counter() as counter:
        found = [torch.randn(4, generator=source).mul_(2).sum() for _ in range(2)]
        torch.ones(2, 2) @ torch.ones(2, 2)
    assert torch.equal(torch.stack(found), torch.stack(expected)), "a method draws numbers while it is counted"
    assert counter.flops == 2 * 2 * 2 * 2
