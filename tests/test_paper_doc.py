"""docs/paper.md promises what the catalogue holds, no more."""

import re

import pytest

import methods
from bench import cards, report_files
from methods.weights import catalogue
from methods.weights.needs import needs

from .conftest import ROOT

TEXT = (ROOT / "docs/paper.md").read_text()
ROWS = re.findall(r"^\| ([\w+]+) \| (\w+) \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$", TEXT, re.MULTILINE)[1:]
TRAINED = ("srgan", "esrgan_plus", "glean")


def told(method, task) -> str:
    """What the catalogue says of a cell; a file that happens to lie on this machine does not change it."""
    found = [need for need in needs([(method, task)]) if need.part != "vgg16"]
    if not found:
        return "train" if method in TRAINED else "always"
    if any(need.file is None for need in found):
        return "train"
    return "gone" if any(need.file.gone for need in found) else "file"


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch):
    monkeypatch.setattr(catalogue, "locate", lambda _: None)


def test_every_cell_of_table_2_is_what_the_catalogue_says():
    """A user would plan days of training, or none, by a map that is wrong."""
    report, paper = report_files.read("table2"), cards.cards("paper")
    assert [row[0] for row in ROWS] == list(report.methods)
    for method, *cells in ROWS:
        assert methods.find(method)
        for category, cell in zip(report.categories, cells, strict=True):
            assert cell == told(method, paper[category].task(16)), f"{method}, {category}"


def test_the_sums_are_those_of_the_map():
    cells = [cell for row in ROWS for cell in row[1:]]
    readable = sum(cell != "train" for cell in cells)
    reachable = readable - cells.count("gone")
    assert f"Of {len(cells)} cells, {readable} are filled" in TEXT
    assert f"{reachable} of them from sources" in TEXT
