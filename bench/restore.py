"""Cell -> PNG files with their seconds. What is there under the same fingerprint is kept."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock

import torch

from bench import allocator, atomic, locks, store
from bench.batch import Ready, Restored, restored
from bench.images import data
from bench.running import runner
from bench.running.places import HERE, Place
from bench.spec import Card, Cell, Method, Spec, Status, Weights


@dataclass(frozen=True, slots=True)
class State:
    """What became of a cell: under which fingerprint it runs and with what, or why it cannot."""

    status: Status
    reason: str = ""
    run: str = ""
    remark: str = ""
    weights: tuple[Weights, ...] = ()


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to run, apart from what to run: none of these may change a picture beyond rounding."""

    out: Path
    device: torch.device
    batch_size: int | None = None
    """None: as many as the method's spec allows."""
    limit: int | None = None
    """Images per category; None: as many as the card says."""
    allow_enlarge: bool = False
    jobs: int = 1
    """How many processes work side by side."""
    place: Place = HERE
    """Where they are."""

    def images(self, cell: Cell) -> int | None:
        """Return how many test images a cell gets; None: all."""
        return self.limit or cell.images


class Restoration:
    """The restoring of one cell. `state` says, from the first image on, what became of the cell.

    Several threads may go through it at once: each loads the method for itself and gets its share of the images.
    """

    def __init__(self, cell: Cell, card: Card, method: type[Method] | runner.Runner, settings: RunSettings) -> None:
        """Plan it; nothing is loaded yet."""
        self.cell = cell
        self.card = card
        self.runner = runner.of(method)
        self.settings = settings
        self.state = State("failed", "it was not begun")
        self.left: int | None = None
        """How many images nobody has taken yet; None as long as it is not known whether the method can be loaded."""
        self._lock = Lock()
        self._begun = self._ended = False
        self._entries: Iterator[data.Batch | data.BadEntry] = iter(())
        self._loaded: list[runner.Loaded] = []

    def __iter__(self) -> Iterator[Restored]:
        """Restore the images that are not there yet and that no other thread takes, yielding each as it is done.

        Each result lies on disk before it is yielded. A method that cannot be loaded fails or (weights absent) refuses
        the whole cell, which is yielded as one item without an image.
        Raises `BenchError` if another run restores the cell with other code, and `OutputError`.
        """
        with self._lock:
            helping, self._begun = self._begun, True
        folder = store.cell_folder(self.settings.out, self.cell)
        if not helping:
            atomic.remove_parts(folder)
        with ExitStack() as stack:
            try:
                loaded = self.runner.load(self.cell.task, self.settings.device)
            except runner.LoadError as error:
                if not helping:  # the first thread's method is loaded, and restores all
                    self.left, self.state = 0, _unloaded(error)
                    _note(folder, self.state)
                    yield Restored(None, self.state.status, self.state.reason)
                return
            stack.enter_context(closing(loaded))
            self._loaded.append(loaded)
            if helping and loaded.facts.run != self.state.run:  # its results would lie in another folder
                return
            stack.enter_context(locks.held(folder, loaded.facts.run))
            if not helping:
                self._begin(_loaded(loaded.facts))
                _note(folder, self.state)
            yield from self._images(_ready(self.cell, loaded, self.settings))

    def end(self) -> None:
        """Let every thread end at once, whatever its method is doing."""
        self._ended = True
        for loaded in self._loaded:
            loaded.close()

    def _begin(self, state: State) -> None:
        """Note that the method can be loaded, and let other threads come in."""
        settings, factor = self.settings, self.cell.task.factor
        size, limit = _together(self.runner.spec, settings), settings.images(self.cell)
        self.state = state
        self._entries = data.batches(self.card, factor, size, limit, settings.allow_enlarge)
        self.left = len(data.image_ids(self.card, limit))

    def _images(self, ready: Ready) -> Iterator[Restored]:
        while entry := self._next():
            if isinstance(entry, data.BadEntry):
                yield Restored(entry.id, "refused" if entry.refused else "failed", entry.reason)
            else:
                yield from restored(ready, entry)
                allocator.give_back(entry.hr.numel())

    def _next(self) -> data.Batch | data.BadEntry | None:
        """Return the next images that no thread has taken; None if there are none."""
        with self._lock:
            entry = None if self._ended else next(self._entries, None)
            if entry is None:
                self.left = 0
            else:
                self.left = (self.left or 0) - (len(entry.ids) if isinstance(entry, data.Batch) else 1)
            return entry


def restore(cell: Cell, card: Card, method: type[Method] | runner.Runner, settings: RunSettings) -> Iterator[Restored]:
    """Restore every image of a cell that is not there yet, as `Restoration`."""
    return iter(Restoration(cell, card, method, settings))


def state(cell: Cell, method: type[Method] | runner.Runner, settings: RunSettings) -> State:
    """Return under which fingerprint a cell runs here and now, or why it cannot: the method is loaded to find out."""
    try:
        loaded = runner.of(method).load(cell.task, settings.device)
    except runner.LoadError as error:
        return _unloaded(error)
    with closing(loaded):
        return _loaded(loaded.facts)


def _unloaded(error: runner.LoadError) -> State:
    return State("refused" if error.absent else "failed", str(error))


def _loaded(facts: runner.Facts) -> State:
    return State("ok", run=facts.run, remark=facts.remark, weights=facts.weights)


def _note(folder: Path, state: State) -> None:
    """Write down what became of a cell, for whoever looks into the folder."""
    store.write_json(folder / "cell.json", asdict(state))


def _together(spec: Spec, settings: RunSettings) -> int:
    """Return how many images a method gets at once: if it searches, as many as are searched at once.

    So a run that is stopped loses the images in work alone.
    """
    most = min(spec.max_batch, settings.batch_size or spec.max_batch)
    if not spec.searches:
        return most
    return min(most, torch.get_num_threads() if settings.device.type == "cpu" else 1)


def outstanding(
    cell: Cell, card: Card, method: type[Method] | runner.Runner, settings: RunSettings
) -> tuple[Path, runner.Loaded, int]:
    """Return what a cell will start with, or a cell that it refines: its folder, its method, how many images it lacks.

    The method is to be closed. Raises `LoadError` if it cannot be loaded.
    """
    ready = _ready(cell, runner.of(method).load(cell.task, settings.device), settings)
    while ready.inner is not None:
        ready = ready.inner
    ids = data.image_ids(card, settings.images(cell))
    lacking = sum(not store.image_file(ready.folder, image_id).is_file() for image_id in ids)
    return ready.folder, ready.loaded, lacking


def _ready(cell: Cell, loaded: runner.Loaded, settings: RunSettings) -> Ready:
    """Return a loaded method with its folder; the inner one of a method that refines is a cell of its own."""
    inner = None
    if loaded.inner is not None:
        facts = loaded.inner.facts
        inner = _ready(replace(cell, method=facts.name, title=facts.title), loaded.inner, settings)
        _note(inner.folder.parent, _loaded(facts))
    return Ready(cell.task.hr_size, loaded, store.cell_folder(settings.out, cell) / loaded.facts.run, inner)
