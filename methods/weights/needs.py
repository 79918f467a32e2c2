"""Which published files the rows of a table would read, one choice for each part of each method and task."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.spec import Task
from methods.weights import catalogue, load
from methods.weights.catalogue import WeightFile

_FOR_TRAINING = {("glean", "bank")}
"""(method, part): what only a training begins with; the trained network holds it."""
_SECOND = {"mapping": "pulse-stylegan1"}
"""A part that only the banks of a layout need, which keep it in a file of its own."""
_BOTH = ("mmagic-stylegan2", "nvidia-ada")
"""Layouts of banks whose files hold the discriminator, too, where methods/weights/critic.py finds it."""


@dataclass(frozen=True, slots=True)
class Need:
    """One part of a method for a task, and the file that fills it best; None: none was published for it."""

    method: str
    task: Task
    part: str
    file: WeightFile | None
    complete: bool
    """Whether all parts of the method for the task are here or can be fetched: a part alone is of no use."""

    @property
    def here(self) -> bool:
        """Tell whether the file is on this machine, as it was published."""
        return self.file is not None and _here(self.file)

    @property
    def fetched(self) -> bool:
        """Tell whether `fetch` is to bring the file, or to see that it is in order."""
        return self.file is not None and (self.here or (self.complete and bool(self.file.addresses)))


def needs(wanted: Iterable[tuple[str, Task]]) -> Iterator[Need]:
    """Yield what each method, by its spec's name, needs for each task, if the catalogue knows the method at all.

    Of several files the first on this machine is chosen, else the first that a program can get, else the first.
    """
    known = catalogue.catalogue()
    for method, task in wanted:
        parts = dict.fromkeys(file.part for file in known if method in file.methods)
        chosen = {part: _best(catalogue.fitting(_name(method, task, part), task, part)) for part in parts}
        bank = chosen.get("bank")
        read = {part: file for part, file in chosen.items() if _is_read(method, part, bank)}
        complete = all(file and (file.addresses or _here(file)) for file in read.values())
        for part, file in read.items():
            yield Need(method, task, part, file, complete)


def _name(method: str, task: Task, part: str) -> str:
    """Return under which name a part is looked for when it is loaded."""
    return load.named(method, task) if part == "network" else method


def _is_read(method: str, part: str, bank: WeightFile | None) -> bool:
    """Tell whether a method reads a part to restore images, with this bank."""
    needless = part in _SECOND and (bank is None or bank.layout != _SECOND[part])
    held = part == "discriminator" and bank is not None and bank.layout in _BOTH
    return (method, part) not in _FOR_TRAINING and not needless and not held


def _here(file: WeightFile) -> bool:
    path = catalogue.locate(file)
    return path is not None and not catalogue.wrong(file, path)


def _best(files: list[WeightFile]) -> WeightFile | None:
    """Return the file to have."""
    here = (file for file in files if _here(file))
    to_fetch = (file for file in files if file.addresses)
    return next(here, None) or next(to_fetch, None) or next(iter(files), None)
