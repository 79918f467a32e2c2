"""TOML files of any content: used, or refused in a sentence that names file and key."""

import datetime as dt
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import cards, schema
from bench.errors import BadFile, BenchError
from methods.weights import catalogue

from .test_report_files import MINIMAL, write  # noqa: F401 - a fixture

BASIC = {
    "title": "T", "caption": "C", "source": "S", "metrics": ["psnr"], "categories": ["face"], "factors": [16],
    "methods": ["bicubic"],
}  # fmt: skip
EXTRA = {
    "full": "bicubic", "also": ["ssim"], "pending": {"x": "X"}, "test_sets": {"face": "F"},
    "test_data": {"face": {"hr_size": 64, "sha256": "x", "operator": "o"}},
    "published": {"x16": {"face": {"bicubic": {"psnr": "1.5"}}}}, "margin": {"psnr": 0.1}, "front": 16,
}  # fmt: skip
CARD = {
    "title": "Cat", "hr_size": 64, "reader": "folder", "source": "photos", "test_set": "ours", "train_set": "",
    "ids": ["a"], "test_images": 3, "searched_images": 2, "fit": "crop", "train_source": "more",
    "train_reader": "folder", "crops": "c.csv", "train_crops": ["d.csv"], "component_boxes": "b.csv",
    "licence": "x", "address": "x",
    "preset": "mini",
}  # fmt: skip
WEIGHTS = {
    "name": "a.pth", "methods": ["glean"], "preset": "paper", "category": "cat", "factor": 16, "layout": "x",
    "trained_on": "LSUN cat", "licence": "unknown", "part": "network", "hr_size": 256, "address": "https://x.org/a",
    "where": "there", "sha256": "0" * 64, "size": 3,
}  # fmt: skip


class Raw(str):
    """TOML as it stands."""

    __slots__ = ()


ODD = st.sampled_from(
    ["", " ", "..", "../x", "/etc/passwd", "a/b", "a\nb", "\x1b[31m", "x16", "x0", "16", "psnr", "bicubic", "1e5", "-1"]
)
HUGE = st.sampled_from([Raw(f"0x{'f' * 5000}"), Raw("9" * 5000), Raw("[" * 3000 + "]" * 3000)])
DATES = st.dates() | st.times() | st.datetimes(timezones=st.none())
SINGLE = (
    ODD | st.text(max_size=4) | st.booleans() | st.integers(-3, 3) | st.integers() | st.floats() | HUGE | DATES
)  # fmt: skip
VALUES = st.recursive(
    SINGLE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD | st.text(max_size=3), inner, max_size=3)
)
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def toml(value):
    """A value as TOML."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(name)} = {toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(letter):08x}" for letter in value) + '"'
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value).lower()  # true, 1, 1.5, nan, inf


def lines(values):
    return "".join(f"{toml(name)} = {toml(value)}\n" for name, value in values.items())


@st.composite
def changed(draw, values):
    """These values with one of them, or one deep in them, replaced, added or taken out."""
    values = dict(values)
    name = draw(st.sampled_from(sorted(values)) | ODD)
    if isinstance(values.get(name), dict) and draw(st.booleans()):
        return values | {name: draw(changed(values[name]))}
    if draw(st.integers(0, 5)) == 0:
        values.pop(name, None)
        return values
    return values | {name: draw(VALUES)}


def one_sentence(error, file):
    """A message names the file and fits on a few lines of a terminal."""
    assert file in str(error)
    assert len(str(error)) < 1500


@QUICK
@given(values=changed(BASIC | EXTRA))
def test_any_report_is_read_or_refused(write, values):  # noqa: F811
    try:
        report = write(lines(values).encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    except BadFile as error:
        one_sentence(error, "mine.toml")
    else:
        assert all(2 <= factor <= 2**14 for factor in report.factors)
        assert report.methods


@QUICK
@given(values=changed(CARD))
def test_any_card_is_read_or_refused(tmp_path, values):
    (tmp_path / "cat.toml").write_text(lines(values), encoding="utf-8", errors="replace")
    try:
        card = cards.card(str(tmp_path), "cat")
    except BadFile as error:
        one_sentence(error, "cat.toml")
    else:
        assert 1 <= card.hr_size <= 2**14


@QUICK
@given(values=changed(WEIGHTS))
def test_any_catalogue_is_read_or_refused(tmp_path, monkeypatch, values):
    monkeypatch.setattr(catalogue, "_CATALOGUE", tmp_path / "catalogue.toml")
    (tmp_path / "catalogue.toml").write_text("[[file]]\n" + lines(values), encoding="utf-8", errors="replace")
    try:
        (file,) = catalogue.catalogue()
    except BadFile as error:
        one_sentence(error, "catalogue.toml")
    else:
        assert "/" not in file.name


@given(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("t") / "x.toml"
    path.write_bytes(content)
    try:
        schema.parse(path)
    except BadFile as error:
        one_sentence(error, "x.toml")
    finally:
        shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", 'published.x16 = "a"', r"published\.x16 must be a table"),
        ("", 'published.x16.face = "a"', r"published\.x16\.face must be a table"),
        ("", "published.x16.face.bicubic = 3", r"published\.x16\.face\.bicubic must be a table"),
        ("", 'published = "x"', r"published must be a table"),
        ("", 'published.x16.face.glean.psnr = "1e999"', "of digits as printed"),
        ("", f'published.x{"9" * 5000}.face.glean.psnr = "1"', "of x and the factor"),
        ("factors = [16]", "factors = []", "factors must be a list, not empty"),
        ("factors = [16]", "factors = [0]", r"factors\[0\] must be a whole number from 1 to 16384, not 0"),
        ("factors = [16]", "factors = [-16]", r"factors\[0\] must be a whole number from 1"),
        ("factors = [16]", "factors = [16, 16]", "factors names 16 more than once"),
        ("factors = [16]", f"factors = [{'9' * 5000}]", "cannot be read as TOML"),
        ("factors = [16]", f"factors = [0x{'f' * 5000}]", r"factors\[0\] must be .* not too large to be shown"),
        ("factors = [16]", "factors = [nan]", r"factors\[0\] must be a whole number from 1 to 16384, not a decimal"),
        ("factors = [16]", "factors = [2026-01-01]", r"factors\[0\] must be a whole number .* not date"),
        ("factors = [16]", "factors = 16", "factors must be a list"),
        ('methods = ["bicubic"]', "methods = []", "methods must be a list, not empty"),
        ('methods = ["bicubic"]', 'methods = [["bicubic"]]', r"methods\[0\] must be a string"),
        ('methods = ["bicubic"]', 'methods = ["bicubic", "bicubic"]', "methods names 'bicubic' more than once"),
        ('categories = ["face"]', "categories = []", "categories must be a list, not empty"),
        ('categories = ["face"]', 'categories = [""]', r"categories\[0\] must be a string that is not empty"),
        ('metrics = ["psnr"]', 'metrics = [["psnr"]]', r"metrics\[0\] must be a string"),
        ('metrics = ["psnr"]', 'metrics = ["psnr"]\nalso = ["psnr"]', "also names psnr"),
        ('title = "T"', 'title = ""', "title must be a string that is not empty"),
        ('title = "T"', 'title = "a\\u001b[31m"', "title must be .* without control characters"),
        ("", "[test_sets]\nface = 3", r"test_sets\.face must be a string"),
        ("", "[pending]\nx = []", r"pending\.x must be a string"),
        ("", "[test_data.face]\nhr_size = -1\nsha256 = 'x'\noperator = 'o'", r"test_data\.face\.hr_size must be"),
        ("", "margin.psnr = true", r"margin\.psnr must be a decimal number from 0 up"),
        ("", f"margin.psnr = 0x{'f' * 5000}", None),
        ("", f"x = {'[' * 5000}{']' * 5000}", "nested too deeply"),
        ("", f"full = {'{a=' * 5000}1{'}' * 5000}", "nested too deeply"),
        ("", f"{'z' * 5000} = 1", r"there is no key 'z{80}'\.\.\."),
    ],
)
def test_what_ended_in_a_traceback_is_a_sentence(write, old, new, words):  # noqa: F811
    text = MINIMAL.replace(old, new) if old else MINIMAL + new
    if words is None:
        assert write(text).margin
        return
    with pytest.raises(BadFile, match=words) as error:
        write(text)
    one_sentence(error.value, "mine.toml")


def test_a_table_without_test_sets_is_a_table(write):  # noqa: F811
    assert write(MINIMAL).test_sets == {}


def test_a_file_that_is_none_is_refused_without_reading_it(tmp_path):
    (tmp_path / "d.toml").mkdir()
    with pytest.raises(BadFile, match="not a file"):
        schema.parse(tmp_path / "d.toml")
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(2**32)
    with pytest.raises(BadFile, match="not a file of at most 4 MiB"):
        schema.parse(tmp_path / "large.toml")
    with pytest.raises(BadFile, match=r"there is no file .*gone\.toml"):
        schema.parse(tmp_path / "gone.toml")


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert schema.parse(tmp_path / "x.toml") == {"a": 1}


@pytest.mark.parametrize("size", [0, -1, 2**14 + 1, 10**5000], ids=["0", "-1", "too large", "huge"])
def test_no_size_but_a_possible_one(tmp_path, size):
    (tmp_path / "cat.toml").write_text(lines({k: v for k, v in CARD.items() if k in list(CARD)[:6]}))
    with pytest.raises(BenchError, match="hr_size must be from 1 to 16384"):
        cards.cards(str(tmp_path), size)
