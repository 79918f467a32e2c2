"""What metrics share: the check of what they take, the 8-bit grid, one image after the other."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench.spec import TooSmall


def each(value: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor) -> Tensor:
    """Return a value of each pair of images, (N,) float64 on the CPU, of two batches (N, 3, H, W)."""
    pairs = zip(first.split(1), second.split(1), strict=True)
    return torch.stack([value(a, b) for a, b in pairs]).double().cpu()


def pixels(images: Tensor, crop: int = 0, like: Tensor | None = None) -> Tensor:
    """Return the 8-bit values, 0 to 255, in float64; the one place where input is checked."""
    if images.ndim != 4 or images.shape[1] != 3 or not images.numel():  # noqa: PLR2004 - (N, 3, H, W)
        raise ValueError(f"a metric takes images (N, 3, H, W), N at least 1, not {shape(images)}.")
    if images.dtype != torch.float32:
        raise ValueError(f"a metric takes float32 images in [0, 1], not {images.dtype}: divide 8-bit values by 255.")
    low, high = images.min().item(), images.max().item()
    if not 0 <= low <= high <= 1:  # NaN fails too
        raise ValueError(
            f"a metric takes images in [0, 1], not [{low:g}, {high:g}]: clamp, or undo a range of [-1, 1]."
        )
    if like is not None and (like.shape != images.shape or like.device != images.device):
        raise ValueError(f"SR {shape(like)} on {like.device} and HR {shape(images)} on {images.device} do not match.")
    height, width = images.shape[-2:]
    if crop < 0 or 2 * crop >= min(height, width):
        raise TooSmall(f"a border crop of {crop} px leaves nothing of an image of {height} x {width} px.")
    inner = images[..., crop : height - crop, crop : width - crop]
    return inner.double().mul_(255).round_()  # in place: of an image of 1024 px these are 25 MB


def shape(images: Tensor) -> str:
    """Return a shape in words."""
    return f"({', '.join(map(str, images.shape))})"


def at_least(least: int, name: str, images: Tensor) -> Tensor:
    """Return the images. Raises `TooSmall` if a side is below `least` pixels."""
    height, width = images.shape[-2:]
    if min(height, width) < least:
        raise TooSmall(
            f"{name} needs images of at least {least} px, not {height} x {width}; leave it out for this size."
        )
    return images
