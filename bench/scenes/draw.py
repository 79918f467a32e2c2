"""The drawing kit of the scenes: a frame of coordinates, shapes as signed distances, paint with soft edges.

Everything is a continuous function of position and factors (no hard comparisons), so that float32 agrees with float64
to one 8-bit level and a small change of a factor is a small change of the picture. Distances and coordinates are in
frame units: x from -1 (left) to 1 (right), y from -1 (top) to 1 (bottom). Shapes are negative inside, after
I. Quilez, "2D distance functions".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.scenes import noise

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a scene is drawn from: N seeds, their factors, and the coordinates of the pixels."""

    seeds: Tensor  # (N,) int64
    factors: Mapping[str, Tensor]  # name -> (N, 1, 1, 1)
    x: Tensor  # (1, 1, 1, W), in [-1, 1]
    y: Tensor  # (1, 1, H, 1), in [-1, 1]
    px: float  # the width of a pixel in frame units

    def __getitem__(self, name: str) -> Tensor:
        """Return one factor of variation, (N, 1, 1, 1)."""
        return self.factors[name]

    def blank(self, colour: Colour | Tensor) -> Tensor:
        """Return a new picture (N, 3, H, W) of one colour."""
        size = (self.seeds.shape[0], 3, self.y.shape[-2], self.x.shape[-1])
        return as_colour(colour, self.x).expand(size).clone()

    def part(self, left: float, top: float, right: float, bottom: float) -> tuple["Frame", tuple[slice, ...]]:
        """Return the sub-frame of a rectangle and its index into the picture, so that a small thing costs little.

        `sub, at = frame.part(...)`, then paint on `image[at]` with `sub`: the slice is a view of the picture.
        """
        columns, rows = _span(left, right, self.x), _span(top, bottom, self.y)
        sub = replace(self, x=self.x[..., columns], y=self.y[..., rows, :])
        return sub, (slice(None), slice(None), rows, columns)

    def noise(self, name: str, *, cells: tuple[int, int], octaves: int = 1, gain: float = 0.5) -> Tensor:
        """Return smooth noise fixed to the frame, (N, 1, H, W) in [-1, 1]; `cells` (x, y) across the whole frame."""
        x, y = (self.x.flatten() + 1) / 2, (self.y.flatten() + 1) / 2
        return noise.lattice_noise(self.seeds, name, x=x, y=y, cells=cells, octaves=octaves, gain=gain)

    def texture(self, name: str, *, size: int, cells: tuple[int, int], octaves: int = 1, gain: float = 0.5) -> Tensor:
        """Return a noise texture (N, 1, size, size) for `noise.sample`, to be bent along a surface."""
        at = (torch.arange(size, dtype=self.x.dtype, device=self.x.device) + 0.5) / size
        return noise.lattice_noise(self.seeds, name, x=at, y=at, cells=cells, octaves=octaves, gain=gain)

    def cover(self, distance: Tensor, softness: float = 1.0) -> Tensor:
        """Return how much of each pixel a shape covers, in [0, 1]; the edge is `softness` pixels wide."""
        return (0.5 - distance / (self.px * softness)).clamp(0, 1)


def _span(low: float, high: float, axis: Tensor) -> slice:
    """Return the pixels of an axis whose centres lie in [low, high]."""
    inside = ((axis.flatten() >= low) & (axis.flatten() <= high)).nonzero()
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0)


def as_colour(colour: Colour | Tensor, like: Tensor) -> Tensor:
    """Return a colour as (1, 3, 1, 1) in the dtype and on the device of `like`; a tensor passes through."""
    if isinstance(colour, Tensor):
        return colour
    return torch.tensor(colour, dtype=like.dtype, device=like.device).view(1, 3, 1, 1)


def over(image: Tensor, colour: Colour | Tensor, alpha: Tensor) -> Tensor:
    """Paint, in place: image (N, 3, H, W), colour (N or 1, 3, H or 1, W or 1), alpha (N, 1, H, W) in [0, 1]."""
    return image.lerp_(as_colour(colour, image), alpha.expand(image.shape[0], -1, -1, -1))


def palette(at: Tensor, colours: Sequence[Colour]) -> Tensor:
    """Return the colour at `at` (N, 1, 1, 1) in [0, 1] along a list of colours: (N, 3, 1, 1), piecewise linear."""
    stops = torch.tensor(colours, dtype=at.dtype, device=at.device)  # (K, 3)
    nodes = torch.arange(len(colours), dtype=at.dtype, device=at.device)
    near = (1 - (at.view(-1, 1) * (len(colours) - 1) - nodes).abs()).clamp(min=0)  # (N, K)
    return (near @ stops).view(-1, 3, 1, 1)


def smooth(low: float | Tensor, high: float | Tensor, value: Tensor) -> Tensor:
    """Return the cubic smoothstep: 0 where value <= low, 1 where value >= high."""
    at = ((value - low) / (high - low)).clamp(0, 1)
    return at * at * (3 - 2 * at)


def gauss(value: Tensor, width: float | Tensor) -> Tensor:
    """Return exp(-(value / width)^2), a soft spot or highlight."""
    return torch.exp(-((value / width) ** 2))


def rotate(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Return coordinates turned by `angle` (radians): the shape drawn in them turns the other way."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    return x * cos + y * sin, y * cos - x * sin


def ellipse(x: Tensor, y: Tensor, rx: float | Tensor, ry: float | Tensor) -> Tensor:
    """Return the first-order distance to an ellipse with half-axes rx, ry round the origin."""
    u, v = x / rx, y / ry
    radius = torch.sqrt(u * u + v * v + 1e-12)
    slope = torch.sqrt((u / rx) ** 2 + (v / ry) ** 2 + 1e-12)
    return radius * (radius - 1) / slope


def box(x: Tensor, y: Tensor, hx: float | Tensor, hy: float | Tensor, radius: float | Tensor = 0.0) -> Tensor:
    """Return the distance to a box of half-sizes hx, hy round the origin, its corners rounded."""
    u, v = x.abs() - (hx - radius), y.abs() - (hy - radius)
    outside = torch.sqrt(u.clamp(min=0) ** 2 + v.clamp(min=0) ** 2 + 1e-14)
    return outside + torch.maximum(u, v).clamp(max=0) - radius


def segment(x: Tensor, y: Tensor, ends: Sequence[float | Tensor]) -> Tensor:
    """Return the distance to the segment (x0, y0, x1, y1); subtract a half-width for a stroke."""
    x0, y0, x1, y1 = ends
    dx, dy = x1 - x0, y1 - y0
    along = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy + 1e-12)).clamp(0, 1)
    return torch.sqrt((x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2 + 1e-14)


def polygon(x: Tensor, y: Tensor, corners: Sequence[tuple[float | Tensor, float | Tensor]]) -> Tensor:
    """Return the distance to a convex polygon, corners clockwise as seen (y points down): the largest edge distance."""
    inside: Tensor | None = None
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        ex, ey = torch.as_tensor(x1 - x0, dtype=x.dtype), torch.as_tensor(y1 - y0, dtype=x.dtype)
        edge = ((x - x0) * ey - (y - y0) * ex) / torch.sqrt(ex * ex + ey * ey + 1e-12)
        inside = edge if inside is None else torch.maximum(inside, edge)
    if inside is None:
        raise ValueError("a polygon needs corners")
    return inside


def join(one: Tensor, other: Tensor, softness: float | Tensor) -> Tensor:
    """Return the smooth union of two shapes: the polynomial smooth minimum."""
    overlap = (softness - (one - other).abs()).clamp(min=0) / softness
    return torch.minimum(one, other) - overlap * overlap * softness / 4
