"""A row of images that were restored elsewhere: nothing is run, nothing is resized, files are taken as they are.

They are paired with the test images by `pairing`. What is wrong with a file fails its image alone: there is none, or
two, or one of another size.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from bench import contract
from bench.escape import file_name
from bench.images import data, pairing, photos, results
from bench.readings import suspicions
from bench.running import declared
from bench.running.runner import Facts, LoadError, Runner
from bench.spec import BadImage, BenchError, Card, Cell, Effort, Images, Spec, Task

_SCHEMA = 1
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Handed:
    """The restored images in a folder, or those that a pattern names, as a method of a table."""

    spec: Spec
    where: str
    scope: pairing.Scope = field(default_factory=pairing.Scope)
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """category -> its test images."""

    def among(self, cells: Sequence[Cell], cards: Mapping[str, Card], limit: int | None) -> "Handed":
        """Return it for the cells of a table, whose images it is paired with."""
        tasks = [cell.task for cell in cells]
        scope = pairing.Scope(len({task.category for task in tasks}) == 1, len({task.factor for task in tasks}) == 1)
        ids = {}
        for category in {task.category for task in tasks}:
            try:
                ids[category] = data.image_ids(cards[category], limit)
            except BenchError:  # the cell is refused for it
                ids[category] = ()
        return replace(self, scope=scope, ids=ids)

    def lacks(self, task: Task) -> str:
        """Return that there are no restored images of a category at a factor, or ""."""
        try:
            pairing.found(self.where, task, self.scope)
        except BenchError as error:
            return str(error)
        return ""

    def nothing(self, cells: Sequence[Cell]) -> str:
        """Return that not one image of all its cells is there, and where one would be; "" if there is any.

        Of a cell that is refused for another reason any file may be an image.
        """
        reasons = [self._nothing(cell) for cell in cells]
        asked = [(cell.task, reason) for cell, reason in zip(cells, reasons, strict=True) if cell.refusal is None]
        if not asked or not all(reasons):
            return ""
        places = [self._place(task) for task, _ in asked]
        example = f"; the first would be {places[0]}" if len(set(places)) == len(places) else ""
        return f"{self.where}: not one image of the table is there: {asked[0][1]}{example}."

    def _nothing(self, cell: Cell) -> str:
        """Return why not one image of a cell is there, or ""."""
        try:
            files = pairing.found(self.where, cell.task, self.scope)
        except BenchError as error:
            return str(error)
        strangers = pairing.pair(self.ids.get(cell.task.category, ()), files).strangers
        if cell.refusal is not None or len(strangers) < len(files):
            return ""
        names = _first(sorted(path.name for path in strangers))
        at = f"{cell.task.category} at {cell.task.factor}x"
        return f"of the {len(files)} files for {at} none is of an image that is measured ({names})"

    def _place(self, task: Task) -> str:
        """Return where the file of the first image of a task would be."""
        form = self.where if pairing.is_pattern(self.where) else f"{self.where}/{{category}}/x{{factor}}/{{id}}.png"
        known = {"category": task.category, "factor": str(task.factor), "id": file_name(self.ids[task.category][0])}
        for name, value in known.items():
            form = form.replace(f"{{{name}}}", value)
        return form

    def load(self, task: Task, device: torch.device) -> "HandedLoaded":  # noqa: ARG002 - as in `Runner`
        """Pair the files with the images of a task, and take their checksums."""
        try:
            pairs = self._pairs(task)
        except BenchError as error:
            raise LoadError(str(error), absent=True) from error
        sums = {image_id: _sha256(path) for image_id, path in pairs.files.items()}
        place = [task.profile, task.category, task.factor, task.hr_size]
        told = {"schema": _SCHEMA, "made": "elsewhere", "name": self.spec.name, "task": place, "files": sums}
        run = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
        facts = Facts(self.spec.name, self.spec.title, run, "made elsewhere, so without seconds")
        return HandedLoaded(facts, task, pairs, sums)

    def strangers(self, tasks: Sequence[Task]) -> Iterator[str]:
        """Yield a sentence for each task whose files hold some of no test image."""
        for task in tasks:
            try:
                names = sorted(path.name for path in self._pairs(task).strangers)
            except BenchError:
                continue
            if names:
                files = "file is" if len(names) == 1 else "files are"
                yield (
                    f"{self.spec.title}, {task.category} {task.factor}x: {len(names)} {files} of no image that is "
                    f"measured ({_first(names)})"
                )

    def _pairs(self, task: Task) -> pairing.Pairs:
        return pairing.pair(self.ids.get(task.category, ()), pairing.found(self.where, task, self.scope))


@dataclass(frozen=True, slots=True)
class HandedLoaded:
    """The files of one cell."""

    facts: Facts
    task: Task
    pairs: pairing.Pairs
    sums: Mapping[str, str]
    inner: None = None

    def attempt(self, lr: Images, ids: Sequence[str]) -> list[contract.Outcome]:
        """Return the files of images as what became of them."""
        return [self._outcome(of, image_id) for of, image_id in zip(lr.cpu(), ids, strict=True)]

    def _outcome(self, lr: Images, image_id: str) -> contract.Outcome:
        path = self.pairs.files.get(image_id)
        if path is None:
            return _failed(self.pairs.lacking.get(image_id, "there is no file of it"))
        try:
            content = photos.content(path)
            if hashlib.sha256(content).hexdigest() != self.sums[image_id]:
                return _failed(f"{path.name} was changed while it was read; run again")
            image, lost = results.result(content, path.name, self.task.hr_size)
        except BadImage as error:
            return _failed(str(error).replace(f"{path.parent}/", ""))
        (doubt,) = suspicions(image[None].float() / 255, lr[None])
        return contract.Outcome(image, "", math.nan, declared.noted(Effort(note=lost), doubt))

    def refine(self, given: tuple[Images, Effort, float], lr: Images) -> contract.Outcome:  # noqa: ARG002 - as in `Loaded`
        """Refuse: files are no method."""
        return _failed("restored images refine no other method's")

    def problems(self) -> list[str]:
        """Find nothing: files keep no contract."""
        return []

    def seconds(self, lr: Images) -> float:  # noqa: ARG002 - as in `Loaded`
        """Return nothing: nothing is restored."""
        return 0.0

    def close(self) -> None:
        """Do nothing."""


def among(runner: Runner, cells: Sequence[Cell], cards: Mapping[str, Card], limit: int | None) -> Runner:
    """Return a runner for the cells of a table: restored images are told which they are paired with."""
    return runner.among(cells, cards, limit) if isinstance(runner, Handed) else runner


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _sha256(path: Path) -> str:
    """Return the sha256 of a file, or why it cannot be read: another run is due once it can."""
    try:
        return hashlib.sha256(photos.content(path)).hexdigest()
    except BadImage as error:
        return str(error)


def _failed(reason: str) -> contract.Outcome:
    (outcome,) = contract.failures(1, reason)
    return outcome
