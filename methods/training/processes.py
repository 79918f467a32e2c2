"""What the processes of a training do together: they are started by torchrun, each on a part of every batch.

The gradients of all processes are averaged after each backward pass. (DistributedDataParallel does not support the
second derivatives that R1 and path-length regularisation need.)
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeAlias

import torch
from torch import Tensor, distributed, nn

from bench.spec import BenchError

Told: TypeAlias = dict[str, Tensor]
"""Losses and the like by name, without a graph, on the device: to read one, a GPU is waited for."""

_TOLD = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def join() -> tuple[int, int]:
    """Join the other processes if torchrun started this one; return its number and how many there are.

    On GPUs each process takes the one of its number on its machine. Raises `BenchError` if the variables by which
    torchrun tells of the others are not what it makes them.
    """
    if "RANK" in os.environ and not distributed.is_initialized():
        try:
            _join()
        except (KeyError, ValueError, RuntimeError) as error:
            told = " ".join(f"{name}={os.environ[name]}" for name in _TOLD if name in os.environ)
            raise BenchError(
                f"this process could not join those of a training of several ({told}): {error}. Start them all with "
                "torchrun, or unset RANK to train with one alone."
            ) from error
    return rank(), distributed.get_world_size() if distributed.is_initialized() else 1


def _join() -> None:
    """Join the others as torchrun says."""
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # A run on a CPU may be suspended for a night; gloo would give up after half an hour.
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=None if cuda else timedelta(days=30))


def once(act: Callable[[], object]) -> None:
    """Let the first process do something, while the others wait."""
    if rank() == 0:
        act()
    agreed(True)


def alone() -> bool:
    """Return whether there are no other processes."""
    return not distributed.is_initialized()


def rank() -> int:
    """Return the number of this process."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def agreed(decision: bool) -> bool:  # noqa: FBT001
    """Return the first process's decision: clocks differ, and all must do the same."""
    if not distributed.is_initialized():
        return decision
    told = torch.tensor([float(decision)], device="cuda" if torch.cuda.is_available() else "cpu")
    distributed.broadcast(told, 0)
    return bool(told.item())


def anyone(decision: bool) -> bool:  # noqa: FBT001
    """Return whether one of the processes decides so: a signal may reach only some of them."""
    if not distributed.is_initialized():
        return decision
    return averaged(torch.tensor(float(decision), device="cuda" if torch.cuda.is_available() else "cpu")).item() > 0


def averaged(value: Tensor) -> Tensor:
    """Return the mean of a number over all processes."""
    if distributed.is_initialized():
        value = value.clone()
        distributed.all_reduce(value)
        value /= distributed.get_world_size()
    return value


def average_gradients(parameters: Iterable[nn.Parameter], parts: int = 1) -> None:
    """Average the gradients of all processes, each the sum over so many parts."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if distributed.is_initialized():
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))
    if parts > 1:
        for gradient in gradients:
            gradient.div_(parts)


def descend(
    losses: Iterable[tuple[Tensor, Told]],
    optimiser: torch.optim.Optimizer,
    parameters: Sequence[nn.Parameter],
) -> Told:
    """Take a step down the mean of the losses of all parts, with the gradients of all processes.

    Each loss comes with numbers to be told, whose means over this process's parts are returned. A loss is asked for
    when the gradient of the one before is there, so that the memory of one part is enough. A GPU is not waited for.
    """
    optimiser.zero_grad(set_to_none=True)
    told: list[Told] = []
    for loss, values in losses:
        loss.backward()
        told.append(values)
        del loss  # what is left of its graph would stay while the next is made
    average_gradients(parameters, len(told))
    optimiser.step()
    return {name: torch.stack([values[name] for values in told]).mean() for name in told[0]}
