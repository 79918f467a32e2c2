"""What is drawn, looked at through matplotlib's own objects."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from bench import cards, store
from bench.report import figures, strips, table
from bench.restore import RunSettings, State
from bench.scores.metrics import METRICS
from bench.spec import Card, Cell, Record, Report, Task

FACTORS = (8, 16, 32)
CARDS = {name: Card("p", name, name, 64, "folder", "x", "Images", "") for name in ("face", "cat")}


@pytest.fixture
def drawn(monkeypatch, tmp_path) -> Callable[..., Figure | None]:
    """Draw the curves of methods whose PSNR at a factor is a mean plus a pattern; returns the figure."""
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or [path])

    def draw(means, factors=FACTORS, pattern=(-1, 0, 1), absent=()):
        metrics = ("psnr", "lpips")
        report = Report("t", "T", "C", "S", metrics, tuple(CARDS), factors, (*absent, *means))
        tasks = [Task("p", name, factor, 64) for name in CARDS for factor in factors]
        cells = [Cell(task, name, name.upper()) for task in tasks for name in report.methods]
        records = [Record(task, name, None, "refused", "no weights") for task in tasks for name in absent]
        for task in tasks:
            for name, mean in means.items():
                values = [mean - math.log2(task.factor) + shift for shift in pattern]
                scored = [{METRICS[m].protocol(): value for m in metrics} for value in values]
                records += [Record(task, name, str(i), "ok", metrics=values) for i, values in enumerate(scored)]
        written = figures.curves(table.build(report, cells, records, CARDS), tmp_path / "t.png")
        return kept[-1] if written else None

    return draw


def lines(axis) -> list[np.ndarray]:
    """The lines of a panel that join means: x and y of each."""
    found = [np.asarray(container.lines[0].get_xydata(), dtype=float).T for container in axis.containers]
    return [line for line in found if line.size]


def test_a_panel_for_each_metric_and_category_with_a_line_for_each_method(drawn):
    figure = drawn({"a": 25.0, "b": 24.0})
    assert len(figure.axes) == 2 * 2
    assert [axis.get_title() for axis in figure.axes[:2]] == ["face", "cat"]
    for axis in figure.axes:
        assert len(lines(axis)) == 2
        assert [label.get_text() for label in axis.get_xticklabels()] == ["8x", "16x", "32x"]
        np.testing.assert_allclose(lines(axis)[0][1], [22, 21, 20], err_msg="the means at each factor")
        np.testing.assert_allclose(lines(axis)[0][0], [3, 4, 5], atol=0.1, err_msg="factors lie an octave apart")


def test_the_bars_are_the_intervals(drawn):
    axis = drawn({"a": 25.0}).axes[0]
    (segments,) = axis.containers[0].lines[2]
    half = 4.302653 * 1 / math.sqrt(3)  # Student's t of two degrees of freedom, deviation 1, three images
    for segment, mean in zip(segments.get_segments(), (22, 21, 20), strict=True):
        np.testing.assert_allclose(segment[:, 1], [mean - half, mean + half], rtol=1e-6)


def test_the_intervals_of_two_methods_do_not_hide_each_other(drawn):
    (first, _), (second, _) = lines(drawn({"a": 25.0, "b": 25.0}).axes[0])
    assert (abs(first - second) > 0.01).all()


def test_one_image_has_no_interval_and_is_drawn(drawn):
    figure = drawn({"a": 25.0}, pattern=(0,))
    np.testing.assert_allclose(lines(figure.axes[0])[0][1], [22, 21, 20])


def test_an_exact_image_has_no_place_on_the_axis_and_breaks_nothing(drawn):
    figure = drawn({"a": 25.0, "b": math.inf})
    assert np.isnan(lines(figure.axes[0])[1][1]).all()


def test_one_factor_makes_no_line(drawn):
    assert drawn({"a": 25.0}, factors=(16,)) is None


def test_nothing_measured_makes_no_figure(drawn):
    assert drawn({}, absent=("a",)) is None


def test_a_method_without_weights_is_not_in_the_legend_and_leaves_the_others_their_colours(drawn):
    def legend(figure):
        (legend,) = figure.legends
        return {
            text.get_text(): (line.get_color(), line.get_marker())
            for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
        }

    both = legend(drawn({"a": 25.0, "b": 24.0}))
    assert legend(drawn({"b": 24.0}, absent=("a",))) == {"B": both["B"]}


def test_a_method_that_is_missing_at_the_first_factor_keeps_its_column_and_its_place_in_the_legend(
    monkeypatch, tmp_path
):
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or [path])
    monkeypatch.setattr(strips, "save", lambda figure, path: kept.append(figure) or [path])
    methods = {"first": 10, "second": 200}
    tasks = [Task("mini", "face", factor, 128, preset="mini") for factor in (8, 16)]
    cells = [Cell(task, name, name) for task in tasks for name in methods]
    records, states = [], {}
    for cell in cells:
        folder = store.cell_folder(tmp_path, cell)
        absent = (cell.method, cell.task.factor) == ("first", 8)
        states[cell] = State("refused" if absent else "ok", run="r")
        if absent:
            records.append(Record(cell.task, cell.method, None, "refused", "no weights"))
            continue
        picture = torch.full((3, 128, 128), methods[cell.method], dtype=torch.uint8)
        store.save(store.image_file(folder / "r", "0000"), picture, {"lr": "x", "seconds": "1"})
        records.append(Record(cell.task, cell.method, "0000", "ok", metrics={METRICS["psnr"].protocol(): 20.0}))
    profile = {"face": cards.card("mini", "face")}
    strips.strip(states, profile, RunSettings(tmp_path, torch.device("cpu"), limit=1), tmp_path / "t.png")
    columns = {axis.get_title(): index for index, axis in enumerate(kept[0].axes[:4])}
    for name, grey in methods.items():
        picture = kept[0].axes[4 + columns[name]].images[0].get_array()
        np.testing.assert_allclose(picture, grey / 255, err_msg="a picture under another method's name")
    report = Report("t", "T", "C", "S", ("psnr",), ("face",), (8, 16), tuple(methods))
    figures.curves(table.build(report, cells, records, profile), tmp_path / "t.png")
    assert [text.get_text() for text in kept[1].legends[0].get_texts()] == list(methods)


def test_sixteen_methods_look_different_also_without_colour():
    looks = [figures._look(place) for place in range(16)]
    assert len({(look["marker"], look["linestyle"]) for look in looks}) == 16


def strip_of(tmp_path, monkeypatch, methods, limit=1, hidden=()) -> Figure:
    """The strip of methods whose pictures are of one grey each."""
    kept = []
    monkeypatch.setattr(strips, "save", lambda figure, path: kept.append(figure) or [path])
    task = Task("mini", "face", 16, 128, preset="mini")
    states = {Cell(task, name, name): State("ok", run="r") for name in methods}
    for index, cell in enumerate(states):
        picture = torch.full((3, 128, 128), 10 * index, dtype=torch.uint8)
        for image in range(limit):
            place = store.image_file(store.cell_folder(tmp_path, cell) / "r", f"{image:04}")
            store.save(place, picture, {"lr": "x", "seconds": "1"})
    profile = {"face": cards.card("mini", "face")}
    settings = RunSettings(tmp_path, torch.device("cpu"), limit=limit)
    strips.strip(states, profile, settings, tmp_path / "t.png", hidden)
    return kept[0]


def test_columns_that_are_hidden_are_not_drawn(tmp_path, monkeypatch):
    """A strip of photographs that may not be handed on would show them."""
    figure = strip_of(tmp_path, monkeypatch, ["a", "b", "c"], hidden=("lr", "hr", "b"))
    assert [axis.get_title() for axis in figure.axes] == ["a", "c"]
    for axis, grey in zip(figure.axes, (0, 20), strict=True):
        np.testing.assert_allclose(axis.images[0].get_array(), grey / 255, err_msg="another column's picture")


def test_at_most_eight_methods_stand_beside_each_other(tmp_path, monkeypatch):
    names = [f"m{index}" for index in range(10)]
    figure = strip_of(tmp_path, monkeypatch, names)
    titles = [axis.get_title() for axis in figure.axes if axis.get_visible()]
    assert titles == ["LR", *names[:5], "HR", "LR", *names[5:], "HR"], "ten are two lines of five"
    greys = [axis.images[0].get_array().mean() for axis in figure.axes if axis.get_title() in names]
    np.testing.assert_allclose(greys, np.arange(10) * 10 / 255, atol=1e-6, err_msg="a method under another's name")


def test_a_line_that_is_not_full_has_no_empty_frames(tmp_path, monkeypatch):
    figure = strip_of(tmp_path, monkeypatch, [f"m{index}" for index in range(9)])
    assert [axis.get_title() for axis in figure.axes if axis.get_visible()][-6:] == ["LR", "m5", "m6", "m7", "m8", "HR"]
    assert sum(not axis.get_visible() for axis in figure.axes) == 1


def test_the_detail_is_the_same_part_of_every_picture_three_times_as_large(tmp_path, monkeypatch):
    figure = strip_of(tmp_path, monkeypatch, ["m0", "m1"])
    places = {tuple(axis.images[1].get_extent()) for axis in figure.axes}
    frames = {(*axis.patches[0].get_xy(), axis.patches[0].get_width()) for axis in figure.axes}
    ((left, right, low, high),), ((x, y, side),) = places, frames
    assert right - left == pytest.approx(3)
    assert low - high == pytest.approx(3)
    assert (-left / 3, (1.04 - high) / 3, side) == pytest.approx((x, y, 1 / 3)), (
        "it is another part than the framed one"
    )
    for axis in figure.axes:
        clip = axis.images[1].get_clip_box().transformed(axis.transData.inverted())
        np.testing.assert_allclose(
            sorted(clip.intervaly), [1.04, 2.04], atol=1e-6, err_msg="it covers the whole picture"
        )


def test_the_detail_is_where_the_truth_changes_most():
    image = torch.zeros(3, 96, 96)
    image[:, 60:80, 10:30] = torch.rand(20, 20, generator=torch.Generator().manual_seed(0))
    top, left = strips._busiest(image)
    assert 48 <= top * 96 <= 60
    assert 0 <= left * 96 <= 10
    assert strips._busiest(torch.zeros(3, 2, 2)) == (0, 0), "two pixels have no detail"
