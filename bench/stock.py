"""What the cells of a table need and this machine may lack: images, LR images that are given, weights."""

from collections.abc import Mapping
from dataclasses import replace

from bench.images import data, known
from bench.images.provenance import refusal
from bench.images.training import tested_too
from bench.running.runner import Runner
from bench.scores.references import REFERENCES
from bench.spec import BenchError, Card, Cell, MissingImages


def runnable(
    cells: list[Cell], cards: Mapping[str, Card], methods: Mapping[str, Runner], limit: int | None
) -> list[Cell]:
    """Return the cells, those refused that lack something, with what it is.

    Raises `BenchError` if no category has its images, `MissingImages` if LR images are given and none is there.
    """
    there = _with_lr(_with_others(_with_images(cells, cards), cards, limit), cards, limit)
    return _with_weights(_with_references(there, cards, methods, limit), methods)


def _with_images(cells: list[Cell], cards: Mapping[str, Card]) -> list[Cell]:
    """Refuse the cells whose images are not there, with what is missing; if none are, raise what the first lacks."""
    missing: dict[str, BenchError] = {}
    categories = {cell.task.category: None for cell in cells}
    for category in categories:
        try:
            data.image_ids(cards[category])
            known.check(cards[category])
        except BenchError as error:
            missing[category] = error
    if missing and len(missing) == len(categories):
        raise next(iter(missing.values()))
    refusals = {category: f"no images of {category}: {error}" for category, error in missing.items()}
    return [replace(cell, refusal=refusals.get(cell.task.category, cell.refusal)) for cell in cells]


def _with_others(cells: list[Cell], cards: Mapping[str, Card], limit: int | None) -> list[Cell]:
    """Refuse the references that take another image where there is none."""
    return [
        replace(cell, refusal=REFERENCES[cell.method].refuses(len(data.image_ids(cards[cell.task.category], limit))))
        if cell.reference and cell.refusal is None
        else cell
        for cell in cells
    ]


def _with_lr(cells: list[Cell], cards: Mapping[str, Card], limit: int | None) -> list[Cell]:
    """Refuse the cells whose LR images are given and not there; if all are, raise what the first lacks."""
    tasks = dict.fromkeys((cell.task.category, cell.task.factor) for cell in cells if cell.refusal is None)
    reasons = {(name, factor): refusal(cards[name], factor, limit) for name, factor in tasks}
    if reasons and all(reasons.values()):
        raise MissingImages(f"{next(iter(reasons.values()))}.")
    return [
        replace(cell, refusal=cell.refusal or reasons[cell.task.category, cell.task.factor] or None) for cell in cells
    ]


def _with_references(
    cells: list[Cell], cards: Mapping[str, Card], methods: Mapping[str, Runner], limit: int | None
) -> list[Cell]:
    """Refuse the methods that are given training images where some of these are tested: they would see the answer."""
    return [
        replace(cell, refusal=cell.refusal or _shown(cards[cell.task.category], limit) or None)
        if cell.method in methods and methods[cell.method].spec.needs_reference == "training"
        else cell
        for cell in cells
    ]


def _shown(card: Card, limit: int | None) -> str:
    """Return why training images of a card are not to be shown to a method; "" if they may."""
    if limit is None or not tested_too(card, len(data.image_ids(card, limit))):
        return ""
    return (
        f"it is given images of {card.category} that are not tested, and of its folder the first {card.test_images} "
        f"alone are kept for testing: take -n {card.test_images}, or name a train_source in the card"
    )


def _with_weights(cells: list[Cell], methods: Mapping[str, Runner]) -> list[Cell]:
    """Refuse the cells whose method lacks its weights, so that the plan says so."""
    return [
        replace(cell, refusal=cell.refusal or methods[cell.method].lacks(cell.task) or None)
        if cell.method in methods
        else cell
        for cell in cells
    ]
