"""The lists of the images of cards, with their checksums, written anew."""

from pathlib import Path

from bench import atomic, cards
from bench.images import data, sources
from bench.spec import Card


def write_lists(profile: str) -> list[Path]:
    """Write the lists that the cards of a profile name and return their paths: `python -m bench lists PROFILE`.

    To be done when the images have changed on purpose. For a card that names none, and for a folder of photographs
    without a card, it is `<category>.sha256` beside it, to be named as the `list` of the card.
    """
    paths = cards.list_paths(profile)
    found = cards.cards(profile, need_lists=False)
    return [write_list(card, paths[category]) for category, card in found.items()]


def write_list(card: Card, path: Path) -> Path:
    """Write the list of a card's images as they are now, one line `sha256  id` each, whatever it listed before.

    Raises `OutputError` if it cannot be written.
    """
    source = sources.open_card(card)
    ids = data.image_ids(card)
    sums = [data.pixel_sha256(source.pixels(image_id)) for image_id in ids]
    text = "".join(f"{value}  {name}\n" for value, name in zip(sums, ids, strict=True))
    atomic.write(path, text.encode())
    return path
