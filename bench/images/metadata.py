"""What the metadata of a photograph say of its pixels: how it is turned, and how many bits a sample had.

The rest of them may be damaged, or point anywhere; the pixels are sound all the same. A photograph is refused if its
orientation is in doubt: better no image than one on its side.
"""

import struct
from collections.abc import Iterator
from io import BytesIO

from PIL import ImageFile, TiffImagePlugin

_ORIENTATION = 274
_TIFF_DEPTHS = 258
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I"}  # types of EXIF
_CODESTREAM = b"\xff\x4f\xff\x51"  # JPEG 2000: start, and the sizes of the image
_HIGH_DEPTH = 0x40  # of the flags in an AVIF's av1C: 10 or 12 bit


def orientation(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return how a decoded image is to be turned, 1 to 8 as in EXIF. Raises `ValueError` if that is in doubt."""
    tiff = isinstance(image, TiffImagePlugin.TiffImageFile)
    told = _told(data if tiff else image.info.get("exif", b"").removeprefix(b"Exif\0\0"))
    if tiff and told not in (None, TiffImagePlugin.TiffImageFile(BytesIO(data)).tag_v2.get(_ORIENTATION)):
        raise ValueError("the orientation is in doubt, as its directory is damaged")
    if tiff or told is None:
        told = image.getexif().get(_ORIENTATION)  # a TIFF is turned by now; of others, that of XMP counts
    return int(told) if told is not None and told in range(1, 9) else 1


def _told(exif: bytes) -> int | None:
    """Return the orientation in the first directory of EXIF, or None if there is none; `ValueError` if it may be lost.

    Pillow gives up a directory at the first entry that points beyond the end, and with it what comes behind.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if not exif or exif[:4] in (b"II+\0", b"MM\0+"):  # BigTIFF has no EXIF that could be damaged by itself
        return None
    if order is None or len(exif) < 10:  # noqa: PLR2004 - the header and the number of entries
        raise ValueError("the orientation is in doubt, as the EXIF block has no header")
    (start,) = struct.unpack(f"{order}I", exif[4:8])
    (count,) = struct.unpack(f"{order}H", exif[start : start + 2].ljust(2, b"\xff"))
    there = exif[start + 2 : start + 2 + 12 * count]
    entries = [there[at : at + 12] for at in range(0, len(there) - 11, 12)]
    turns = {entry for entry in entries if struct.unpack(f"{order}H", entry[:2]) == (_ORIENTATION,)}
    if not turns and len(entries) < count:
        raise ValueError("the orientation is in doubt, as the EXIF block ends within its first entries")
    if not turns:
        return None
    kind, number = struct.unpack(f"{order}HI", (entry := turns.pop())[2:8])
    if turns or number != 1 or kind not in _WHOLE_NUMBERS:
        raise ValueError("the orientation is in doubt, as the EXIF block says it twice, or not as a number")
    return int(struct.unpack_from(f"{order}{_WHOLE_NUMBERS[kind]}", entry, 8)[0])


def depth(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return how many bits the samples of an opened image have in its file, where Pillow may give fewer; or 8."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(max(image.tag_v2.get(_TIFF_DEPTHS, (8,))))
    if image.format == "JPEG2000" and (at := data.find(_CODESTREAM)) >= 0:
        (components,) = struct.unpack(">H", data[at + 40 : at + 42])
        return max((bits & 0x7F) + 1 for bits in data[at + 42 : at + 42 + 3 * components : 3])
    if image.format == "AVIF":
        return 10 if any(flags & _HIGH_DEPTH for flags in _av1_flags(data)) else 8
    if image.format == "PPM" and image.tile[0][0] != "raw":
        return int(image.tile[0][3][-1]).bit_length()  # type: ignore[index] # the largest value
    return 16 if image.mode.startswith("I") else 8


def _av1_flags(data: bytes) -> Iterator[int]:
    """Yield the flags of each picture of an AVIF file."""
    at = data.find(b"av1C")
    while at >= 0:
        yield from data[at + 6 : at + 7]
        at = data.find(b"av1C", at + 4)
