"""The beginning of a training of GLEAN or one of its ablations: random weights around the category's trained bank."""

import torch

from bench.spec import BenchError, Task
from methods import banks, glean
from methods.nets import stylegan2


def start(method: type[glean.Glean], task: Task) -> glean.Glean:
    """Return the method with the weights it is trained from; its bank is frozen, but that of `glean.unfrozen-bank`.

    Raises `MissingWeights` if there is no bank yet, `BenchError` if it is no StyleGAN2.
    """
    bank = banks.load("glean", task, torch.device("cpu"))
    if not isinstance(bank, stylegan2.Generator):
        raise BenchError(f"GLEAN is trained around a StyleGAN2; the bank for {task.category} is another generator.")
    made = method(glean.network(task, method.switches, bank.synthesis))
    made.network.bank.requires_grad_(requires_grad=method is glean.UnfrozenBank)
    return made
