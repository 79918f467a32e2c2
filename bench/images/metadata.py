"""What the metadata of a photograph say of its pixels: how it is turned, and how many bits a sample had.

The rest of them may be damaged, or point anywhere; the pixels are sound all the same. A photograph is refused if its
orientation is in doubt: better no image than one on its side.
"""

import struct
from collections.abc import Iterator

from PIL import ImageFile

_PNG = b"\x89PNG\r\n\x1a\n"
_PIXEL_CHUNKS = (b"tRNS", b"eXIf")
_TURNING_TEXTS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
_ORIENTATION = 274
_TIFF_DEPTHS = 258
_WHOLE_NUMBERS = (1, 3, 4)  # types of EXIF: one, two, four bytes
_CODESTREAM = b"\xff\x4f\xff\x51"  # JPEG 2000: start, and the sizes of the image
_HIGH_DEPTH = 0x40  # of the flags in an AVIF's av1C: 10 or 12 bit


def orientation(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return how a decoded image is to be turned, 1 to 8 as in EXIF. Raises `ValueError` if that is in doubt."""
    exif: bytes = data if image.format == "TIFF" else image.info.get("exif", b"")
    if reason := _doubt(exif.removeprefix(b"Exif\0\0")):
        raise ValueError(f"the orientation is in doubt, as {reason}")
    found = image.getexif().get(_ORIENTATION, 1)  # of EXIF or, without, of XMP; a TIFF is turned already
    return found if found in range(1, 9) else 1


def _doubt(exif: bytes) -> str:
    """Return why the first directory of EXIF may have lost an orientation, or "" if it has one, or none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if not exif or exif[:4] in (b"II+\0", b"MM\0+"):  # BigTIFF has no EXIF to damage
        return ""
    if order is None or len(exif) < 10:  # noqa: PLR2004 - the header and the number of entries
        return "the EXIF block has no header"
    (start,) = struct.unpack(f"{order}I", exif[4:8])
    (count,) = struct.unpack(f"{order}H", exif[start : start + 2].ljust(2, b"\xff"))
    there = exif[start + 2 : start + 2 + 12 * count]
    entries = [struct.unpack(f"{order}HHI4s", there[at : at + 12]) for at in range(0, len(there) - 11, 12)]
    turns = {entry[1:] for entry in entries if entry[0] == _ORIENTATION}
    if not turns:
        return "the EXIF block ends within its first entries" if len(entries) < count else ""
    kind, number, _ = next(iter(turns))
    return (
        "the EXIF block says it twice or not as a number"
        if len(turns) > 1 or (kind, number) not in [(k, 1) for k in _WHOLE_NUMBERS]
        else ""
    )


def depth(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return how many bits the samples of an opened image have in its file, where Pillow may give fewer; or 8."""
    if image.format == "TIFF":
        return int(max(getattr(image, "tag_v2", {}).get(_TIFF_DEPTHS, (8,))))
    if image.format == "JPEG2000" and (at := data.find(_CODESTREAM)) >= 0:
        (components,) = struct.unpack(">H", data[at + 40 : at + 42])
        return max((bits & 0x7F) + 1 for bits in data[at + 42 : at + 42 + 3 * components : 3])
    if image.format == "AVIF":
        return 10 if any(flags & _HIGH_DEPTH for flags in _av1_flags(data)) else 8
    if image.format == "PPM" and image.tile[0][0] != "raw":
        return int(image.tile[0][3][-1]).bit_length()  # type: ignore[index] # the largest value
    return 8


def _av1_flags(data: bytes) -> Iterator[int]:
    """Yield the flags of each picture of an AVIF file."""
    at = data.find(b"av1C")
    while at >= 0:
        yield from data[at + 6 : at + 7]
        at = data.find(b"av1C", at + 4)


def png_pixels(data: bytes) -> bytes:
    """Return a PNG without the chunks that neither its pixels nor its orientation depend on; any other file as it is.

    They may be damaged, or texts that expand to gigabytes, for which a decoder refuses the whole file.
    """
    if not data.startswith(_PNG):
        return data
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name, content = data[at + 4 : at + 8], data[at + 8 : end - 4]
        if name[0] < ord("a") or name in _PIXEL_CHUNKS or content.startswith(_TURNING_TEXTS):
            kept.append(data[at:end])
        at = end
    return b"".join(kept)
