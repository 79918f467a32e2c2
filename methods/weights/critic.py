"""The discriminator that belongs to a StyleGAN2 bank: in the bank's own file, as mmagic and NVIDIA have it, or not.

DGP compares images by its features, and a restorer's training begins with it.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from bench import origins
from bench.spec import MissingWeights, Task
from methods.formats import stylegan2, unpickle
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.weights import load

_METHOD = "dgp"
"""Under whose name the catalogue has banks with their discriminators."""


def network(
    task: Task, device: torch.device, *, build: Callable[[Task], StyleGAN2Discriminator]
) -> StyleGAN2Discriminator:
    """Return the discriminator of a task's bank on a device; on the meta device `build` makes it.

    Raises as `load.network`.
    """
    bank = None if device.type == "meta" else _bank(task)
    if bank is not None:
        return stylegan2.discriminator(unpickle.load(bank)).to(device)
    return load.network(_METHOD, task, device, part="discriminator", build=build, read=stylegan2.discriminator)


def path(task: Task) -> Path:
    """Return the file that the discriminator of a task's bank is read from. Raises as `load.find`."""
    return _bank(task) or load.find(_METHOD, task, part="discriminator")


def _bank(task: Task) -> Path | None:
    """Return the file of the bank if it holds a discriminator too; whoever reads the bank notes it."""
    try:
        with origins.listening():
            found = load.find(_METHOD, task, part="bank")
    except MissingWeights:
        return None
    return found if stylegan2.is_discriminator(unpickle.load(found)) else None
