"""The resampling of SinGAN's released code: bicubic by an exact scale, on images that it first truncates to 8 bit.

`imresize.py` there is a port of MATLAB's imresize: an image of n pixels becomes one of ceil(n · scale), and the scale
itself, not the ratio of the sizes, says where a pixel lies; so the outputs are aligned at the top left, and cutting
one is the same as making fewer pixels. Where the sizes differ by the scale exactly this is `bench.resize`.
Ours: the border is mirrored on every side, as in MATLAB. The port brings negative positions to unsigned integers, which
C leaves undefined; on usual processors it so renormalises at the left and top instead of mirroring.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.spec import BenchError, Images


def out_size(n: int, scale: float) -> int:
    """Return the side that a side of n pixels is brought to."""
    return math.ceil(n * scale)


Matrix = NDArray[np.floating]


@lru_cache(maxsize=128)
def weights(n_in: int, n_out: int, scale: float) -> Matrix:
    """Return the (n_out, n_in) matrix: the first n_out pixels of a side of n_in, `scale` times enlarged or shrunk.

    Raises `BenchError` if a side has no pixel or the scale is not positive.
    """
    if n_in < 1 or n_out < 1 or scale <= 0:
        raise BenchError(
            f"cannot bring a side of {n_in} pixels to {n_out} by a scale of {scale}; all must be positive."
        )
    narrowing = min(scale, 1.0)  # the kernel is widened when shrinking
    reach = math.ceil(2 / narrowing) + 1
    centres = (np.arange(n_out)[:, None] + 0.5) / scale - 0.5
    pixels = np.floor(centres).astype(int) + np.arange(-reach, reach + 1)
    values = _cubic((centres - pixels) * narrowing)
    values /= values.sum(axis=1, keepdims=True)
    mirrored = pixels % (2 * n_in)
    mirrored = np.minimum(mirrored, 2 * n_in - 1 - mirrored)
    made = np.zeros((n_out, n_in))
    np.add.at(made, (np.arange(n_out)[:, None], mirrored), values)
    return made


def _cubic(x: Matrix) -> Matrix:
    """Return Keys' cubic kernel with a = -0.5, as a sum of two cubics that end at 1 and at 2."""
    outer, inner = np.maximum(2 - np.abs(x), 0), np.maximum(1 - np.abs(x), 0)
    values: Matrix = (outer - 1) * outer**2 / 2 + (1 - 2 * inner) * inner**2
    return values


def truncate(images: Tensor) -> Images:
    """Bring images in [-1, 1] to the values 0 to 255 as the released code does: clamped, then cut off, not rounded.

    They stay floating-point, and NaN stays NaN. A float32 k/255 that was brought to [-1, 1] may come back as k - 1.
    """
    return ((images + 1) / 2).clamp(0, 1).mul(255).floor()


def resize(images: Tensor, scale: float, height: int | None = None, width: int | None = None) -> Tensor:
    """Truncate and resize (..., H, W) in [-1, 1]; the result is clamped to [-1, 1] and not rounded.

    `height` and `width` cut it at the right and the bottom; without them it is ceil(H · scale), ceil(W · scale).
    """
    height = height or out_size(images.shape[-2], scale)
    width = width or out_size(images.shape[-1], scale)
    rows, columns = (
        torch.tensor(weights(n_in, n_out, scale), dtype=images.dtype, device=images.device)
        for n_in, n_out in zip(images.shape[-2:], (height, width), strict=True)
    )
    return (rows @ (truncate(images) / 255) @ columns.mT * 2 - 1).clamp(-1, 1)
