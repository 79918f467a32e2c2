"""A table to be measured: restored, then scored, category by category, so that its images are read once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter

from bench.batch import Restored
from bench.images import data, readahead
from bench.images.provenance import Provenance, provenance
from bench.images.remarks import remarks
from bench.measurable import left_out, unmeasured
from bench.plan import describe
from bench.progress import track
from bench.restore import Restoration, RunSettings, State, state
from bench.running.handed import Handed
from bench.running.measuring import Measure, measured, measurers
from bench.running.places import HERE
from bench.running.runner import Runner
from bench.scores import score
from bench.scores.metric import Metric
from bench.scores.metrics import columns
from bench.scores.references import REFERENCES, RUN
from bench.spec import Card, Cell, Record, Report
from bench.together import together


@dataclass(frozen=True, slots=True)
class Measurement:
    """A table to be measured: what is planned, on which images, by which methods, how."""

    report: Report
    cells: list[Cell]
    cards: Mapping[str, Card]
    methods: Mapping[str, Runner]
    settings: RunSettings
    states: dict[Cell, State] = field(default_factory=dict)
    """What became of the cells: kept from restoring to scoring to rendering, so that no other run can come between."""
    given: dict[tuple[str, int], Provenance] = field(default_factory=dict)
    """From where given LR images are, as `provenances`."""
    lacking: tuple[str, ...] = ()
    """Metrics of the report that this machine cannot compute, and why, a sentence each; `report` is without them."""
    references: tuple[Cell, ...] = ()
    """Rows that no method makes, to be scored with the cells."""
    scoring: dict[Cell, float] = field(default_factory=dict)
    """How many seconds an image took, of the cells that had no scores yet."""

    def describe(self) -> str:
        """Return the plan in a line, and one more for whatever is left out."""
        plan_line = f"{self.report.title}, profile {self.cells[0].task.profile}: {describe(self.cells)}"
        others = [*left_out(self.report, self.cards), *self.lacking, *unmeasured(self.report, self.cards)]
        others += remarks(self.cards, self.settings.limit)
        others += [sentence for found in self.provenances().values() for sentence in found.remarks]
        return "\n".join([plan_line, *others, *self._strangers()])

    def _strangers(self) -> Iterator[str]:
        """Yield what rows of restored images hold besides."""
        for name, method in self.methods.items():
            if isinstance(method, Handed):
                yield from method.strangers([cell.task for cell in self.cells if cell.method == name])

    def restore(self) -> Iterator[tuple[Cell, Restored]]:
        """Restore every runnable cell, several side by side if so set, yielding each image as it is done."""
        cells = [cell for cell in self.cells if cell.refusal is None]
        works = [Restoration(cell, self.card(cell), self.methods[cell.method], self.settings) for cell in cells]
        for work, image in self._alone(works) if self.settings.jobs == 1 else self._together(works):
            self.states[work.cell] = work.state
            yield work.cell, image

    def _alone(self, works: Sequence[Restoration]) -> Iterator[tuple[Restoration, Restored]]:
        for work in works:
            for image in track(work, f"restore {label(work.cell)}", self._count(work.cell)):
                yield work, image

    def _together(self, works: Sequence[Restoration]) -> Iterator[tuple[Restoration, Restored]]:
        cells = [work.cell for work in works]
        done = together(works, self.settings.jobs, _after(cells))
        return track(done, f"restore {len(cells)} cells", sum(map(self._count, cells)))

    def reading(self) -> AbstractContextManager[None]:
        """Read the images of the cells ahead of the methods during a block, if several of these work side by side."""
        wanted: dict[str, tuple[Card, int, int]] = {}
        for cell in self.cells:
            if cell.refusal is None:
                category = cell.task.category
                most = max(self._count(cell), wanted[category][2] if category in wanted else 0)
                wanted[category] = (self.card(cell), cell.task.factor, most)
        if self.settings.jobs == 1:
            return nullcontext()
        return readahead.ahead(list(wanted.values()), allow_enlarge=self.settings.allow_enlarge)

    def score(self) -> Iterator[Record]:
        """Score every cell with the metrics of the report."""
        settings = self.settings
        if settings.jobs == 1 and settings.place is HERE:
            yield from self._scored(measured)
            return
        with measurers(settings.jobs, settings.place) as processes:
            yield from self._scored(processes.measure)

    def _scored(self, measure: Measure) -> Iterator[Record]:
        names = (*self.report.metrics, *self.report.also)
        for cell in (*self.cells, *self.references):
            records = score.score(cell, self.card(cell), names, self.settings, self.state(cell), measure=measure)
            if cell.refusal is not None:
                yield from records
                continue
            anew = not score.file(cell, self.settings, self.state(cell)).is_file()
            start, count = perf_counter(), self._count(cell)
            yield from track(records, f"score {label(cell)}", count)
            if anew and self.state(cell).status == "ok":
                self.scoring[cell] = (perf_counter() - start) / count

    def stored(self) -> list[Record]:
        """Return the records of earlier scores; raises `BenchError` for a cell that was not scored yet."""
        names = (*self.report.metrics, *self.report.also)
        return [
            record
            for cell in (*self.cells, *self.references)
            for record in score.read(cell, self.card(cell), names, self.settings, self.state(cell))
        ]

    def state(self, cell: Cell) -> State:
        """Return what became of a cell in this run; if it was not restored in it, what would: its method is loaded."""
        if cell.reference and cell.refusal is None:
            return State("ok", run=RUN, remark=REFERENCES[cell.method].remark)
        if cell not in self.states:
            refused = cell.refusal is not None
            self.states[cell] = (
                State("refused", cell.refusal or "")
                if refused
                else state(cell, self.methods[cell.method], self.settings)
            )
        return self.states[cell]

    def card(self, cell: Cell) -> Card:
        """Return the facts of a cell's images."""
        return self.cards[cell.task.category]

    def metrics(self, cell: Cell) -> list[Metric]:
        """Return the metrics of the report that a cell's images are measured by."""
        metrics = columns((*self.report.metrics, *self.report.also))
        return [metric for metric in metrics if metric.measures(self.card(cell))]

    def provenances(self) -> dict[tuple[str, int], Provenance]:
        """Return from where the LR images are that are given, by category and factor; looked up once."""
        for cell in self.cells:
            task, card = cell.task, self.card(cell)
            place, settings = (task.category, task.factor), self.settings
            if card.lr and cell.refusal is None and place not in self.given:
                self.given[place] = provenance(card, task.factor, settings.limit, allow_enlarge=settings.allow_enlarge)
        return self.given

    def _count(self, cell: Cell) -> int:
        """Return how many images of its card a run goes through for a cell."""
        return len(data.image_ids(self.card(cell), self.settings.images(cell)))


def _after(cells: Sequence[Cell]) -> dict[int, int]:
    """Return which cells wait for which: one of `name` and one of `name+bp` make the same results first."""
    places = {(cell.task, cell.method): number for number, cell in enumerate(cells)}
    pairs = [
        sorted((number, places[cell.task, cell.method.rpartition("+")[0]]))
        for number, cell in enumerate(cells)
        if (cell.task, cell.method.rpartition("+")[0]) in places
    ]
    return {later: earlier for earlier, later in pairs}


def label(cell: Cell) -> str:
    """Return a cell in a few words."""
    training = f", training {cell.task.training}" if cell.task.training else ""
    return f"{cell.task.category} {cell.task.factor}x {cell.title}{training}"
