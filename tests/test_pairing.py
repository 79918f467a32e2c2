"""Which file is of which image: what is paired wrongly becomes another image's figure."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.escape import file_name
from bench.images import pairing
from bench.images.pairing import Scope, found, pair
from bench.spec import BenchError, MissingImages, Task

FACE = Task("mini", "face", 8, 64)
SEVERAL = Scope(one_category=False, one_factor=False)


def place(root, *names) -> Path:
    """Empty files: only names count."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.parametrize(
    ("names", "scope"),
    [
        (["face/x8/a.png", "face/x16/b.png", "face/c.png", "d.png"], SEVERAL),
        (["face/x8/a.png", "face/b.png"], Scope()),
        (["face/a.png", "cat/a.png", "b.png"], Scope(one_category=False)),
        (["x8/a.png", "x16/b.png"], Scope(one_factor=False)),
        (["a.png"], Scope()),
    ],
)
def test_files_are_where_the_task_says(tmp_path, names, scope):
    root = place(tmp_path / "out", *names)
    ((name, path),) = found(str(root), FACE, scope)
    assert (name, path.name) == ("a", "a.png")


@pytest.mark.parametrize(
    ("names", "scope", "said"),
    [
        (["face/a.png"], Scope(one_factor=False), "none in out/face/x8"),  # of which factor?
        (["a.png"], Scope(one_category=False), "none in out/face/x8 or out/face"),  # of which category?
        (["face/x16/a.png"], SEVERAL, "there is x16"),
        ([], Scope(), "none in out/face/x8 or out/face or out/x8 or out"),
        (["face/notes.txt"], Scope(), "none in"),
    ],
)
def test_what_could_be_of_another_task_is_not_taken(tmp_path, names, scope, said):
    root = place(tmp_path / "out", *names)
    root.mkdir(exist_ok=True)
    with pytest.raises(MissingImages, match=said):
        found(str(root), FACE, scope)


def test_a_pattern_says_where_names_have_their_parts(tmp_path):
    root = place(tmp_path, "r[1]/face/a_x8_SR.png", "r[1]/face/a_x80_SR.png", "r[1]/cat/b_x8_SR.png", "r[1]/face/b.png")
    pattern = str(root / "r[1]" / "{category}" / "{id}_x{factor}_SR.png")
    assert [(name, path.name) for name, path in found(pattern, FACE, SEVERAL)] == [("a", "a_x8_SR.png")]
    twice = str(place(root, "t/a/a.png", "t/a/b.png", "t/b/b.png") / "t" / "{id}" / "{id}.png")
    assert [name for name, _ in found(twice, FACE, Scope())] == ["a", "b"]


@pytest.mark.parametrize(
    ("pattern", "scope", "said"),
    [
        ("{category}/{id}.png", Scope(one_factor=False), r"has no \{factor\}"),
        ("{id}_{factor}.png", Scope(one_category=False), r"has no \{category\}"),
        ("{id}.gone", Scope(), "no file is named"),
        ("{name}.png", Scope(), r"needs \{id\}"),
        ("{id}{seed}.png", Scope(), "may have"),
    ],
)
def test_a_pattern_that_leaves_something_open_is_refused(tmp_path, pattern, scope, said):
    place(tmp_path, "face/a.png")
    with pytest.raises(BenchError, match=said):
        found(f"{tmp_path}/{pattern}", FACE, scope)


def test_two_files_of_an_image_are_none():
    pairs = pair(["a", "b"], [("a", Path("a.png")), ("a", Path("a.jpg")), ("b", Path("b.png"))])
    assert pairs.files == {"b": Path("b.png")}
    assert pairs.lacking["a"].startswith("several files are of it: a.jpg, a.png")


def test_case_counts_and_a_reader_is_told():
    pairs = pair(["Anna", "bob"], [("anna", Path("anna.png")), ("bob", Path("bob.png"))])
    assert pairs.lacking == {"Anna": "there is no file of it; there is anna.png, and names count with their case"}
    assert pairs.strangers == (Path("anna.png"),)


def test_the_form_of_unicode_counts_only_where_two_ids_differ_in_it():
    one, two = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    assert pair([one], [(two, Path("x.png"))]).files == {one: Path("x.png")}
    assert pair([one, two], [(two, Path("x.png"))]).files == {two: Path("x.png")}
    third = unicodedata.normalize("NFC", "ǭ"), "o\u0304\u0328", "o\u0328\u0304"
    assert pair(third[:2], [(third[2], Path("x.png"))]).strangers == (Path("x.png"),), "of which of the two?"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1), unique=True), st.data())
def test_every_image_gets_its_own_file_whatever_the_order(ids, data):
    names = [data.draw(st.sampled_from([image_id, file_name(image_id)])) for image_id in ids]
    if len(set(names)) < len(names) or {file_name(a) for a in ids} & set(ids) - set(map(str, names)):
        return  # a name that is an id and another's as we write it: seen below
    files = [(name, Path(f"{index}.png")) for index, name in enumerate(names)]
    pairs = pair(ids, data.draw(st.permutations(files)))
    assert pairs.files == {image_id: Path(f"{index}.png") for index, image_id in enumerate(ids)}


def test_a_name_that_is_an_id_is_that_ids():
    assert pair(["%41~", "A~"], [(file_name("A~"), Path("x.png"))]).files == {"A~": Path("x.png")}
    hostile = file_name("é")
    assert pair([hostile, "é"], [(hostile, Path("x.png"))]).files == {hostile: Path("x.png")}


def test_a_folder_with_braces_in_its_name_is_a_folder(tmp_path):
    assert not pairing.is_pattern(str(place(tmp_path / "{id}", "a.png")))
