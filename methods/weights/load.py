"""From a task to a network that is ready, in one chain: find its file, read the tensors, build what they are of.

Files that were trained here come before published ones. Which layouts a method reads is its own affair: it gives the
reader (methods/formats).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from bench import origins
from bench.spec import BadFile, BenchError, MissingWeights, Task
from methods.formats import unpickle
from methods.weights import catalogue, trained
from methods.weights.folders import short

Network = TypeVar("Network", bound=nn.Module)


def network(  # noqa: PLR0913 - of what, for what, from what
    method: str,
    task: Task,
    device: torch.device,
    *,
    part: str = "network",
    build: Callable[[Task], Network],
    read: Callable[[Mapping[str, Any]], Network],
) -> Network:
    """Return a network of a method, by its spec's name, on a device.

    `read` makes it from what its weight file holds. The meta device has no values: there `build` makes it, no file is
    read, and one is looked for only under `origins.seeking`.
    Raises `MissingWeights` if the file is not on this machine, `BenchError` if it is of something else.
    """
    if device.type == "meta":
        if origins.sought():
            find(method, task, part=part)
        try:
            with device:
                return build(task)
        except ValueError as error:
            raise BenchError(str(error)) from error
    path = find(method, task, part=part)
    try:
        return read(unpickle.load(path)).to(device)
    except MissingWeights:  # of a second file
        raise
    except BenchError as error:
        raise BadFile(f"{path.name}: {error}") from error


def bank(
    method: str,
    task: Task,
    device: torch.device,
    *,
    build: Callable[[Task], Network],
    read: Callable[[Mapping[str, Any]], Network],
) -> Network:
    """Return the pretrained generator of a method, frozen; else like `network`."""
    return network(method, task, device, part="bank", build=build, read=read).requires_grad_(requires_grad=False)


def find(method: str, task: Task, *, part: str = "network") -> Path:
    """Return the first file for a method (its spec's name) and a task that is on this machine, a checksum verified.

    It is noted, with what it was trained on, for the table (bench/origins.py).

    `part` is for methods that need several files: network, bank, discriminator, mapping, vgg16.

    Raises `MissingWeights`: what is missing or wrong, from where, where to put it.
    """
    own = trained.locate(method, task, part)
    if own is not None:
        origins.note(own.name, trained.told(own))
        return own
    files = catalogue.fitting(method, task, part)
    for file in files:
        if path := catalogue.locate(file):
            if problem := catalogue.wrong(file, path):
                raise MissingWeights(f"{short(path)} {problem}. Delete it, and {catalogue.advice(file)}")
            origins.note(file.name, file.trained_on)
            return path
    if not files:  # no category is named, so that the cells of a table share one note
        raise MissingWeights(
            f"methods/weights/catalogue.toml knows no {part} of {method} for this category, {task.factor}x and "
            f"{task.hr_size} px, with the preset {task.preset}" + trained.advice(method, task, part)
        )
    what = f"the {part} of {method} for {task.category}, {task.factor}x, {task.hr_size} px"
    looked = ", ".join(short(folder) for folder in catalogue.places(task.preset))
    others = ", ".join(file.name for file in files[1:])
    raise MissingWeights(
        f"{what} ({files[0].name}) is not on this machine; looked in {looked}. To have it, {catalogue.advice(files[0])}"
        + (f" Others that would do: {others}." if others else "")
    )
