"""The exact MATLAB `imresize` bicubic operator as dense matrices, its pseudo-inverse, and the 8-bit grid.

An image is resized by one matrix a side, M · image · Mᵀ: linear, differentiable, on any device. M is Keys'
cubic convolution with a = -0.5 (IEEE Trans. ASSP 29(6), 1981, equation 15), widened by the factor when shrinking, the
border mirrored (the outer pixel counted twice), every row brought to the sum 1: `contributions` of MATLAB's imresize.m.
Images are (..., H, W), float32 or float64, and keep their dtype; only `quantise` clamps and rounds. Those to be scored
are made in float64 on the CPU; float32 is for losses and training (TF32 and autocast, where on, coarsen it).
`BenchError`: another dtype, a factor that does not divide a side, an LR and HR that do not differ by the factor.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from bench.spec import BenchError, Images

IN_WORDS = "MATLAB imresize bicubic, antialiased, in float64, rounded to 8 bit"
"""How LR images are made, for people."""

Matrix = NDArray[np.floating]
Device = torch.device | str

# A value that is half a level up to rounding error (an edge in the middle of an LR pixel) goes up on every machine.
_HALF_UP = 0.5 + 1e-6

_OURS = "MATLAB bicubic"
_NEAR = 1.0  # mean grey levels; MATLAB's rounding between its two passes over a uint8 image alone is 0.15 to 0.3
_TIE = 1e-3
# ITU-R BT.601: RGB in [0, 1] to Y in [0, 1], Cb and Cr in [-0.5, 0.5]; and the two usual scalings of these to 8 bit.
_YCBCR = ((0.299, 0.587, 0.114), (-0.299 / 1.772, -0.587 / 1.772, 0.5), (0.5, -0.587 / 1.402, -0.114 / 1.402))
_YCBCR_RANGES = {
    "MATLAB rgb2ycbcr": ((219, 224, 224), (16, 128, 128)),
    "full range, as in OpenCV": ((255, 255, 255), (0, 128, 128)),
}


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


def _check_pair(lr: Tensor, hr: Tensor, factor: int) -> None:
    height, width = (_divide(n, factor) for n in hr.shape[-2:])
    if lr.shape != (*hr.shape[:-2], height, width):
        raise BenchError(
            f"LR of shape {tuple(lr.shape)} and HR of shape {tuple(hr.shape)} do not differ by factor {factor}; "
            f"the LR should be {height} x {width} pixels, and of as many images and channels as the HR."
        )


def _apply(rows: Matrix, images: Tensor, columns: Matrix) -> Tensor:
    """Return rows · image · columnsᵀ of each image."""
    _check_float(images)
    # A tensor kept from call to call would carry the inference mode or default device of whoever came first.
    left, right = (torch.tensor(each, dtype=images.dtype, device=images.device) for each in (rows, columns))
    return left @ images @ right.mT


def resize_matrix(n_in: int, n_out: int, dtype: torch.dtype = torch.float64, device: Device = "cpu") -> Tensor:
    """Return the (n_out, n_in) matrix of `imresize` to a given output size, smaller or larger."""
    return torch.tensor(_weights(n_in, n_out), dtype=dtype, device=device)


def matrix(n: int, factor: int, dtype: torch.dtype = torch.float64, device: Device = "cpu") -> Tensor:
    """Return M, the (n/factor, n) down-sampling matrix of a side of n pixels; it has full rank."""
    return resize_matrix(n, _divide(n, factor), dtype, device)


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Return (..., height, width) for (..., H, W)."""
    return _apply(_weights(images.shape[-2], height), images, _weights(images.shape[-1], width))


def downsample(hr: Tensor, factor: int) -> Tensor:
    """Return M · HR · Mᵀ, (..., H/factor, W/factor) for (..., H, W)."""
    return resize(hr, _divide(hr.shape[-2], factor), _divide(hr.shape[-1], factor))


def upsample(lr: Tensor, factor: int) -> Tensor:
    """Return the bicubic enlargement, (..., h · factor, w · factor) for (..., h, w)."""
    return resize(lr, lr.shape[-2] * factor, lr.shape[-1] * factor)


def pseudo_inverse(lr: Tensor, factor: int) -> Tensor:
    """Return M† · LR · M†ᵀ, the image of least L2 norm whose `downsample` is exactly `lr`; shapes as in `upsample`."""
    height, width = (n * factor for n in lr.shape[-2:])
    return _apply(_pseudo_inverse(height, factor), lr, _pseudo_inverse(width, factor))


def back_project(sr: Tensor, lr: Tensor, factor: int) -> Tensor:
    """Return x + M†(LR - M x), the image nearest to `sr` in L2 whose `downsample` is exactly `lr`."""
    _check_pair(lr, sr, factor)
    return sr + pseudo_inverse(lr - downsample(sr, factor), factor)


def quantise(images: Tensor) -> Images:
    """Return float32 images in [0, 1] on the 1/255 grid, halves going up as in MATLAB's uint8: what a PNG holds."""
    _check_float(images)
    # In float64, because float32 cannot tell the halves and CUDA rounds twice when it divides float32 by a number.
    return (torch.floor(images.double().clamp(0, 1) * 255 + _HALF_UP) / 255).float()


def eight_bit(images: Tensor) -> Tensor:
    """Return images in [0, 1] as uint8, on the grid of `quantise`: what a PNG holds, in the same shape."""
    return (quantise(images) * 255).round().to(torch.uint8)


def _by_pil(hr: Tensor, factor: int, kernel: str) -> Tensor:
    size = (hr.shape[-1] // factor, hr.shape[-2] // factor)
    pixels = eight_bit(hr).movedim(-3, -1).numpy()
    made = [np.asarray(Image.fromarray(each).resize(size, Image.Resampling[kernel])) for each in pixels]
    return torch.tensor(np.stack(made)).movedim(-1, -3) / 255


def _by_ycbcr(hr: Tensor, factor: int) -> dict[str, Tensor]:
    """Down-sample in YCbCr, rounding to 8 bit at each step, and return to RGB; or keep the luminance alone, as grey."""
    made = {}
    for name, (span, shift) in _YCBCR_RANGES.items():
        forward = torch.tensor(_YCBCR, dtype=hr.dtype) * torch.tensor(span)[:, None] / 255
        zero = torch.tensor(shift, dtype=hr.dtype)[:, None, None] / 255
        ycbcr = quantise(torch.einsum("ij,njhw->nihw", forward, hr) + zero).double()
        small = quantise(downsample(ycbcr, factor)).double()
        made[f"{_OURS} in 8-bit YCbCr ({name})"] = torch.einsum("ij,njhw->nihw", forward.inverse(), small - zero)
        made[f"{_OURS} of the luminance alone ({name})"] = small[:, :1].expand_as(small)
    return made


def _candidates(hr: Tensor, factor: int) -> dict[str, Tensor]:
    """Return the LR that each known down-sampling makes of 8-bit (N, 3, H, W) float64 images."""
    size = (hr.shape[-2] // factor, hr.shape[-1] // factor)
    centre = factor // 2
    return {
        _OURS: downsample(hr, factor),
        **_by_ycbcr(hr, factor),
        "OpenCV INTER_CUBIC (= torch bicubic without antialias)": interpolate(hr, size, mode="bicubic"),
        "OpenCV INTER_LINEAR (= torch bilinear without antialias)": interpolate(hr, size, mode="bilinear"),
        "OpenCV INTER_AREA (= PIL BOX, average pooling)": avg_pool2d(hr, factor),
        "OpenCV INTER_NEAREST (= torch nearest)": hr[..., ::factor, ::factor],
        "PIL NEAREST (= torch nearest-exact)": hr[..., centre::factor, centre::factor],
        "torch bicubic with antialias": interpolate(hr, size, mode="bicubic", antialias=True),
        **{f"PIL {kernel}": _by_pil(hr, factor, kernel) for kernel in ("BICUBIC", "LANCZOS", "BILINEAR")},
    }


def _levels(one: Images, other: Images) -> float:
    """Return the mean absolute difference in grey levels."""
    return float(255 * (one - other).abs().mean(dtype=torch.float64))


def diagnose(lr: Images, hr: Images, factor: int) -> str:
    """Say how a foreign LR was probably made from the HR, and what to do about it.

    Both are (3, H, W) or (N, 3, H, W) images of 8-bit values; distances are mean absolute grey levels.
    """
    _check_pair(lr, hr, factor)
    lr, hr = (quantise(each.detach().cpu()).reshape(-1, *each.shape[-3:]) for each in (lr, hr))
    made = {name: quantise(each) for name, each in _candidates(hr.double(), factor).items()}
    rgb, bgr = ({name: _levels(each, found) for name, each in made.items()} for found in (lr, lr.flip(-3)))
    swapped = min(bgr.values()) < min(rgb.values())
    distances, order = (bgr, " with the channels in BGR order") if swapped else (rgb, "")
    best, ours = min(distances.values()), rgb[_OURS]
    closest = [name for name, distance in distances.items() if distance <= best + _TIE]
    if best > _NEAR:
        return (
            f"None of the {len(made)} known down-samplings made this LR: the closest, {closest[0]}{order}, is "
            f"{best:.2f} grey levels away on average, {_OURS} {ours:.2f}. Check that LR and HR are the same images "
            "in the same order, and that the LR has neither noise nor JPEG compression."
        )
    if _OURS in closest and not swapped:
        return f"The LR agrees with {_OURS}, to {ours:.2f} grey levels on average; use it as it is."
    return (
        f"The LR was probably made by {' or '.join(closest)}{order}: {best:.2f} grey levels from it on average, "
        f"{ours:.2f} from {_OURS}, which the suite uses. Make it anew from the HR with imresize(hr, 1/{factor}) of "
        "MATLAB, with `downsample` and `quantise` of bench.resize, or let the suite make it."
    )
