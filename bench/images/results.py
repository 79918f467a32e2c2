"""Files of restored or LR images that somebody else saved: what they hold, and what was lost when they were saved."""

from collections.abc import Iterator

from PIL import ImageFile
from torch import Tensor

from bench.images import photos, pillow
from bench.spec import BadImage


def result(data: bytes, name: str, side: int, why: str = "") -> tuple[Tensor, str]:
    """Return the image in a file, (3, side, side) uint8, and what its kind of file took away, or "".

    Raises `BadImage` for another size, before it is decoded, and for what is no sound image; `name`, and `why` it is
    to have this size, are for messages.
    """
    try:
        with pillow.strict(), pillow.opened(data) as image:
            size, lost = image.size, _lost(image, data)
    except Exception:  # noqa: BLE001 - a decoder raises whatever it stumbles on
        return photos.decoded(data, name), ""  # which says what is wrong with it
    if size != (side, side):
        raise BadImage(f"{name} has {size[0]} x {size[1]} pixels; {side} x {side} are wanted{why}")
    return photos.decoded(data, name), lost


def _lost(image: ImageFile.ImageFile, data: bytes) -> str:
    """Return what is not as a method made it: compressed with loss, fewer colours, rounded, laid on white."""
    found = []
    if loss := _loss(image, data):
        found.append(loss)
    if image.mode in ("P", "PA", "1"):
        found.append("saved with a palette")
    if image.mode in ("L", "LA") or image.mode.startswith("I"):
        found.append("saved in grey")
    if image.tile and str(image.tile[0][3]).endswith(";16B"):
        found.append("of 16 bit, rounded to 8")
    if image.has_transparency_data:
        found.append("with an alpha channel, laid on white")
    return ", ".join(found)


def _loss(image: ImageFile.ImageFile, data: bytes) -> str:
    """Return that what a file holds is not all that was saved, or ""."""
    kind = str(image.format)
    if kind in ("JPEG", "MPO", "AVIF") or (kind == "WEBP" and b"VP8L" not in _chunks(data)):
        return f"saved as {kind}, which loses detail"
    if kind == "TIFF" and image.info.get("compression") in ("jpeg", "tiff_jpeg", "webp"):
        return f"saved as TIFF with {image.info['compression']} compression, which loses detail"
    return "saved as JPEG 2000, which may lose detail" if kind == "JPEG2000" else ""


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield the names of a WebP file's parts: a colour profile may come before the picture."""
    at = 12
    while at < len(data):
        yield data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
