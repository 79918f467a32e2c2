"""What `table` does: restore, score, render, with what is to be said meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from threading import Thread
from types import ModuleType

import torch
import typer

import methods as suite
from bench import allocator, estimate, machine
from bench.console import detail, say, tell
from bench.measurement import Measurement, label
from bench.options import Step
from bench.restore import RunSettings
from bench.running import runners
from bench.running.cluster import Cluster
from bench.running.places import HERE
from bench.running.runner import Runner
from bench.running.template import TEMPLATE
from bench.spec import Record, Report
from bench.viewer import pictures


@contextmanager
def placed(settings: RunSettings, jobs: int | None, ray: str | None, share: float) -> Iterator[RunSettings]:
    """Yield the settings with the place of the workers, here or on a cluster, and how many there are."""
    allocator.keep_freed()
    if settings.device.type == "cpu":
        torch.set_num_threads(1)  # the cores are for processes: the operations on an image are too small to be shared
    if ray is not None:
        with closing(Cluster(ray, settings.device, share, jobs)) as cluster:
            say(f"{cluster.jobs} workers on the cluster.")
            yield replace(settings, jobs=cluster.jobs, place=cluster.place)
        return
    settings = replace(settings, jobs=jobs or (machine.jobs() if settings.device.type == "cpu" else 1))
    if settings.jobs > 1:
        TEMPLATE.start()
    yield settings


def measure(
    measurement: Measurement, only: Step | None, columns: Sequence[str] = (), hidden: Sequence[str] = ()
) -> None:
    """Do the steps of a table, or one alone; its end tells whether something failed.

    `columns` are of LaTeX's tables, `hidden` of the strip. Raises `UnknownName` for a picture to hide that is none.
    """
    pictures.check((cell.method for cell in measurement.cells), hidden)
    failed = _restore(measurement) if only in (None, Step.RESTORE) else False
    if only is not Step.RESTORE:
        if only is None and measurement.settings.jobs > 1:
            Thread(target=_ahead, daemon=True).start()
        records = measurement.stored() if only is Step.RENDER else list(measurement.score())
        estimate.keep(measurement, records)
        failed |= any(record.status == "failed" for record in records)
        if only is not Step.SCORE:
            say("Computing intervals, drawing figures and writing the page ...")
            _render(measurement, records, columns, hidden)
    if failed:
        raise typer.Exit(1)


def own(report: Report, *, whole: bool) -> list[str]:
    """Return the methods of a table that there are; of a part of it, the one that the others are compared with."""
    names = [name for name in report.methods if name not in report.pending or name in suite.BY_NAME]
    return names if whole else [name for name in names if name == report.full]


def chosen(words: Sequence[str], report: Report, timeout: float | None, settings: RunSettings) -> dict[str, Runner]:
    """Return names, FILE:CLASS or folders of restored images -> the rows."""
    beside = settings.jobs > 1 or settings.place is not HERE
    return {word: runners.row(word, timeout, report.factors, beside=beside, place=settings.place) for word in words}


def _restore(measurement: Measurement) -> bool:
    """Say how long it will take, restore what is missing, print what is wrong once, return whether something failed.

    A cell that is refused, such as for want of weights, is in order: the table says why.
    """
    failed, told = False, set()
    with measurement.reading():
        for sentence in (machine.busy(), *estimate.sentences(measurement)):
            if sentence:
                say(sentence)
        for cell, image in measurement.restore():
            failed |= image.status == "failed"
            where = f"{label(cell)}, {image.image}" if image.image else label(cell)
            detail(f"{where}: {'kept' if image.kept else image.status}")
            wrong = image.status == "failed" or (image.status == "refused" and image.image is not None)
            if wrong and image.reason not in told:
                told.add(image.reason)
                tell(image.status, f"{where}: {image.reason}")
    return failed


def _ahead() -> None:
    """Import what the end wants while the workers compute; what is wrong with it is told when it is wanted."""
    with suppress(Exception):
        _rendering()


def _render(measurement: Measurement, records: Sequence[Record], columns: Sequence[str], hidden: Sequence[str]) -> None:
    """Write the table and its pictures, and print it."""
    _rendering().write(measurement, records, columns, hidden)


def _rendering() -> ModuleType:
    """Import statistics, data frames and figures: it takes seconds, and the other verbs do without."""
    from bench import rendering  # noqa: PLC0415

    return rendering
