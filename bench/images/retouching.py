"""Amateur edits of an image, before it is made small (paper: Figures 11 and 19, appendix B.2), and where they are.

| edit       | what it makes of an image I (3, H, W) in [0, 1]; s is its side                            | number |
| ---------- | ----------------------------------------------------------------------------------------- | ------ |
| `eyes S`   | within 0.45 D of each eye I(c + d · (1 - (1 - 1/S) w)), as if pulled outwards             | times  |
| `mouth P`  | within 0.6 D of the mouth I(p - P/100 · s · w · down), as if pushed down                  | % of s |
| `paste S`  | a square of side S · s copied from elsewhere in I, its edge hard                          | share  |
| `stroke S` | a line of width S · s across I in a colour of I, blurred by a Gaussian of S · s / 6 px    | share  |
| `patch S`  | a square of side S · s, half of I and half of a colour, its edge hard                     | share  |

c is an eye, d = p - c, D the distance of the eyes, w = (1 - |d|^2 / r^2)^2, r the radius; between pixels I is linear.
Where the eyes and the mouth are is known of drawn faces, and else taken from the card's `face_box`, in which faces lie
as ArcFace's five points do. Places and colours are a hash of the image's name and the edit (bench/scenes/noise.py).
Outside of its mask an edit changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench import degradation, resize, scenes
from bench.images import degraded
from bench.spec import BenchError, Card

# scipy is imported where it is used: training runs without it.
# ruff: noqa: PLC0415

Pixels: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
_Edit: TypeAlias = Callable[[Pixels, float, "_Subject"], tuple[Pixels, Mask]]

_ARCFACE = ((51.6, 38.3), (51.6, 73.5), (92.3, 56.1))
"""Row and column of the left eye, the right eye and the mouth in a face of 112 px that is aligned as ArcFace's."""
_ARCFACE_SIDE = 112
_EYE, _MOUTH = 0.45, 0.6
"""Radius of what is moved, in distances of the eyes: both eyes' discs do not meet."""
_MIDDLE = (0.3, 0.7)
"""Where the middle of a pasted part or a patch may be, in shares of the side."""


@dataclass(frozen=True, slots=True)
class Retouched:
    """An image with its edit."""

    image: Tensor
    """(3, H, W) uint8, edited."""
    mask: Tensor
    """(1, H, W) float32: 1 where the edit may have changed it, else 0."""
    truth: Tensor
    """(3, H, W) uint8: the image as it was; inside of the mask as it is drawn with the edit, if it can be."""

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return self.image.nbytes + self.mask.nbytes + self.truth.nbytes


@dataclass(frozen=True, slots=True)
class _Subject:
    """What an edit knows of an image besides its pixels."""

    card: Card
    image_id: str
    side: int
    key: str
    """Of which its random numbers are made."""

    def drawn(self, count: int) -> list[float]:
        """Return random numbers in (0, 1)."""
        return [float(number) for number in degraded.uniform(self.key, count)]

    def landmarks(self) -> Pixels:
        """Return row and column of the left eye, the right eye and the mouth: (3, 2), in pixels."""
        if self.card.draws_faces:
            seeds = torch.tensor([int(self.image_id)])
            frame = scenes.frame(seeds, scenes.factors("face", seeds), self.side, torch.float64)
            return np.asarray(scenes.face.landmarks(frame)[0].numpy(), dtype=np.float64)
        if self.card.face_box is None:
            raise BenchError(
                f"where the eyes and the mouth of {self.card.category} are is not known, so they cannot be edited: set "
                "face_box in its card, or take an edit of any image (paste, stroke, patch)."
            )
        left, top, side = self.card.face_box
        return (np.array(_ARCFACE) / _ARCFACE_SIDE * side + (top, left)) * self.side - 0.5


def retouched(card: Card, image_id: str, image: Tensor) -> Retouched:
    """Return an image (3, H, W) uint8 with the edit of the card's degradation.

    Raises `BenchError` if its eyes or its mouth are to be moved and nothing says where they are.
    """
    edit = degradation.edit(card.degradation)
    if edit is None:
        raise ValueError(f"{card.degradation} edits nothing")
    pixels = image.numpy().astype(np.float64) / 255
    subject = _Subject(card, image_id, image.shape[-1], f"{image_id} {edit}")
    changed, mask = _EDITS[edit.operator](pixels, edit.number, subject)
    inside = torch.from_numpy(mask[None])
    truth = image
    if degradation.drawable(card.degradation, card.reader):
        truth = torch.where(inside, _opened(int(image_id), edit.number, image.shape[-1]), image)
    made = torch.where(inside, torch.from_numpy(degraded.eight_bit(changed)), image)
    return Retouched(made, inside.float(), truth)


def _opened(seed: int, times: float, side: int) -> Tensor:
    """Return the face of a seed, drawn with its lids so many times as far apart: (3, side, side) uint8."""
    seeds = torch.tensor([seed])
    values = scenes.factors("face", seeds)
    values["eye_open"] = values["eye_open"] * times
    return resize.eight_bit(scenes.draw("face", seeds, values, side, torch.float64))[0]


def _eyes(pixels: Pixels, times: float, subject: _Subject) -> tuple[Pixels, Mask]:
    left, right, _ = subject.landmarks()
    moved, mask = np.zeros((2, *pixels.shape[1:])), np.zeros(pixels.shape[1:], dtype=bool)
    for eye in (left, right):
        offset, weight = _disc(pixels, eye, _EYE * float(np.hypot(*(right - left))))
        moved, mask = moved - (1 - 1 / times) * weight * offset, mask | (weight > 0)
    return _pulled(pixels, moved), mask


def _mouth(pixels: Pixels, percent: float, subject: _Subject) -> tuple[Pixels, Mask]:
    left, right, mouth = subject.landmarks()
    _, weight = _disc(pixels, mouth, _MOUTH * float(np.hypot(*(right - left))))
    down = np.stack((weight, np.zeros_like(weight)))
    return _pulled(pixels, -percent / 100 * subject.side * down), weight > 0


def _disc(pixels: Pixels, centre: Pixels, radius: float) -> tuple[Pixels, Pixels]:
    """Return each pixel's way from a centre, (2, H, W), and its weight, 1 there and 0 from the radius on: (H, W)."""
    offset = np.indices(pixels.shape[1:]) - centre[:, None, None]
    return offset, np.clip(1 - (offset**2).sum(0) / radius**2, 0, None) ** 2


def _pulled(pixels: Pixels, moved: Pixels) -> Pixels:
    """Return what lies at each pixel's place plus `moved` (2, H, W), linear between pixels, mirrored at the border."""
    from scipy import ndimage

    where = np.indices(pixels.shape[1:]) + moved
    return np.stack([ndimage.map_coordinates(channel, where, order=1, mode="mirror") for channel in pixels])


def _paste(pixels: Pixels, share: float, subject: _Subject) -> tuple[Pixels, Mask]:
    row, column, other_row, other_column = subject.drawn(4)
    side = round(share * subject.side)
    target, mask = _square(_middle(row), _middle(column), side, subject.side)
    # a source that lies beside the target, in the wider half, and so never overlaps it
    room = subject.side - side
    ends = (target[1].stop, room) if 2 * target[1].start <= room else (0, target[1].start - side)
    top, left = round(other_row * room), round(ends[0] + other_column * (ends[1] - ends[0]))
    pasted = pixels.copy()
    pasted[(slice(None), *target)] = pixels[:, top : top + side, left : left + side]
    return pasted, mask


def _stroke(pixels: Pixels, share: float, subject: _Subject) -> tuple[Pixels, Mask]:
    from scipy import ndimage

    side, (top, start, bottom, end, row, column) = subject.side, subject.drawn(6)
    begin = np.array((_middle(top), 0.25 + 0.2 * start)) * side
    way = np.array((_middle(bottom), 0.55 + 0.2 * end)) * side - begin
    offset = np.indices(pixels.shape[1:]) - begin[:, None, None]
    along = np.clip(np.tensordot(way, offset, 1) / (way**2).sum(), 0, 1)
    away = ((offset - along * way[:, None, None]) ** 2).sum(0)
    cover = ndimage.gaussian_filter((away <= (share * side / 2) ** 2).astype(np.float64), share * side / 6)
    colour = pixels[:, int(row * side), int(column * side), None, None]
    return pixels + cover * (colour - pixels), cover > 0


def _patch(pixels: Pixels, share: float, subject: _Subject) -> tuple[Pixels, Mask]:
    row, column, *colour = subject.drawn(5)
    _, mask = _square(_middle(row), _middle(column), round(share * subject.side), subject.side)
    return (pixels + np.array(colour)[:, None, None]) / 2, mask


def _middle(drawn: float) -> float:
    """Return a number of (0, 1) as a place in the middle of an image, in shares of its side."""
    low, high = _MIDDLE
    return low + (high - low) * drawn


def _square(row: float, column: float, side: int, of: int) -> tuple[tuple[slice, slice], Mask]:
    """Return the index and the mask of a square with its middle there, in an image of side `of`."""
    starts = [round(min(max(at * of - side / 2, 0), of - side)) for at in (row, column)]
    index, mask = (slice(starts[0], starts[0] + side), slice(starts[1], starts[1] + side)), np.zeros((of, of), bool)
    mask[index] = True
    return index, mask


_EDITS: dict[str, _Edit] = {"eyes": _eyes, "mouth": _mouth, "paste": _paste, "stroke": _stroke, "patch": _patch}
"""Each takes an image (3, H, W), float64 in [0, 1], its number and what is known of the image, and returns the edited
one, which counts inside of the mask (H, W) alone."""
