"""LR images that somebody has, in place of those that the suite would make: files, paired with the test images by id.

They are taken as they are: one of another size than the factor asks for is an error of its image, and none is resized.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from bench.degradation import PLAIN
from bench.escape import file_name
from bench.images import pairing, photos, results
from bench.paths import expanded
from bench.spec import BadImage, BenchError, Card, MissingImages

_WHAT = "LR images"


@dataclass(frozen=True, slots=True)
class Given:
    """The LR files of a card at a factor."""

    card: Card
    factor: int
    pairs: pairing.Pairs

    def image(self, image_id: str) -> tuple[Tensor, str]:
        """Return an LR image, (3, lr_size, lr_size) uint8, and what its kind of file took away, or "".

        Raises `MissingImages` where there is not one file of it, `BadImage` for another size and for what is no image.
        """
        path = self.pairs.files.get(image_id)
        if path is None:
            raise MissingImages(
                f"no LR image of {image_id}: {self.pairs.lacking.get(image_id, 'it was not asked for')}"
            )
        size, side = self.card.hr_size, self.card.hr_size // self.factor
        try:
            return results.result(photos.content(path), path.name, side, f" for {size} x {size} at {self.factor}x")
        except BadImage as error:
            told = str(error).removesuffix(".").replace(f"{path.parent}/", "")
            raise BadImage(f"the LR image {told}") from error


def given(card: Card, factor: int, ids: Sequence[str]) -> Given:
    """Return the LR files that a card names, paired with its test images. Raises `MissingImages` if there are none."""
    try:
        found = pairing.found(card.lr, card.task(factor), pairing.Scope(what=_WHAT))
    except MissingImages as error:  # a table is published that holds it
        raise MissingImages(str(error).replace(f"{card.profile}{os.sep}", "")) from error
    return Given(card, factor, pairing.pair(ids, found))


def instead(cards: Mapping[str, Card], where: str, measured: Sequence[str]) -> dict[str, Card]:
    """Return cards whose LR images are those in a folder, or of a pattern, for the categories that are measured.

    A folder holds `<category>/[x<factor>/]<id>.png`, or `[x<factor>/]<id>.png` where one category alone is measured.
    Raises `BenchError` for what is neither, for a pattern that cannot tell the categories apart, and for a card with a
    degradation, which would not be done.
    """
    names = [category for category in cards if category in measured]
    if done := [name for name in names if cards[name].degradation != PLAIN]:
        raise BenchError(
            f"--lr {where}: the images of {', '.join(done)} are to be degraded "
            f"({'; '.join(cards[done[0]].degradation)}), which LR images that are given would not be; leave out one of "
            "the two."
        )
    return {**cards, **{name: replace(cards[name], lr=_place(where, name, alone=len(names) == 1)) for name in names}}


def _place(where: str, category: str, *, alone: bool) -> str:
    """Return the folder or pattern of the LR images of a category alone."""
    if pairing.is_pattern(where):
        if not alone and "{category}" not in where:
            raise BenchError(
                f"--lr {where} has no {{category}}, and more than one is measured: put it in, or limit the table with "
                "--category."
            )
        return where
    root = expanded(where)
    if not root.is_dir():
        raise MissingImages(
            f"--lr {where}: there is no folder {root}; give one that holds <category>/x<factor>/<id>.png, or a pattern "
            "such as 'lr/{category}/{id}_LR.png'."
        )
    if alone:
        return str(root)
    own = root / category
    return str(own if own.is_dir() else root / file_name(category))
