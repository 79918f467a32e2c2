"""PNG files + ground truth -> Records. What is scored is what lies on disk and can be looked at."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench import atomic, files, resize, store
from bench.fingerprint import package_version
from bench.images import data
from bench.imports import imported, sources
from bench.restore import RunSettings, State
from bench.scores import metrics, references
from bench.scores.metric import Metric, Pair
from bench.spec import (
    BadImage,
    BenchError,
    Card,
    Cell,
    Images,
    MissingImages,
    Record,
    Status,
    Task,
    TooSmall,
    Weights,
)

_BATCH = 16
_SUM = "sha256"
_LARGEST = 2**30
"""Bytes of a file of scores."""
_Found = tuple[Images, dict[str, Any]]
_Find = Callable[[data.Batch, int], _Found]


@dataclass(frozen=True, slots=True)
class _Line:
    """What lies on disk of one image: a record with every value that was ever computed of it, by whom and of what."""

    key: str
    """The pixels of the result, of its ground truth and of its input."""
    by: Mapping[str, str]
    """Protocol -> code and versions that its value is of."""
    record: Record


def score(cell: Cell, card: Card, names: Sequence[str], settings: RunSettings, state: State) -> Iterator[Record]:
    """Score every image of a cell, yielding a record each, in the card's order; they then lie beside the images.

    Only the images of the run that `state` names are scored, whatever else lies in the folder. A failed image is scored
    with the bicubic result and marked; it is never dropped. A cell that was refused, or whose method could not be
    loaded, gives one record without an image. A value is computed again if its image, ground truth, code or versions
    are others, or if it was damaged; values of other metrics and images stay in the file.
    Raises `BenchError` if the cell, or an image of it, was not restored yet.
    """
    if cell.refusal is not None or state.status != "ok":
        yield _unmeasured(cell, state)
        return
    path = file(cell, settings, state)
    lines, _ = _read(path)
    for line in _lines(cell, card, settings, state, wanted=_makers(names, card), stored=lines):
        lines[str(line.record.image)] = line
        yield line.record
    atomic.write(path, _to_text(lines.values()))


def read(cell: Cell, card: Card, names: Sequence[str], settings: RunSettings, state: State) -> list[Record]:
    """Return the records that `score` would yield of a cell that was scored before; no metric is computed.

    Raises `BenchError` if a value is not there, or is of another result, ground truth, input, code or version than
    there is now, or if the file of the scores was changed since it was written.
    """
    if cell.refusal is not None or state.status != "ok":
        return [_unmeasured(cell, state)]
    path = file(cell, settings, state)
    lines, whole = _read(path)
    if lines and not whole:
        raise BenchError(
            f"{path} was damaged or edited since it was written. Run score again: it computes what is lost."
        )

    def missing(_: Pair) -> Tensor:
        raise BenchError(
            f"{cell.method} on {cell.task.category} is not scored yet by this table's metrics, on its images, as they "
            f"are now: {path}. Run score first."
        )

    wanted = {replace(metric, function=missing): maker for metric, maker in _makers(names, card).items()}
    return [line.record for line in _lines(cell, card, settings, state, wanted=wanted, stored=lines)]


def _lines(  # noqa: PLR0913 - of what, how, and what is known already
    cell: Cell,
    card: Card,
    settings: RunSettings,
    state: State,
    *,
    wanted: Mapping[Metric, str],
    stored: Mapping[str, _Line],
) -> Iterator[_Line]:
    """Yield a line for each image of a cell, in the card's order; `wanted` compute what the stored lines lack."""
    limit = settings.images(cell)
    result = (
        _reference(cell, card, settings)
        if cell.reference
        else partial(_result, cell, file(cell, settings, state).parent)
    )
    ids, waiting = list(reversed(data.image_ids(card, limit))), {}
    for entry in data.batches(card, cell.task.factor, _BATCH, limit, settings.allow_enlarge):
        if isinstance(entry, data.BadEntry):  # it comes before the images of a batch that is not full yet
            status: Status = "refused" if entry.refused else "failed"
            record = Record(cell.task, cell.method, entry.id, status, entry.reason, run=state.run)
            waiting[entry.id] = _Line("", {}, record)
        else:
            made = _batch(cell, entry, result, wanted, stored)
            waiting.update(zip(entry.ids, made, strict=True))
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


def _weights(told: Sequence[Mapping[str, str]]) -> tuple[Weights, ...]:
    return tuple(Weights(**each) for each in told)


def _makers(names: Sequence[str], card: Card) -> dict[Metric, str]:
    """Return the metrics that are wanted and apply to a card, each with the code and versions its values are of."""
    found = [metric.of(card) for metric in metrics.columns(names) if metric.measures(card)]
    code = sources(imported([Path(metrics.__file__)]))
    return {metric: _maker(code, metric) for metric in found}


def _maker(code: str, metric: Metric) -> str:
    versions = [f"{name} {package_version(name)}" for name in ("torch", *metric.packages)]
    return hashlib.sha256(" ".join([code, *versions]).encode()).hexdigest()[:16]


def _batch(
    cell: Cell, batch: data.Batch, result: _Find, wanted: Mapping[Metric, str], lines: Mapping[str, _Line]
) -> list[_Line]:
    """Score the images of one batch."""
    results = [result(batch, index) for index in range(len(batch.ids))]
    sr = torch.stack([image for image, _ in results])
    keys = [_key(*images) for images in zip(sr, batch.hr, batch.lr, strict=True)]
    old = [_of(lines.get(image_id), key) for image_id, key in zip(batch.ids, keys, strict=True)]
    values = [dict(line.record.metrics) if line else {} for line in old]
    by = [dict(line.by) if line else {} for line in old]
    for metric, maker in wanted.items():
        protocol = metric.protocol()
        missing = [index for index, made in enumerate(by) if made.get(protocol) != maker]
        if missing:
            pair = Pair(sr[missing], batch.hr[missing], batch.lr[missing], cell.task.factor)
            for index, value in zip(missing, metric.function(pair).tolist(), strict=True):
                values[index][protocol], by[index][protocol] = value, maker
    return [
        _Line(key, made, Record(metrics=there, **facts))
        for key, made, there, (_, facts) in zip(keys, by, values, results, strict=True)
    ]


def _of(line: _Line | None, key: str) -> _Line | None:
    """Return a stored line if it is of these pixels."""
    return line if line is not None and line.key == key else None


def _result(cell: Cell, folder: Path, batch: data.Batch, index: int) -> _Found:
    """Return what is scored for one image, (3, H, W) in [0, 1], and the facts of its record."""
    path = store.image_file(folder, batch.ids[index])
    facts: dict[str, Any] = {"task": cell.task, "method": cell.method, "image": batch.ids[index], "run": folder.name}
    lr = batch.lr[index]
    checksum = data.pixel_sha256(resize.eight_bit(lr))
    stored = store.load(path, cell.task.hr_size)
    if stored is not None and stored.lr == checksum:
        return stored.image / 255, facts | {"status": "ok", "seconds": stored.seconds, **asdict(stored.effort)}
    failure = store.read_json(path.with_suffix(".json"))
    if failure is None or failure.get("lr") != checksum or not isinstance(failure.get("reason"), str):
        raise _not_restored(cell, path)
    return _bicubic(lr, cell), facts | {"status": "failed", "reason": failure["reason"]}


def _bicubic(lr: Images, cell: Cell) -> Images:
    """Return what is scored in the place of an image that failed."""
    return resize.quantise(resize.upsample(lr[None], cell.task.factor))[0]


def _reference(cell: Cell, card: Card, settings: RunSettings) -> _Find:
    """Return what finds the images of a reference: they are made of the ground truth, and not stored."""
    ids = data.image_ids(card, settings.images(cell))

    def truth(image_id: str) -> Images | None:
        with suppress(BadImage, MissingImages, TooSmall):
            return data.read(card, image_id, settings.allow_enlarge).float() / 255
        return None

    def find(batch: data.Batch, index: int) -> _Found:
        name = batch.ids[index]
        facts = {"task": cell.task, "method": cell.method, "image": name, "run": references.RUN, "status": "ok"}
        image = references.REFERENCES[cell.method].make(ids, ids.index(name), truth)
        if image is None:
            reason = "there is no other image that can be read"
            return _bicubic(batch.lr[index], cell), facts | {"status": "failed", "reason": reason}
        return image, facts

    return find


def _not_restored(cell: Cell, where: Path) -> BenchError:
    """Return the error for a result that is not there."""
    return BenchError(
        f"{cell.method} on {cell.task.category} is not restored yet by this method from its images as they are now: no "
        f"sound {where}. Run restore first."
    )


def _key(*images: Images) -> str:
    """Return the sha256 of all that metrics look at, on the 8-bit grid: a result, its ground truth and its input."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(resize.eight_bit(image).contiguous().numpy().tobytes())
    return digest.hexdigest()


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain JSON values; NaN and infinity, which JSON lacks, become their names."""
    plain = asdict(record)
    plain["seconds"] = repr(record.seconds)
    plain["metrics"] = {name: repr(value) for name, value in record.metrics.items()}
    return plain


def from_json(plain: dict[str, Any]) -> Record:
    """Return the record that `to_json` wrote."""
    fields = {name: value for name, value in plain.items() if name not in ("key", "by")}
    fields["task"] = Task(**fields["task"])
    fields["weights"] = _weights(fields["weights"])
    fields["seconds"] = float(fields["seconds"])
    fields["metrics"] = {name: float(value) for name, value in fields["metrics"].items()}
    return Record(**fields)


def _to_text(lines: Iterable[_Line]) -> bytes:
    """Return the file: a line for each image with its own checksum, then one for the whole."""
    plain = [{"key": line.key, "by": dict(line.by), **to_json(line.record)} for line in lines]
    texts = [_dump({**each, _SUM: _checksum(each)}) for each in plain]
    return "".join(f"{text}\n" for text in [*texts, _last(texts)]).encode()


def _last(texts: Sequence[str]) -> str:
    """Return the last line, which says how many there are and what they are."""
    return _dump({"lines": len(texts), _SUM: hashlib.sha256("\n".join(texts).encode()).hexdigest()})


def _dump(plain: Mapping[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True)


def _checksum(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(plain).encode()).hexdigest()


def _read(path: Path) -> tuple[dict[str, _Line], bool]:
    """Return the stored lines by image, those that are sound and of this run, and whether the file is what was written.

    A file that was copied here from another run is whole and has no lines.
    """
    found = files.found(path, _LARGEST)
    texts = [] if found is None else found.decode(errors="replace").removesuffix("\n").split("\n")
    lines: dict[str, _Line] = {}
    for text in texts[:-1]:
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            plain = json.loads(text)
            if plain.pop(_SUM) == _checksum(plain) and plain["run"] == path.parent.name:
                lines[plain["image"]] = _Line(plain["key"], plain["by"], from_json(plain))
    return lines, bool(texts) and texts[-1] == _last(texts[:-1])
