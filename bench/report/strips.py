"""The image strip of a table: the input, each method, the ground truth, and a detail of each, enlarged, below it."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn import functional

from bench import degradation, store
from bench.images import data
from bench.report import fonts
from bench.report.figures import save, text
from bench.restore import RunSettings, State
from bench.spec import Card, Cell, Task

_IMAGES = 2
_EDITED = "edited"
"""In the place of a method: what an edit made of the truth."""
_MOST = 8  # methods beside each other
_INCHES = 1.15  # side of one picture
_GAP = 0.04  # between a picture and its detail, of its side
_DETAIL = 3  # sides of a detail in that of the picture
_TIGHT: Any = {f"figure.constrained_layout.{side}": 0.01 for side in ("h_pad", "w_pad", "hspace", "wspace")}
_WIDEST = 10  # characters of a title in a line


@dataclass(frozen=True, slots=True)
class _Row:
    """The pictures of one image, or the words that say why there are none."""

    label: str
    lr: Tensor
    results: Mapping[str, Tensor | str]
    """method -> (3, hr_size, hr_size) in [0, 1]."""
    hr: Tensor | str
    detail: tuple[float, float]
    """Top and left of what is enlarged, of the side of the picture."""


def strip(
    states: Mapping[Cell, State],
    cards: Mapping[str, Card],
    settings: RunSettings,
    path: Path,
    hidden: Collection[str] = (),
) -> list[Path]:
    """Draw images of each category and factor as one PNG: a column per restored method, LR left, HR right.

    Before the methods stands the edited image, where there are such.

    `states` are what became of the cells, those that were not run included. `hidden` names columns that are left out:
    lr, hr, methods.

    Two images of each; one if there are several factors. More than eight methods follow below the first, with the same
    images. Return what was written: nothing if nothing was restored.
    """
    shown = [cell for cell, state in states.items() if state.status != "refused"]
    restored = {cell.method for cell in shown}
    # In the order of the cells, which is that of the pictures: the first to be shown may not be the first of the table.
    methods = {cell.method: cell.title for cell in states if cell.method in restored}
    tasks = list(dict.fromkeys(cell.task.place for cell in shown))
    images = _IMAGES if len({task.factor for task in tasks}) == 1 else 1
    rows = [row for task in tasks for row in _rows(task, states, cards[task.category], settings, images)]
    if not rows:
        return []
    edited = {_EDITED: "Edited"} if any(degradation.edit(cards[task.category].degradation) for task in tasks) else {}
    titles = {method: _wrapped(title) for method, title in (edited | methods).items() if method not in hidden}
    if not titles:
        return []
    texts = ["LR", "HR", *titles.values(), *(row.label for row in rows)]
    with mpl.rc_context({"savefig.dpi": 120, "font.size": 7, **_TIGHT, **text(texts)}):
        return save(_drawn(rows, titles, hidden), path)


def _drawn(rows: Sequence[_Row], titles: Mapping[str, str], hidden: Collection[str]) -> Figure:
    """Return the strip; methods stand in as few parts as there can be, of about as many each."""
    first, last = ([name] if name not in hidden else [] for name in ("lr", "hr"))
    parts = math.ceil(len(titles) / _MOST)
    each = math.ceil(len(titles) / parts)
    across, down = len(first) + each + len(last), parts * len(rows)
    size = (_INCHES * across, _INCHES * (2 + _GAP) * down + 0.3 * parts)
    figure = Figure(figsize=size, layout="constrained")
    lines = iter(figure.subplots(down, across, squeeze=False))
    for start in range(0, len(titles), each):
        part = list(titles)[start : start + each]
        columns = [*first, *part, *last]
        heads = [titles.get(name, name.upper()) for name in columns]
        for index, row in enumerate(rows):
            there = {**row.results, "lr": row.lr, "hr": row.hr}
            pictures = [there[name] for name in columns]
            line = next(lines)
            for axis, picture in zip(line, pictures, strict=False):
                _show(axis, picture, row.detail)
            for axis, head in zip(line, heads if index == 0 else (), strict=False):
                axis.set_title(head)
            for axis in line[len(pictures) :]:
                axis.set_visible(False)
            line[0].set_ylabel(row.label)
    return figure


def _show(axis: Axes, picture: Tensor | str, detail: tuple[float, float]) -> None:
    """Draw one picture and its detail, or the word that says why there is none."""
    axis.set(xticks=[], yticks=[])
    axis.set_frame_on(False)
    if isinstance(picture, str):
        axis.text(0.5, 0.5, picture, ha="center", va="center")
        return
    pixels = picture.permute(1, 2, 0).numpy()
    (top, left), side, below = detail, 1 / _DETAIL, 1 + _GAP
    axis.imshow(pixels, interpolation="nearest", vmin=0, vmax=1, extent=(0, 1, 1, 0))
    axis.add_patch(Rectangle((left, top), side, side, fill=False, linewidth=0.6, edgecolor="white"))
    shown = axis.imshow(
        pixels, interpolation="nearest", vmin=0, vmax=1,
        extent=(-left * _DETAIL, (1 - left) * _DETAIL, below + (1 - top) * _DETAIL, below - top * _DETAIL),
    )  # fmt: skip
    shown.set_clip_path(Rectangle((0, below), 1, 1, transform=axis.transData))
    axis.set(xlim=(0, 1), ylim=(below + 1, 0))


def _rows(task: Task, states: Mapping[Cell, State], card: Card, settings: RunSettings, images: int) -> Iterator[_Row]:
    """Yield the rows of one task."""
    cells = {cell: state for cell, state in states.items() if cell.task.place == task}
    ids, found = data.image_ids(card, settings.limit), 0
    for entry in data.batches(card, task.factor, images, settings.limit, settings.allow_enlarge):
        if isinstance(entry, data.BadEntry):
            continue
        for image_id, lr, hr in zip(entry.ids[: images - found], entry.lr, entry.hr, strict=False):
            results: dict[str, Tensor | str] = {}
            results |= {cell.method: _result(cell, state, image_id, settings.out) for cell, state in cells.items()}
            if card.has_hr:
                results[_EDITED] = data.edited(card, image_id, settings.allow_enlarge) / 255
            shown = fonts.label(image_id, otherwise=f"no. {ids.index(image_id) + 1}")
            label = f"{fonts.drawable(task.category)} {task.factor}x\n{shown}"
            yield _Row(label, lr, results, hr if card.has_hr else "none", _busiest(hr if card.has_hr else lr))
            found += 1
        if found >= images:
            break


def _busiest(image: Tensor) -> tuple[float, float]:
    """Return where a detail differs most from pixel to pixel: its top and left, of the side of (3, H, W)."""
    grey = image.mean(0)
    side = max(1, len(grey) // _DETAIL)
    change = grey.diff(dim=0).abs()[:, :-1] + grey.diff(dim=1).abs()[:-1]
    if min(change.shape) < side:
        return 0.0, 0.0
    sums = functional.avg_pool2d(change[None], side, 1)[0]
    top, left = divmod(int(sums.argmax()), sums.shape[1])
    most = 1 - 1 / _DETAIL
    return min(top / len(grey), most), min(left / len(grey), most)


def _result(cell: Cell, state: State, image_id: str, out: Path) -> Tensor | str:
    """Return a stored result in [0, 1], or in a word why there is none."""
    if state.status != "ok":
        return state.status
    stored = store.load(store.image_file(store.cell_folder(out, cell) / state.run, image_id), cell.task.hr_size)
    return "failed" if stored is None else stored.image / 255


def _wrapped(title: str) -> str:
    """Break a title into short lines."""
    lines = [""]
    for word in fonts.drawable(title).split():
        if lines[-1] and len(lines[-1]) + len(word) > _WIDEST:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
