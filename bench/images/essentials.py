"""Files of photographs without what neither their pixels nor their orientation depend on, before a decoder sees them.

A decoder refuses a whole file for what no pixel needs: a text that expands to gigabytes, a wrong checksum of a date, a
colour profile that ends early, a list of further pictures (MPO) that makes no sense. None of that is used here.
"""

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNKS = (b"tRNS", b"eXIf")
_TURNING_TEXTS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
_JPEG = b"\xff\xd8\xff"
_START_OF_SCAN = 0xDA
_APP0, _EXIF, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_COLOURS = {_APP0: (b"JFIF\0", 14), _APP14: (b"Adobe", 12)}
"""Segments that say what the channels are: how they begin, and the bytes that a decoder reads of them."""


def essential(data: bytes) -> bytes:
    """Return a PNG or JPEG with what its pixels and its orientation depend on; any other file as it is."""
    if data.startswith(_PNG):
        return _png(data)
    return _jpeg(data) if data.startswith(_JPEG) else data


def _png(data: bytes) -> bytes:
    """Return a PNG of its critical chunks and those that may be transparency or turn it."""
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name, text = data[at + 4 : at + 8], data[at + 8 : at + 40]
        if name[0] < ord("a") or name in _CHUNKS or text.startswith(_TURNING_TEXTS):
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _jpeg(data: bytes) -> bytes:
    """Return a JPEG with those of its application segments, before the first scan, that may turn or colour it."""
    kept, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - what a marker begins with
        marker, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker < 0xC0 or 0xD0 <= marker <= _START_OF_SCAN or marker == 0xFF:  # noqa: PLR2004 - of no length, or filled
            break
        begin, least = _COLOURS.get(marker, (b"", 0))
        content = data[at + 4 : end]
        unused = _APP0 <= marker <= _APP15 and marker != _EXIF and marker not in _COLOURS
        if not (unused or marker == _COMMENT) and content.startswith(begin) and len(content) >= least:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])
