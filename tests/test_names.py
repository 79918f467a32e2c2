"""Any name that a file can have and a reader can trust is an id; another costs its image alone, and is shown safely."""

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench import lists
from bench.images import data, listing, sources
from bench.spec import BadFile, BadImage, Card

from .conftest import textured
from .test_sources import encoded, make_card, make_database

GOOD = [
    "Screenshot 2024-01-30 at 10.32.07\u202fAM",  # as macOS writes it
    "👨‍👩‍👧",
    "می‌خواهم",  # with a joiner that is not drawn
    "IMG\u200e-1",
    "证件照片" * 7,
    "a\u00adb",
    "\u00e9", "e\u0301", "\u3000x", " a ", "x\u00a0", "#1", "*", "$\\x$".replace("\\", ""), "a%0Ab", "CON",
]  # fmt: skip
BAD = ["new\nline", "a\rb", "a\x1b[2Jb", "a\u2028b", "x\u202egnp", "\u2067a\u2069", "a\\b", " ", "\u200b", "a\udcffb"]


@pytest.fixture
def card(tmp_path) -> Card:
    """A card of two photographs of 16 px, 0 and 1."""
    for seed in range(2):
        Image.fromarray(textured(16, seed)).save(tmp_path / f"{seed}.png")
    return make_card(tmp_path)


@pytest.mark.parametrize("name", GOOD, ids=ascii)
def test_a_name_of_any_script_is_measured(card, name):
    Image.fromarray(textured(16, 7)).save(Path(card.source) / f"{name}.png")
    (batch,) = data.batches(card, 4, 8)
    assert set(batch.ids) == {"0", "1", name}


@pytest.mark.parametrize("name", GOOD, ids=ascii)
def test_a_list_that_is_written_names_it_again(card, name, tmp_path):
    Image.fromarray(textured(16, 7)).save(Path(card.source) / f"{name}.png")
    pairs = lists.read(listing.write_list(card, tmp_path / "list.txt"))
    assert [pair[0] for pair in pairs] == list(data.image_ids(card))
    listed = replace(card, ids=tuple(dict(pairs)), sha256=dict(pairs))
    assert [entry.ids for entry in data.batches(listed, 4, 8)] == [listed.ids], "an id changed on its way"


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_name_that_deceives_costs_its_image_alone(card, name):
    Image.fromarray(textured(16, 7)).save(os.fsencode(Path(card.source)) + b"/" + os.fsencode(name) + b".png")
    bad, good = sorted(data.batches(card, 4, 8), key=lambda entry: isinstance(entry, data.Batch))
    assert good.ids == ("0", "1")
    assert isinstance(bad, data.BadEntry)
    assert not bad.refused
    assert "give it another name" in bad.reason
    for shown in (bad.id, bad.reason):
        assert shown.isprintable(), "what is displayed must not move the cursor or turn the text"
        shown.encode()


@given(st.text(min_size=1, max_size=8))
def test_what_is_shown_is_safe_and_another_for_every_name(name):
    shown = lists.shown(name)
    assert lists.unfit(name) or name == shown, "a fit name is shown as it is"
    assert bool(lists.unfit(name)) == bool(lists.unfit(shown)), "it must not pass for the id of another image"
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    assert shown.encode().decode() == shown
    undone = shown.encode("ascii", "backslashreplace").decode("unicode_escape")
    assert undone == name, "no two names are shown alike"


def test_keys_of_a_database_that_cannot_be_ids_cost_their_image_alone(tmp_path):
    path = make_database(tmp_path / "db", {b"a": encoded(), b"b\xff": encoded(), b"c/d": encoded(), b"e\n": encoded()})
    source = sources.open_card(make_card(path, "lmdb"))
    assert len(set(source.ids)) == 4
    for image_id in source.ids[1:]:
        with pytest.raises(BadImage, match="cannot be the id of an image"):
            source.pixels(image_id)
    found = list(data.batches(make_card(path, "lmdb"), 4, 8))
    assert [entry.ids for entry in found if isinstance(entry, data.Batch)] == [("a",)]


SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "line", [f"{SHA} *a b\n", f"{SHA}  a b\r\n", f"{SHA.upper()}  a b\n", f"\ufeff{SHA} *a b\r\n"], ids=ascii
)
def test_the_lines_of_sha256sum_are_read(tmp_path, line):
    (tmp_path / "list").write_bytes(line.encode())
    assert lists.read(tmp_path / "list") == [("a b", SHA)]


@pytest.mark.parametrize("name", ["\x85a", "a\x0bb", "a\u2029b", "a\u202eb"], ids=ascii)
def test_a_list_that_names_what_cannot_be_an_id_is_an_error_that_shows_it_safely(tmp_path, name):
    (tmp_path / "list").write_bytes(f"{SHA}  {name}\n".encode())
    ids = [image for image, _ in lists.read(tmp_path / "list")]
    assert ids == [name], "a list has one image a line, and lines end at line feeds alone"
    with pytest.raises(BadFile, match="is no id of an image, as it has") as error:
        lists.check_ids("list", ids)
    assert str(error.value).isprintable()
