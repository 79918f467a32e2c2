"""Whether a folder's files are the images of a card's list, told by how a few that are known look.

A file that is a number says little: one set is numbered from 0 by some, from 1 by others, and sorted anew by a third.
Where the pixels may differ, as JPEGs of the same images do, a difference hash (N. Krawetz, 2013) tells what is shown:
for each of 8 x 8 places, whether it is lighter than the one to its right.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from bench import resize
from bench.degradation import PLAIN
from bench.images import data
from bench.spec import BadFile, Card

_SIDE = 8
_APART = 10
"""Of 64 places, as many as may differ between two copies of one image; of two images about half do."""


def look(image: Tensor) -> str:
    """Return the difference hash of an image, (3, H, W) uint8, as 16 hexadecimal digits."""
    grey = (image.double() / 255).mean(0)
    small = resize.resize(grey, _SIDE, _SIDE + 1)
    bits = (small[:, :-1] > small[:, 1:]).flatten()
    return f"{int(''.join(str(int(bit)) for bit in bits), 2):016x}"


def check(card: Card) -> None:
    """Raise `BadFile` if an image whose look a card knows looks different, with what the files show instead.

    Raises what `data.read` does for one that cannot be read.
    """
    plain = replace(card, degradation=PLAIN)
    found = {name: look(data.read(plain, name, allow_enlarge=True)) for name in card.looks}
    wrong = [name for name in found if _apart(found[name], card.looks[name]) > _APART]
    if wrong:
        origin = f": {card.address}" if card.address else ""
        raise BadFile(
            f"the files of {card.category} are not the images of the list: {len(wrong)} of {len(found)} known ones "
            f"look different ({_told(wrong[0], found[wrong[0]], card.looks)}). They may be numbered from another "
            f"number or be in another order; get {card.test_set} as it is published{origin}."
        )


def unverified(card: Card) -> str:
    """Return a sentence on listed files of which the names alone are known; "" if more is, or none are listed."""
    if card.reader != "folder" or not card.ids or card.sha256 or card.looks:
        return ""
    return (
        f"that the {len(card.ids)} files of {card.category} are the images of the list is not verified: their names "
        "are compared, and no checksums are known"
    )


def _told(name: str, seen: str, looks: Mapping[str, str]) -> str:
    """Return what a file shows: the known image that it looks like, or another."""
    same = next((other for other, known in looks.items() if _apart(seen, known) <= _APART), None)
    return f"{name} shows {same}" if same else f"{name} shows another"


def _apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()
