"""What `retouch` does: a photograph that was edited is made small and restored (paper: Figures 11 and 19)."""

from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from bench import resize
from bench.images import data, photos
from bench.images.pillow import opened
from bench.spec import BenchError, Images, TooSmall

_BLACK = 0.1  # a mask below counts as black
_OPAQUE = 255


def square(path: Path, size: int) -> Tensor:
    """Return the central square of a photograph, (3, size, size) uint8; raises as `photos.photo`."""
    try:
        return photos.photo(photos.content(path), str(path), size, "crop", allow_enlarge=False)
    except TooSmall as error:
        raise TooSmall(f"{path} is too small: give a photograph of at least {size} x {size} pixels.") from error


def mask(path: Path, source: Path, size: int) -> Tensor:
    """Return how much of each pixel is to be restored, (1, size, size) float64 in [0, 1]: white is 1, black 0.

    The mask is cut and resized as its photograph is. Raises `BenchError` if the two have not the same pixels, if
    nothing is white, or if a part is transparent: what that means nobody said.
    """
    (height, width), (own_height, own_width) = (photos.read(each).shape[-2:] for each in (source, path))
    if (own_height, own_width) != (height, width):
        raise BenchError(
            f"{path} has {own_width} x {own_height} pixels, but {source} {width} x {height}: a mask covers its "
            "photograph pixel by pixel; save it in that size, white where the edit is and black elsewhere."
        )
    if np.asarray(opened(photos.content(path)).convert("RGBA"))[..., 3].min() < _OPAQUE:
        raise BenchError(
            f"{path} is transparent in part, which says neither white nor black: flatten it onto black, so that the "
            "edit is white and the rest black."
        )
    found = square(path, size).double().mean(0, keepdim=True) / 255
    if found.max() < _BLACK:
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

    From the mask's edge inwards the one fades into the other over `factor` / 2 pixels, else the edge would be a new
    seam: within a spot that is smaller, over as many as it has, so that its middle is restored. Within white the weight
    is 1, within grey less; below a tenth, as JPEG leaves it around what is white, nothing is restored.
    """
    white = inside[0].numpy() >= _BLACK
    depth = ndimage.distance_transform_edt(white) - 0.5 if not white.all() else np.full(white.shape, np.inf)
    spots, count = ndimage.label(white, np.ones((3, 3)))
    deepest = ndimage.maximum(depth, spots, np.arange(count + 1))[spots]
    share = np.clip(depth / np.minimum(factor / 2, deepest), 0, 1) * white
    weight = inside * torch.from_numpy(share * share * (3 - 2 * share))
    return resize.eight_bit(torch.lerp(edited.double(), restored.double(), weight) / 255)
