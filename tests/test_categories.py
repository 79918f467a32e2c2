"""A run of some of a table's categories, methods or factors: what is not asked for is neither read nor missed."""

import json
import re

import pytest

from bench import pipeline, report_files
from bench.plan import Part, limited
from bench.spec import BenchError, UnknownName
from methods.bicubic import Bicubic

GONE = 'title = "Car"\nhr_size = 64\nreader = "folder"\nsource = "gone"\ntest_set = "Cars"\ntrain_set = ""\n'


def test_a_run_is_limited_to_the_categories_that_are_named(settings):
    def categories(*names):
        made = pipeline.prepare(report_files.read("table2"), [Bicubic], settings, part=Part(names))
        return list(dict.fromkeys(cell.task.category for cell in made.cells))

    assert categories() == ["face", "cat", "car", "bedroom", "tower"]
    assert categories("cat") == ["cat"]
    assert categories("tower", "face") == ["face", "tower"], "a table has its own order"
    with pytest.raises(UnknownName, match=r"category of table2: 'cta'; did you mean cat"):
        categories("cat", "cta")


def test_who_has_one_data_set_and_asks_for_it_is_told_of_no_other(bench, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for category in ("car", "bedroom", "tower"):
        (photos / f"{category}.toml").write_text(GONE.replace("Car", category.title(), 1))
    words = ("table", "table2", "--profile", photos, "--hr-size", "64", "--only", "restore", "--out", tmp_path / "out")
    status, out, err = bench(*words, "--category", "cat")
    assert (status, err) == (0, "")
    assert "no images of" not in out
    assert len(list((tmp_path / "out").glob("photos-*/cat/*/bicubic/*/*.png"))) == 3
    assert not list((tmp_path / "out").glob("photos-*/face")), "a category was run that was not asked for"
    status, out, err = bench(*words)
    assert (status, err) == (0, "")
    lines = [re.findall(rf"no images of {name}: there is no ", out) for name in ("car", "bedroom", "tower")]
    assert lines == [[f"no images of {name}: there is no "] for name in ("car", "bedroom", "tower")], "once each"


def test_a_part_of_a_table_keeps_its_order_and_the_method_that_the_others_are_compared_with():
    factors, bank = report_files.read("factors"), report_files.read("ablation_bank")
    part = limited(factors, Part(factors=(64, 8), methods=("pulse", "bicubic", "glean.light")))
    assert (part.factors, part.methods) == ((8, 64), ("bicubic", "pulse"))
    assert limited(bank, Part(methods=("glean.no-bank",))).methods == ("glean.no-bank", "glean")
    assert limited(factors, Part()) == factors
    with pytest.raises(BenchError, match="factors has no 5x; it is measured at 8x, 16x, 32x, 64x"):
        limited(factors, Part(factors=(5,)))


@pytest.mark.parametrize(
    "words", [("--methods", "bicubic,pseudo_inverse"), ("--method", "bicubic", "--with", "pseudo_inverse")]
)
def test_a_table_of_the_methods_that_are_named_has_no_other(bench, photos, tmp_path, words):
    """A look at two methods took the whole table, searches included."""
    run = ("table", "table2", "--profile", photos, "--hr-size", "64", "--only", "restore", "--out", tmp_path / "out")
    status, out, err = bench(*run, *words)
    assert (status, err) == (0, "")
    assert "4 cells, 4 runnable, 0 refused" in out


def test_a_method_that_the_table_does_not_list_is_a_row_of_it(bench, photos, tmp_path):
    run = ("table", "table2", "--profile", photos, "--hr-size", "64", "--only", "restore", "--out", tmp_path / "out")
    assert "2 cells, 0 runnable, 2 refused: " in bench(*run, "--method", "glean.light")[1]
    status, _, err = bench(*run, "--methods", "bicubic,gleam")
    assert (status, "there is no method 'gleam'; did you mean glean" in err) == (2, True)
    status, _, err = bench(*run, "--method", "bicubic,")
    assert (status, "there is no method ''" in err) == (2, True), "half of what was typed is not all of it"


@pytest.mark.slow
def test_a_table_of_one_factor_says_nothing_of_the_others_and_is_the_same_when_rendered_again(bench, photos, tmp_path):
    run = ("table", "factors", "--profile", photos, "--hr-size", "32", "--out", tmp_path / "out")
    status, out, err = bench(*run, "--factor", 16, "--method", "bicubic")
    assert (status, err) == (0, "")
    assert "PSNR at 16x" in out
    assert "PSNR at 8x" not in out
    assert "left out" not in out, "64x was not asked for, so it is not missed"
    (written,) = (tmp_path / "out").rglob("factors.md")
    assert json.loads(written.with_name("factors.json").read_text())["report"]["factors"] == [16]
    assert bench("render", written.parent)[0] == 0
    assert "left out" not in written.read_text()
