"""Names of any script are drawn where a font has them, and numbered where none has."""

from pathlib import Path

import matplotlib as mpl
import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import Image

from bench import cards
from bench.report import fonts, strips
from bench.restore import RunSettings, State
from bench.spec import Cell

from .conftest import textured

RARE = "\U00013000"  # an Egyptian hieroglyph


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """The fonts that come with matplotlib alone, looked through anew."""
    own = [font for font in font_manager.fontManager.ttflist if mpl.get_data_path() in font.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)

    def forget():
        for cached in (fonts._family, fonts._installed, fonts._glyphs):
            cached.cache_clear()

    forget()
    yield
    forget()


def install(path, characters) -> str:
    """Install a font of filled squares for some characters."""
    pen = TTGlyphPen(None)
    for at, (x, y) in enumerate([(0, 0), (0, 700), (700, 700), (700, 0)]):
        (pen.lineTo if at else pen.moveTo)((x, y))
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(char): "square" for char in characters})
    builder.setupGlyf({".notdef": square, "square": square})
    builder.setupHorizontalMetrics({".notdef": (800, 0), "square": (800, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    font_manager.fontManager.addfont(path)
    return "Squares"


def test_what_no_font_has_is_numbered(tmp_path):
    assert fonts.label(f"a{RARE}", otherwise="no. 3") == "no. 3"
    assert fonts.drawable(f"a{RARE}b") == "a\N{WHITE SQUARE}b"
    assert fonts.families([f"a{RARE}"]) == ["DejaVu Sans"]


def test_a_font_that_has_it_is_used(tmp_path):
    family = install(tmp_path / "squares.ttf", RARE)
    for cached in (fonts._family, fonts._installed, fonts._glyphs):
        cached.cache_clear()
    assert fonts.label(f"a{RARE}", otherwise="no. 3") == f"a{RARE}"
    assert fonts.families([f"a{RARE}"]) == ["DejaVu Sans", family]
    assert fonts.families(["a"]) == ["DejaVu Sans"], "other fonts are asked only for what it lacks"


def test_a_file_that_is_no_font_is_passed_over(tmp_path):
    install(tmp_path / "squares.ttf", RARE)
    (tmp_path / "squares.ttf").write_bytes(b"no font")
    assert fonts.label(RARE, otherwise="no. 3") == "no. 3"


def test_what_is_not_drawn_by_itself_is_left_out(tmp_path):
    assert fonts.label("a\U000e0101b\U000e0041", otherwise="no. 3") == "ab"


def test_a_long_name_keeps_both_ends():
    name = "DSC_0001 a very long name of a photograph.edited.final"
    assert fonts.label(name, otherwise="") == "DSC_0001 a …edited.final"
    assert fonts.label("a" * 24, otherwise="") == "a" * 24


NAMES = ["证件照片" * 4, "👨‍👩‍👧", "a$b$c", "$x_{$", RARE, "می‌خواهم", "x" * 180, "\u202fAM", "ऀक्षि", "🇩🇪"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_strip_of_any_names_is_drawn_without_a_warning(tmp_path, name):
    folder = tmp_path / "p" / f"face {name[:20]}"
    folder.mkdir(parents=True)
    Image.fromarray(textured(32, 1)).save(folder / f"{name}.png")
    card = cards.card(str(tmp_path / "p"), folder.name, 32)
    states = {Cell(card.task(8), "m", f"Method {name}"): State("failed")}
    written = strips.strip(states, {folder.name: card}, RunSettings(tmp_path, torch.device("cpu")), tmp_path / "s.png")
    assert written == [tmp_path / "s.png"]  # warnings are errors here
    with Image.open(written[0]) as image:
        assert image.width < 2000


def test_the_number_of_an_image_is_its_place_among_the_test_images(tmp_path, monkeypatch):
    folder = tmp_path / "p" / "face"
    folder.mkdir(parents=True)
    for name in ("0", RARE):
        Image.fromarray(textured(32, 1)).save(folder / f"{name}.png")
    (folder / "1.png").write_bytes(b"damaged")
    card = cards.card(str(tmp_path / "p"), "face", 32)
    kept = []
    monkeypatch.setattr(strips, "save", lambda figure, path: kept.append(figure) or [path])
    states = {Cell(card.task(8), "m", "M"): State("failed")}
    strips.strip(states, {"face": card}, RunSettings(tmp_path, torch.device("cpu")), Path("x"))
    assert [axis.get_ylabel() for axis in kept[0].axes[::3]] == ["face 8x\n0", "face 8x\nno. 3"]
