"""One straight line: plan -> restore -> score, for the command line and for Python."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from bench import cards as card_files
from bench import contract, report_files, stock
from bench.images import given
from bench.measurable import computable
from bench.measurement import Measurement
from bench.plan import WHOLE, Part, columns_of, plan, references
from bench.restore import RunSettings
from bench.running.handed import among
from bench.running.runner import Runner, of
from bench.spec import BenchError, ContractError, Images, Method, Record, Report, Task


def prepare(  # noqa: PLR0913 - a table, by whom, on what
    report: Report,
    methods: Iterable[type[Method] | Runner],
    settings: RunSettings,
    *,
    profile: str = "mini",
    hr_size: int | None = None,
    lr: str = "",
    seeds: Sequence[int] = (0,),
    trainings: Sequence[int] = (),
    weights: Literal["any", "published", "own"] = "any",
    unfinished: bool = False,
    dtype: Literal["float32", "tf32", "bfloat16"] = "float32",
    compiled: bool = False,
    part: Part = WHOLE,
) -> Measurement:
    """Plan a table: those of its methods that are given, and any others as further rows; all categories of a folder.

    Methods that draw random numbers are measured with each of the seeds, those that are trained with the networks of
    each of the trainings (of none: those of the report), and averaged image by image. `lr` is a folder
    or pattern of LR images in place of the suite's, as `images.given.instead`. `weights`, `unfinished`, `dtype` and
    `compiled` are as in `Task`; `part` limits the table.

    Raises `BenchError` for a report without metrics or two methods of one name, and what reading a profile raises.
    """
    if not report.metrics:
        raise BenchError(
            f"{report.name} names no metric: it is counted, not measured. Use: python -m bench {report.name}"
        )
    by_name = _by_name(report, methods)
    cards = card_files.cards(profile, hr_size)
    report, cards, absent = columns_of(report, cards, part)
    report, lacking = computable(report, cards)
    if lr:
        cards = given.instead(cards, lr, report.categories)
    specs = {name: each.spec for name, each in by_name.items()}
    report = replace(report, trainings=tuple(sorted(set(trainings or report.trainings))))
    cells = plan(report, specs, cards, seeds=sorted(set(seeds)), trainings=report.trainings)
    asked = partial(replace, weights=weights, unfinished=unfinished, dtype=dtype, compiled=compiled)
    cells = [replace(cell, task=asked(cell.task)) for cell in cells]
    by_name = {name: among(each, cells, cards, settings.limit) for name, each in by_name.items()}
    cells = stock.runnable(cells, cards, by_name, settings.limit, settings.allow_enlarge)
    beside = stock.runnable(references(report, cells, cards), cards, {}, settings.limit)
    return Measurement(report, cells, cards, by_name, settings, lacking=(*absent, *lacking), references=tuple(beside))


def _by_name(report: Report, methods: Iterable[type[Method] | Runner]) -> dict[str, Runner]:
    """Return what runs each row. Raises `BenchError` if two are of one name."""
    by_name: dict[str, Runner] = {}
    for each in methods:
        method = of(each)
        name = method.spec.name
        if by_name.setdefault(name, method) != method or name in report.references:
            raise BenchError(
                f"two rows are called {name!r}; change the spec.name of a method, or give restored images another "
                "name: --with NAME=FOLDER."
            )
    return by_name


def run(  # noqa: PLR0913 - as `prepare`
    report: str,
    methods: Iterable[type[Method] | Runner],
    settings: RunSettings,
    *,
    profile: str = "mini",
    hr_size: int | None = None,
    seeds: Sequence[int] = (0,),
) -> list[Record]:
    """Measure a table: restore what is not there yet, score it, return one record per image and per refused cell."""
    facts = report_files.read(report, card_files.preset(profile))
    measurement = prepare(facts, methods, settings, profile=profile, hr_size=hr_size, seeds=seeds)
    for _ in measurement.restore():
        pass
    return list(measurement.score())


def task(category: str, factor: int, *, profile: str = "mini", hr_size: int | None = None, seed: int = 0) -> Task:
    """Return the task of one category and factor, its size taken from the profile's card."""
    return card_files.card(profile, category, hr_size).task(factor, seed)


def upscale(method: type[Method], lr: Images, task: Task) -> Images:
    """Restore a batch with one method: (N, 3, lr_size, lr_size) to (N, 3, hr_size, hr_size), on the device of `lr`.

    Raises `BenchError` if the method refuses the task, `MissingWeights` if its weights are absent, `ContractError` if
    it returns what it must not, NaN and infinity included.
    """
    refusal = method.spec.refuses(task)
    if refusal is not None:
        raise BenchError(f"{refusal}; choose what it is for, or another method.")
    sr = contract.upscale(method.load(task, lr.device), task, lr)
    if not sr.isfinite().all():
        raise ContractError(f"{method.spec.name} returned NaN or infinity for this image, so there is no result of it.")
    return sr
