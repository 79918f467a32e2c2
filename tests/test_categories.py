"""A run of some of a table's categories: what is not asked for is neither read nor missed."""

import re

import pytest

from bench import pipeline, report_files
from bench.spec import UnknownName
from methods.bicubic import Bicubic

GONE = 'title = "Car"\nhr_size = 64\nreader = "folder"\nsource = "gone"\ntest_set = "Cars"\ntrain_set = ""\n'


def test_a_run_is_limited_to_the_categories_that_are_named(settings):
    def categories(*names):
        made = pipeline.prepare(report_files.read("table2"), [Bicubic], settings, categories=names)
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
