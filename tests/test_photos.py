"""Photographs of every kind become the right pixels, or one clear error."""

import struct
import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from bench import resize
from bench.images import photos
from bench.spec import BadImage, TooSmall

SIZE = 24
RGB = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
WIDE = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE + 9, 3), dtype=np.uint8)


def encode(image, kind, **how) -> bytes:
    stream = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, kind, **how)
    return stream.getvalue()


def photo(data, size=SIZE, fit="crop", *, allow_enlarge=False) -> np.ndarray:
    """The pixels (H, W, 3) that `photos.photo` makes of a file."""
    result = photos.photo(data, "cats/01.png", size, fit, allow_enlarge=allow_enlarge)
    assert result.dtype == torch.uint8
    assert result.shape == (3, size, size)
    return result.permute(1, 2, 0).numpy()


def chunk(name, data) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png16(samples, *, before=b"") -> bytes:
    """A 16-bit PNG of (H, W, C) samples, each row stored as differences from the pixel to the left (filter 1)."""
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = samples.astype(">u2").view(np.uint8).reshape(height, -1)
    shifted = np.pad(rows, ((0, 0), (2 * channels, 0)))[:, : rows.shape[1]]
    filtered = np.pad(rows - shifted, ((0, 0), (1, 0)), constant_values=1)
    data = chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(filtered.tobytes())) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def rounded(values) -> np.ndarray:
    """[0, 1] to 8 bit, halves going up."""
    return np.floor(values * 255 + 0.5 + 1e-9).astype(np.uint8)


def resized(samples, size) -> np.ndarray:
    """(H, W, 3) in [0, 1] to 8 bit at a size."""
    image = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float64)).permute(2, 0, 1)[None]
    return rounded(resize.resize(image, size, size)[0].permute(1, 2, 0).clamp(0, 1).numpy())


LOSSLESS = [
    ("JPEG2000", {"irreversible": False}),
    ("PPM", {}),
    ("QOI", {}),
    ("PNG", {}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("WEBP", {"lossless": True}),
]


@pytest.mark.parametrize(("kind", "how"), LOSSLESS, ids=str)
def test_a_photograph_of_the_right_size_keeps_its_pixels(kind, how):
    assert np.array_equal(photo(encode(RGB, kind, **how)), RGB), "8-bit RGB of the right size must pass bit-exact"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_files_are_decoded_as_by_pillow(kind):
    data = encode(RGB, kind)
    assert np.array_equal(photo(data), np.asarray(Image.open(BytesIO(data)))), "decoding must add nothing of ours"


def test_grey_palette_and_two_tone_become_rgb():
    grey = RGB[..., 0]
    assert np.array_equal(photo(encode(grey, "PNG")), np.repeat(grey[..., None], 3, 2)), "grey is three equal channels"
    palette = Image.fromarray(RGB).quantize(16)
    for kind in ("PNG", "GIF", "TIFF"):
        found = photo(encode(palette, kind))
        assert np.array_equal(found, np.asarray(palette.convert("RGB"))), f"palette colours of {kind} are lost"
    two_tone = Image.fromarray(np.kron(np.eye(2, dtype=np.uint8) * 255, np.ones((12, 12), np.uint8))).convert("1")
    assert set(np.unique(photo(encode(two_tone, "PNG")))) == {0, 255}, "two tones are black and white"


def test_transparent_pixels_lie_on_white():
    alpha = np.random.default_rng(2).integers(0, 256, (SIZE, SIZE, 1), dtype=np.uint8)
    alpha[0, 0] = 0
    opacity = alpha / 255
    expected = rounded(RGB / 255 * opacity + (1 - opacity))
    found = photo(encode(np.concatenate([RGB, alpha], 2), "PNG"))
    assert np.array_equal(found, expected), "alpha must be blended with white in full precision"
    assert found[0, 0].tolist() == [255, 255, 255], "the colour under a transparent pixel must not show"


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_lies_on_white(mode):
    image = Image.new("RGB", (SIZE, SIZE), (10, 20, 30))
    image = image.quantize(2) if mode == "P" else image.convert(mode)
    key = image.getpixel((0, 0))
    assert photo(encode(image, "PNG", transparency=key)).min() == 255, f"the transparent colour of {mode} must not show"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(kind, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = encode(WIDE, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB"))
    assert upright.shape[:2] == ((SIZE, SIZE + 9) if orientation < 5 else (SIZE + 9, SIZE)), "the file lost its tag"
    top, left = (n // 2 - SIZE // 2 for n in upright.shape[:2])
    expected = upright[top : top + SIZE, left : left + SIZE]
    assert np.array_equal(photo(data), expected), f"orientation {orientation} of {kind} turned wrongly"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_is_rounded_once_from_all_its_bits(channels):
    samples = np.random.default_rng(channels).integers(0, 65536, (SIZE, SIZE, channels), dtype=np.uint16)
    colour = np.repeat(samples[..., :1], 3, 2) if channels < 3 else samples[..., :3]
    opacity = samples[..., -1:] / 65535 if channels in (2, 4) else 1.0
    expected = rounded(colour / 65535 * opacity + (1 - opacity))
    assert np.array_equal(photo(png16(samples)), expected), "the lower byte must count in the rounding"
    truncated = np.floor(colour / 256 * opacity + 255 * (1 - opacity))
    assert not np.array_equal(expected, truncated), "this test could not tell truncation from rounding"


def test_16_bit_png_keeps_its_precision_through_the_resizing():
    half_level = 33024  # between 128 and 129 of 255
    samples = np.random.default_rng(5).integers(half_level - 200, half_level + 200, (4 * SIZE, 4 * SIZE, 3))
    exact = resized(samples / 65535, SIZE)
    assert not np.array_equal(exact, resized(np.round(samples / 257) / 255, SIZE)), "this test could not tell"
    found = photo(png16(samples.astype(np.uint16)))
    assert np.array_equal(found, exact), "16-bit samples must not be rounded before the resizing"


def test_the_transparent_colour_of_a_16_bit_png_lies_on_white():
    samples = np.full((SIZE, SIZE, 3), 0x1234, np.uint16)
    samples[0, 0, 0] = 0x1235
    found = photo(png16(samples, before=chunk(b"tRNS", struct.pack(">HHH", 0x1234, 0x1234, 0x1234))))
    assert found[1:].min() == 255, "the transparent colour must not show"
    assert found[0, 0].max() == 0x12, "a colour that differs in its lower byte only is not transparent"


def test_cmyk_becomes_rgb():
    cmyk = np.zeros((SIZE, SIZE, 4), np.uint8)
    cmyk[..., 0], cmyk[..., 3] = 255, 51
    image = Image.frombytes("CMYK", (SIZE, SIZE), cmyk.tobytes())
    assert photo(encode(image, "TIFF"))[0, 0].tolist() == [0, 204, 204], "CMYK is (1 - C)(1 - K)"
    jpeg = encode(image, "JPEG", quality=100)
    assert b"Adobe" in jpeg[:200], "Pillow writes CMYK as Adobe does; without the marker this test is void"
    assert np.abs(photo(jpeg)[0, 0].astype(int) - [0, 204, 204]).max() <= 2, "an Adobe CMYK JPEG comes out inverted"


def test_colour_profiles_are_not_applied():
    data = encode(RGB, "PNG", icc_profile=b"a profile that would change every colour")
    assert np.array_equal(photo(data), RGB), "what is stored counts"


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "TIFF", "GIF", "AVIF"])
def test_of_several_images_the_first_is_taken(kind):
    half = Image.fromarray(RGB).quantize(16).convert("RGB")
    other = Image.fromarray(255 - np.asarray(half))
    data = encode(half, kind, save_all=True, append_images=[other], **({"lossless": True} if kind == "WEBP" else {}))
    assert Image.open(BytesIO(data)).n_frames == 2, "the file has one image only; this test is void"
    found = photo(data).astype(int)
    tolerance = 60 if kind == "AVIF" else 0  # which is lossy
    assert np.abs(found - np.asarray(half)).mean() <= tolerance, "the first image of an animation is the photograph"
    assert np.abs(found - np.asarray(other)).mean() > 60


def test_the_suffix_does_not_decide_how_a_file_is_read():
    data = encode(RGB, "BMP")
    assert np.array_equal(photo(data), RGB), "a BMP that is called .png is still a photograph"


def test_a_photograph_that_is_not_square_is_cropped_or_stretched():
    cropped = WIDE[:, 4 : 4 + SIZE]
    assert np.array_equal(photo(encode(WIDE, "PNG")), cropped), "the crop must be the centre, by whole pixels"
    tall = WIDE.swapaxes(0, 1)
    assert np.array_equal(photo(encode(tall, "PNG"), 8), resized(tall[4 : 4 + SIZE] / 255, 8)), (
        "crop first, then resize"
    )
    assert np.array_equal(photo(encode(WIDE, "PNG"), 8, "stretch"), resized(WIDE / 255, 8)), (
        "stretching keeps all of it"
    )


def test_too_small_is_refused_unless_enlarging_is_allowed():
    data = encode(WIDE, "PNG")
    with pytest.raises(TooSmall, match=r"cats/01.png has 33 x 24 pixels, fewer than 25 .* larger photograph") as caught:
        photo(data, SIZE + 1)
    assert "enlarge" in str(caught.value), "the message must name the way out"
    enlarged = photo(data, 2 * SIZE, allow_enlarge=True)
    assert np.array_equal(enlarged, resized(WIDE[:, 4 : 4 + SIZE] / 255, 2 * SIZE)), "enlarged with the same operator"


def huge_png(side) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def tiff16() -> bytes:
    """A TIFF of 16-bit RGB, which Pillow reads and would cut to 8 bit."""
    single = {256: 4, 257: 4, 259: 1, 262: 2, 273: 140, 277: 3, 278: 4, 279: 96, 284: 1}
    tags = {tag: struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in single.items()}
    tags[258] = struct.pack("<HHII", 258, 3, 3, 134)  # three depths, at byte 134
    entries = b"".join(tags[tag] for tag in sorted(tags))
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    body = b"II*\0" + struct.pack("<I", 8) + directory
    return body.ljust(134, b"\0") + struct.pack("<HHH", 16, 16, 16) + bytes(96)


BAD = {
    "is empty": b"",
    "is not an image": b"<html>404 not found</html>",
    "is not an image ": encode(Image.fromarray(RGB), "PCX"),
    "cannot be decoded": encode(RGB, "PNG")[:-500],
    "cannot be decoded ": encode(RGB, "JPEG")[:-300],
    "more pixels than is safe": huge_png(16_385),
    "more pixels than is safe ": huge_png(100_000),
    "more pixels than is safe  ": huge_png(2**31 - 1),
    "16-bit samples": tiff16(),
    "16-bit samples of mode I": encode(Image.fromarray(RGB[..., 0].astype(np.uint16)), "PPM"),
    "cannot be decoded  ": huge_png(24)[:33] + chunk(b"IEND", b""),
    "of mode F": encode(Image.fromarray(RGB[..., 0].astype(np.float32)), "TIFF"),
    "of mode I;16": encode(Image.fromarray(RGB[..., 0].astype(np.uint16)), "TIFF"),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_file_that_cannot_be_used_says_so_in_one_sentence(reason):
    with pytest.raises(BadImage, match=f"^cats/01.png .*{reason.strip()}") as caught:
        photo(BAD[reason], 4)  # whatever Pillow's own limits say
    message = str(caught.value)
    assert "\n" not in message, "one sentence"
    assert any(word in message for word in ("replace", "copy", "save", "resize")), "it must say what to do"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "JPEG2000", "PPM", "AVIF", "QOI"]), st.data())
def test_damage_never_ends_in_another_error(kind, data):
    damaged = bytearray(encode(RGB, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(len(damaged) // 2, len(damaged))) :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = photo(bytes(damaged), 8, allow_enlarge=True)
        except BadImage:
            return
    assert found.shape == (8, 8, 3), "a damaged file is an image or a BadImage"
