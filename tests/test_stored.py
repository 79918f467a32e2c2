"""Tables rendered from their files: whatever is in these, it is a table or a sentence."""

import copy
import json
import math
from contextlib import suppress
from dataclasses import asdict, fields, replace

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.report import render, sealing, stored, storing
from bench.spec import Report, Task

from .conftest import ROOT

PUBLISHED = ROOT / "reports" / "published" / "mini"
TABLE = json.loads((PUBLISHED / "table1.json").read_text())
ODD = [None, 1, -1, "", "x", [], {}, [1], {"a": 1}, math.nan, 10**30, True, "\ud800", [[]]]


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


def is_read_or_refused(folder, content):
    path = folder / "table1.json"
    try:
        text = sealing.sealed(content)
    except (ValueError, TypeError):  # what nothing of ours would write
        text = json.dumps(content)
    path.write_text(text, errors="backslashreplace")
    with suppress(BenchError):
        render.texts((found := stored.read(path)).table, found.machine)


QUICK = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@QUICK
@given(st.sampled_from(list(places(TABLE))), st.sampled_from(ODD))
def test_any_facts_are_read_or_refused(tmp_path, path, new):
    is_read_or_refused(tmp_path, replaced(TABLE, path, new))


def test_half_a_character_in_a_tables_name_does_not_end_its_rendering(tmp_path):
    """JSON may hold one, and an address may not."""
    is_read_or_refused(tmp_path, replaced(TABLE, ("report", "name"), "\ud800"))


@pytest.mark.parametrize("content", ["", "[" * 10_000, "{}", "null", "\ud800", "{", '{"schema": 2}'])
def test_any_file_is_read_or_refused(tmp_path, content):
    (tmp_path / "table1.json").write_text(content, errors="surrogatepass")
    with pytest.raises(BenchError, match=r"table1\.json"):
        stored.read(tmp_path / "table1.json")


@pytest.mark.parametrize("old", ['"ok"', '"Bicubic"', '"0000"', '"psnr', "0.6"])
def test_values_that_were_edited_since_become_no_table(tmp_path, old):
    text = (PUBLISHED / "table2.json").read_text()
    assert old in text
    (tmp_path / "table2.json").write_text(text.replace(old, old.replace("0", "1") if "0" in old else '"x"', 1))
    with pytest.raises(BenchError, match=r"table2\.json"):
        stored.read(tmp_path / "table2.json")


def test_what_is_written_has_the_form_that_is_told():
    form = json.loads((ROOT / "bench" / "report" / "table.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(form)
    for path in PUBLISHED.glob("*.json"):
        found = json.loads(path.read_text())
        jsonschema.validate(found, form)
        assert list(found) == list(form["properties"]), "what is written and not told, or the other way round"


def test_every_fact_of_a_table_may_stand_in_its_file():
    """A new one was written, and the table could not be read again."""
    form = json.loads((ROOT / "bench" / "report" / "table.schema.json").read_text())
    assert {each.name for each in fields(Report)} - {"variants"} <= set(form["properties"]["report"]["properties"])


def test_a_table_that_names_its_first_factor_is_read_again(tmp_path):
    found = stored.read(PUBLISHED / "factors.json")
    told = replace(found.table, report=replace(found.table.report, front=8))
    (tmp_path / "factors.json").write_text(storing.text(told, found.records, found.machine))
    assert stored.read(tmp_path / "factors.json").table.report.front == 8


@pytest.mark.slow
def test_a_table_is_the_same_when_it_is_read():
    """Exact images, failed and unusable ones, refused cells, several seeds: all of it comes back."""
    path = PUBLISHED / "factors.json"
    found = stored.read(path)
    assert storing.text(found.table, found.records, found.machine) == path.read_text()


def test_no_text_of_a_table_is_taken_for_its_form(tmp_path):
    changed = copy.deepcopy(TABLE)
    hostile = "[\n  1,\n  2\n]"
    changed["report"]["title"] = changed["cells"][0]["remark"] = hostile
    (tmp_path / "table1.json").write_text(sealing.sealed(changed))
    found = stored.read(tmp_path / "table1.json")
    again = json.loads(storing.text(found.table, found.records, found.machine))
    assert again["report"]["title"] == again["cells"][0]["remark"] == hostile


def test_a_cell_of_another_arithmetic_says_so_and_one_in_float32_is_stored_as_ever():
    task = Task("p", "face", 16, 64)
    rare = {"dtype", "compiled", "network", "mixture", "bank", "training", "degradation"}
    assert set(storing._task(task)) == set(asdict(task)) - rare
    half = replace(task, dtype="bfloat16", compiled=True)
    assert Task(**storing._task(half)) == half
