"""Files of photographs -> square 8-bit RGB images, the same pixels on every machine.

- The content says how a file is read, not its suffix: PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF, JPEG 2000, PPM, QOI.
- What is stored counts: colour profiles and gamma are not applied, as in the libraries the methods were trained with.
- The orientation of EXIF is applied; where it is in doubt the file is refused. Other damage to metadata does no harm.
- Of an animation, a multi-page file or a file of several pictures (MPO) the first image is taken.
- Transparent pixels lie on white, as on a page; dropping alpha instead would uncover colours that nobody sees.
- 16-bit PNGs keep their precision until the one rounding to 8 bit at the end.
- CMYK becomes RGB as (1 - C)(1 - K); a CMYK JPEG is taken as inverted, as Adobe writes it.
- A photograph has at most 2^28 pixels (268 million) and `files.PHOTOGRAPH` bytes.
"""

from collections.abc import Hashable
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ImageFile, UnidentifiedImageError
from torch import Tensor

from bench import files, resize
from bench.images import metadata, pillow, png16
from bench.spec import BadImage, TooSmall

MOST_PIXELS = 2**28
"""Of a photograph that is decoded: they become 6 GB on their way. A file of a few bytes can claim any number."""

Samples: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W, C): RGB, or RGB and alpha; the full range of the type."""


class Box(NamedTuple):
    """A square of an upright photograph, in whole pixels."""

    left: int
    top: int
    side: int


_EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}


def content(path: Path) -> bytes:
    """Return the bytes of a photograph. Raises `BadImage`, also for what is no regular file or is too large."""
    try:
        return files.content(path, files.PHOTOGRAPH)
    except OSError as error:
        raise BadImage(f"{path} cannot be read: {error.strerror}; copy it again, or give another image.") from error


@lru_cache(maxsize=2**16)
def short_side(path: Path, state: Hashable) -> int:  # noqa: ARG001 - a changed file is read again
    """Return the pixels of a photograph's short side; 0 for a file that cannot be opened as one. Nothing is decoded."""
    try:
        with pillow.strict(), pillow.opened(content(path)) as image:
            return min(image.size)
    except Exception:  # noqa: BLE001 - a decoder raises whatever it stumbles on
        return 0


def read(path: Path) -> Tensor:
    """Return the photograph in a file as it is, (3, H, W) uint8. Raises `BadImage`, also if it cannot be read."""
    return decoded(content(path), str(path))


def decoded(data: bytes, name: str) -> Tensor:
    """Return the photograph in `data` as it is, (3, H, W) uint8. Raises `BadImage`; `name` is for its message."""
    samples = _decode(data, name, 1)
    return torch.stack([resize.eight_bit(_on_white(samples, channel)) for channel in range(3)])


def photo(data: bytes, name: str, size: int, fit: Literal["crop", "stretch"], *, allow_enlarge: bool) -> Tensor:
    """Return the photograph in `data` as (3, size, size) uint8; one that is 8-bit RGB of that size keeps its pixels.

    It is made square (`fit`) and resized with the MATLAB operator in float64 on the CPU. `name` is for messages.

    Raises:
        BadImage: `data` is empty, truncated, no image, or of a kind whose values cannot be known.
        TooSmall: its short side is below `size`, unless `allow_enlarge`.
    """
    samples = _decode(data, name, 1 if allow_enlarge else size)
    height, width = samples.shape[:2]
    if fit == "crop":
        side = min(height, width)
        samples = _cut(samples, Box((width - side) // 2, (height - side) // 2, side))
    return _resized(samples, size)


def square(data: bytes, name: str, size: int, box: Box, *, allow_enlarge: bool) -> Tensor:
    """Return a square of the photograph in `data` as `photo` returns the whole; raises the same.

    A box that is not within the photograph is a `BadImage`; `TooSmall` is one whose side is below `size`.
    """
    samples = _decode(data, name, 1)
    height, width = samples.shape[:2]
    if box.left + box.side > width or box.top + box.side > height:
        raise BadImage(
            f"{name} has {width} x {height} pixels, the table of crops wants {box.side} x {box.side} of them from "
            f"({box.left}, {box.top}) on; correct the table, or get the listed file."
        )
    if box.side < size and not allow_enlarge:
        raise TooSmall(
            f"the crop of {name} has {box.side} pixels a side, fewer than {size}; take another, a smaller --hr-size, "
            "or --allow-enlarge."
        )
    return _resized(_cut(samples, box), size)


def _cut(samples: Samples, box: Box) -> Samples:
    return samples[box.top : box.top + box.side, box.left : box.left + box.side]


def _resized(samples: Samples, size: int) -> Tensor:
    """Return samples (H, W, C) as (3, size, size) uint8, a channel at a time: in float64 each takes 8 bytes a pixel."""
    channels = []
    for channel in range(3):
        values = _on_white(samples, channel)
        if values.shape != (size, size):
            values = resize.resize(values, size, size)
        channels.append(resize.eight_bit(values))
    return torch.stack(channels)


def _on_white(samples: Samples, channel: int) -> Tensor:
    """Return one of red, green and blue, (H, W) in [0, 1], float64."""
    most = np.iinfo(samples.dtype).max
    values = samples[..., channel].astype(np.float64) / most
    if samples.shape[-1] == 3:  # noqa: PLR2004 - RGB
        return torch.from_numpy(values)
    alpha = samples[..., 3].astype(np.float64) / most
    return torch.from_numpy(values * alpha + (1 - alpha))


def _decode(data: bytes, name: str, least: int) -> Samples:
    """Return the first image of a file, upright, after checking that its short side has `least` pixels."""
    try:
        with pillow.strict(), pillow.opened(data) as image:
            _check_size(image, name, least)
            samples = _samples(image, data, name)
            return _upright(samples, metadata.orientation(image, data))
    except (BadImage, TooSmall):
        raise
    except UnidentifiedImageError as error:
        kind = "is not an image of a kind that is read" if data else "is empty"
        raise BadImage(f"{name} {kind}; replace it, or take it out of the folder.") from error
    except Exception as error:  # a decoder raises whatever it stumbles on
        reason = str(error) or type(error).__name__
        raise BadImage(f"{name} cannot be decoded: {reason}; copy it again, or save it anew as PNG.") from error


def _check_size(image: ImageFile.ImageFile, name: str, least: int) -> None:
    """Raise `TooSmall` or `BadImage` for a size that is not to be decoded."""
    if min(image.size) < least:
        raise TooSmall(
            f"{name} has {image.width} x {image.height} pixels, fewer than {least} on its short side; "
            "take a larger photograph, a smaller --hr-size, or --allow-enlarge."
        )
    if image.width * image.height > MOST_PIXELS:
        raise BadImage(
            f"{name} has {image.width} x {image.height} pixels, more pixels than is safe to decode "
            f"({MOST_PIXELS:,}); resize it first."
        )


def _samples(image: ImageFile.ImageFile, data: bytes, name: str) -> Samples:
    """Return the samples of an opened image as they are stored, three or four a pixel."""
    raw = str(image.tile[0][3]) if image.format == "PNG" and image.tile else ""
    if raw.endswith(";16B"):
        return png16.samples(image, data, raw)
    depth = metadata.depth(image, data)
    if image.mode not in _EIGHT_BIT or depth > 8:  # noqa: PLR2004 - Pillow would cut off the lower bits
        raise BadImage(
            f"{name} has {depth}-bit samples of mode {image.mode}, which Pillow cannot give without loss; "
            "save it as PNG of 8 or 16 bit."
        )
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def _upright(samples: Samples, orientation: int) -> Samples:
    """Return the samples turned as the EXIF orientation (1 to 8; others are void) says."""
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples
