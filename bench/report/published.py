"""The published figures of a report: which one belongs to a cell, and whether it is of the images measured here."""

import hashlib
from collections.abc import Iterator

from bench import degradation
from bench.scores.metric import Metric
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


def names_sha256(card: Card) -> str:
    """Return the sha256 of the names of a card's list, a line each."""
    return hashlib.sha256("".join(f"{image}\n" for image in card.ids).encode()).hexdigest()


def apart(report: Report, card: Card, measured: int) -> str:
    """Return why figures of `measured` images of a card cannot be set against the published ones; "" if they can.

    They can if the report says of what the published ones are, and size, list and down-sampling are the same, and all
    images of the list were measured. A list is the same if its checksums are or, where a report knows none, its names.
    """
    theirs, name = report.test_data.get(card.category), report.test_sets.get(card.category, "unnamed images")
    differences = [] if theirs is None else list(_differences(theirs, card))
    if theirs is not None and not differences:
        return "" if measured == len(card.ids) else f"of all {len(card.ids)} images of {name}, not of {measured}"
    if name != card.test_set:
        return f"of other test images ({name})"
    if theirs is None or not (theirs.sha256 or theirs.names):
        return f"of {name}, of which there are no checksums that would show whether these images are the same"
    return f"of {name} {', '.join(differences)}"


def by_name(report: Report, card: Card) -> str:
    """Return a sentence where published figures are set against those of a card by the names of its list alone."""
    theirs = report.test_data.get(card.category)
    if theirs is None or theirs.sha256 or any(_differences(theirs, card)):
        return ""
    return (
        f"The published values of {card.category} are taken to be of these images by the names and the number of the "
        f"publisher's files ({len(card.ids)}); pixels were not compared"
    )


def _differences(theirs: PublishedOn, card: Card) -> Iterator[str]:
    """Yield in what the images of published figures differ from those of a card."""
    if theirs.hr_size != card.hr_size:
        yield f"in another size ({theirs.hr_size} px, here {card.hr_size})"
    if not (theirs.sha256 or theirs.names):
        yield "in a selection that is not known"
    elif theirs.sha256 and theirs.sha256 != list_sha256(card):
        yield "in another selection, by the checksums of the list"
    elif not theirs.sha256 and theirs.names != names_sha256(card):
        yield "in another selection, by its names"
    if card.lr:
        yield "of other LR images (here they were given)"
    if how := degradation.words(card.degradation):
        yield f"of other LR images (here {how})"
    if theirs.operator != OPERATOR:
        yield f"in another down-sampling ({theirs.operator or 'unknown'}, here {OPERATOR})"
