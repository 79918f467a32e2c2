"""A picture of any size, restored by a method that takes squares of one size: in overlapping tiles where need be."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from bench import memory
from bench.progress import track
from bench.resize import eight_bit
from bench.running.runner import Loaded, LoadError, Runner
from bench.spec import BenchError, Images, Task, TooSmall, Weights

_LARGEST_TILE = 2048
"""Side of a tile's result in pixels, where a method takes any size."""
_OVERLAP = 4
"""Tiles share at least the side's part of 1 in this, over which one fades into the other."""


@dataclass(frozen=True, slots=True)
class Enlarged:
    """What a method made of a picture."""

    image: Tensor
    """(3, H · factor, W · factor) uint8."""
    side: int
    """Of a tile, in pixels of the input."""
    tiles: int
    weights: tuple[Weights, ...]


def enlarged(method: Runner, lr: Images, factor: int, usual: int, task: Callable[[int], Task]) -> Enlarged:
    """Restore one picture (1, 3, H, W) of any size.

    `task` gives the task of squares with a ground truth of so many pixels. Tried are the largest squares that fit the
    picture, then those of `usual` pixels, the size that the profile's networks are trained for.
    Before anything is restored it raises `TooSmall` for a picture that is too small or too large, with what fits, and
    `BenchError` if the method refuses the task or cannot be loaded; later, if it fails.
    """
    height, width = lr.shape[-2:]
    _check_size(height, width, factor)
    loaded, side = _loaded(method, lr, factor, usual, task)
    with closing(loaded):
        places = list(product(_starts(height, side), _starts(width, side)))
        total = torch.zeros(3, height * factor, width * factor)
        weight = torch.zeros(1, height * factor, width * factor)
        fade = _fade(side * factor)
        for top, left in track(places, f"{method.spec.title}, tiles", len(places)):
            (outcome,) = loaded.attempt(lr[..., top : top + side, left : left + side], ())
            if outcome.image is None:
                raise BenchError(f"there is no result of {method.spec.title} for this image: {outcome.reason}")
            rows, columns = (slice(start * factor, (start + side) * factor) for start in (top, left))
            total[:, rows, columns] += fade * outcome.image / 255
            weight[:, rows, columns] += fade
    return Enlarged(eight_bit(total / weight), side, len(places), loaded.facts.weights)


def _check_size(height: int, width: int, factor: int) -> None:
    """Raise `TooSmall` if this machine's memory cannot hold the result."""
    most = memory.largest_side()
    if height * width * factor**2 > most**2:
        raise TooSmall(
            f"the result would have {width * factor} x {height * factor} pixels, and this machine can hold as many as "
            f"{most} x {most} have: at {factor}x give a picture of at most {most // factor} x {most // factor} pixels, "
            "or a smaller --factor."
        )


def _loaded(method: Runner, lr: Images, factor: int, usual: int, task: Callable[[int], Task]) -> tuple[Loaded, int]:
    """Return the method, loaded for the first size of tile that it can do, and that size."""
    short = min(lr.shape[-2:])
    sizes = dict.fromkeys((min(short, max(1, _LARGEST_TILE // factor)), usual // factor))
    found: list[LoadError] = []
    for side in (size for size in sizes if size <= short):
        made = task(side * factor)
        if (refusal := method.spec.refuses(made)) is not None:
            raise BenchError(f"{refusal}; choose what it is for, or another method.")
        try:
            return method.load(made, lr.device), side
        except LoadError as error:
            found.append(error)
    if short < usual // factor and all(error.absent for error in found):
        raise TooSmall(
            f"{method.spec.title} has no network here for a picture of {lr.shape[-1]} x {lr.shape[-2]} pixels; at "
            f"{factor}x its networks of this profile take pictures from {usual // factor} x {usual // factor} pixels. "
            f"{found[-1]}"
        )
    raise found[-1]


def _starts(length: int, side: int) -> Iterator[int]:
    """Yield where tiles begin along an edge, evenly, so that neighbours share `1 / _OVERLAP` of a side or more."""
    step = max(1, side - max(1, side // _OVERLAP))
    count = 1 + -(-(length - side) // step)
    for index in range(count):
        yield (length - side) * index // max(1, count - 1)


def _fade(side: int) -> Tensor:
    """Return the weights of a tile's pixels, (side, side): falling towards its edges, nowhere zero."""
    ramp = torch.arange(1, side + 1).minimum(torch.arange(side, 0, -1)).clamp(max=max(1, side // _OVERLAP)).float()
    return ramp[:, None] * ramp
