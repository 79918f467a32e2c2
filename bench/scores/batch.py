"""The values of a batch of images. What is known of the same pixels, by the same code, is not computed again."""

import hashlib
from collections.abc import Mapping, Sequence

import torch

from bench import resize
from bench.images import data
from bench.running.measuring import Measure
from bench.scores import scored
from bench.scores.metric import Metric, Pair
from bench.scores.score_file import Line
from bench.spec import Cell, Images, Record


def lines(  # noqa: PLR0913 - of what, by what, and what is known already
    cell: Cell,
    batch: data.Batch,
    *,
    how: tuple[str, ...],
    result: scored.Find,
    wanted: Mapping[Metric, str],
    stored: Mapping[str, Line],
    measure: Measure,
) -> list[Line]:
    """Return a line for each image of a batch; `wanted` compute what the `stored` ones lack."""
    results = [result(batch, index) for index in range(len(batch.ids))]
    sr = torch.stack([image for image, _ in results])
    seen = (sr, batch.hr, batch.lr, *([] if batch.mask is None else [batch.mask]))
    keys = [_key(*images) for images in zip(*seen, strict=True)]
    old = [_of(stored.get(image_id), key) for image_id, key in zip(batch.ids, keys, strict=True)]
    values = [dict(line.record.metrics) if line else {} for line in old]
    by = [dict(line.by) if line else {} for line in old]
    for missing, columns in _missing(wanted, by).items():
        at = list(missing)
        mask = None if batch.mask is None else batch.mask[at]
        pair = Pair(sr[at], batch.hr[at], batch.lr[at], cell.task.factor, how, mask)
        for metric, found in zip(columns, measure(columns, pair), strict=True):
            for index, value in zip(missing, found.tolist(), strict=True):
                values[index][metric.protocol()], by[index][metric.protocol()] = value, wanted[metric]
    return [
        Line(key, made, Record(metrics=there, **facts))
        for key, made, there, (_, facts) in zip(keys, by, values, results, strict=True)
    ]


def _missing(wanted: Mapping[Metric, str], by: Sequence[Mapping[str, str]]) -> dict[tuple[int, ...], list[Metric]]:
    """Return the images of a batch that lack a value -> the metrics that they lack."""
    found: dict[tuple[int, ...], list[Metric]] = {}
    for metric, maker in wanted.items():
        protocol = metric.protocol()
        if missing := tuple(index for index, made in enumerate(by) if made.get(protocol) != maker):
            found.setdefault(missing, []).append(metric)
    return found


def _of(line: Line | None, key: str) -> Line | None:
    """Return a stored line if it is of these pixels."""
    return line if line is not None and line.key == key else None


def _key(*images: Images) -> str:
    """Return the sha256 of all that metrics look at, in 8 bits: a result, its ground truth, input and mask."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(resize.eight_bit(image).contiguous().numpy().tobytes())
    return digest.hexdigest()
