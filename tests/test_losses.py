"""What a variant costs is the paired difference from its category, of the same method, metric and images."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from bench import report_files, variants
from bench.cards import cards
from bench.plan import plan
from bench.report import losses, render, table
from bench.scores.metrics import METRICS
from bench.spec import Record
from methods import specs

PSNR, LPIPS = METRICS["psnr"], METRICS["lpips"]
IMAGES = 20


@pytest.fixture(scope="module")
def built():
    """A table of two methods whose values are known: turning costs the second 1 dB, and 0.1 more in every image."""
    report = report_files.read("robustness")
    report, found = variants.expanded(replace(report, methods=("bicubic", "glean")), cards("mini"))
    cells = plan(report, specs.BY_NAME, found)
    cells = [cell for cell in cells if cell.method in ("bicubic", "glean")]
    records = []
    for cell in cells:
        turned, second = "turned" in cell.task.category, cell.method == "glean"
        for index in range(IMAGES):
            value = 20 + index - (1 + 0.1 * index) * (turned and second)
            metrics = {PSNR.protocol(): value, LPIPS.protocol(): 0.5}
            records.append(Record(cell.task, cell.method, f"{index:04d}", "ok", metrics=metrics))
    return table.build(report, cells, records, found)


def test_a_loss_is_the_mean_difference_with_its_interval(built):
    found = {
        (loss.row.cell.method, loss.row.cell.task.category, loss.row.metric.name): loss for loss in losses.losses(built)
    }
    costs = -(1 + 0.1 * np.arange(IMAGES))
    loss = found["glean", "face.turned-30", "psnr"].result
    assert loss.mean == pytest.approx(costs.mean())
    assert loss.half_width == pytest.approx(t.ppf(0.975, IMAGES - 1) * costs.std(ddof=1) / IMAGES**0.5)
    assert found["bicubic", "face.turned-30", "psnr"].result.mean == 0
    assert not any(category == "cat.as-face" for _, category, _ in found), "cats are set beside faces"


def test_images_that_one_of_both_lacks_are_left_out(built):
    """Means of other images would be compared."""
    rows = [
        replace(row, values={key: value for key, value in row.values.items() if key != "0019"})
        if row.cell.task.category == "face"
        else row
        for row in built.rows
    ]
    found = losses.losses(replace(built, rows=tuple(rows)))
    assert {loss.result.n for loss in found} == {IMAGES - 1}


def test_the_report_has_a_table_of_them_and_others_have_none(built):
    text = render.markdown(built, {})
    assert "## What a variant costs: PSNR at 16x" in text
    line = next(line for line in text.partition("costs: PSNR")[2].splitlines() if line.startswith("| GLEAN"))
    assert line.split("|")[2].strip().startswith("-1.95 ± ")
    plain = replace(built, rows=tuple(replace(row, subject="") for row in built.rows))
    assert "What a variant costs" not in render.markdown(plain, {})


def test_a_loss_of_several_trainings_has_an_interval_over_them_too(built):
    """By twice 1 dB and once 2 the variant is worse: three trainings do not tell it to a hundredth."""

    def measured(row, *shifts):
        values = {image: value + sum(shifts) / len(shifts) for image, value in row.values.items()}
        sources = {
            (0, n): {image: value + shift for image, value in row.values.items()} for n, shift in enumerate(shifts)
        }
        return replace(row, values=values, sources=sources)

    rows = [
        measured(row, 5, 7, 9) if row.cell.task.category == "face" else measured(row, 4, 6, 7) for row in built.rows
    ]
    found = losses.losses(replace(built, rows=tuple(rows)))
    (loss,) = [
        each.result for each in found
        if (each.row.cell.method, each.row.cell.task.category, each.row.metric.name)
        == ("bicubic", "face.turned-30", "psnr")
    ]  # fmt: skip
    assert loss.mean == pytest.approx(-4 / 3)
    assert loss.half_width == pytest.approx(t.ppf(0.975, 2) * np.std([-1, -1, -2], ddof=1) / 3**0.5)
    rows = [measured(row, 5, 7) if row.cell.task.category == "face" else measured(row, 4) for row in built.rows]
    found = losses.losses(replace(built, rows=tuple(rows)))
    (loss,) = [
        each.result for each in found
        if (each.row.cell.method, each.row.cell.task.category, each.row.metric.name)
        == ("bicubic", "face.turned-30", "psnr")
    ]  # fmt: skip
    assert loss.mean == pytest.approx(-1), "means over other trainings are subtracted"
