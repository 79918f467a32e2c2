"""Where the components of aligned faces lie: both eyes, nose and mouth, as the card of the images says.

A card tells the square in which its faces are aligned (`face_box`): in it, eyes, nose and mouth stand where ArcFace's
five points are (J. Deng et al., CVPR 2019). Boxes are squares around these, of the sides that DFDNet's dictionaries
have (X. Li et al., ECCV 2020: 80, 80, 50 and 110 px of a face of 512 px that is cut out as FFHQ's). They are the mean
boxes of a data set, and so the same for each of its images: nothing is detected, neither in LR nor in HR.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from bench.spec import FaceBox

_TEMPLATE = 112  # px: the side of ArcFace's images
_FFHQ = 0.765  # the side of the square of faces that are cut out as FFHQ's, as a share of the image
_SIZE = 512  # px: the side of DFDNet's images


class Rectangle(NamedTuple):
    """Whole pixels; `right` and `bottom` are the first that no longer belong to it."""

    left: int
    top: int
    right: int
    bottom: int


class _Place(NamedTuple):
    """A component: its middle in px of ArcFace's images, and its side in px of DFDNet's."""

    x: float
    y: float
    side: int


_PLACES: Mapping[str, _Place] = MappingProxyType(
    {
        "left_eye": _Place(38.2946, 51.6963, 80),
        "right_eye": _Place(73.5318, 51.5014, 80),
        "nose": _Place(56.0252, 67.0, 50),  # ArcFace's point is its tip, at 71.7; DFDNet's box begins at the bridge
        "mouth": _Place(56.1396, 92.2848, 110),
    }
)
PARTS = tuple(_PLACES)
"""In the order of `methods.nets.dfdnet.PARTS`."""


def boxes(face_box: FaceBox, size: int) -> dict[str, Rectangle]:
    """Return the box of each component in images of `size` px, clipped to them."""
    left, top, share = face_box
    return {
        name: _rectangle(
            (left + share * place.x / _TEMPLATE) * size,
            (top + share * place.y / _TEMPLATE) * size,
            place.side / _SIZE * share / _FFHQ * size,
            size,
        )
        for name, place in _PLACES.items()
    }


def _rectangle(x: float, y: float, side: float, size: int) -> Rectangle:
    """Return the square around a point, in the nearest whole pixels of the image, of one at least."""
    first = [min(max(0, round(middle - side / 2)), size - 1) for middle in (x, y)]
    last = [min(size, max(start + 1, round(middle + side / 2))) for start, middle in zip(first, (x, y), strict=True)]
    return Rectangle(*first, *last)
