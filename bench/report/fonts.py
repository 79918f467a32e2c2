"""Which fonts can draw a text: the default one, then any installed one that has the glyphs it lacks."""

import logging
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from matplotlib import font_manager, ft2font

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it tells which weights a family does not have
_DEFAULT = "DejaVu Sans"  # comes with matplotlib
_LAST_RESORT = "Last Resort"  # has a box for every character, so it would always be found and tell nothing
_LONGEST = 24  # characters that have room beside a picture
_NO_GLYPH = "\N{WHITE SQUARE}"


def families(texts: Iterable[str]) -> list[str]:
    """Return the font families that draw some texts together, in matplotlib's order of looking for a glyph."""
    found = (_family(char) for text in texts for char in text)
    return list(dict.fromkeys([_DEFAULT, *(family for family in found if family)]))


def drawable(text: str) -> str:
    """Return a text as it can be drawn, with a box for a character of which no installed font has a glyph.

    Joiners and other characters without a look of their own are left out where no font has them.
    """
    return "".join(_NO_GLYPH if _family(char) is None else char for char in _seen(text))


def label(name: str, otherwise: str) -> str:
    """Return a name for beside a picture, shortened in its middle; `otherwise` for one that cannot be drawn whole."""
    text = _seen(name)
    if any(_family(char) is None for char in text):
        return otherwise
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[: half - 1]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"


def _seen(text: str) -> str:
    return "".join(char for char in text if _family(char) is not None or not _is_invisible(char))


def _is_invisible(char: str) -> bool:
    """Return whether a character is drawn by its effect on others alone: format characters, variation selectors."""
    return unicodedata.category(char) == "Cf" or unicodedata.name(char, "").startswith("VARIATION SELECTOR")


@lru_cache(maxsize=4096)
def _family(char: str) -> str | None:
    """Return the first family that has a glyph for a character."""
    return next((family for family in _installed() if ord(char) in _glyphs(family)), None)


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    names = sorted({font.name for font in font_manager.fontManager.ttflist if not font.name.startswith(_LAST_RESORT)})
    return (_DEFAULT, *names)


@lru_cache(maxsize=1024)
def _glyphs(family: str) -> frozenset[int]:
    """Return the characters of the file that matplotlib takes for a family; none of one that it cannot draw with."""
    try:
        font = ft2font.FT2Font(font_manager.findfont(family, fallback_to_default=False))
    except (RuntimeError, ValueError, OSError):
        return frozenset()
    return frozenset(font.get_charmap()) if font.scalable else frozenset()
