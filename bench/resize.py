"""The exact MATLAB `imresize` bicubic operator as dense matrices, its pseudo-inverse, and the 8-bit grid.

An image is resized by one matrix a side, M · image · Mᵀ: linear, differentiable, on any device. M is Keys'
cubic convolution with a = -0.5 (IEEE Trans. ASSP 29(6), 1981, equation 15), widened by the factor when shrinking, the
border mirrored (the outer pixel counted twice), every row brought to the sum 1: `contributions` of MATLAB's imresize.m.
Images are (..., H, W), float32 or float64, and keep their dtype; only `quantise` clamps and rounds. Those to be scored
are made in float64 on the CPU; float32 is for losses and training (TF32 and autocast, where on, coarsen it).
`BenchError`: another dtype, a factor that does not divide a side, an LR and HR that do not differ by the factor.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.spec import BenchError, Images

IN_WORDS = "MATLAB imresize bicubic, antialiased, in float64, rounded to 8 bit"
"""How LR images are made, for people."""

Matrix = NDArray[np.floating]
Device = torch.device | str

_BLOCK = 2**16
"""Values that stay in the cache of a core from one operation to the next."""
# A value that is half a level up to rounding error (an edge in the middle of an LR pixel) goes up on every machine.
_HALF_UP = 0.5 + 1e-6


def _keys(x: Matrix) -> Matrix:
    """Return Keys' cubic kernel with a = -0.5."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x * x + 1
    outer = ((2.5 - 0.5 * x) * x - 4) * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))  # noqa: PLR2004 - where the pieces of the kernel end


@lru_cache(maxsize=64)
def _weights(n_in: int, n_out: int) -> Matrix:
    """Return the (n_out, n_in) matrix that brings a side of n_in pixels to n_out."""
    if n_in < 1 or n_out < 1:
        raise BenchError(f"cannot bring a side of {n_in} pixels to {n_out}; both need at least one pixel.")
    widening = max(n_in / n_out, 1.0)
    reach = int(np.ceil(2 * widening)) + 1
    centres = (np.arange(n_out)[:, None] + 0.5) * (n_in / n_out) - 0.5
    pixels = np.floor(centres).astype(int) + np.arange(-reach, reach + 1)
    weights = _keys((centres - pixels) / widening)
    mirrored = pixels % (2 * n_in)
    mirrored = np.minimum(mirrored, 2 * n_in - 1 - mirrored)
    made = np.zeros((n_out, n_in))
    np.add.at(made, (np.arange(n_out)[:, None], mirrored), weights / weights.sum(axis=1, keepdims=True))
    return made


@lru_cache(maxsize=64)
def _pseudo_inverse(n: int, factor: int) -> Matrix:
    return np.linalg.pinv(_weights(n, _divide(n, factor)))


@dataclass(frozen=True, slots=True)
class _Side:
    """What brings a side of n_in pixels to n_out: M, or the pseudo-inverse of the M of the other direction."""

    n_in: int
    n_out: int
    inverse: bool = False

    @property
    def matrix(self) -> Matrix:
        return _pseudo_inverse(self.n_out, self.n_out // self.n_in) if self.inverse else _weights(self.n_in, self.n_out)


def _divide(n: int, factor: int) -> int:
    if factor < 1 or n % factor:
        raise BenchError(f"factor {factor} does not divide a side of {n} pixels; crop or resize the image first.")
    return n // factor


def _check_float(images: Tensor) -> None:
    if images.dtype not in (torch.float32, torch.float64):
        raise BenchError(
            f"images must be float32 or float64 in [0, 1], these are {images.dtype}; "
            "divide 8-bit values by 255 and bring half precision to float32 first."
        )


def check_pair(lr: Tensor, hr: Tensor, factor: int) -> None:
    """Raise `BenchError` unless LR and HR differ by the factor in both sides, and in nothing else."""
    height, width = (_divide(n, factor) for n in hr.shape[-2:])
    if lr.shape != (*hr.shape[:-2], height, width):
        raise BenchError(
            f"LR of shape {tuple(lr.shape)} and HR of shape {tuple(hr.shape)} do not differ by factor {factor}; "
            f"the LR should be {height} x {width} pixels, and of as many images and channels as the HR."
        )


@lru_cache(maxsize=64)
def _on(side: _Side, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the matrix of a side on a device, kept there: copied anew in each step, a GPU would be waited for."""
    # Or it would be of the mode of whoever came first; without the keyword, which torch.compile does not take.
    with torch.inference_mode(False):
        return torch.tensor(side.matrix, dtype=dtype, device=device)


def _apply(rows: _Side, images: Tensor, columns: _Side) -> Tensor:
    """Return rows · image · columnsᵀ of each image."""
    _check_float(images)
    left, right = (_on(each, images.dtype, images.device) for each in (rows, columns))
    if images.is_meta:  # without values there is nothing to be exact about, and torch has no autocast for it
        return left @ images @ right.mT
    with torch.autocast(images.device.type, enabled=False):  # M is exact, whatever networks compute in
        return left @ images @ right.mT


def resize_matrix(n_in: int, n_out: int, dtype: torch.dtype = torch.float64, device: Device = "cpu") -> Tensor:
    """Return the (n_out, n_in) matrix of `imresize` to a given output size, smaller or larger."""
    return torch.tensor(_weights(n_in, n_out), dtype=dtype, device=device)


def matrix(n: int, factor: int, dtype: torch.dtype = torch.float64, device: Device = "cpu") -> Tensor:
    """Return M, the (n/factor, n) down-sampling matrix of a side of n pixels; it has full rank."""
    return resize_matrix(n, _divide(n, factor), dtype, device)


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Return (..., height, width) for (..., H, W)."""
    return _apply(_Side(images.shape[-2], height), images, _Side(images.shape[-1], width))


def downsample(hr: Tensor, factor: int) -> Tensor:
    """Return M · HR · Mᵀ, (..., H/factor, W/factor) for (..., H, W)."""
    return resize(hr, _divide(hr.shape[-2], factor), _divide(hr.shape[-1], factor))


def upsample(lr: Tensor, factor: int) -> Tensor:
    """Return the bicubic enlargement, (..., h · factor, w · factor) for (..., h, w)."""
    return resize(lr, lr.shape[-2] * factor, lr.shape[-1] * factor)


def pseudo_inverse(lr: Tensor, factor: int) -> Tensor:
    """Return M† · LR · M†ᵀ, the image of least L2 norm whose `downsample` is exactly `lr`; shapes as in `upsample`."""
    rows, columns = (_Side(n, n * factor, inverse=True) for n in lr.shape[-2:])
    return _apply(rows, lr, columns)


def back_project(sr: Tensor, lr: Tensor, factor: int) -> Tensor:
    """Return x + M†(LR - M x), the image nearest to `sr` in L2 whose `downsample` is exactly `lr`."""
    check_pair(lr, sr, factor)
    return sr + pseudo_inverse(lr - downsample(sr, factor), factor)


def quantise(images: Tensor) -> Images:
    """Return float32 images in [0, 1] on the 1/255 grid, halves going up as in MATLAB's uint8: what a PNG holds."""
    _check_float(images)
    return _levels(images).div_(255).float()


def eight_bit(images: Tensor) -> Tensor:
    """Return images in [0, 1] as uint8, on the grid of `quantise`: what a PNG holds, in the same shape."""
    _check_float(images)
    made = torch.empty(images.shape, dtype=torch.uint8, device=images.device)
    step = _BLOCK if images.device.type == "cpu" else max(1, images.numel())
    for block, found in zip(images.reshape(-1).split(step), made.view(-1).split(step), strict=True):
        found.copy_(_levels(block))
    return made


def _levels(images: Tensor) -> Tensor:
    """Return the levels, 0 to 255, of the values in [0, 1], in float64."""
    # Because float32 cannot tell the halves and CUDA rounds twice when it divides float32 by a number.
    levels = images.double().clamp(0, 1)
    return levels.mul_(255).add_(_HALF_UP).floor_()  # in place: images of 1024 px take 25 MB each
