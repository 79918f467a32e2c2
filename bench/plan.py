"""A table's facts and the methods there are -> the list of cells to run. Pure, and printed before anything runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bench import degradation, variants
from bench.measurable import divides, refusal
from bench.profiles import profiles
from bench.scores.metrics import columns
from bench.scores.references import REFERENCES
from bench.spec import BenchError, Card, Cell, Report, Spec, Task, UnknownName


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a table that is asked for; of whatever is empty, all."""

    categories: Collection[str] = ()
    factors: Collection[int] = ()
    methods: Collection[str] = ()
    """By the names of their specs; the full one of a table of variants stays, as the others are compared with it."""


WHOLE = Part()


def plan(
    report: Report,
    methods: Mapping[str, Spec],
    cards: Mapping[str, Card],
    *,
    seeds: Sequence[int] = (0,),
    trainings: Sequence[int] = (0,),
) -> list[Cell]:
    """Return every cell of the table, category by category, each with the reason if it will not be run.

    `methods` holds specs by name: those of the table and, as further rows, any others. A method that the table lists
    and that is not among them is refused, not hidden. A category of the table that this profile has no card for is left
    out, and so is a factor that does not divide the size of a category's images (see `left_out`); if nothing is left,
    that is an error. Of several seeds, a method that draws no random numbers gets the first alone; of several
    trainings, one whose networks are not told apart by them gets 0 alone.
    """
    categories = [category for category in report.categories if category in cards]
    if not categories:
        raise BenchError(
            f"{report.name} is about {', '.join(report.categories)}; this profile has {', '.join(cards) or 'nothing'}. "
            "Name a folder per category after one of these."
        )
    names = list(dict.fromkeys((*report.methods, *methods)))
    places = [(cards[category], factor) for category in categories for factor in report.factors]
    # Where no factor divides any size, the first task says so, and which factors would.
    fitting = [(card, factor) for card, factor in places if divides(factor, card)] or places
    unfit = {(card.category, factor): refusal(report, card, factor) for card, factor in fitting}
    if all(unfit.values()):
        raise BenchError(f"{next(iter(unfit.values()))}.")
    cells = [
        _cell(report, methods, replace(card.task(factor, seed), training=training), name, card)
        for card, factor in fitting
        for name in names
        for seed in (seeds if name in methods and methods[name].seeded else seeds[:1])
        for training in (trainings if name in methods and methods[name].trained else (0,))
    ]
    return [replace(cell, refusal=unfit[cell.task.category, cell.task.factor] or cell.refusal) for cell in cells]


def columns_of(
    report: Report, cards: Mapping[str, Card], part: Part = WHOLE
) -> tuple[Report, dict[str, Card], tuple[str, ...]]:
    """Return a table with the categories and variants that a profile has for it, their cards, and what is left out.

    Raises `BenchError` for a part that is none of the table, and for variants that cannot be made.
    """
    report, absent = variants.without_absent(report, cards)
    report = widened(report, cards)
    clashing = variants.clashing(report, cards)
    report, found = variants.expanded(report, cards)
    return limited(report, part), found, (*absent, *clashing)


def references(report: Report, cells: Sequence[Cell], cards: Mapping[str, Card]) -> list[Cell]:
    """Return the cells of what a table is to show beside its methods' `cells`, of each task that has a ground truth."""
    tasks = dict.fromkeys(replace(cell.task, training=0) for cell in cells if cell.task.seed == cells[0].task.seed)
    return [
        Cell(task, name, REFERENCES[name].title, refusal(report, cards[task.category], task.factor), reference=True)
        for task in tasks
        if cards[task.category].has_hr
        for name in report.references
        if not REFERENCES[name].edited or degradation.edit(cards[task.category].degradation)
    ]


def widened(report: Report, cards: Mapping[str, Card]) -> Report:
    """Return a table with the categories of a user's folder that it does not name behind its own.

    Only those that one of its metrics is for: nothing can be said of flowers in a table of faces' identity.
    """
    metrics = columns(report.metrics)
    further = [
        category
        for category, card in cards.items()
        if category not in report.categories
        and card.profile not in profiles()
        and any(metric.applies(card) for metric in metrics)
    ]
    return replace(report, categories=(*report.categories, *further))


def limited(report: Report, part: Part) -> Report:
    """Return a part of a table, in its order. Raises `UnknownName` or `BenchError` for what is none of it.

    A category brings its variants with it. Methods that it does not list are further rows, as `plan` adds them.
    """
    columns_of = {
        asked: [name for name in report.categories if asked in (name, name.rpartition(".")[0])]
        for asked in part.categories
    }
    for asked, found in columns_of.items():
        if not found:
            raise UnknownName(f"category of {report.name}:", asked, report.categories)
    chosen = {name for found in columns_of.values() for name in found} or set(report.categories)
    for factor in part.factors:
        if factor not in report.factors:
            there = ", ".join(f"{each}x" for each in report.factors)
            raise BenchError(f"{report.name} has no {factor}x; it is measured at {there}.")
    rows = {*part.methods, report.full} if part.methods else set(report.methods)
    return replace(
        report,
        categories=tuple(name for name in report.categories if name in chosen),
        factors=tuple(factor for factor in report.factors if not part.factors or factor in part.factors),
        methods=tuple(name for name in report.methods if name in rows),
    )


def _cell(report: Report, methods: Mapping[str, Spec], task: Task, name: str, card: Card) -> Cell:
    """Return one cell."""
    if name in methods:
        spec = methods[name]
        images = _searched(card) if spec.searches else None
        return Cell(task, name, spec.title, spec.refuses(task.asked), spec.trained_on, images, oracle=spec.oracle)
    if name in report.pending:
        title = report.pending[name]
        return Cell(task, name, title, f"{title} is not implemented yet")
    return Cell(task, name, name, f"{name} is not among the methods of this run")


def _searched(card: Card) -> int | None:
    """Return how many images the methods that search get, of those that the others get; None: all."""
    return card.searched_images and min(card.searched_images, len(card.ids) or card.test_images)


def describe(cells: list[Cell]) -> str:
    """Return the plan in one sentence: `25 cells, 20 runnable, 5 refused: ...`."""
    refusals = [cell.refusal.removesuffix(".") for cell in cells if cell.refusal]
    counts = f"{len(cells)} cells, {len(cells) - len(refusals)} runnable, {len(refusals)} refused"
    return f"{counts}: {'; '.join(dict.fromkeys(refusals))}" if refusals else counts
