"""The sizes of DFDNet (methods/dfdnet.py), by preset; `paper` is the published network, which is not trained here."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DfdnetSettings:
    """Sizes of a network, and how its dictionaries are made."""

    published: bool = False
    """True: features are VGG19's, of images of 512 px; else those of the bank's discriminator, of the task's size."""
    channels: int | None = None
    """Features of each level of the extractor that are used, at most; None: all."""
    width: int = 64
    """Channels at the size of the image."""
    centres: int = 512
    """Entries of a dictionary, of each part and level."""
    images: int = 10_000
    """Training images of which the dictionaries are made."""
    rounds: int = 20
    """Of k-means."""


_SMALL = DfdnetSettings(channels=16, width=16, centres=16, images=512)
"""For files of half a megabyte: with all features of the extractors and 32 entries they would be of 4 to 10 MB."""

DFDNET: Mapping[str, DfdnetSettings] = {"paper": DfdnetSettings(published=True), "mini": _SMALL, "portraits": _SMALL}
