"""From a task to a network that is ready on a device: what the adapters of feed-forward networks share."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from bench.spec import BadFile, Task
from methods import unpickle, weights
from methods.nets import winograd

Network = TypeVar("Network", bound=nn.Module)


def network(
    method: str,
    task: Task,
    device: torch.device,
    *,
    build: Callable[[Task], Network],
    read: Callable[[Mapping[str, Any]], Network],
) -> Network:
    """Return the network of a method, by its spec's name, as it is fastest: in channels_last, on a CPU by Winograd.

    `read` makes it from what its weight file holds. The meta device has no values: there `build` makes it, and no file
    is read. Raises `MissingWeights` if the file is not on this machine, `BenchError` if it is of something else.
    """
    if device.type == "meta":
        with device:
            return build(task)
    path = weights.find(method, task)
    try:
        found = read(unpickle.load(path)).to(device).to(memory_format=torch.channels_last)
    except BadFile as error:
        raise BadFile(f"{path.name}: {error}") from error
    if device.type == "cpu":
        winograd.accelerate(found)
    return found
