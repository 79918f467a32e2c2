"""DFDNet: a face is restored with what dictionaries of good eyes, noses and mouths hold at four scales.

X. Li et al., "Blind face restoration via deep multi-scale component dictionaries", ECCV 2020, section 3. The published
network has VGG19 as its extractor (nets/vgg19.py) and makes faces of 512 px; smaller ones are made with another
extractor and smaller dictionaries. The authors normalise most convolutions by their spectral norm while they train;
here a convolution is one, and formats/dfdnet.py divides the published weights once.

Beside the image, the network takes where the components lie: boxes, which `boxes_of_landmarks` makes of 68 landmarks.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.spec import BenchError
from methods.nets.dfdnet_parts import SLOPE, Dilated, Residual, Swap, UpBlock, conv

SIZE = 512
"""Side in pixels of the published network's images."""
PARTS = ("left_eye", "right_eye", "nose", "mouth")
"""Left is what lies on the left in the image. Where two boxes overlap, the later one counts, as published."""
_SIDES = {"left_eye": 80, "right_eye": 80, "nose": 50, "mouth": 110}  # in images of 512 px
_STRIDES = (2, 4, 8, 16)
_LANDMARKS = {
    "left_eye": (*range(17, 22), *range(36, 42)),
    "right_eye": (*range(22, 27), *range(42, 48)),
    "nose": tuple(range(29, 36)),
    "mouth": tuple(range(48, 68)),
}
_LEAST = 16  # px: half of a box is no smaller


class Box(NamedTuple):
    """A rectangle in whole pixels; `right` and `bottom` are the first that no longer belong to it."""

    left: int
    top: int
    right: int
    bottom: int


def patch_sides(size: int = SIZE) -> dict[str, tuple[int, ...]]:
    """Return the sides of the centres of each part, from fine to coarse, for images of `size` px.

    For 512 px these are the published ones; 2 px are the least that have a deviation.
    """
    return {part: tuple(max(2, side * size // SIZE // stride) for stride in _STRIDES) for part, side in _SIDES.items()}


def boxes_of_landmarks(points: Tensor) -> Tensor:
    """Return the boxes (B, 4, 4) of 68 landmarks (B, 68, 2), x and y in pixels, numbered as iBUG's 300-W.

    A box is square around the mean of the part's landmarks, with half of their larger extent, or 16 px, to each side;
    left and top begin a pixel later, and all is truncated to whole pixels. Boxes may reach beyond the image.
    """
    boxes: list[Tensor] = []
    for part in PARTS:
        own = points[:, list(_LANDMARKS[part])].double()  # (B, n, 2)
        middle = own.mean(1)
        half = ((own.amax(1) - own.amin(1)).amax(1, keepdim=True) / 2).clamp(min=_LEAST)
        boxes.append(torch.cat([middle - half + 1, middle + half], 1).long())
    return torch.stack(boxes, 1)


def clipped(boxes: Tensor, side: int) -> list[list[Box]]:
    """Return the boxes (B, 4, 4) of `PARTS`, left, top, right, bottom, within images of `side` px.

    Raises `BenchError` for a box with nothing of the image in it, `ValueError` for what are no boxes.
    """
    if boxes.shape[1:] != (len(PARTS), 4) or boxes.is_floating_point():
        raise ValueError(f"boxes are whole numbers (B, 4, 4), not {tuple(boxes.shape)} of {boxes.dtype}.")
    within: list[list[Box]] = []
    for image in boxes.tolist():
        found: list[Box] = []
        for part, (left, top, right, bottom) in zip(PARTS, image, strict=True):
            box = Box(max(left, 0), max(top, 0), min(right, side), min(bottom, side))
            if box.left >= box.right or box.top >= box.bottom:
                raise BenchError(
                    f"the box of the {part.replace('_', ' ')} of image {len(within) + 1} of {len(boxes)} holds nothing "
                    f"of the image of {side} px: left {left}, top {top}, right {right}, bottom {bottom}; correct it, "
                    "in pixels of that size."
                )
            found.append(box)
        within.append(found)
    return within


def at_stride(box: Box, stride: int) -> Box:
    """Return a box in cells of `stride` px, rounded down as published, but of one cell at least."""
    left, top = box.left // stride, box.top // stride
    return Box(left, top, max(box.right // stride, left + 1), max(box.bottom // stride, top + 1))


class DFDNet(nn.Module):
    """Features of an image, their components swapped for the dictionary's, and a decoder that they guide."""

    def __init__(self, *, extractor: nn.Module, dictionary: Mapping[str, Sequence[Tensor]], width: int = 64) -> None:
        """Keep an extractor and a dictionary; draw weights for the rest, as torch does.

        Args:
            extractor: maps images (B, 3, S, S) in [-1, 1] to features of the sides S / 2, S / 4, ..., fine to coarse.
            dictionary: for each of `PARTS` the centres (K, C, h, w) at each scale, in that order; K and the size may
                differ from part to part, C is that of the extractor. They are buffers, no parameters.
            width: channels at the size of the image.

        Raises:
            ValueError: the parts differ in number of scales or in channels, or one is missing.
        """
        super().__init__()
        if set(dictionary) != set(PARTS):
            raise ValueError(f"a dictionary has {', '.join(PARTS)}, not {', '.join(dictionary) or 'nothing'}.")
        components = {part: [Swap(centres=centres) for centres in dictionary[part]] for part in PARTS}
        channels = _channels(components)
        self.extractor = extractor
        self.components = nn.ModuleDict({part: nn.ModuleList(swaps) for part, swaps in components.items()})
        self.dilated = Dilated(channels[-1])
        self.ups = nn.ModuleList(UpBlock(inputs, outputs) for inputs, outputs in pairwise((*channels[::-1], width)))
        self.last = nn.Sequential(
            conv(width, width),
            nn.LeakyReLU(SLOPE, inplace=True),
            Residual(width),
            Residual(width),
            conv(width, 3),
            nn.Tanh(),
        )

    def forward(self, images: Tensor, boxes: Tensor) -> Tensor:
        """Map images (B, 3, S, S) in [-1, 1] and boxes (B, 4, 4) to images of that shape and range.

        Boxes are those of `PARTS`: left, top, right, bottom, in whole pixels of these images, the last two exclusive.
        They are clipped to the image. What is made of an image does not depend on the others.

        Raises:
            BenchError: a box lies outside its image.
            ValueError: there are not as many boxes as images, or S is not divisible by the coarsest stride.
        """
        side, coarsest = images.shape[-1], 2 ** len(self.ups)
        if images.shape[-2] != side or side % coarsest or len(boxes) != len(images):
            raise ValueError(
                f"DFDNet takes square images, {coarsest} dividing their sides, and boxes for each, not "
                f"{tuple(images.shape)} with {tuple(boxes.shape)}."
            )
        places = clipped(boxes, side)
        features: Sequence[Tensor] = self.extractor(images)
        x: Tensor = self.dilated(features[-1])
        for up, level in zip(self.ups, reversed(range(len(features))), strict=True):
            x = up(x, self._swapped(features[level], level, places))
        image: Tensor = self.last(x)
        return image

    def _swapped(self, features: Tensor, level: int, places: list[list[Box]]) -> Tensor:
        """Return features (B, C, H, W) with what each component's dictionary adds within its box."""
        stride = 2 ** (level + 1)
        updated = features.clone()
        for index, part in enumerate(PARTS):
            swap = self.components.get_submodule(f"{part}.{level}")
            for box, rows in _alike([at_stride(boxes[index], stride) for boxes in places]):
                # All crops are of the features as they came, also where an earlier part has been replaced.
                crops = features[rows, :, box.top : box.bottom, box.left : box.right]
                updated[rows, :, box.top : box.bottom, box.left : box.right] = swap(crops).to(updated.dtype)
        return updated


def _alike(boxes: list[Box]) -> list[tuple[Box, list[int] | slice]]:
    """Return each box once, with the rows of the batch that have it: images with the same boxes go together."""
    if len(set(boxes)) == 1:
        return [(boxes[0], slice(None))]
    return [(box, [row for row, other in enumerate(boxes) if other == box]) for box in dict.fromkeys(boxes)]


def _channels(components: Mapping[str, Sequence[Swap]]) -> tuple[int, ...]:
    """Return the channels of each scale, which are those of every part."""
    found = {part: tuple(swap.centres.shape[1] for swap in swaps) for part, swaps in components.items()}
    if len(set(found.values())) != 1 or not found[PARTS[0]]:
        raise ValueError(f"a dictionary has the same channels at each scale for all parts, not {found}.")
    return found[PARTS[0]]
