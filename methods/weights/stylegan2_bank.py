"""The StyleGAN2 that methods take as their bank: GLEAN, PULSE, mGANprior and DGP's port."""

from collections.abc import Mapping
from typing import Any

import torch

from bench import origins
from bench.spec import BenchError, Task
from methods.formats import stylegan2
from methods.nets.stylegan2 import StyleGAN2
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.weights.load import bank


def load(method: str, task: Task, device: torch.device) -> StyleGAN2:
    """Return the StyleGAN2 of a method, by its spec's name, frozen; on the meta device no file is read.

    Raises `MissingWeights` if its file is not on this machine, `BenchError` if it is of something else or makes images
    of another size than the task's.
    """
    found = bank(method, task, device, build=build, read=read)
    if found.size != task.hr_size:
        raise BenchError(f"the bank makes images of {found.size} px, the task asks for {task.hr_size}.")
    return found


def read(state: Mapping[str, Any]) -> StyleGAN2:
    """Return the generator of a weight file; that its noise maps are zero is noted. Raises `BenchError`."""
    if stylegan2.lacks_noise(state):
        origins.note("noise maps", "none: the weight file holds none, and zero is taken")
    return stylegan2.generator(state)


def build(task: Task) -> StyleGAN2:
    """Return a StyleGAN2 with random weights for a task; sizes are those of its preset."""
    return StyleGAN2(**chosen(SIZES, task).stylegan2(task.hr_size))
