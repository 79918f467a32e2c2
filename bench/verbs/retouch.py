"""What `retouch` does: a photograph that was edited is made small and restored (paper: Figures 11 and 19)."""

from pathlib import Path

import torch
from scipy import ndimage
from torch import Tensor

from bench import resize
from bench.images import data, photos
from bench.spec import BenchError, Images


def square(path: Path, size: int) -> Tensor:
    """Return the central square of a photograph, (3, size, size) uint8; raises as `photos.photo`."""
    return photos.photo(photos.content(path), str(path), size, "crop", allow_enlarge=False)


def mask(path: Path, source: Path, size: int) -> Tensor:
    """Return how much of each pixel is to be restored, (1, size, size) float64 in [0, 1]: white is 1, black 0.

    The mask is cut and resized as its photograph is. Raises `BenchError` if the two have not the same pixels, or if
    nothing is white.
    """
    (height, width), (own_height, own_width) = (photos.read(each).shape[-2:] for each in (source, path))
    if (own_height, own_width) != (height, width):
        raise BenchError(
            f"{path} has {own_width} x {own_height} pixels, but {source} {width} x {height}: a mask covers its "
            "photograph pixel by pixel; save it in that size, white where the edit is and black elsewhere."
        )
    found = square(path, size).double().mean(0, keepdim=True) / 255
    if not found.any():
        raise BenchError(
            f"{path} is black in the central square, which is what is restored, so that nothing would change: "
            "paint the edit white, or leave out --mask."
        )
    return found


def low_resolution(edited: Tensor, factor: int) -> Images:
    """Return what a method gets of an edited square (3, H, W) uint8, as in every table: (1, 3, h, w) in [0, 1].

    Raises `BenchError` if the factor does not divide the size.
    """
    return data.low_resolution(edited, factor)[None]


def composed(edited: Tensor, restored: Tensor, inside: Tensor, factor: int) -> Tensor:
    """Return (3, H, W) uint8: the edited image's own pixels where the mask (1, H, W) is 0, and within it the restored.

    From the mask's edge inwards the one fades into the other, else the edge would be a new seam: the weight is the mask
    times 2 G - 1, at least 0, with G the mask blurred by a Gaussian of `factor` / 4 pixels.
    """
    blurred = torch.from_numpy(ndimage.gaussian_filter(inside.numpy(), (0, factor / 4, factor / 4), mode="nearest"))
    weight = inside * (2 * blurred - 1).clamp(min=0)
    return resize.eight_bit(torch.lerp(edited.double(), restored.double(), weight) / 255)
