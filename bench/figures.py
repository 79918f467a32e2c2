"""The picture of a table: LR, each method, ground truth, for the first images of each category."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from torch import Tensor

from bench import data, store
from bench.restore import Settings
from bench.spec import Card, Cell, Images, Task

_IMAGES = 3
_INCHES = 1.15  # side of one picture
_TIGHT: Any = {f"figure.constrained_layout.{side}": 0.01 for side in ("h_pad", "w_pad", "hspace", "wspace")}
_WIDEST = 10  # characters of a title in a line


def strip(cells: Sequence[Cell], cards: Mapping[str, Card], settings: Settings, path: Path) -> None:
    """Draw three images of each category and factor as one PNG: a column per restored method, LR left, HR right."""
    runnable = [cell for cell in cells if cell.refusal is None]
    titles = dict.fromkeys(cell.title for cell in runnable)
    rows = [
        row for task in dict.fromkeys(cell.task for cell in runnable) for row in _rows(task, runnable, cards, settings)
    ]
    if not rows:
        return
    heads = ["LR", *(_wrapped(title) for title in titles), "HR"]
    with mpl.rc_context({"savefig.dpi": 120, "font.size": 7, **_TIGHT}):
        figure = Figure(figsize=(_INCHES * len(heads), _INCHES * len(rows) + 0.3), layout="constrained")
        axes = figure.subplots(len(rows), len(heads), squeeze=False)
        for line, (label, pictures) in zip(axes, rows, strict=True):
            for axis, picture in zip(line, pictures, strict=True):
                axis.set(xticks=[], yticks=[])
                axis.set_frame_on(False)
                if picture is None:
                    axis.text(0.5, 0.5, "failed", ha="center", va="center")
                else:
                    axis.imshow(picture.permute(1, 2, 0).numpy(), interpolation="nearest", vmin=0, vmax=1)
            line[0].set_ylabel(label)
        for axis, head in zip(axes[0], heads, strict=True):
            axis.set_title(head)
        content = BytesIO()
        figure.savefig(content, format="png", metadata={"Software": None})
    store.write(path, content.getvalue())


def _rows(
    task: Task, cells: Sequence[Cell], cards: Mapping[str, Card], settings: Settings
) -> list[tuple[str, list[Tensor | None]]]:
    """Return label and pictures of each row of one task."""
    card = cards[task.category]
    by_title = {cell.title: cell for cell in cells if cell.task == task}
    rows: list[tuple[str, list[Tensor | None]]] = []
    for entry in data.batches(card, task.factor, _IMAGES, settings.limit, settings.allow_enlarge):
        if isinstance(entry, data.BadEntry):
            continue
        for image_id, lr, hr in zip(entry.ids, entry.lr, entry.hr, strict=True):
            results = [_result(cell, image_id, settings.out) for cell in by_title.values()]
            rows.append((f"{task.category} {task.factor}x\n{image_id}", [lr, *results, hr]))
        if len(rows) >= _IMAGES:
            break
    return rows[:_IMAGES]


def _result(cell: Cell, image_id: str, out: Path) -> Images | None:
    """Return a stored result in [0, 1], or None if the image or the cell failed."""
    folder = store.cell_folder(out, cell)
    state = store.read_json(folder / "cell.json") or {}
    stored = store.load(store.image_file(folder / state.get("run", ""), image_id))
    return stored.image / 255 if stored is not None else None


def _wrapped(title: str) -> str:
    """Break a title into short lines."""
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) > _WIDEST:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
