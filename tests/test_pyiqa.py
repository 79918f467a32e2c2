"""Metrics of pyiqa by name: a stand-in for the package, and the package itself where it is installed."""

import importlib.util
import math
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench import report_files
from bench.report import compare, render, runs, stored, storing, table
from bench.scores import from_pyiqa, metrics
from bench.scores.metric import Pair
from bench.spec import BadFile, BenchError, Cell, Record

from .test_metrics import images, noisy
from .test_table import REPORT, TASK, card

CACHES = (from_pyiqa.metric, from_pyiqa._defaults, from_pyiqa._lacks, from_pyiqa._network)
CARDS = card()
STAND_IN = """
import socket, torch
def create_metric(name, device):
    print("Downloading")
    if name == "musiq":
        socket.create_connection(("example.org", 80))
    if name == "niqe":  # undefined on dark images
        return lambda x: x.mean((1, 2, 3)) if x.mean() > 0.5 else torch.full((1, 1), torch.nan)
    if name == "drawn":
        return lambda x: (torch.rand(1), "details")
    if name == "ms_ssim":
        return lambda x, y: 1 / 0
    return lambda x, y: (x - y).abs().mean((1, 2, 3))
"""
FACTS = """
DEFAULT_CONFIGS = {
    "musiq": {"metric_mode": "NR", "score_range": "~0, ~100"},
    "niqe": {"metric_mode": "NR", "lower_better": True, "score_range": "~0, ~1"},
    "drawn": {"metric_mode": "NR"},
    "mae_y": {"metric_mode": "FR", "lower_better": True},
    "ms_ssim": {"metric_mode": "FR"},
    "fid": {"metric_mode": "NR"},
}
"""


def forget() -> None:
    for each in CACHES:
        each.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyiqa"]:
        del sys.modules[name]


@pytest.fixture
def pyiqa(tmp_path, monkeypatch):
    """A package of this name, of a few metrics."""
    (tmp_path / "packages" / "pyiqa").mkdir(parents=True)
    (tmp_path / "packages" / "pyiqa" / "__init__.py").write_text(STAND_IN)
    (tmp_path / "packages" / "pyiqa" / "default_model_configs.py").write_text(FACTS)
    (tmp_path / "packages" / "pyiqa-9.9.dist-info").mkdir()
    (tmp_path / "packages" / "pyiqa-9.9.dist-info" / "METADATA").write_text("Name: pyiqa\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    forget()
    yield
    forget()


def pair(sr, hr):
    return Pair(sr, hr, hr[..., ::4, ::4], 4)


def test_a_metric_has_the_direction_and_the_version_that_pyiqa_says(pyiqa):
    musiq, mae = metrics.find("pyiqa:musiq"), metrics.find("pyiqa:mae_y")
    assert musiq.higher_is_better
    assert not mae.higher_is_better, "the worst method would be called the best"
    assert musiq.protocol() == "pyiqa:musiq[9.9,rgb,u8,crop0,no-reference]"
    assert mae.protocol() == "pyiqa:mae_y[9.9,rgb,u8,crop0,full-reference]"
    assert (musiq.digits, mae.digits) == (2, 4)
    assert mae.title == "mae-y (pyiqa)"
    assert "pyiqa" in mae.packages, "another version of pyiqa would leave old values where they are"


def test_values_are_per_image_of_the_result_and_of_the_ground_truth_where_it_is_asked_for(pyiqa):
    hr = images(2, 8, 8)
    sr = noisy(hr, 40)
    expected = (sr - hr).abs().mean((1, 2, 3))
    assert metrics.find("pyiqa:mae_y").function(pair(sr, hr)).tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    light = torch.full((1, 3, 8, 8), 1.0)
    values = metrics.find("pyiqa:niqe").function(pair(torch.cat((light, 0 * light)), torch.cat((light, light))))
    assert values[0] == pytest.approx(1), "it was given the ground truth"
    assert math.isnan(values[1])


def test_a_metric_without_reference_is_measured_where_there_is_no_ground_truth(pyiqa):
    light = Pair(torch.full((1, 3, 8, 8), 1.0), torch.empty(1, 3, 0, 0), torch.full((1, 3, 2, 2), 1.0), 4)
    assert not metrics.find("pyiqa:niqe").needs_hr, "photographs without ground truth cannot have it"
    assert metrics.find("pyiqa:mae_y").needs_hr
    assert metrics.find("pyiqa:niqe").function(light)[0] == pytest.approx(1)


def test_what_a_metric_draws_is_the_same_each_time_and_is_not_taken_from_the_caller(pyiqa):
    one = pair(images(2, 8, 8), images(2, 8, 8))
    state = torch.get_rng_state()
    values = metrics.find("pyiqa:drawn").function(one)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(metrics.find("pyiqa:drawn").function(one), values), "a table measured twice has two values"
    assert values[0] == values[1], "a value depends on the batch of its image"


def test_what_is_not_on_this_machine_is_not_fetched_and_told(pyiqa, capfd):
    before = socket.getaddrinfo
    lacking = metrics.find("pyiqa:musiq").lacks(128)
    assert "this suite fetches nothing" in lacking
    assert "pyiqa.create_metric('musiq')" in lacking, "it does not say what to do"
    assert socket.getaddrinfo is before, "the rest of the program is left without a network"
    assert metrics.find("pyiqa:niqe").lacks(128) == ""
    assert capfd.readouterr().out == "", "pyiqa's own words stand among those of the table"


def test_a_failure_of_pyiqa_is_a_sentence(pyiqa):
    with pytest.raises(BenchError, match=r"pyiqa:ms_ssim failed on an image of 8 x 8 px \(ZeroDivisionError.*leave it"):
        metrics.find("pyiqa:ms_ssim").function(pair(images(1, 8, 8), images(1, 8, 8)))


def write(folder: Path, names: str) -> str:
    path = folder / "mine.toml"
    facts = ("title", "caption", "source")
    lines = [*(f'{key} = "x"' for key in facts), f"metrics = [{names}]", 'categories = ["face"]', "factors = [16]"]
    path.write_text("\n".join([*lines, 'methods = ["bicubic"]']))
    return str(path)


def test_a_table_names_it_and_unknown_names_are_suggested(pyiqa, tmp_path):
    assert report_files.read(write(tmp_path, '"psnr", "pyiqa:niqe"')).metrics == ("psnr", "pyiqa:niqe")
    with pytest.raises(BadFile, match=r"metrics\[1\]: there is no metric 'pyiqa:nique'; did you mean pyiqa:niqe"):
        report_files.read(write(tmp_path, '"psnr", "pyiqa:nique"'))
    with pytest.raises(BadFile, match="'pyiqa:NIQE'; did you mean pyiqa:niqe"):
        report_files.read(write(tmp_path, '"pyiqa:NIQE"'))
    with pytest.raises(BadFile, match="pyiqa:fid is a figure of sets of images"):
        report_files.read(write(tmp_path, '"pyiqa:fid"'))
    with pytest.raises(BadFile, match="there is no metric 'psrn'; did you mean psnr"):
        report_files.read(write(tmp_path, '"psrn"'))


def test_without_the_package_there_is_a_sentence(tmp_path, monkeypatch):
    forget()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BadFile, match=r"pyiqa:musiq needs the package pyiqa.*pip install 'glean-bench\[pyiqa\]'"):
        report_files.read(write(tmp_path, '"pyiqa:musiq"'))


# Cells of an undefined metric

NIQE = "pyiqa:niqe"


def built(values, machine=None):
    """A table of PSNR and NIQE, one method for each list of NIQE values, and its records."""
    psnr, niqe = (metrics.find(name).protocol() for name in ("psnr", NIQE))
    cells = [Cell(TASK, name, name) for name in values]
    records = [
        Record(TASK, name, str(i), "ok", metrics={psnr: 20.0 + i, niqe: value})
        for name, listed in values.items()
        for i, value in enumerate(listed)
    ]
    report = replace(REPORT, metrics=("psnr", NIQE), methods=tuple(values), published=())
    return table.build(report, cells, records, card()), records


def test_a_cell_says_where_a_metric_is_undefined(pyiqa, tmp_path):
    nan = math.nan
    result, records = built({"a": [nan] * 6, "b": [1.0, 2.0, 3.0, 4.0, 5.0, nan], "c": [1.0] * 6})
    rows = {(row.cell.method, row.metric.name): row for row in result.rows}
    assert rows["a", NIQE].summary is None
    assert rows["a", NIQE].why == "pyiqa:niqe is undefined, not a number, on 6 of 6 images"
    assert rows["b", NIQE].summary.mean == 3.0, "the mean is of the images that have a value"
    assert rows["b", NIQE].status == "incomplete"
    assert rows["a", "psnr"].why == "", "PSNR is defined"
    text = render.texts(result, {})[".md"]
    assert "pyiqa:niqe is undefined, not a number, on 1 of 6 images." in text
    path = tmp_path / "t.json"
    path.write_text(storing.text(result, records, {}))
    assert render.texts(stored.read(path).table, {})[".md"] == text, (
        "rendered from its file a table says something else"
    )
    run = runs.read(path)["t"]
    found = compare.compare(run, run, {})
    assert {d.metric for d in found.differences if d.place.method == "b"} == {"psnr", NIQE}
    assert not any(d.worse or d.mean for d in found.differences)


def test_a_metric_that_lacks_its_weights_is_left_out_and_the_table_says_so(pyiqa):
    from bench.measurable import computable

    report = replace(REPORT, metrics=("psnr", "pyiqa:musiq"), also=("pyiqa:niqe",))
    left, sentences = computable(report, CARDS)
    assert (left.metrics, left.also) == (("psnr",), ("pyiqa:niqe",))
    assert sentences[0].startswith("pyiqa:musiq is left out: pyiqa cannot build musiq")
    _, sentences = computable(replace(report, also=("pyiqa:ms_ssim",)), CARDS)
    assert "pyiqa:ms_ssim failed on an image of" in sentences[1], "a table would fail when all has been restored"
    with pytest.raises(BenchError, match="pyiqa cannot build musiq"):
        computable(replace(REPORT, metrics=("pyiqa:musiq",)), CARDS)


def test_values_of_metrics_that_the_table_does_not_have_are_not_in_its_file(pyiqa, tmp_path):
    """Scores keep the values of earlier tables: a file that held them could not be read."""
    _, records = built({"a": [1.0] * 6})
    report = replace(REPORT, metrics=("psnr",), methods=("a",), published=())
    path = tmp_path / "t.json"
    path.write_text(storing.text(table.build(report, [Cell(TASK, "a", "a")], records, card()), records, {}))
    assert list(stored.read(path).records[0].metrics) == [metrics.find("psnr").protocol()]


@pytest.mark.slow
def test_the_package_itself_agrees_with_our_psnr_and_ssim():
    pytest.importorskip("pyiqa")
    forget()
    hr = images(2, 64, 48)
    both = pair(noisy(hr, 30), hr)
    assert not metrics.find("pyiqa:gmsd").higher_is_better
    for ours, theirs, tolerance in (("psnr", "psnr", 1e-3), ("ssim", "ssimc", 1e-4)):
        found, expected = (metrics.find(name).function(both) for name in (f"pyiqa:{theirs}", ours))
        assert found.tolist() == pytest.approx(expected.tolist(), abs=tolerance)
    assert "fetches nothing" in metrics.find("pyiqa:niqe").lacks(128) or not metrics.find("pyiqa:niqe").lacks(128)
