"""The pictures of a table: an image strip (LR, each method, ground truth), and each metric against the factor."""

import math
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from bench import atomic, store
from bench.images import data
from bench.report import fonts
from bench.report.table import Row, Table
from bench.restore import RunSettings, State
from bench.scores.metrics import columns
from bench.spec import Card, Cell, Task

# Names hold dollar signs: no formulas, and no LaTeX, whatever the user's matplotlibrc says.
_PLAIN: Any = {"text.parse_math": False, "text.usetex": False}
_IMAGES = 3
_INCHES = 1.15  # side of one picture
_PANEL = (2.0, 2.1)  # width and height of one panel, in inches
_TIGHT: Any = {f"figure.constrained_layout.{side}": 0.01 for side in ("h_pad", "w_pad", "hspace", "wspace")}
_WIDEST = 10  # characters of a title in a line
# Okabe and Ito's colours, told apart without colour vision, but grey for their yellow, which is faint on white; and a
# marker for each, so that print without colour is enough.
_COLOURS = ("#000000", "#56b4e9", "#009e73", "#e69f00", "#7f7f7f", "#cc79a7", "#0072b2", "#d55e00")
_MARKERS = ("o", "s", "^", "v", "P", "X", "D", "*")
_DODGE = 0.05  # octaves between neighbouring methods, so that their intervals do not hide each other


def strip(states: Mapping[Cell, State], cards: Mapping[str, Card], settings: RunSettings, path: Path) -> list[Path]:
    """Draw images of each category and factor as one PNG: a column per restored method, LR left, HR right.

    `states` are what became of the cells, those that were not run included.

    Three images of each; one if there are several factors. Return what was written: nothing if nothing was restored.
    """
    cells = list(states)
    shown = [cell for cell in cells if states[cell].status != "refused"]
    restored = {cell.method for cell in shown}
    # In the order of the cells, which is that of the pictures: the first to be shown may not be the first of the table.
    methods = {cell.method: cell.title for cell in cells if cell.method in restored}
    tasks = list(dict.fromkeys(cell.task for cell in shown))
    images = _IMAGES if len({task.factor for task in tasks}) == 1 else 1
    by_task = {
        task: {cell: states[cell] for cell in cells if cell.task == task and cell.method in methods} for task in tasks
    }
    rows = [row for task in tasks for row in _rows(task, by_task[task], cards[task.category], settings, images)]
    if not rows:
        return []
    heads = ["LR", *(_wrapped(title) for title in methods.values()), "HR"]
    with mpl.rc_context({"savefig.dpi": 120, "font.size": 7, **_TIGHT, **_text([*heads, *(row[0] for row in rows)])}):
        figure = Figure(figsize=(_INCHES * len(heads), _INCHES * len(rows) + 0.3), layout="constrained")
        axes = figure.subplots(len(rows), len(heads), squeeze=False)
        for line, (label, pictures) in zip(axes, rows, strict=True):
            for axis, picture in zip(line, pictures, strict=True):
                _show(axis, picture)
            line[0].set_ylabel(label)
        for axis, head in zip(axes[0], heads, strict=True):
            axis.set_title(head)
        return _save(figure, path)


def _show(axis: Axes, picture: Tensor | str) -> None:
    """Draw one picture, or the word that says why there is none."""
    axis.set(xticks=[], yticks=[])
    axis.set_frame_on(False)
    if isinstance(picture, str):
        axis.text(0.5, 0.5, picture, ha="center", va="center")
    else:
        axis.imshow(picture.permute(1, 2, 0).numpy(), interpolation="nearest", vmin=0, vmax=1)


def _rows(
    task: Task, states: Mapping[Cell, State], card: Card, settings: RunSettings, images: int
) -> list[tuple[str, list[Tensor | str]]]:
    """Return label and pictures of each row of one task."""
    rows: list[tuple[str, list[Tensor | str]]] = []
    ids = data.image_ids(card, settings.limit)
    for entry in data.batches(card, task.factor, images, settings.limit, settings.allow_enlarge):
        if isinstance(entry, data.BadEntry):
            continue
        for image_id, lr, hr in zip(entry.ids, entry.lr, entry.hr, strict=True):
            results = [_result(cell, state, image_id, settings.out) for cell, state in states.items()]
            shown = fonts.label(image_id, otherwise=f"no. {ids.index(image_id) + 1}")
            rows.append(
                (
                    f"{fonts.drawable(task.category)} {task.factor}x\n{shown}",
                    [lr, *results, hr if card.has_hr else "none"],
                )
            )
        if len(rows) >= images:
            break
    return rows[:images]


def _result(cell: Cell, state: State, image_id: str, out: Path) -> Tensor | str:
    """Return a stored result in [0, 1], or in a word why there is none."""
    if state.status != "ok":
        return state.status
    stored = store.load(store.image_file(store.cell_folder(out, cell) / state.run, image_id), cell.task.hr_size)
    return "failed" if stored is None else stored.image / 255


def _text(texts: Iterable[str]) -> Any:  # noqa: ANN401 - as matplotlib's stubs want it
    """Return how matplotlib is to draw texts that others wrote: in fonts that have their glyphs, `$` as a dollar."""
    return {"font.family": fonts.families(texts), "text.parse_math": False}


def _wrapped(title: str) -> str:
    """Break a title into short lines."""
    lines = [""]
    for word in fonts.drawable(title).split():
        if lines[-1] and len(lines[-1]) + len(word) > _WIDEST:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def curves(table: Table, path: Path) -> list[Path]:
    """Draw each metric against the factor as one PNG: a panel per metric and category, a line per measured method.

    Return what was written: nothing if there are not at least two factors to draw a line between.
    """
    rows = [row for row in table.rows if not row.cell.reference]
    metrics = columns(table.report.metrics)
    measured = [row for row in rows if row.summary is not None and row.metric.name in table.report.metrics]
    if len({row.cell.task.factor for row in measured}) < 2:  # noqa: PLR2004 - a line takes two
        return []
    categories = list(dict.fromkeys(row.cell.task.category for row in measured))
    # Numbered with those that were not measured, so that a method looks the same in every run.
    places = {method: place for place, method in enumerate(dict.fromkeys(row.cell.method for row in rows))}
    seen = {row.cell.method for row in measured}
    titles = {row.cell.method: fonts.drawable(row.cell.title) for row in rows if row.cell.method in seen}
    texts = [*categories, *titles.values()]
    size = (_PANEL[0] * len(categories) + 0.4, _PANEL[1] * len(metrics) + 0.5)
    with mpl.rc_context(
        {"savefig.dpi": 150, "font.size": 9, "lines.markersize": 3.5, "lines.linewidth": 1, **_text(texts)}
    ):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(metrics), len(categories), squeeze=False)
        for line, metric in zip(axes, metrics, strict=True):
            for axis, category in zip(line, categories, strict=True):
                _panel(axis, [r for r in measured if _panel_of(r) == (metric.name, category)], places)
            line[0].set_ylabel(f"{metric.title} ({'higher' if metric.higher_is_better else 'lower'} is better)")
        for axis, category in zip(axes[0], categories, strict=True):
            axis.set_title(fonts.drawable(category))
        handles = [Line2D([], [], label=title, **_look(places[method])) for method, title in titles.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=8, frameon=False, columnspacing=1.2)
        figure.supxlabel("Factor. Mean over the images, bars: its 95 % t interval", fontsize="medium")
        return _save(figure, path)


def _panel_of(row: Row) -> tuple[str, str]:
    """Return the metric and the category of a row."""
    return row.metric.name, row.cell.task.category


def _panel(axis: Axes, rows: Sequence[Row], places: Mapping[str, int]) -> None:
    """Draw the lines of one metric and category."""
    for method, place in places.items():
        found = {row.cell.task.factor: row.summary for row in rows if row.cell.method == method and row.summary}
        dodge = _DODGE * (place - (len(places) - 1) / 2)
        at, means = [math.log2(factor) + dodge for factor in found], [summary.mean for summary in found.values()]
        bars = [summary.half_width for summary in found.values()]
        axis.errorbar(at, _finite(means), _finite(bars), elinewidth=0.8, capsize=1.5, **_look(place))
    factors = sorted({row.cell.task.factor for row in rows})
    axis.set_xticks([math.log2(factor) for factor in factors], [f"{factor}x" for factor in factors])
    axis.grid(axis="y", linewidth=0.3)
    axis.spines[["top", "right"]].set_visible(False)


def _finite(values: Sequence[float]) -> list[float]:
    """Return the values, NaN for those that have no place on an axis."""
    return [value if math.isfinite(value) else math.nan for value in values]


def _look(place: int) -> dict[str, Any]:
    """Return how the line of a method is drawn; beyond the colours there are, they begin anew, dashed."""
    rounds, index = divmod(place, len(_COLOURS))
    return {"color": _COLOURS[index], "marker": _MARKERS[index], "linestyle": "--" if rounds else "-"}


def _save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure whole or not at all."""
    content = BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    atomic.write(path, content.getvalue())
    return [path]
