"""Records -> a row: one cell by one metric, over its seeds and trainings, with all that is told of it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bench import degradation
from bench.images import known
from bench.report import published
from bench.report.row import Row
from bench.scores import stats
from bench.scores.metric import Metric
from bench.spec import Card, Cell, Record, Report

_REASONS = 3
"""As many reasons of single images are told in a note, and names of the images that have others."""


def row(report: Report, cell: Cell, metric: Metric, records: Sequence[Record], card: Card) -> Row:
    """Return the row of one cell and metric."""
    protocol = metric.protocol()
    idle = _idle(records)
    used = [record for record in records if _source(record) not in idle]
    images = dict.fromkeys(record.image for record in used if record.image is not None and record.metrics)
    unusable = {record.image: record.reason for record in used if record.image and record.image not in images}
    failed = {record.image for record in used if record.status != "ok"}
    undefined = {record.image for record in used if math.isnan(record.metrics.get(protocol, 0.0))}
    by_seed: dict[tuple[int, int], dict[str, float]] = {}
    for record in used:
        if record.image is not None and protocol in record.metrics and record.image not in undefined:
            by_seed.setdefault(_source(record), {})[record.image] = record.metrics[protocol]
    values, spread = _over_seeds(by_seed)
    measured = tuple(by_seed or dict.fromkeys(map(_source, used))) or ((0, 0),)
    notes = dict.fromkeys((record.image, record.note) for record in used if record.image and record.note)
    return Row(
        cell=cell,
        metric=metric,
        values=values,
        n_ok=len(images.keys() - failed),
        n=len(images),
        reason=_without_hr(cell, metric, card)
        or _too_few(metric, len(images))
        or _reason(
            [record for record in records if not values or record.image is None or record.image in images],
            bool(values or undefined),
        ),
        summary=stats.summarise(list(values.values()), metric.higher_is_better, metric.degree, spread)
        if values
        else None,
        published=published.figure(report, cell, metric),
        test_set=card.test_set,
        apart=published.apart(report, card, len(images)),
        likeness=tuple(filter(None, (known.unverified(card), published.by_name(report, card)))),
        remark=next((record.remark for record in used if record.remark), ""),
        weights={each.file: each.trained_on for record in used for each in record.weights},
        notes=Counter(note for _, note in notes),
        unusable=unusable if values else {},
        seeds=tuple(dict.fromkeys(seed for seed, _ in measured)),
        trainings=tuple(dict.fromkeys(training for _, training in measured)),
        spread=spread,
        sources=by_seed,
        idle=idle,
        has_hr=card.has_hr,
        face_box=card.face_box,
        lr=f"LR {how}" if (how := degradation.words(card.degradation)) else "",
        degradation=card.degradation,
        subject=card.subject,
        undefined=len(undefined),
    )


def _without_hr(cell: Cell, metric: Metric, card: Card) -> str:
    """Return that a metric lacks the ground truth it needs, of a cell that is run; or ""."""
    if cell.refusal is not None or card.has_hr or not metric.needs_hr:
        return ""
    return f"{card.category} has no ground truth, which this metric needs; only what does without is measured on it"


def _too_few(metric: Metric, images: int) -> str:
    """Return that a metric says nothing of so few images; "" if it does, or if there are none at all."""
    return f"{metric.name} takes {metric.images} images or more, not {images}" if 0 < images < metric.images else ""


def _reason(records: Sequence[Record], measured: bool) -> str:  # noqa: FBT001
    """Return why there are no values, or not all are a method's own; an exception may have had no words."""
    lacking = [record for record in records if record.status != "ok"]
    told: dict[str, list[Record]] = {}
    for record in lacking:
        told.setdefault(record.reason.removesuffix(".") or "no reason was given", []).append(record)
    shown = [f"{reason}{_of(of, records)}" for reason, of in list(told.items())[:_REASONS]]
    others = list(dict.fromkeys(record.image for of in list(told.values())[_REASONS:] for record in of if record.image))
    if others:
        named = ", ".join(others[:_REASONS]) + (", ..." if len(others) > _REASONS else "")
        shown.append(f"{len(others)} more images are not the method's own, each for a reason like these ({named})")
    return "; ".join(shown) or ("" if measured else "no value was measured")


def _of(some: Sequence[Record], every: Sequence[Record]) -> str:
    """Return of which seeds or trainings a reason is, where it is not that of all; a refusal says it itself."""
    sources = dict.fromkeys(_source(record) for record in some if record.status != "refused")
    if not sources or len(sources) == len(set(map(_source, every))):
        return ""
    return f" ({in_words(list(sources), every=dict.fromkeys(map(_source, every)))})"


def in_words(sources: Sequence[tuple[int, int]], every: Iterable[tuple[int, int]]) -> str:
    """Return seeds and trainings in words: what differs among all of them."""
    seeds, trainings = (len(set(of)) > 1 for of in zip(*every, strict=True))
    if seeds and trainings:
        return ", ".join(f"seed {seed} of training {training}" for seed, training in sources)
    what, at = ("training", 1) if trainings else ("seed", 0)
    return f"{what}{'s' if len(sources) > 1 else ''} {', '.join(str(source[at]) for source in sources)}"


def _idle(records: Sequence[Record]) -> tuple[tuple[int, int], ...]:
    """Return the seeds and trainings that gave no image of their own, while others did: no mean is taken over them.

    Of all their images there are the bicubic results alone, which say nothing of how far seeds lie apart.
    """
    sources = dict.fromkeys(_source(record) for record in records if record.image is not None)
    own = {_source(record) for record in records if record.image is not None and record.status == "ok"}
    return tuple(source for source in sources if source not in own) if own else ()


def _source(record: Record) -> tuple[int, int]:
    """Return the seed and the training that a record is of."""
    return record.task.seed, record.task.training


def _over_seeds(
    by_seed: Mapping[tuple[int, int], Mapping[str, float]],
) -> tuple[dict[str, float], stats.Spread | None]:
    """Return the mean of each image that every seed has, and how far the seeds lie apart.

    Of several trainings with several seeds each, the trainings: what the seeds of one share does not vary among them.
    """
    sources = list(by_seed.values())
    shared = [image for image in (sources[0] if sources else ()) if all(image in values for values in sources)]
    if not shared:
        return {}, None
    seeds, trainings = (len(set(names)) for names in zip(*by_seed, strict=True))
    values = np.array([[each[image] for image in shared] for each in sources])
    if seeds > 1 and trainings > 1:
        of = [training for _, training in by_seed]
        values = np.stack([values[[t == training for t in of]].mean(axis=0) for training in dict.fromkeys(of)])
    means, spread = stats.over_seeds(values)
    return dict(zip(shared, means.tolist(), strict=True)), spread
