"""Where the pictures of a table lie: what each method made, the LR images, the ground truth.

Results lie in the folder of results already (bench/store.py). LR images and ground truth are made anew for every run
and kept nowhere, so they are written beside them, once, in a folder that no category can be called.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from bench import atomic, files, resize, store
from bench.escape import file_name
from bench.images import data
from bench.restore import RunSettings
from bench.spec import Card, Record, Task, UnknownName

INPUTS = "@inputs"
"""The folder of LR images and ground truth; `escape.file_name` makes no such name."""
_BATCH = 16
Kind: TypeAlias = Literal["lr", "sr", "hr"]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Those of one method, or the LR images or the ground truth, of one category and factor."""

    task: Task
    kind: Kind
    method: str
    """Empty for LR images and ground truth."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """image -> its file; of those that are there."""


def check(methods: Iterable[str], hidden: Iterable[str]) -> None:
    """Raise `UnknownName` if pictures are to be hidden that are neither of these methods nor `lr` or `hr`."""
    known = dict.fromkeys(["lr", "hr", *methods])
    for name in hidden:
        if name not in known:
            raise UnknownName("picture to hide", name, known)


def write_inputs(tasks: Iterable[Task], cards: Mapping[str, Card], settings: RunSettings, folder: Path) -> None:
    """Write the LR images and the ground truth of tasks as PNG below the folder of a profile.

    What is there and equal is left alone. Raises `OutputError`, and what reading the images raises.
    """
    for task in dict.fromkeys(task.place for task in tasks):
        card = cards[task.category]
        for batch in data.batches(card, task.factor, _BATCH, settings.limit, settings.allow_enlarge):
            if isinstance(batch, data.BadEntry):
                continue
            for image_id, lr, hr in zip(batch.ids, batch.lr, batch.hr, strict=True):
                _keep(_input(folder, task, "lr", image_id), store.png(resize.eight_bit(lr)))
                if card.has_hr:
                    _keep(_input(folder, task, "hr", image_id), store.png(resize.eight_bit(hr)))


def _keep(path: Path, content: bytes) -> None:
    """Write a file unless it is there."""
    if files.found(path, len(content)) != content:
        atomic.write(path, content)


def _input(folder: Path, task: Task, kind: Kind, image_id: str) -> Path:
    """Return where an LR image, or the ground truth, which is that of all factors, lies."""
    truth = Path(file_name(task.category)) / f"hr-{task.hr_size}{store.degraded(task)}"
    return store.image_file(folder / INPUTS / (truth if kind == "hr" else store.task_folder(task)), image_id)


def find(records: Iterable[Record], folder: Path, *, again: bool = False) -> list[Pictures]:
    """Return the pictures of the images of a table that lie in the folder of a profile.

    Of several seeds and trainings the first's.
    `again`: the folder is that of another run than the one that was measured, and its last run of a cell is meant.
    """
    images: dict[Task, dict[str, None]] = {}
    cells: dict[tuple[Task, str], list[Record]] = {}
    for record in records:
        if record.image is not None:
            images.setdefault(record.task.place, {})[record.image] = None
            cells.setdefault((record.task.place, record.method), []).append(record)
    found = [
        Pictures(task, kind, "", _there({image: _input(folder, task, kind, image) for image in of}))
        for task, of in images.items()
        for kind in ("lr", "hr")
    ]
    for (task, method), of in cells.items():
        place = folder / store.task_folder(of[0].task) / file_name(method)
        run = str((store.read_json(place / "cell.json") or {}).get("run", "")) if again else of[0].run
        paths = {
            each.image: store.image_file(place / run, each.image)
            for each in of
            if each.task == of[0].task and each.image
        }
        found.append(Pictures(task, "sr", method, _there(paths) if run else {}))
    return [pictures for pictures in found if pictures.files]


def _there(paths: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files that are there."""
    return {image: path for image, path in paths.items() if files.is_regular(path)}
