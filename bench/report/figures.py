"""The picture of a table of several factors: each metric against the factor."""

import math
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from bench import atomic
from bench.report import fonts
from bench.report.row import Row
from bench.report.table import Table
from bench.scores.metrics import columns

# Names hold dollar signs: no formulas, and no LaTeX, whatever the user's matplotlibrc says.
_PLAIN: Any = {"text.parse_math": False, "text.usetex": False}
_PANEL = (2.0, 2.1)  # width and height of one panel, in inches
# Okabe and Ito's colours, told apart without colour vision, but grey for their yellow, which is faint on white; and a
# marker for each, so that print without colour is enough.
_COLOURS = ("#000000", "#56b4e9", "#009e73", "#e69f00", "#7f7f7f", "#cc79a7", "#0072b2", "#d55e00")
_MARKERS = ("o", "s", "^", "v", "P", "X", "D", "*")
_DODGE = 0.05  # octaves between neighbouring methods, so that their intervals do not hide each other


def text(texts: Iterable[str]) -> Any:  # noqa: ANN401 - as matplotlib's stubs want it
    """Return how matplotlib is to draw texts that others wrote: in fonts that have their glyphs, `$` as a dollar."""
    return {"font.family": fonts.families(texts), "text.parse_math": False}


def curves(table: Table, path: Path) -> list[Path]:
    """Draw each metric against the factor as one PNG: a panel per metric and category, a line per measured method.

    Return what was written: nothing if there are not at least two factors to draw a line between.
    """
    rows = [row for row in table.rows if not row.cell.aside]
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
        {"savefig.dpi": 150, "font.size": 9, "lines.markersize": 3.5, "lines.linewidth": 1, **text(texts)}
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
        over = "images and seeds, bars: its 95 %" if table.of_seeds else "the images, bars: its 95 % t"
        figure.supxlabel(f"Factor. Mean over {over} interval", fontsize="medium")
        return save(figure, path)


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


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG, whole or not at all; it covers all of its ground, so it needs no transparency."""
    drawn, content = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", pil_kwargs={"compress_level": 0})
    Image.open(drawn).convert("RGB").save(content, "PNG")
    atomic.write(path, content.getvalue())
    return [path]
