"""What the operators of a degradation make of images; bench/degradation.py has the table of their formulas."""

import io
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bench import degradation, resize
from bench.scenes import noise

# scipy is imported where it is used: training runs without it.
# ruff: noqa: PLC0415

Pixels: TypeAlias = NDArray[np.float64]
_LUMA = (0.299, 0.587, 0.114)  # BT.601
_CUT = 4  # deviations of a Gaussian


def eight_bit(pixels: Pixels) -> NDArray[np.uint8]:
    """Return values in [0, 1] in 8 bits, what lies beyond at its nearest."""
    return np.floor(np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def _rotated(pixels: Pixels, degrees: float, _: str) -> Pixels:
    from scipy import ndimage

    turned = ndimage.rotate(pixels, degrees, axes=(2, 1), reshape=False, order=3, mode="mirror")
    return np.asarray(np.clip(turned, 0, 1), dtype=np.float64)


def _shifted(pixels: Pixels, percent: float, _: str) -> Pixels:
    down, right = (round(side * percent / 100) for side in pixels.shape[1:])
    padded = np.pad(pixels, [(0, 0), (abs(down), abs(down)), (abs(right), abs(right))], mode="reflect")
    top, left = abs(down) - down, abs(right) - right
    return padded[:, top : top + pixels.shape[1], left : left + pixels.shape[2]]


def _mirrored(pixels: Pixels, _: float, __: str) -> Pixels:
    return pixels[..., ::-1]


def _blurred(pixels: Pixels, deviation: float, _: str) -> Pixels:
    from scipy import ndimage

    blurred = ndimage.gaussian_filter(pixels, (0, deviation, deviation), mode="mirror", truncate=_CUT)
    return np.asarray(blurred, dtype=np.float64)


def _noisy(pixels: Pixels, deviation: float, key: str) -> Pixels:
    from scipy.special import ndtri

    drawn = uniform(key, pixels.size).reshape(pixels.shape)
    return np.asarray(pixels + deviation / 255 * ndtri(drawn), dtype=np.float64)


def _compressed(pixels: Pixels, quality: float, _: str) -> Pixels:
    image, file = Image.fromarray(eight_bit(pixels).transpose(1, 2, 0)), io.BytesIO()
    image.save(file, "JPEG", quality=round(quality), subsampling="4:2:0")
    return np.asarray(Image.open(file), dtype=np.float64).transpose(2, 0, 1) / 255


def _grey(pixels: Pixels, _: float, __: str) -> Pixels:
    return np.repeat(np.tensordot(_LUMA, pixels, axes=1)[None], 3, axis=0)


def _masked(pixels: Pixels, share: float, key: str) -> Pixels:
    count = pixels[0].size
    masked = pixels.reshape(3, count).copy()
    masked[:, np.argsort(uniform(key, count), kind="stable")[: round(share * count)]] = 0
    return masked.reshape(pixels.shape)


def _holed(pixels: Pixels, share: float, _: str) -> Pixels:
    holed = pixels.copy()
    height, width = (round(side * share) for side in pixels.shape[1:])
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    holed[:, top : top + height, left : left + width] = 0
    return holed


def uniform(key: str, count: int) -> Pixels:
    """Return numbers in (0, 1) that depend on the key alone."""
    drawn = noise.uniform(torch.zeros(1, dtype=torch.int64), key, count)[0]
    return np.asarray(drawn.numpy() + 0.5 / 2**32, dtype=np.float64)


_APPLY: dict[str, Callable[[Pixels, float, str], Pixels]] = {
    "rotate": _rotated,
    "shift": _shifted,
    "mirror": _mirrored,
    "blur": _blurred,
    "noise": _noisy,
    "jpeg": _compressed,
    "grey": _grey,
    "mask": _masked,
    "hole": _holed,
}
"""All but the edits, and `down`, which is by the factor of the task. Each takes an image (3, H, W), float64 in [0, 1],
its number and a key of which its random numbers are made."""


def truth(image: Tensor, how: tuple[str, ...]) -> Tensor:
    """Return a ground truth (3, H, W), uint8, turned and moved as the list says."""
    found = degradation.of_truth(how)
    if not found:
        return image
    pixels = image.numpy().astype(np.float64) / 255
    for step in found:
        pixels = _APPLY[step.operator](pixels, step.number, "")
    return torch.from_numpy(eight_bit(pixels))


def degraded(image: Tensor, how: tuple[str, ...], factor: int, name: str = "") -> Tensor:
    """Return what becomes of a ground truth (3, H, W), float64 in [0, 1], before it is rounded.

    What changes the truth itself is done already, to `image`: `truth` turns it, retouching edits it.
    `name` is the image's, of which random numbers are made. Raises `BenchError` if the factor does not divide the size.
    """
    done = degradation.of_truth(how)
    for place, step in enumerate(degradation.steps(how)):
        if step.operator == "down":
            image = resize.downsample(image[None], factor)[0]
        elif step not in done:
            pixels = _APPLY[step.operator](image.numpy(), step.number, f"{name} {place} {step}")
            image = torch.from_numpy(np.ascontiguousarray(pixels))
    return image
