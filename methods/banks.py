"""From a task to the pretrained generator that an inversion method searches: StyleGAN, StyleGAN2 or PGGAN."""

from typing import TypeAlias

import torch

from bench.spec import BenchError, Task
from methods import checkpoints, sizes, unpickle, weights
from methods.nets import pggan, stylegan, stylegan2

Bank: TypeAlias = stylegan.Generator | stylegan2.Generator | pggan.Generator


def load(method: str, task: Task, device: torch.device) -> Bank:
    """Return the generator of a method, by its spec's name, frozen; on the meta device no file is read.

    Raises `MissingWeights` if its file is not on this machine, `BenchError` if it is of something else or makes images
    of another size than the task's.
    """
    if device.type == "meta":
        with device:
            return build(method, task).requires_grad_(requires_grad=False)
    path = weights.find(method, task, part="bank")
    state = unpickle.load(path)
    if "blocks.4x4.const" in state:  # PULSE's StyleGAN, whose mapping network is a file of its own
        state |= unpickle.load(weights.find(method, task, part="mapping"))
    found = checkpoints.network(state)
    if not isinstance(found, Bank):
        raise BenchError(f"{path.name} holds a {type(found).__name__}, not a generator. Put the right file there.")
    if side(found) != task.hr_size:
        raise BenchError(
            f"the generator in {path.name} makes images of {side(found)} px, the task asks for {task.hr_size}."
        )
    return found.to(device).requires_grad_(requires_grad=False)


def build(method: str, task: Task) -> Bank:
    """Return a generator with random weights, on torch's default device; kind and sizes are those of the profile."""
    size = sizes.of(task.profile)
    kind = size.generators[method]
    try:
        if kind == "stylegan":
            return stylegan.Generator(size=task.hr_size)
        if kind == "pggan":
            return pggan.Generator(size=task.hr_size)
        return stylegan2.Generator(
            size=task.hr_size,
            channels=size.bank_channels(task.hr_size),
            style_dim=size.style_dim,
            mapping_layers=size.mapping_layers,
        )
    except ValueError as error:
        raise BenchError(str(error)) from error


def side(bank: Bank) -> int:
    """Return the side of the images a generator makes, in pixels."""
    return bank.size if isinstance(bank, pggan.Generator) else bank.synthesis.size
