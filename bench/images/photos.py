"""Files of photographs -> square 8-bit RGB images, the same pixels on every machine.

- What is stored counts: colour profiles and gamma are not applied, as in the libraries the methods were trained with.
- The orientation of EXIF is applied. Of an animation or a multi-page file the first image is taken.
- Transparent pixels lie on white, as on a page; dropping alpha instead would uncover colours that nobody sees.
- 16-bit PNGs keep their precision until the one rounding to 8 bit at the end.
- CMYK becomes RGB as (1 - C)(1 - K); a CMYK JPEG is taken as inverted, as Adobe writes it.
"""

import re
import struct
import warnings
import zlib
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError
from torch import Tensor

from bench import resize
from bench.images import png16
from bench.spec import BadImage, MissingImages, TooSmall

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")

Samples: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W, C): RGB, or RGB and alpha; the full range of the type."""


class Box(NamedTuple):
    """A square of an upright photograph, in whole pixels."""

    left: int
    top: int
    side: int


_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")  # by content: a wrong suffix does no harm
_EIGHT_BIT = {"1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
_TIFF_DEPTHS = 258
_ORIENTATION = 274
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, UserWarning)


def listing(folder: Path) -> dict[str, Path]:
    """Return id -> file of the photographs in a folder, numbers in their names counted as numbers (2 before 10).

    An id is the name without its suffix; with it, if another photograph has the same. Sub-folders, hidden files and
    other kinds of files are left out. A link that leads nowhere is listed: it is a photograph that is missing.
    """
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
    except OSError as error:
        raise MissingImages(f"the folder {folder} cannot be read: {error.strerror}.") from error
    paths = sorted((path for path in paths if path.is_file() or path.is_symlink()), key=_natural)
    names = {path.name for path in paths}
    stems = Counter(path.stem for path in paths)
    return {path.stem if stems[path.stem] == 1 and path.stem not in names else path.name: path for path in paths}


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Return the sorting key of a file name: text and numbers in turn."""
    parts = re.split(r"(\d+)", path.stem)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name


def read(path: Path) -> Tensor:
    """Return the photograph in a file as it is, (3, H, W) uint8. Raises `BadImage`, also if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadImage(f"{path} cannot be read: {error.strerror}; give the path of an image.") from error
    return resize.eight_bit(torch.from_numpy(_on_white(_decode(data, str(path), 1))).permute(2, 0, 1))


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
    """Return samples (H, W, C) as (3, size, size) uint8."""
    rgb = torch.from_numpy(_on_white(samples)).permute(2, 0, 1)[None]
    if rgb.shape[-2:] != (size, size):
        rgb = resize.resize(rgb, size, size)
    return resize.eight_bit(rgb[0])


def _on_white(samples: Samples) -> NDArray[np.float64]:
    """Return (H, W, 3) in [0, 1]."""
    values = samples.astype(np.float64) / np.iinfo(samples.dtype).max
    if values.shape[-1] == 3:  # noqa: PLR2004 - RGB
        return values
    alpha = values[..., 3:]
    return values[..., :3] * alpha + (1 - alpha)


def _decode(data: bytes, name: str, least: int) -> Samples:
    """Return the first image of a file, upright, after checking that its short side has `least` pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # damaged metadata: the orientation may be lost
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=_FORMATS) as image:
                if min(image.size) < least:
                    raise TooSmall(
                        f"{name} has {image.width} x {image.height} pixels, fewer than {least} on its short side; "
                        "take a larger photograph, a smaller --hr-size, or --allow-enlarge."
                    )
                samples = _samples(image, data, name)
                orientation = image.getexif().get(_ORIENTATION, 1)  # asked now: decoding a TIFF turns it
                return _upright(samples, orientation)
    except UnidentifiedImageError as error:
        kind = "is not an image" if data else "is empty"
        raise BadImage(f"{name} {kind}; replace it, or take it out of the folder.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage(f"{name} has more pixels than is safe to decode ({error}); resize it first.") from error
    except _DECODER_ERRORS as error:
        raise BadImage(f"{name} cannot be decoded: {error}; copy it again, or save it anew as PNG.") from error


def _samples(image: ImageFile.ImageFile, data: bytes, name: str) -> Samples:
    """Return the samples of an opened image as they are stored, three or four a pixel."""
    raw = str(image.tile[0][3]) if image.format == "PNG" else ""
    if raw.endswith(";16B"):
        return png16.samples(image, data, raw)
    depth = max(image.tag_v2.get(_TIFF_DEPTHS, (8,))) if isinstance(image, TiffImagePlugin.TiffImageFile) else 8
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
