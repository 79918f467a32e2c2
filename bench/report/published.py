"""The published figures of a report: which one belongs to a cell, and whether it is of the images measured here."""

import hashlib

from bench.scores.metrics import Metric
from bench.spec import Card, Cell, Published, PublishedOn, Report

OPERATOR = "matlab-bicubic"
"""How LR is made here: `bench.resize`."""


def figure(report: Report, cell: Cell, metric: Metric) -> Published | None:
    """Return the published figure of a cell and metric, if there is one."""
    wanted = (cell.method, cell.task.category, cell.task.factor, metric.name)
    for published in report.published:
        if (published.method, published.category, published.factor, published.metric) == wanted:
            return published
    return None


def list_sha256(card: Card) -> str:
    """Return the sha256 of a card's list as `python -m bench lists` writes it, or "" if an image has no checksum."""
    if not card.ids or any(image not in card.sha256 for image in card.ids):
        return ""
    return hashlib.sha256("".join(f"{card.sha256[image]}  {image}\n" for image in card.ids).encode()).hexdigest()


def apart(report: Report, card: Card, measured: int) -> str:
    """Return why figures of `measured` images of a card cannot be set against the published ones; "" if they can.

    They can if the report says of what the published ones are, and size, list with checksums and down-sampling are the
    same, and all images of the list were measured.
    """
    theirs, name = report.test_data.get(card.category), report.test_sets.get(card.category, "unnamed images")
    if theirs == PublishedOn(card.hr_size, list_sha256(card), OPERATOR):
        return "" if measured == len(card.ids) else f"of all {len(card.ids)} images of {name}, not of {measured}"
    if theirs is None and name == card.test_set:
        return f"of {name}, of which there are no checksums that would show whether these images are the same"
    if theirs is not None and name == card.test_set:
        return f"of {name} in another size, selection or down-sampling"
    return f"of other test images ({name})"
