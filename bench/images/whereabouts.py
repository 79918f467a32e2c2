"""Where the images of a card are to lie, and what to fetch if they do not."""

import os
import shlex
from pathlib import Path

from bench.paths import expanded
from bench.spec import Card, MissingImages


def where(card: Card) -> Path:
    """Return where a card's images are to lie; a relative path is meant below $GLEAN_DATA.

    Raises `MissingImages` if that is not set.
    """
    root = os.environ.get("GLEAN_DATA", "")
    path = expanded(root) / card.source
    if not path.is_absolute() and not root:
        raise MissingImages(f"$GLEAN_DATA is not set, so {card.source} was not looked for; {how_to_get(card)}")
    return path


def present(card: Card) -> Path:
    """Return where a card's images lie."""
    path = where(card)
    try:
        there = path.exists()
    except (OSError, ValueError) as error:  # no permission, a name that is too long, NUL
        raise MissingImages(f"{path} cannot be read: {error}; {how_to_get(card)}") from error
    if not there:
        raise MissingImages(f"there is no {path}; {how_to_get(card)}")
    return path


def how_to_get(card: Card) -> str:
    """Return the rest of a sentence: what to fetch, and where to put it."""
    if card.download:
        below = "" if Path(card.source).is_absolute() else "export GLEAN_DATA=/path/to/a/folder, and "
        return f"{below}`python -m bench fetch --images {shlex.quote(card.profile)}` brings them."
    origin = f" from {card.address}" if card.address else ""
    if Path(card.source).is_absolute():
        known = f" ({card.test_set})" if card.test_set else ""
        return f"put the images of {card.category}{known} there{origin}."
    return (
        f"get {card.test_set}{origin}, keep it as {card.source} in a folder of your choice, and name that folder: "
        "export GLEAN_DATA=/path/to/the/folder"
    )
