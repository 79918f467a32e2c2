"""Multiply-accumulates, FLOPs and parameters of a method, counted on the meta device: no weight is read.

1 MAC = 2 FLOPs. The counter is torch's own, which sees every matrix product and convolution that runs, also the
functional ones that counters by module hooks miss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tabulate import tabulate
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.spec import Card, Method, Task

_FACTORS = (8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one image costs."""

    macs: int
    trainable: int
    """Parameters that training changes."""
    frozen: int
    """Parameters of a pretrained part that it does not."""

    @property
    def flops(self) -> int:
        """Floating-point operations, two a multiply-accumulate."""
        return 2 * self.macs


def count(method_class: type[Method], task: Task) -> Cost:
    """Return the cost of restoring one image of a task."""
    meta = torch.device("meta")
    method = method_class.load(task, meta)
    lr = torch.empty(1, 3, task.lr_size, task.lr_size, device=meta)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        method.upscale(lr)
    networks = [value for value in vars(method).values() if isinstance(value, nn.Module)]
    parameters = [parameter for network in networks for parameter in network.parameters()]
    return Cost(
        macs=counter.get_total_flops() // 2,
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        frozen=sum(p.numel() for p in parameters if not p.requires_grad),
    )


def markdown(methods: Sequence[type[Method]], cards: Sequence[Card]) -> str:
    """Return the cost of every method for every size and factor of some cards, as a Markdown table."""
    sizes = dict.fromkeys((card.hr_size, card.category) for card in cards)
    rows = []
    for method in methods:
        for hr_size in sorted({size for size, _ in sizes}):
            category = next(name for size, name in sizes if size == hr_size)
            for factor in _FACTORS:
                task = Task("paper", category, factor, hr_size)
                if method.spec.refuses(task) is None:
                    cost = count(method, task)
                    work = (f"{cost.macs / 1e9:.4f}", f"{cost.flops / 1e9:.4f}")
                    rows.append(
                        [
                            method.spec.title,
                            f"{task.lr_size} to {hr_size}",
                            f"{factor}x",
                            *work,
                            cost.trainable,
                            cost.frozen,
                        ]
                    )
    heads = ["method", "pixels", "factor", "GMACs", "GFLOPs", "trainable parameters", "frozen parameters"]
    return tabulate(rows, headers=heads, tablefmt="pipe", disable_numparse=True)
