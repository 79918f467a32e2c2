"""Damage to metadata leaves the pixels alone; only an orientation in doubt costs the photograph."""

import struct
import threading
import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from bench.images import metadata, photos, pillow
from bench.spec import BadImage

from .conftest import SHARED, textured
from .test_photos import chunk, encode, photo, png16

RGB = textured(24, 1)
WIDE = np.concatenate([RGB, RGB[:, :9]], 1)
PLAIN = {kind: encode(RGB, kind) for kind in ("JPEG", "PNG", "WEBP")}
KINDS = sorted(PLAIN)
ENTRY = struct.Struct("<HHI4s")


def exif(*entries, count=None, start=8) -> bytes:
    """An EXIF block of some entries (tag, type, number of values, value), which may say of itself what is not so."""
    body = b"".join(ENTRY.pack(tag, kind, number, value.ljust(4, b"\0")) for tag, kind, number, value in entries)
    return struct.pack("<4sIH", b"II*\0", start, len(entries) if count is None else count) + body + bytes(4)


def with_exif(kind, block) -> bytes:
    """A file with an EXIF block as it is."""
    if kind == "JPEG":
        plain = PLAIN[kind]
        return plain[:2] + struct.pack(">2sH", b"\xff\xe1", len(block) + 8) + b"Exif\0\0" + block + plain[2:]
    if kind == "PNG":
        return PLAIN[kind][:33] + chunk(b"eXIf", block) + PLAIN[kind][33:]
    return encode(RGB, kind, exif=block)


TURN = (274, 3, 1, b"\x06\0")
SOUND = {
    "points beyond the end": exif(TURN, (271, 2, 5000, b"\xff\xff\xff\x7f")),
    "resolution beyond the end": exif((282, 5, 1, b"\xff\xff\0\0"), TURN, (283, 5, 1, b"\xff\xff\xff\xff")),
    "unknown types": exif((271, 77, 3, b"abc"), TURN, (40000, 0, 0, b"")),
    "cut after the orientation": exif(TURN, count=900),
    "values that are huge": exif((271, 2, 2**32 - 1, b"\0"), TURN),
    "said twice alike": exif(TURN, TURN),
    "as a long": exif((274, 4, 1, b"\x06\0\0\0")),
}


@pytest.mark.parametrize("block", SOUND.values(), ids=SOUND)
@pytest.mark.parametrize("kind", KINDS)
def test_what_an_exif_block_points_to_does_no_harm_and_it_still_turns(kind, block):
    plain = photo(PLAIN[kind])
    turned = photo(with_exif(kind, block))
    assert np.array_equal(turned, np.rot90(plain, -1)), "orientation 6: the photograph is turned clockwise"


UPRIGHT = {
    "empty": b"",
    "no entries": exif(),
    "none of them turns": exif((271, 2, 5000, b"\xff\xff\xff\x7f")),
    "void value": exif((274, 3, 1, b"\0\0")),
    "another void value": exif((274, 3, 1, b"\x63\0")),
}


@pytest.mark.parametrize("block", UPRIGHT.values(), ids=UPRIGHT)
@pytest.mark.parametrize("kind", KINDS)
def test_without_an_orientation_a_photograph_is_upright(kind, block):
    assert np.array_equal(photo(with_exif(kind, block)), photo(PLAIN[kind]))


DOUBT = {
    "garbage": b"no header at all",
    "a header alone": b"II*\0\x08\0",
    "its directory is elsewhere": exif(TURN, start=5000),
    "cut before the orientation": exif((271, 2, 5, b"")) [:20],
    "entries lost": exif((271, 2, 5, b""), count=5),
    "said twice": exif(TURN, (274, 3, 1, b"\x03\0")),
    "a list": exif((274, 3, 2, b"\x06\0\x03\0")),
    "a text": exif((274, 2, 1, b"6")),
}  # fmt: skip


@pytest.mark.parametrize("block", DOUBT.values(), ids=DOUBT)
@pytest.mark.parametrize("kind", KINDS)
def test_an_orientation_in_doubt_is_an_error(kind, block):
    with pytest.raises(BadImage, match="the orientation is in doubt, as the EXIF block"):
        photo(with_exif(kind, block))  # better no image than one on its side


def tiff(*entries) -> bytes:
    """A grey TIFF of 24 x 24 pixels with further entries behind those of its pixels, in no order."""
    told = {256: 24, 257: 24, 258: 8, 259: 1, 262: 1, 273: 400, 277: 1, 278: 24, 279: 576}
    own = [(tag, 4, 1, struct.pack("<I", value)) for tag, value in told.items()]
    return exif(*own, *entries).ljust(400, b"\0") + RGB[..., 0].tobytes()


def test_a_tiff_is_turned_by_its_directory_or_refused():
    assert np.array_equal(photo(tiff())[..., 0], RGB[..., 0])
    assert np.array_equal(photo(tiff(TURN))[..., 0], np.rot90(RGB[..., 0], -1)), "turned once, not twice"
    beyond = (282, 5, 1, b"\xff\xff\0\0")
    assert np.array_equal(photo(tiff(beyond))[..., 0], RGB[..., 0]), "what points beyond the end is no pixel"
    with pytest.raises(BadImage, match="orientation is in doubt"):
        photo(tiff(beyond, TURN))  # Pillow gives up at the first of them


def test_orientation_of_xmp_counts_where_there_is_no_exif():
    packet = b'<x:xmpmeta xmlns:tiff="t"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet.decode())
    assert np.array_equal(photo(encode(Image.fromarray(RGB), "PNG", pnginfo=info)), RGB[::-1, ::-1])


def bomb(kind, size=2**28) -> bytes:
    """A text that expands to 256 MiB."""
    packed = zlib.compress(bytes(size), 9)
    return {b"zTXt": b"a\0\0" + packed, b"iCCP": b"a\0\0" + packed, b"iTXt": b"a\0\1\0\0\0" + packed}[kind]


@pytest.mark.parametrize("where", [33, -12], ids=["before", "after"])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_texts_that_expand_without_end_do_no_harm(kind, where):
    data = PLAIN["PNG"][:where] + chunk(kind, bomb(kind)) + PLAIN["PNG"][where:]
    assert np.array_equal(photo(data), RGB)


@pytest.mark.parametrize("name", [b"tEXt", b"pHYs", b"cHRM", b"tIME", b"acTL", b"prIv"])
@pytest.mark.parametrize("content", [b"", b"\xff" * 3, b"a\0b"], ids=ascii)
def test_a_damaged_chunk_that_no_pixel_depends_on_does_no_harm(name, content):
    broken = chunk(name, content)[:-1] + b"?"
    for extra in (chunk(name, content), broken):
        assert np.array_equal(photo(PLAIN["PNG"][:33] + extra + PLAIN["PNG"][33:]), RGB)


def test_a_damaged_chunk_with_the_orientation_or_with_pixels_is_an_error():
    for name in (b"eXIf", b"tRNS", b"IDAT"):
        broken = chunk(name, exif(TURN))[:-1] + b"?"
        with pytest.raises(BadImage):
            photo(PLAIN["PNG"][:33] + broken + PLAIN["PNG"][33:])


def test_metadata_of_a_16_bit_png_do_no_harm():
    samples = np.random.default_rng(3).integers(0, 65536, (24, 24, 3), dtype=np.uint16)
    extra = chunk(b"zTXt", bomb(b"zTXt")) + chunk(b"pHYs", b"")
    assert np.array_equal(photo(png16(samples, before=extra)), photo(png16(samples)))


SEGMENTS = [0xE0, 0xE2, 0xED, 0xE3, 0xEF, 0xFE]  # JFIF, ICC and MPF, Photoshop, others, a comment
HEADS = [b"", b"MPF\0", b"ICC_PROFILE\0", b"Photoshop 3.0\0", b"FPXR\0", b"JFIF\0", b"MPF\0II*\0\x08\0\0\0\x03\0"]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEGMENTS), st.sampled_from(HEADS), st.binary(max_size=80))
def test_no_segment_of_a_jpeg_but_exif_can_harm_its_pixels(marker, head, content):
    segment = struct.pack(">BBH", 0xFF, marker, len(head + content) + 2) + head + content
    data = PLAIN["JPEG"][:20] + segment + PLAIN["JPEG"][20:]
    assert PLAIN["JPEG"][20:22] in (b"\xff\xdb", b"\xff\xc0"), "after JFIF"
    assert np.array_equal(photo(data), photo(PLAIN["JPEG"]))


@pytest.mark.parametrize(
    ("mode", "how"), [("CMYK", {}), ("RGB", {"keep_rgb": True}), ("YCbCr", {}), ("L", {})], ids=str
)
def test_the_segments_that_say_what_the_channels_are_count(mode, how):
    data = encode(Image.fromarray(RGB).convert(mode), "JPEG", **how)
    with Image.open(BytesIO(data)) as image:
        assert np.array_equal(photo(data), np.asarray(image.convert("RGB"))), "other colours than stored"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_list_of_pictures_may_say_anything(data):
    stream = BytesIO()
    Image.fromarray(RGB).save(stream, "MPO", save_all=True, append_images=[Image.fromarray(255 - RGB)])
    content = bytearray(stream.getvalue())
    first = photo(bytes(content))
    assert np.array_equal(first, photo(PLAIN["JPEG"])), "of several pictures the first is taken"
    start = content.find(b"MPF\0") + 4
    for _ in range(data.draw(st.integers(1, 6))):
        content[start + data.draw(st.integers(0, 80))] = data.draw(st.integers(0, 255))
    assert np.array_equal(photo(bytes(content)), first)


def jpeg2000(bits) -> bytes:
    """A grey-scale file that says it has so many bits a sample."""
    data = bytearray(encode(RGB, "JPEG2000"))
    at = data.find(b"\xff\x4f\xff\x51")
    for component in range(3):
        data[at + 42 + 3 * component] = bits - 1
    return bytes(data)


def ppm(most) -> bytes:
    kind = np.uint8 if most < 256 else ">u2"
    return b"P6 24 24 %d\n" % most + np.full((24, 24, 3), most, kind).tobytes()


@pytest.mark.parametrize("data", [jpeg2000(12), ppm(4095), ppm(65535)], ids=["j2k", "12", "16"])
def test_samples_of_more_bits_than_pillow_gives_are_refused(data):
    with pytest.raises(BadImage, match=r"has \d+-bit samples .*save it as PNG of 8 or 16 bit"):
        photo(data)


def test_samples_of_fewer_bits_are_read():
    assert photo(jpeg2000(8)).shape == (24, 24, 3)
    assert photo(ppm(15)).min() == 255, "the largest value is white"


def test_an_avif_says_whether_it_has_more_bits():
    data = bytearray(encode(RGB, "AVIF"))
    with Image.open(BytesIO(data)) as image:
        assert metadata.depth(image, bytes(data)) == 8
        data[data.find(b"av1C") + 6] |= 0x40
        assert metadata.depth(image, bytes(data)) == 10


@pytest.fixture
def lax(monkeypatch) -> None:
    """Pillow as some program left it."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_a_truncated_file_is_an_error_whatever_pillow_is_set_to(lax, kind):
    data = encode(RGB, kind)
    with pytest.raises(BadImage):
        photo(data[: len(data) * 2 // 3])
    assert photo(data).shape == RGB.shape
    assert ImageFile.LOAD_TRUNCATED_IMAGES, "what a program set for itself is put back"


def test_reading_in_several_threads_puts_back_what_was_set(lax):
    inside, leave = threading.Event(), threading.Event()

    def first():
        with pillow.strict():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=first)
    other.start()
    inside.wait(10)
    filters = list(warnings.filters)
    with pillow.strict():
        leave.set()
        other.join()
        assert not ImageFile.LOAD_TRUNCATED_IMAGES, "the first that leaves must not loosen it for the others"
    assert ImageFile.LOAD_TRUNCATED_IMAGES
    assert warnings.filters != filters, "the filters are those from before the first"


def test_no_warning_of_pillow_reaches_the_user(recwarn):
    photo(with_exif("JPEG", SOUND["points beyond the end"]))
    assert list(recwarn) == []


@pytest.mark.skipif(not (SHARED / "cases" / "images").is_dir(), reason="the files are not there")
@pytest.mark.parametrize("name", ["malformed_mpo", "exif_maker_beyond_end", "exif_resolution_beyond_end"])
def test_files_from_bug_reports_are_read(name):
    assert photos.read(SHARED / "cases" / "images" / f"{name}.jpg").shape == (3, 256, 256)


@pytest.mark.slow
def test_a_photograph_of_108_megapixels_is_read():
    image = Image.new("L", (12_000, 9_000), 77)
    assert (photo(encode(image, "PNG", compress_level=1), 64) == 77).all()
