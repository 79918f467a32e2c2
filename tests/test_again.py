"""Tables rendered from their files: whatever is in these, it is a table or a sentence."""

import copy
import json
import math
import shutil
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import BadFile, BenchError
from bench.report import again, render

from .conftest import ROOT

PUBLISHED = ROOT / "reports" / "published" / "mini"
CELLS = json.loads((PUBLISHED / "table1.cells.json").read_text())
VALUES = (PUBLISHED / "table1.images.csv").read_text().splitlines()[:40]
ODD = [None, 1, -1, "", "x", [], {}, [1], {"a": 1}, math.nan, 10**30, True, "\ud800", [[]]]
TEXTS = ["", "x", "nan", "-1", "inf", '"', "1e400", "\x00", "=1", "''"]


def places(value, path=()):
    """Every place in a JSON value; of a list the first two entries."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, part in inside:
        yield from places(part, (*path, key))


def replaced(value, path, new):
    """The value with another one at a place."""
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def is_read_or_refused(folder, cells, lines):
    (folder / "table1.cells.json").write_text(json.dumps(cells))
    (folder / "table1.images.csv").write_text("\n".join(lines) + "\n")
    with suppress(BenchError):
        render.texts(*again.read(folder, "table1"))


QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(st.sampled_from(list(places(CELLS))), st.sampled_from(ODD))
def test_any_facts_of_cells_are_read_or_refused(tmp_path, path, new):
    is_read_or_refused(tmp_path, replaced(CELLS, path, new), VALUES)


@QUICK
@given(st.integers(0, 39), st.integers(0, 6), st.sampled_from(TEXTS))
def test_any_values_of_images_are_read_or_refused(tmp_path, line, column, text):
    cells = VALUES[line].split(",")
    cells[min(column, len(cells) - 1)] = text
    is_read_or_refused(tmp_path, CELLS, [*VALUES[:line], ",".join(cells), *VALUES[line + 1 :]])


EDITS = {
    "a digit": (".images.csv", lambda lines: [lines[0], lines[1].replace("1", "2"), *lines[2:]]),
    "a line missing": (".images.csv", lambda lines: [lines[0], *lines[2:]]),
    "a line doubled": (".images.csv", lambda lines: [*lines[:2], *lines[1:]]),
    "another method": (".cells.json", lambda lines: [line.replace('"Bicubic"', '"PULSE"') for line in lines]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_values_that_were_edited_since_become_no_table(tmp_path, edit):
    for ending in (".cells.json", ".images.csv"):
        shutil.copy(PUBLISHED / f"table1{ending}", tmp_path)
    measured, machine = again.read(tmp_path, "table1")
    values = (tmp_path / "table1.images.csv").read_bytes()
    (tmp_path / "table1.cells.json").write_text(again.facts(measured, machine, values))
    again.read(tmp_path, "table1")
    ending, change = EDITS[edit]
    path = tmp_path / f"table1{ending}"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(BadFile, match="edited"):
        again.read(tmp_path, "table1")


@pytest.mark.parametrize("content", ["", "[" * 10_000, "{}", "null", "\ud800", "{"])
def test_any_file_is_read_or_refused(tmp_path, content):
    (tmp_path / "table1.images.csv").write_text("\n".join(VALUES))
    (tmp_path / "table1.cells.json").write_text(content, errors="surrogatepass")
    with pytest.raises(BenchError, match=r"table1\.cells\.json"):
        again.read(tmp_path, "table1")
