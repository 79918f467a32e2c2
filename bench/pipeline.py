"""One straight line: plan -> restore -> score, category by category, so that its images are read once."""

from collections.abc import Iterator, Mapping, Sequence

from bench import cards as card_files
from bench import contract, data, reports
from bench.plan import plan
from bench.progress import track
from bench.restore import Restored, Settings, restore
from bench.score import score
from bench.spec import BenchError, Card, Cell, Images, Method, Record, Report, Task


def restore_all(
    cells: Sequence[Cell], cards: Mapping[str, Card], methods: Mapping[str, type[Method]], settings: Settings
) -> Iterator[tuple[Cell, Restored]]:
    """Restore every runnable cell, yielding each image with its cell as it is done."""
    for cell in cells:
        if cell.refusal is None:
            card = cards[cell.task.category]
            images = restore(cell, card, methods[cell.method], settings)
            for image in track(images, f"restore {label(cell)}", _count(card, settings, cell)):
                yield cell, image


def score_all(cells: Sequence[Cell], cards: Mapping[str, Card], report: Report, settings: Settings) -> Iterator[Record]:
    """Score every cell with the metrics of the report."""
    names = (*report.metrics, *report.also)
    for cell in cells:
        card = cards[cell.task.category]
        records = score(cell, card, names, settings)
        if cell.refusal is not None:
            yield from records
        else:
            yield from track(records, f"score {label(cell)}", _count(card, settings, cell))


def label(cell: Cell) -> str:
    """Return a cell in a few words."""
    return f"{cell.task.category} {cell.task.factor}x {cell.title}"


def _count(card: Card, settings: Settings, cell: Cell) -> int:
    """Return how many images of a card a run goes through for a cell."""
    return len(data.image_ids(card, settings.images(cell)))


def task(category: str, factor: int, *, profile: str = "mini", hr_size: int | None = None, seed: int = 0) -> Task:
    """Return the task of one category and factor, its size taken from the profile's card."""
    card = card_files.card(profile, category, hr_size)
    return Task(card.profile, category, factor, card.hr_size, seed)


def upscale(method: type[Method], lr: Images, task: Task) -> Images:
    """Restore a batch with one method: (N, 3, lr_size, lr_size) to (N, 3, hr_size, hr_size), on the device of `lr`.

    Raises `BenchError` if the method refuses the task, `MissingWeights` if its weights are absent, `ContractError` if
    it returns what it must not.
    """
    refusal = method.spec.refuses(task)
    if refusal is not None:
        raise BenchError(refusal)
    return contract.upscale(method.load(task, lr.device), task, lr)


def run(report: str, methods: Sequence[type[Method]], settings: Settings, *, profile: str = "mini") -> list[Record]:
    """Measure a table: restore what is not there yet, score it, return one record per image and per refused cell."""
    facts, by_name = reports.read(report), {method.spec.name: method for method in methods}
    cards = card_files.cards(profile)
    cells = plan(facts, by_name, cards)
    for _ in restore_all(cells, cards, by_name, settings):
        pass
    return list(score_all(cells, cards, facts, settings))
