"""That a weight file is not there, in words: what is missing, where it was looked for, what to do."""

from collections.abc import Sequence
from pathlib import Path

from bench import shipped
from bench.paths import short
from bench.spec import MissingWeights, Task
from methods.weights import advice, catalogue, fits, trained


def own_alone(method: str, task: Task, part: str) -> bool:
    """Return whether published files are left out: a task wants its own, of what training makes, or those of a seed."""
    return trained.trainable(method, part) and (task.weights == "own" or of_seed(task, part))


def of_seed(task: Task, part: str) -> bool:
    """Return whether a part is wanted of the training of a certain seed; published ones tell of none."""
    return task.training != 0 and part == "network"


def _sources(method: str, task: Task, part: str) -> str:
    """Return the beginning of a sentence on what is missing: where nothing was found."""
    if of_seed(task, part) and task.weights == "published":
        return f"published files (--weights published) tell of no seed, so that there is for --training {task.training}"
    if of_seed(task, part):
        return f"among the networks that were trained with the seed {task.training} is"
    if own_alone(method, task, part):
        return "published files are left out (--weights own), so there is"
    return "methods/weights/catalogue.toml knows"


def words(method: str, task: Task, part: str, files: Sequence[catalogue.WeightFile], own: Path | None) -> str:
    """Return what is missing, from where it can be had, and what of the method is here; `own`: its training is begun.

    Raises `MissingWeights` if the suite came with it.
    """
    if not own and (lost := trained.lost(method, task, part)):
        raise MissingWeights(f"{short(lost)} came with the suite and is not there any more; {shipped.AGAIN}")
    there_is_no = _wanted(method, task, part, files, begun=own is not None)
    if not of_seed(task, part) and (here := fits.words(method, task, part)):
        return f"{there_is_no.rstrip('.')}.{here}"
    return there_is_no


def _wanted(method: str, task: Task, part: str, files: Sequence[catalogue.WeightFile], *, begun: bool) -> str:
    """Return what is missing, from where it can be had, and where it is to be put; `begun`: its training is."""
    if not files:  # no category is named, so that the cells of a table share one note
        published = task.weights == "published" and trained.trainable(method, part)
        told = "; without --weights published trained ones are looked for" if published else ""
        return (
            f"{_sources(method, task, part)} no {part} of {method} for this category, {task.factor}x and "
            f"{task.hr_size} px, with the preset {task.preset}"
            f"{told or advice.command(method, task, part, begun=begun)}"
        )
    what = f"the {part} of {method} for {task.category}, {task.factor}x, {task.hr_size} px"
    looked = ", ".join(short(folder) for folder in catalogue.places(task.preset))
    others = ", ".join(file.name for file in files[1:])
    return (
        f"{what} ({files[0].name}) is not on this machine; looked in {looked}. To have it, {catalogue.advice(files[0])}"
        + (f" Others that would do: {others}." if others else "")
    )
