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

from bench import origins, shipped
from bench.paths import short
from bench.spec import BadFile, BenchError, MissingWeights, Task
from methods.formats import unpickle
from methods.nets.shapes import shapes
from methods.presets import biggan
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.weights import catalogue, fits, trained

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
    return error if isinstance(error, MissingWeights) else BadFile(f"{path.name}: {error}")


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
    files = catalogue.fitting(method, task, part) if not _own_alone(method, task, part) else []
    if own and part == "network":
        trained.check_factor(own, task)
    aside = trained.unfinished(own) if own and not task.unfinished else ""
    if own and not aside:
        others = [file.name for file in files if catalogue.locate(file)]
        more = f"; taken before {others[0]}, which is published" if others else ""
        name = f"{own.parent.name}/{own.name}" if _of_seed(task, part) else own.name
        origins.note(name, trained.told(own) + more)
        return own
    left = f"{own.name}, trained here, {aside}, is used with --unfinished alone" if own else ""
    unusable = [f"{path.name}, which comes first, cannot be used: {error}" for path, error in passed.items()]
    wrong = []
    for file in files:
        if (path := catalogue.locate(file)) and path not in passed:
            if problem := catalogue.wrong(file, path):
                wrong.append(f"{short(path)} {problem}. Delete it, and {catalogue.advice(file)}")
                continue
            origins.note(file.name, "; ".join(filter(None, [file.trained_on, left, *unusable, *wrong])).rstrip("."))
            return path
    if wrong:
        raise MissingWeights(" ".join(wrong))
    if not own and (lost := trained.lost(method, task, part)):
        raise MissingWeights(f"{short(lost)} came with the suite and is not there any more; {shipped.AGAIN}")
    absent = _absent(method, task, part, files, begun=own is not None)
    if not _of_seed(task, part) and (here := fits.words(method, task, part)):
        absent = f"{absent.rstrip('.')}.{here}"
    raise MissingWeights(f"{left}; {absent}" if left else absent)


def named(method: str, task: Task) -> str:
    """Return under which name the networks of a method are, for their degradations and another kind of bank.

    That is `glean.grey`, `glean.stylegan` or `glean.grey.stylegan`; a kind is named by a GLEAN alone that is not itself
    named after one, and if it is not its preset's.
    """
    mixed = f"{method}.{task.mixture}" if task.mixture else method
    if not task.bank or method.partition(".")[0] != trained.GLEAN or method == biggan.METHOD:
        return mixed
    return mixed if task.bank == chosen(SIZES, task).bank else f"{mixed}.{task.bank}"


def _own_alone(method: str, task: Task, part: str) -> bool:
    """Return whether published files are left out: a task wants its own, of what training makes, or those of a seed."""
    return trained.trainable(method, part) and (task.weights == "own" or _of_seed(task, part))


def _of_seed(task: Task, part: str) -> bool:
    """Return whether a part is wanted of the training of a certain seed; published ones tell of none."""
    return task.training != 0 and part == "network"


def _sources(method: str, task: Task, part: str) -> str:
    """Return the beginning of a sentence on what is missing: where nothing was found."""
    if _of_seed(task, part) and task.weights == "published":
        return f"published files (--weights published) tell of no seed, so that there is for --training {task.training}"
    if _of_seed(task, part):
        return f"among the networks that were trained with the seed {task.training} is"
    if _own_alone(method, task, part):
        return "published files are left out (--weights own), so there is"
    return "methods/weights/catalogue.toml knows"


def _absent(method: str, task: Task, part: str, files: Sequence[catalogue.WeightFile], *, begun: bool) -> str:
    """Return what is missing, from where it can be had, and where it is to be put; `begun`: its training is."""
    if not files:  # no category is named, so that the cells of a table share one note
        published = task.weights == "published" and trained.trainable(method, part)
        advice = "; without --weights published trained ones are looked for" if published else ""
        return (
            f"{_sources(method, task, part)} no {part} of {method} for this category, {task.factor}x and "
            f"{task.hr_size} px, with the preset {task.preset}"
            f"{advice or trained.advice(method, task, part, begun=begun)}"
        )
    what = f"the {part} of {method} for {task.category}, {task.factor}x, {task.hr_size} px"
    looked = ", ".join(short(folder) for folder in catalogue.places(task.preset))
    others = ", ".join(file.name for file in files[1:])
    return (
        f"{what} ({files[0].name}) is not on this machine; looked in {looked}. To have it, {catalogue.advice(files[0])}"
        + (f" Others that would do: {others}." if others else "")
    )
