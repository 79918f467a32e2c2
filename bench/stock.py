"""What the cells of a table need and this machine may lack: images, LR images that are given, weights."""

from collections.abc import Mapping
from dataclasses import replace

from bench import cards as card_files
from bench.images import data, known
from bench.images.provenance import refusal
from bench.images.training import tested_too
from bench.running.handed import Handed
from bench.running.runner import Runner
from bench.scores.references import REFERENCES
from bench.spec import BenchError, Card, Cell, MissingImages


def runnable(
    cells: list[Cell],
    cards: Mapping[str, Card],
    methods: Mapping[str, Runner],
    limit: int | None,
    allow_enlarge: bool = False,  # noqa: FBT001, FBT002 - as `RunSettings`
) -> list[Cell]:
    """Return the cells, those refused that lack something, with what it is.

    Raises `BenchError` if no category has its images, `MissingImages` if LR images are given and none is there, or if
    of a row of restored images none is.
    """
    there = _with_lr(_with_others(_with_images(cells, cards), cards, limit), cards, limit)
    there = [_with_known_inputs(cell, cards, methods, limit, allow_enlarge) for cell in there]
    there = _with_references(there, cards, methods, limit)
    _check_handed(there, methods)
    return _with_weights(there, methods)


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


def _with_known_inputs(
    cell: Cell,
    cards: Mapping[str, Card],
    methods: Mapping[str, Runner],
    limit: int | None,
    allow_enlarge: bool,  # noqa: FBT001
) -> Cell:
    """Refuse a method that knows the card's test images by their inputs, where it is given other ones."""
    card = cards[cell.task.category]
    if cell.refusal is not None or cell.method not in methods or not methods[cell.method].spec.knows_by_input(card):
        return cell
    other = _other_inputs(card, limit, allow_enlarge)
    told = f"it knows the test images of {card.shows} by the inputs that their card says, and here {other}"
    return replace(cell, refusal=told) if other else cell


def _other_inputs(card: Card, limit: int | None, allow_enlarge: bool) -> str:  # noqa: FBT001
    """Return in which way the inputs are not those that a card on the disk says; "" if they are."""
    if card.subject:
        return "they are those of a variant"
    if card.lr != card_files.card(card.profile, card.category).lr:
        return "LR images are given with --lr: name them in the card (lr)"
    if allow_enlarge:
        return "photographs are enlarged: leave --allow-enlarge out"
    if limit is not None and len(data.image_ids(card, limit)) > (there := len(data.image_ids(card))):
        return f"there are more than its {there}: take -n {there}, or raise test_images in the card"
    return ""


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


def _check_handed(cells: list[Cell], methods: Mapping[str, Runner]) -> None:
    """Raise `MissingImages` for a row of restored images of which not one is there: the folder is a wrong one."""
    for name, method in methods.items():
        if isinstance(method, Handed) and (why := method.nothing([cell for cell in cells if cell.method == name])):
            raise MissingImages(why)


def _with_weights(cells: list[Cell], methods: Mapping[str, Runner]) -> list[Cell]:
    """Refuse the cells whose method lacks its weights, so that the plan says so."""
    return [
        replace(cell, refusal=cell.refusal or methods[cell.method].lacks(cell.task) or None)
        if cell.method in methods
        else cell
        for cell in cells
    ]
