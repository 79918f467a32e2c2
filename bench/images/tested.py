"""The images that no training may read: those that are tested on, however they are called and wherever they lie.

They are told by checksum. At the beginning the files of the training set that are as long as a test image's are
compared with it byte by byte; whatever is read is compared by its pixels, as another format or compression keeps them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from bench.images import data, sources
from bench.spec import BadImage, BenchError, Card, MissingImages, TooSmall

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Tested:
    """What tells the test images of a card among those for training."""

    ids: frozenset[str]
    """Training images whose files are a test image's."""
    pixels: frozenset[str]
    """Checksums of the test images."""
    told: str
    """What was found, in a sentence."""

    @classmethod
    def of(cls, card: Card, training: sources.Source, ids: Sequence[str]) -> Self:
        """Compare the training images of a card, `ids` of `training`, with its test images, if those are here.

        Raises `MissingImages` if all are test images.
        """
        listed = frozenset(card.sha256.values())
        try:
            source, wanted = sources.open_card(card, allow_enlarge=True), data.image_ids(card)
        except BenchError as error:
            known = f"with the {len(listed)} checksums of the list alone" if listed else "with no test image"
            told = (
                f"the training images of {card.category} are compared {known}, as the test images are not here: {error}"
            )
            return cls(frozenset(), listed, told.removesuffix("."))
        sums = frozenset(value for name in wanted if (value := _sum(source, name)))
        same = frozenset(_same_files(source, wanted, training, ids))
        if len(same) == len(ids):
            raise MissingImages(
                f"all {len(ids):,} training images of {card.category} in {training.where} are test images."
            )
        named = f" ({', '.join(sorted(same)[:_SHOWN])}{', ...' if len(same) > _SHOWN else ''})" if same else ""
        return cls(
            same,
            listed | sums,
            f"{len(same) or 'none'} of the {len(ids):,} training images of {card.category}{named} "
            f"{'is' if len(same) == 1 else 'are'} among the {len(sums)} test images by the checksum of their files; "
            "they are left out, and so is any that has the pixels of one",
        )

    def holds(self, name: str) -> bool:
        """Return whether a training image is known as a test image before it is read."""
        return name in self.ids

    def shows(self, image: Tensor) -> bool:
        """Return whether pixels (3, H, W) uint8 are those of a test image."""
        return bool(self.pixels) and data.pixel_sha256(image) in self.pixels


def _sum(source: sources.Source, name: str) -> str:
    """Return the checksum of a test image, or "" if it cannot be read: then no training can read it either."""
    try:
        return data.pixel_sha256(source.pixels(name))
    except (BadImage, TooSmall, MissingImages):
        return ""


def _same_files(
    source: sources.Source, wanted: Sequence[str], training: sources.Source, ids: Sequence[str]
) -> list[str]:
    """Return the training images that are a test image's file."""
    if source.content is None or training.content is None or training.length is None:
        return []
    sums: dict[int, set[str]] = {}
    for name in wanted:
        try:
            content = source.content(name)
        except (BadImage, MissingImages, KeyError):
            continue
        sums.setdefault(len(content), set()).add(hashlib.sha256(content).hexdigest())
    alike = (name for name in ids if training.length(name) in sums)
    return [
        name for name in alike if hashlib.sha256(content := training.content(name)).hexdigest() in sums[len(content)]
    ]
