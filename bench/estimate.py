"""How long a table will take, said before it begins: by a few steps of a search, and by earlier runs for the rest."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch

from bench import contract, store, timings
from bench.fingerprint import device_name
from bench.images import data
from bench.measurement import Measurement
from bench.progress import spelt
from bench.restore import outstanding
from bench.spec import BenchError, Cell, Images, Record, Spec, Task
from bench.together import ahead

_ENOUGH = 5
"""Images: the seconds of fewer are mostly those of a beginning, in which networks are loaded."""


def sentences(measurement: Measurement) -> Iterator[str]:
    """Yield how long what is still to be done will take; nothing where nothing is known."""
    yield from searches(measurement)
    yield from rest(measurement)


@dataclass(frozen=True, slots=True)
class _Left:
    """What a cell will start with: a search, its own or that whose results it refines."""

    cell: Cell
    folder: Path
    kind: tuple[str, int, int]
    """Cells of one kind take the same time."""
    title: str
    lacking: int
    """Images."""


def searches(measurement: Measurement) -> Iterator[str]:
    """Yield a sentence for each method that searches and has something left to do.

    A few steps of each are run for it. A method that cannot be loaded is left to `restore`, which says why.
    """
    jobs = measurement.settings.jobs
    cells = [cell for cell in measurement.cells if _searching(cell, measurement)]
    found = [each for each in ahead(partial(_left, measurement), cells, jobs) if each is not None and each.lacking]
    left = list({each.folder: each for each in reversed(found)}.values())[::-1]
    kinds = {each.kind: each for each in reversed(left)}
    taken = dict(zip(kinds, ahead(partial(_seconds, measurement), kinds.values(), jobs), strict=True))
    spent: dict[str, float] = {}
    for each in left:
        seconds = taken[each.kind]
        if seconds is not None:
            spent[each.title] = spent.get(each.title, 0.0) + each.lacking * seconds
    for title, seconds in spent.items():
        yield f"{title} searches for about {spelt(seconds / jobs)}, going by a few of its steps on this machine."


def _searching(cell: Cell, measurement: Measurement) -> bool:
    method = measurement.methods.get(cell.method)
    return cell.refusal is None and method is not None and method.spec.searches


def _left(measurement: Measurement, cell: Cell) -> _Left | None:
    """Return what is left of a cell's search; None if its method cannot be loaded.

    It is loaded to know in which folder its results would lie, and which method it refines; not if there are none yet.
    """
    method, task, place = measurement.methods[cell.method], cell.task, store.cell_folder(measurement.settings.out, cell)
    if not place.exists() and "+" not in cell.method:
        spec, ids = method.spec, data.image_ids(measurement.card(cell), measurement.settings.images(cell))
        return _Left(cell, place, (spec.name, task.factor, task.hr_size), spec.title, len(ids))
    with suppress(BenchError, contract.Failed):
        folder, loaded, lacking = outstanding(cell, measurement.card(cell), method, measurement.settings)
        loaded.close()
        facts = loaded.facts
        return _Left(cell, folder.parent, (facts.name, task.factor, task.hr_size), facts.title, lacking)
    return None


def _seconds(measurement: Measurement, left: _Left) -> float | None:
    """Return how long a search takes for an image; None if it cannot be told."""
    cell = left.cell
    with suppress(BenchError, contract.Failed):
        method = measurement.methods[cell.method]
        _, loaded, _ = outstanding(cell, measurement.card(cell), method, measurement.settings)
        with closing(loaded), contract.caught():
            return loaded.seconds(_example(method.spec, cell.task, measurement))
    return None


def _example(spec: Spec, task: Task, measurement: Measurement) -> Images:
    """Return LR images of noise, as many as are searched at once: on a CPU one for each thread."""
    device, most = measurement.settings.device, measurement.settings.batch_size
    together = torch.get_num_threads() if device.type == "cpu" else 1
    number = min(together, most or together, spec.max_batch)
    noise = torch.rand(number, 3, task.lr_size, task.lr_size, generator=torch.Generator().manual_seed(0))
    return noise.to(device)


def rest(measurement: Measurement) -> Iterator[str]:
    """Yield a sentence on all but the searches, as far as earlier runs on this machine tell."""
    known = timings.known()
    spent = {"restoring": 0.0, "scoring": 0.0}
    new: dict[str, None] = {}
    for cell in measurement.cells:
        if cell.refusal is not None:
            continue
        images, values = _lacking(cell, measurement)
        work = {
            "restoring": (_restoring(cell.method, cell.task, measurement), images),
            "scoring": (_scoring(cell, measurement), values),
        }
        if measurement.methods[cell.method].spec.searches:
            del work["restoring"]
        for name, (what, count) in work.items():
            if count and what not in known:
                new[cell.title] = None
            spent[name] += count * known.get(what, 0.0) / (measurement.settings.jobs if name == "restoring" else 1)
    total = sum(spent.values())
    if total >= 1:
        parts = ", ".join(f"{name} {spelt(seconds)}" for name, seconds in spent.items())
        left_out = f" Not counted, as new to this machine: {', '.join(new)}." if new else ""
        yield f"Left, searches apart: about {spelt(total)}, as earlier runs on this machine say ({parts}).{left_out}"


def _lacking(cell: Cell, measurement: Measurement) -> tuple[int, int]:
    """Return how many results and how many scores the last run of a cell did not leave; no method is loaded for it."""
    folder = store.cell_folder(measurement.settings.out, cell)
    last = (store.read_json(folder / "cell.json") or {}).get("run")
    ids = data.image_ids(measurement.card(cell), measurement.settings.images(cell))
    if not isinstance(last, str) or not last:
        return len(ids), len(ids)
    images = sum(not store.image_file(folder / last, image_id).is_file() for image_id in ids)
    return images, images if (folder / last / store.SCORES).is_file() else len(ids)


def keep(measurement: Measurement, records: Sequence[Record]) -> None:
    """Keep how long this run took for an image, for the next run's estimate, where it had enough of them to tell."""
    taken: dict[str, list[float]] = {}
    for record in records:
        if record.status == "ok" and math.isfinite(record.seconds):
            what = _restoring(record.method, record.task, measurement)
            taken.setdefault(what, []).append(record.seconds)
    found = {what: median(seconds) for what, seconds in taken.items() if len(seconds) >= _ENOUGH}
    images = Counter((record.task, record.method) for record in records if record.metrics)
    for cell, seconds in measurement.scoring.items():
        if images[cell.task, cell.method] < _ENOUGH:
            continue
        what = _scoring(cell, measurement)
        found[what] = min(seconds, found.get(what, math.inf))  # the first cell waits for the metrics' networks
    timings.keep(found)


def _restoring(method: str, task: Task, measurement: Measurement) -> str:
    """Return what the seconds of a method are kept under."""
    return f"{method} {_place(task, measurement)}"


def _scoring(cell: Cell, measurement: Measurement) -> str:
    """Return what the seconds of the metrics of a table are kept under; identity is measured of faces alone."""
    names = ", ".join(metric.name for metric in measurement.metrics(cell))
    jobs = measurement.settings.jobs  # the seconds are those of all of them together
    return f"scores {names} {_place(cell.task, measurement)}" + (f", {jobs} jobs" if jobs > 1 else "")


def _place(task: Task, measurement: Measurement) -> str:
    device = measurement.settings.device
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    return f"{task.factor}x {task.hr_size} px, {device_name(device)}{threads}"
