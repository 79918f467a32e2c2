"""16-bit PNGs, of which Pillow gives the upper bytes alone if they have several channels: read twice, and joined."""

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from bench.images import pillow


def samples(image: ImageFile.ImageFile, data: bytes, raw: str) -> NDArray[np.uint16]:
    """Return the samples of a 16-bit PNG. Of several channels Pillow keeps the upper bytes, so it is asked twice."""
    found: NDArray[np.uint16]
    if raw == "I;16B":
        found = np.asarray(image)[..., None]
    elif raw == "LA;16B":  # two channels of two bytes, read as four of one
        pairs = _png_bytes(data, "RGBA")
        found = _join(pairs[..., 0::2], pairs[..., 1::2])
    else:
        found = _join(_png_bytes(data, raw), _png_bytes(data, raw.replace("16B", "16L")))
    transparent = image.info.get("transparency")
    if transparent is not None:
        opaque = (found != np.asarray(transparent)).any(-1, keepdims=True)
        found = np.concatenate([found, opaque * np.uint16(0xFFFF)], -1)
    grey = found.shape[-1] < 3  # noqa: PLR2004 - neither RGB nor RGBA
    return np.concatenate([found[..., :1]] * 2 + [found], -1) if grey else found


def _join(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return the numbers of two bytes each."""
    return high.astype(np.uint16) << np.uint16(8) | low


def _png_bytes(data: bytes, raw: str) -> NDArray[np.uint8]:
    """Return the bytes of a PNG that Pillow's raw mode `raw` takes out of each pixel."""
    with pillow.opened(data) as image:
        codec, extents, offset, _ = image.tile[0]
        image.tile = [(codec, extents, offset, raw)]  # type: ignore[list-item] # a tuple before Pillow 11
        return np.asarray(image)
