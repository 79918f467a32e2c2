"""PNG files + ground truth -> Records. What is scored is what lies on disk and can be looked at."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bench import allocator, atomic, degradation, store
from bench.fingerprint import package_version
from bench.images import data
from bench.imports import imported, sources
from bench.restore import RunSettings, State
from bench.running.measuring import Measure, measured
from bench.scores import batch, metrics, score_file, scored
from bench.scores.metric import Metric, Pair
from bench.scores.score_file import Line
from bench.spec import BenchError, Card, Cell, Record, Status
from bench.together import ahead


def score(  # noqa: PLR0913 - of what, how, and by whom
    cell: Cell,
    card: Card,
    names: Sequence[str],
    settings: RunSettings,
    state: State,
    *,
    measure: Measure = measured,
) -> Iterator[Record]:
    """Score every image of a cell, yielding a record each, in the card's order; they then lie beside the images.

    Only the images of the run that `state` names are scored, whatever else lies in the folder. A failed image is scored
    with the bicubic result and marked; it is never dropped. A cell that was refused, or whose method could not be
    loaded, gives one record without an image. A value is computed again if its image, ground truth, code or versions
    are others, or if it was damaged; values of other metrics and images stay in the file. `measure` computes the values
    of a metric, in several threads at once if the settings say so.
    Raises `BenchError` if the cell, or an image of it, was not restored yet.
    """
    if cell.refusal is not None or state.status != "ok":
        yield _unmeasured(cell, state)
        return
    path = file(cell, settings, state)
    lines, _ = score_file.read(path)
    makers = _makers(cell, names, card)
    for line in _whole(cell, card, settings, state, wanted=makers, stored=lines, measure=measure):
        lines[str(line.record.image)] = line
        yield line.record
    atomic.write(path, score_file.text(lines.values()))


def read(cell: Cell, card: Card, names: Sequence[str], settings: RunSettings, state: State) -> list[Record]:
    """Return the records that `score` would yield of a cell that was scored before; no metric is computed.

    Raises `BenchError` if a value is not there, or is of another result, ground truth, input, code or version than
    there is now, or if the file of the scores was changed since it was written.
    """
    if cell.refusal is not None or state.status != "ok":
        return [_unmeasured(cell, state)]
    path = file(cell, settings, state)
    lines, whole = score_file.read(path)
    if lines and not whole:
        raise BenchError(
            f"{path} was damaged or edited since it was written. Run score again: it computes what is lost."
        )

    def missing(*_: object) -> list[Tensor]:
        raise BenchError(
            f"{cell.method} on {cell.task.category} is not scored yet by this table's metrics, on its images, as they "
            f"are now: {path}. Run score first."
        )

    wanted = _makers(cell, names, card)
    found = _whole(cell, card, settings, state, wanted=wanted, stored=lines, measure=missing)
    return [line.record for line in found]


def _whole(  # noqa: PLR0913 - as `_lines`
    cell: Cell,
    card: Card,
    settings: RunSettings,
    state: State,
    *,
    wanted: Mapping[Metric, str],
    stored: Mapping[str, Line],
    measure: Measure,
) -> Iterator[Line]:
    """Yield `_lines`, with the shares in the metrics of sets: these can only be told when all images are known."""
    single = {metric: maker for metric, maker in wanted.items() if metric.pooled is None}
    lines = _lines(cell, card, settings, state, wanted=single, stored=stored, measure=measure)
    for metric, maker in wanted.items():
        if metric.pooled is not None:
            lines = iter(
                _pooled(
                    list(lines),
                    metric,
                    maker,
                    partial(scored.pairs, cell, card, settings, file(cell, settings, state).parent),
                    measure,
                )
            )
    yield from lines


def _pooled(
    lines: list[Line], metric: Metric, maker: str, pairs: Callable[[], Iterator[Pair]], measure: Measure
) -> list[Line]:
    """Return the lines with their shares in a metric of the set; without, if there are too few images."""
    protocol, usable = metric.protocol(), [line for line in lines if line.key]
    of = hashlib.sha256(" ".join([maker, *(line.key for line in usable)]).encode()).hexdigest()[:16]
    values: list[float] = []
    if metric.pooled is not None and len(usable) >= metric.images:
        values = [line.record.metrics[protocol] for line in usable if line.by.get(protocol) == of]
        if len(values) < len(usable):
            values = metric.pooled(torch.cat([value for pair in pairs() for value in measure([metric], pair)])).tolist()
    shares = {str(line.record.image): value for line, value in zip(usable, values, strict=False)}
    return [_with(line, protocol, shares.get(str(line.record.image)), of) for line in lines]


def _with(line: Line, protocol: str, value: float | None, maker: str) -> Line:
    """Return a line with a value, or with none, whatever it had."""
    new, by = ({}, {}) if value is None else ({protocol: value}, {protocol: maker})
    there = {name: old for name, old in line.record.metrics.items() if name != protocol}
    made = {name: old for name, old in line.by.items() if name != protocol}
    return Line(line.key, made | by, replace(line.record, metrics=there | new))


def _lines(  # noqa: PLR0913 - of what, how, and what is known already
    cell: Cell,
    card: Card,
    settings: RunSettings,
    state: State,
    *,
    wanted: Mapping[Metric, str],
    stored: Mapping[str, Line],
    measure: Measure,
) -> Iterator[Line]:
    """Yield a line for each image of a cell, in the card's order; `wanted` compute what the stored lines lack."""
    limit = settings.images(cell)
    result = scored.finder(cell, card, settings, file(cell, settings, state).parent)
    ids, waiting = list(reversed(data.image_ids(card, limit))), {}
    entries = data.batches(card, cell.task.factor, scored.together(card), limit, settings.allow_enlarge)
    batches = partial(
        batch.lines, cell, how=card.degradation, result=result, wanted=wanted, stored=stored, measure=measure
    )
    for made in ahead(lambda entry: _entry(cell, entry, state, batches), entries, settings.jobs):
        # Images that cannot be used come before those of a batch that is not full yet.
        waiting.update({str(line.record.image): line for line in made})
        while ids and ids[-1] in waiting:
            line = waiting.pop(ids.pop())
            yield replace(line, record=replace(line.record, remark=state.remark, weights=state.weights))


def file(cell: Cell, settings: RunSettings, state: State) -> Path:
    """Return where the scores of a cell's run lie."""
    return store.cell_folder(settings.out, cell) / state.run / store.SCORES


def _unmeasured(cell: Cell, state: State) -> Record:
    """Return the one record of a cell that has no images."""
    if cell.refusal is not None:
        return Record(cell.task, cell.method, None, "refused", cell.refusal)
    return Record(cell.task, cell.method, None, state.status, state.reason)


def _makers(cell: Cell, names: Sequence[str], card: Card) -> dict[Metric, str]:
    """Return the metrics that are wanted and apply to a cell, each with the code and versions its values are of."""
    found = [metric.of(card) for metric in metrics.columns(names) if metric.measures(card) and metric.takes(cell)]
    code = sources(imported([Path(metrics.__file__)]))
    how = degradation.words(card.degradation)
    return {metric: _maker(code, metric, how * metric.through) for metric in found}


def _maker(code: str, metric: Metric, how: str) -> str:
    versions = [f"{name} {package_version(name)}" for name in ("torch", *metric.packages)]
    return hashlib.sha256(" ".join(filter(None, [code, *versions, how])).encode()).hexdigest()[:16]


def _entry(
    cell: Cell, entry: data.Batch | data.BadEntry, state: State, of: Callable[[data.Batch], list[Line]]
) -> list[Line]:
    """Return the lines of a batch, or the one of an image that cannot be used."""
    if isinstance(entry, data.Batch):
        lines = of(entry)
        allocator.give_back(entry.hr.numel())
        return lines
    status: Status = "refused" if entry.refused else "failed"
    return [Line("", {}, Record(cell.task, cell.method, entry.id, status, entry.reason, run=state.run))]
