"""What a table says of its duration before it begins: of what earlier runs here took, and of a machine that is busy."""

import json
import os
from dataclasses import replace

import pytest

from bench import estimate, machine, paths, pipeline, report_files, timings
from bench.images import data
from bench.measurement import Measurement
from bench.spec import Record
from methods.bicubic import Bicubic
from methods.pseudo_inverse import PseudoInverse

SAID = ", as earlier runs on this machine say"


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A machine on which nothing was run yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def measurement(photos, settings) -> Measurement:
    """Two methods on six photographs, scored by PSNR alone."""
    report = replace(report_files.read("table2"), metrics=("psnr",), also=(), methods=("bicubic",))
    return pipeline.prepare(report, [Bicubic, PseudoInverse], settings, profile=str(photos), hr_size=64)


@pytest.fixture(autouse=True)
def few(monkeypatch) -> None:
    """The images of a test are enough."""
    monkeypatch.setattr(estimate, "_ENOUGH", 1)


def took(cell, seconds, **changes) -> Record:
    facts = {"status": "ok", "seconds": seconds, "metrics": {"psnr": 1.0}} | changes
    return Record(cell.task, cell.method, "0", **facts)


def test_what_is_left_is_told_by_what_earlier_images_took(measurement):
    """A table was silent on its hours, although the same methods had been timed the day before."""
    assert list(estimate.rest(measurement)) == [], "of nothing known nothing is said"
    bicubic, inverse = (
        next(cell for cell in measurement.cells if cell.method == name) for name in ("bicubic", "pseudo_inverse")
    )
    estimate.keep(
        measurement,
        [took(bicubic, 9.0), took(bicubic, 10.0), took(bicubic, 50.0), took(inverse, 99.0, status="failed")],
    )
    (sentence,) = estimate.rest(measurement)
    assert sentence == (
        f"Left, searches apart: about 60 seconds{SAID} (restoring 60 seconds, scoring 0 seconds). "
        "Not counted, as new to this machine: Bicubic, Pseudo-inverse."
    ), "six images of the median"
    measurement.scoring.update({bicubic: 30.0, inverse: 20.0})
    estimate.keep(measurement, [took(bicubic, 10.0), took(inverse, 0.0)])
    (sentence,) = estimate.rest(measurement)
    assert sentence == f"Left, searches apart: about 5 minutes{SAID} (restoring 60 seconds, scoring 4 minutes)."


def test_the_seconds_of_a_few_images_are_those_of_a_beginning(measurement, monkeypatch):
    """After `-n 1`, whose image had waited for the networks, a table of four minutes was said to take 3.4 hours."""
    monkeypatch.setattr(estimate, "_ENOUGH", 5)
    bicubic = measurement.cells[0]
    measurement.scoring.update({bicubic: 30.0})
    few = [replace(took(bicubic, 9.0), image=str(index)) for index in range(4)]
    estimate.keep(measurement, few)
    assert timings.known() == {}
    estimate.keep(measurement, [*few, replace(few[0], image="4")])
    assert len(timings.known()) == 2


def test_a_cell_that_was_never_begun_is_not_loaded_to_count_its_images(measurement, monkeypatch):
    monkeypatch.setattr(estimate, "outstanding", lambda *_: pytest.fail("a method loaded only to find an empty folder"))
    left = estimate._left(measurement, next(cell for cell in measurement.cells if cell.refusal is None))
    assert (left.lacking, left.title) == (len(data.image_ids(measurement.card(left.cell))), left.cell.title)


def test_what_is_done_is_not_left(measurement):
    for _ in measurement.restore():
        pass
    records = list(measurement.score())
    assert set(measurement.scoring) == set(measurement.cells), "the first scores are timed"
    estimate.keep(measurement, [replace(record, seconds=100.0) for record in records])
    assert list(estimate.rest(measurement)) == []
    again = replace(measurement, scoring={})
    list(again.score())
    assert again.scoring == {}, "reading what was scored before says nothing about scoring"
    for path in measurement.settings.out.glob("*/face/*/bicubic/*/0.png"):
        path.unlink()
    (sentence,) = estimate.rest(measurement)
    assert sentence.startswith("Left, searches apart: about 2 minutes"), "one image of a hundred seconds"


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"bicubic 16x 64 px, cpu, 1 threads": "x"}', '{"a": -1, "b": NaN}']
)
def test_a_damaged_file_of_timings_says_nothing(measurement, content):
    path = paths.cache() / "timings.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert list(estimate.rest(measurement)) == []
    estimate.keep(measurement, [took(measurement.cells[0], 1.0)])
    assert 1.0 in json.loads(path.read_text()).values(), "it is written anew"


def test_a_cache_that_cannot_be_written_costs_the_estimate_alone(measurement, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    estimate.keep(measurement, [took(measurement.cells[0], 1.0)])
    assert timings.known() == {}


def test_a_run_keeps_what_it_took(bench, measurement, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(report_files, "read", lambda *_: measurement.report)
    words = ("table", "table2", "--profile", photos, "--hr-size", "64", "--out", tmp_path / "out")
    for step in ("restore", "score"):
        assert bench(*words, "--only", step)[0] == 0
    assert [what.split("x 64 px")[0] for what in timings.known()] == ["bicubic 16", "scores psnr 16"]


@pytest.mark.parametrize(
    ("load", "cores", "told"), [(8.06, 2, "8.1 on 2 cores"), (1.5, 1, "1.5 on 1 core"), (2.0, 2, "")]
)
def test_a_machine_is_busy_if_more_is_at_work_than_it_has_cores(monkeypatch, load, cores, told):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(machine, "cores", lambda: cores)
    assert machine.busy().startswith(f"This machine is busy: a load of {told}. That makes the table" if told else "")
    assert bool(machine.busy()) == bool(told)


def test_a_table_on_a_busy_machine_says_why_it_is_slow_and_ends(bench, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (1e6, 0.0, 0.0))
    words = (
        "table",
        "table2",
        "--profile",
        photos,
        "--hr-size",
        "64",
        "--method",
        "bicubic",
        "--out",
        tmp_path / "out",
    )
    status, out, err = bench(*words, "--only", "restore", "-n", 1)
    assert (status, err) == (0, "")
    assert "\nThis machine is busy: a load of 1000000.0 on " in out


def test_a_machine_that_counts_no_load_is_not_busy(monkeypatch):
    def absent():
        raise OSError

    monkeypatch.setattr(os, "getloadavg", absent)
    assert machine.busy() == ""
