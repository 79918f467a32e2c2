"""From a task to a network that is ready, in one chain: find its file, read the tensors, build what they are of.

Files that were trained here to their end come before published ones, if the task does not say which are taken. Which
layouts a method reads is its own affair: it gives the reader (methods/formats).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from torch import nn

from bench import origins
from bench.paths import short
from bench.spec import BadFile, BenchError, MissingWeights, Task
from methods.formats import unpickle
from methods.nets.shapes import shapes
from methods.presets import biggan
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.weights import absent, catalogue, trained

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
            with shapes():
                return build(task)
        except ValueError as error:
            raise BenchError(str(error)) from error
    passed: dict[Path, BenchError] = {}
    while path := _next(method, task, part, passed):
        try:
            with origins.listening() as noted:
                find(method, task, part=part, passed=passed)
                found = read(unpickle.load(path)).to(device)
        except BenchError as error:
            if not _is_published(path):
                raise _named(path, error) from error
            passed[path] = error
        else:
            for each in noted:
                origins.note(each.file, each.trained_on)
            return found
    first, reason = next(iter(passed.items()))
    raise _named(first, reason) from reason


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


def _next(method: str, task: Task, part: str, passed: Mapping[Path, BenchError]) -> Path | None:
    """Return the next file to try; None if those that were tried are all. Raises `MissingWeights` if there was none."""
    try:
        with origins.listening():
            return find(method, task, part=part, passed=passed)
    except MissingWeights:
        if not passed:
            raise
        return None


def _is_published(path: Path) -> bool:
    """Return whether a file has its name from the catalogue; what was trained here is never passed over."""
    return any(file.name == path.name for file in catalogue.catalogue())


def _named(path: Path, error: BenchError) -> BenchError:
    """Return an error that names the file; one of a second file says itself which is missing."""
    return error if isinstance(error, MissingWeights) else BadFile(f"{trained.label(path)}: {error}")


def find(
    method: str, task: Task, *, part: str = "network", passed: Mapping[Path, BenchError] = MappingProxyType({})
) -> Path:
    """Return the first file for a method (its spec's name) and a task that is on this machine, a checksum verified.

    It is noted, with what it was trained on, for the table (bench/origins.py).

    Published files that cannot be used are told in the note of the one that can: those of `passed`, which were tried,
    and those of another checksum.

    `part` is for methods that need several files: network, bank, discriminator, mapping, vgg16.

    A network that was trained with other degradations than `down`, or a GLEAN around another kind of bank than its
    preset's, has their names behind its own: glean.tasks, glean.stylegan.

    Raises `MissingWeights`: what is missing or wrong, from where, where to put it.
    """
    if part == "network":
        method, task = named(method, task), replace(task, bank="")
    own = trained.locate(method, task, part) if task.weights != "published" else None
    files = catalogue.fitting(method, task, part) if not absent.own_alone(method, task, part) else []
    if own and part == "network":
        trained.check_factor(own, task)
    aside = trained.unfinished(own) if own and not task.unfinished else ""
    if own and not aside:
        others = [file.name for file in files if catalogue.locate(file)]
        more = f"; taken before {others[0]}, which is published" if others else ""
        origins.note(trained.label(own), trained.told(own) + more)
        return own
    left = f"{trained.label(own)}, trained here, {aside}, is used with --unfinished alone" if own else ""
    unusable = [f"{path.name}, which comes first, cannot be used: {error}" for path, error in passed.items()]
    found, wrong = _published(files, passed)
    if found:
        file, path = found
        origins.note(file.name, "; ".join(filter(None, [file.trained_on, left, *unusable, *wrong])).rstrip("."))
        return path
    if wrong:
        raise MissingWeights(" ".join(wrong))
    lacking = absent.words(method, task, part, files, own)
    raise MissingWeights(f"{left}; {lacking}" if left else lacking)


def _published(
    files: Sequence[catalogue.WeightFile], passed: Mapping[Path, BenchError]
) -> tuple[tuple[catalogue.WeightFile, Path] | None, list[str]]:
    """Return the first published file that can be tried and where it is, and what is wrong with those before it."""
    wrong: list[str] = []
    for file in files:
        if (path := catalogue.locate(file)) and path not in passed:
            if not (problem := catalogue.wrong(file, path)):
                return (file, path), wrong
            wrong.append(f"{short(path)} {problem}. Delete it, and {catalogue.advice(file)}")
    return None, wrong


def named(method: str, task: Task) -> str:
    """Return under which name the networks of a method are, for their degradations and another kind of bank.

    That is `glean.grey`, `glean.stylegan` or `glean.grey.stylegan`; a kind is named by a GLEAN alone that is not itself
    named after one, and if it is not its preset's.
    """
    mixed = f"{method}.{task.mixture}" if task.mixture else method
    if not task.bank or method.partition(".")[0] != trained.GLEAN or method == biggan.METHOD:
        return mixed
    return mixed if task.bank == chosen(SIZES, task).bank else f"{mixed}.{task.bank}"
