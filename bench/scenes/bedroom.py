"""A bedroom in one-point perspective: a made bed with pillows and headboard, nightstands with lamps, window, pictures.

Lengths are metres: x to the right of the camera, heights above the floor, distances from the back wall to the camera.
Every surface is a `_Plane`, which tells the metres along it at each pixel, so textures and edges follow the view.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.scenes import noise
from bench.scenes.draw import Frame, box, ellipse, gauss, over, palette, rotate, smooth

FACTORS: dict[str, tuple[float, float]] = {
    "view_x": (-1.35, 1.35),  # the bed's centre right of the camera, metres
    "bed_place": (-0.28, 0.28),  # the bed's centre in the picture, frame units
    "bed_bottom": (0.78, 1.2),  # the foot of the bed on the floor, frame y
    "horizon": (-0.42, -0.04),  # vanishing point, frame y
    "eye": (1.2, 1.6),  # height of the camera, metres
    "perspective": (1.55, 2.15),  # magnification of the bed's foot against the back wall
    "bed_half": (0.7, 0.98),  # half the bed's width, metres
    "wall_colour": (0.0, 1.0),  # along a palette
    "wallpaper": (0.0, 1.0),  # plain, stripes, damask
    "floor_colour": (0.0, 1.0),  # along a palette
    "carpet": (0.0, 1.0),  # wooden boards, then carpet
    "rug": (0.0, 1.0),  # none, then ever larger
    "window_place": (-1.0, 1.0),  # left wall, along the back wall, right wall
    "daylight": (0.45, 1.15),  # brightness outside
    "curtain_colour": (0.0, 1.0),  # along a palette
    "curtain_open": (0.3, 0.95),  # share of the window left free
    "headboard": (0.0, 1.0),  # slats, panel, tufted
    "headboard_height": (1.0, 1.4),  # metres
    "wood": (0.0, 1.0),  # tone of the furniture, along a palette
    "bedding_colour": (0.0, 1.0),  # along a palette
    "accent_colour": (0.0, 1.0),  # along a palette
    "pattern": (0.0, 1.0),  # of the bedding: plain, stripes, plaid, flowers
    "folds": (0.4, 1.3),  # how crumpled the bedding is
    "throw": (0.0, 1.0),  # none, then an ever wider blanket over the foot
    "pillows": (0.0, 1.0),  # two, four, five
    "lamp_glow": (0.0, 1.0),  # off to bright
    "pictures": (-0.5, 0.65),  # one, then two ever further apart
    "pendant": (0.0, 1.0),  # ceiling lamp: none, then ever lower
    "exposure": (0.85, 1.25),  # brightness of the photograph
    "contrast": (0.9, 1.3),  # of the photograph
    "warmth": (-0.08, 0.12),  # colour temperature
}
WALL = [(0.9, 0.88, 0.83), (0.84, 0.74, 0.58), (0.6, 0.72, 0.8), (0.6, 0.68, 0.52), (0.8, 0.64, 0.6), (0.7, 0.68, 0.72),
        (0.28, 0.42, 0.5), (0.86, 0.74, 0.45), (0.5, 0.38, 0.42)]  # fmt: skip
WOOD = [(0.8, 0.76, 0.7), (0.74, 0.58, 0.4), (0.6, 0.4, 0.23), (0.42, 0.22, 0.13), (0.27, 0.18, 0.13),
        (0.6, 0.52, 0.44)]  # fmt: skip
CLOTH = [(0.9, 0.88, 0.85), (0.35, 0.47, 0.65), (0.86, 0.78, 0.62), (0.62, 0.2, 0.2), (0.9, 0.9, 0.92),
         (0.4, 0.52, 0.4), (0.7, 0.55, 0.62),
         (0.24, 0.27, 0.38), (0.8, 0.6, 0.3), (0.3, 0.52, 0.54), (0.45, 0.3, 0.22)]  # fmt: skip
OUTSIDE = [(0.3, 0.5, 0.2), (0.5, 0.6, 0.35), (0.6, 0.52, 0.45)]
SKY = [(0.8, 0.9, 1.05), (0.95, 0.98, 1.02), (1.05, 1.0, 0.92)]
BULB = [(0.93, 0.92, 0.9), (1.25, 1.05, 0.75)]  # a lampshade, off and on
GLOW = [(1.0, 1.0, 1.0), (2.0, 1.66, 1.3)]  # lamplight on the wall, off and on
BLACK, WHITE = (0.0, 0.0, 0.0), (0.93, 0.92, 0.9)
LENGTH = 2.05  # of the bed, metres
FAR = 99.0  # beyond any room, metres
_Range = tuple[float | Tensor, float | Tensor]


@dataclass(frozen=True, slots=True)
class _Plane:
    """A flat surface: metres along it at every pixel, and how many metres a pixel spans there."""

    u: Tensor
    v: Tensor
    du: Tensor
    dv: Tensor

    def rect(self, u: _Range, v: _Range, soft: float = 0.0) -> Tensor:
        """Return the coverage of a rectangle, its edges blurred by `soft` metres."""
        return _within(self.u, u, self.du + soft) * _within(self.v, v, self.dv + soft)


@dataclass(frozen=True, slots=True)
class _Room:
    """The camera and the main measures, from the factors; all (N, 1, 1, 1)."""

    frame: Frame
    vanish: tuple[Tensor, Tensor]  # where lines into the depth meet, frame units
    scale: Tensor  # frame units a metre at the back wall
    depth: Tensor  # from the back wall to the camera
    bed: tuple[Tensor, Tensor]  # its left and right edge
    bed_top: Tensor
    walls: tuple[Tensor, Tensor]  # left and right
    ceiling: Tensor
    sun: Tensor  # where the light comes from: -1 left, 1 right

    def __getitem__(self, name: str) -> Tensor:
        return self.frame[name]

    def part(self, left: float, top: float, right: float, bottom: float) -> "tuple[_Room, tuple[slice, ...]]":
        sub, at = self.frame.part(left, top, right, bottom)
        return replace(self, frame=sub), at

    def vary(self, name: str, low: float, high: float) -> Tensor:
        """Return a number of each image that is not worth a factor, (N, 1, 1, 1)."""
        at = noise.uniform(self.frame.seeds, f"bedroom/{name}").to(self.scale.dtype)
        return low + (high - low) * at.view(-1, 1, 1, 1)

    def upright(self, distance: float) -> _Plane:
        """Return the plane parallel to the back wall: x and height."""
        unit = self.scale * self.depth / (self.depth - distance)
        u, v = (self.frame.x - self.vanish[0]) / unit, (self.frame.y - self.vanish[1]) / unit
        return _Plane(u, self["eye"] - v, self.frame.px / unit, self.frame.px / unit)

    def level(self, height: float | Tensor) -> _Plane:
        """Return the horizontal plane at a height: x and distance."""
        drop = self["eye"] - height
        near = ((self.frame.y - self.vanish[1]) / (self.scale * drop)).clamp(min=0.3)
        u, size = (self.frame.x - self.vanish[0]) / (self.scale * near), self.frame.px / (self.scale * near)
        slant = torch.sqrt(1 + (u / drop) ** 2)  # lines into the depth run slantwise over the pixels
        return _Plane(u, self.depth * (1 - 1 / near), size * slant, self.depth * size / (near * drop.abs()))

    def side(self, x: Tensor) -> _Plane:
        """Return the plane parallel to a side wall: distance and height; nothing useful where x is about 0."""
        inverse = x / (x * x + 1e-4)
        near = ((self.frame.x - self.vanish[0]) / self.scale * inverse).clamp(min=0.3)
        v, size = (self.frame.y - self.vanish[1]) / (self.scale * near), self.frame.px / (self.scale * near)
        slant = torch.sqrt(1 + (v * inverse) ** 2)
        along = self.depth * size * inverse.abs() / near + 1e-6
        return _Plane(self.depth * (1 - 1 / near), self["eye"] - v, along, size * slant)


def _within(value: Tensor, limits: _Range, pixel: Tensor) -> Tensor:
    return ((value - limits[0]) / pixel + 0.5).clamp(0, 1) * ((limits[1] - value) / pixel + 0.5).clamp(0, 1)


def _inside(distance: Tensor, pixel: Tensor) -> Tensor:
    return (0.5 - distance / pixel).clamp(0, 1)


def _lines(value: Tensor, period: float | Tensor, width: float, pixel: Tensor) -> Tensor:
    """Return the coverage of lines at the multiples of a period; lines thinner than a pixel turn pale, not ragged."""
    turn, wide = value / period, pixel.clamp(min=width)
    return ((wide + pixel) / 2 - (turn - turn.round()).abs() * period).div(pixel).clamp(0, 1) * width / wide


def _wave(value: Tensor, period: float | Tensor, pixel: Tensor, sharp: float = 1.0) -> Tensor:
    """Return a wave in [0, 1], sharpened towards stripes, flat where pixels are too coarse for it."""
    swing = (torch.sin(value * (2 * math.pi) / period) * sharp).clamp(-1, 1)
    return 0.5 + 0.5 * swing * (1.4 - 2.8 * pixel / period).clamp(0, 1)


def _recess(distance: Tensor) -> Tensor:
    """Return the shade of a corner, reached by less light."""
    return 1 - 0.3 * torch.exp(-4 * distance.clamp(min=0))


def _room(frame: Frame) -> _Room:
    near, x, half = frame["perspective"], frame["view_x"], frame["bed_half"]
    scale = (frame["bed_bottom"] - frame["horizon"]) / (frame["eye"] * near)
    vanish = (frame["bed_place"] - scale * (1 + near) / 2 * x, frame["horizon"])
    sun, bed = (frame["window_place"] * 2).clamp(-1, 1), (x - half, x + half)
    room = _Room(frame, vanish, scale, LENGTH * near / (near - 1), bed, x, bed, x, sun)
    walls = (bed[0] - room.vary("left", 0.75, 1.7), bed[1] + room.vary("right", 0.75, 1.7))
    return replace(room, bed_top=room.vary("bed", 0.48, 0.68), walls=walls, ceiling=room.vary("ceiling", 2.35, 2.95))


def _wall(room: _Room, plane: _Plane, ends: _Range) -> Tensor:
    """Return the colour of a papered wall with skirting board, cornice and darker corners."""
    style, period = room["wallpaper"], room.vary("paper", 0.14, 0.3)
    stripes = smooth(0.3, 0.36, style) * (1 - smooth(0.62, 0.68, style)) * _wave(plane.u, period, plane.du, 3.0)
    a, b = plane.u * (2 * math.pi) / period, plane.v * (4.4 / period)
    bloom = torch.cos(a) * torch.cos(b) + 0.5 * torch.cos(2 * a) * torch.cos(3 * b) + 0.4 * torch.cos(2 * b)
    fine = (1.3 - 4 * plane.du / period).clamp(0, 1)
    damask = smooth(0.64, 0.7, style) * (0.5 + (bloom * 1.5).clamp(-0.5, 0.5) * fine)
    corners = _recess(plane.u - ends[0]) * _recess(ends[1] - plane.u)
    corners = corners * (_recess(plane.v) * _recess(room.ceiling - plane.v))
    colour = palette(room["wall_colour"], WALL) * ((1 - 0.13 * stripes - 0.14 * damask) * corners)
    board = _within(plane.v, (-FAR, 0.11), plane.dv) + _within(plane.v, (room.ceiling - 0.07, FAR), plane.dv)
    colour = colour.lerp(0.5 + 0.4 * palette(room["wood"], WOOD), board)
    return colour * (1 - 0.35 * _within(plane.v, (0.1, 0.125), plane.dv))


def _shell(room: _Room) -> Tensor:
    """Return the empty room with its window: on the left wall, anywhere along the back wall, or on the right wall."""
    image, (left, right), place = room.frame.blank(WHITE), room.walls, room["window_place"]
    image.copy_(_wall(room, room.upright(0.0), room.walls))
    sub, at = room.part(-1, -1, 1, 0.6)
    _window(image[at], sub, sub.upright(0.0), _window_x(room), smooth(0.5, 0.48, place.abs()))
    for x, start, end, sign in ((left, -1.0, 0.2, -1), (right, -0.2, 1.0, 1)):
        sub, at = room.part(start, -1, end, 1)
        plane = sub.side(x)
        seen = _within(plane.u, (0.0, FAR), plane.du)
        over(image[at], _wall(sub, plane, (0.0, FAR)) * (0.85 - 0.1 * sign * room.sun), seen)
        _window(image[at], sub, plane, torch.full_like(x, 1.1), smooth(0.5, 0.52, place * sign) * seen)
    sub, at = room.part(-1, -1, 1, -0.1)
    plane = sub.level(room.ceiling)
    tone = _recess(plane.v) * _recess(plane.u - left) * _recess(right - plane.u) * 0.9
    over(image[at], (0.6 + 0.4 * palette(room["wall_colour"], WALL)) * tone, plane.rect(room.walls, (0.0, FAR)))
    sub, at = room.part(-1, 0, 1, 1)
    plane = sub.level(0.0)
    over(image[at], _floor(sub, plane), plane.rect(room.walls, (0.0, FAR)))
    return image


def _floor(room: _Room, plane: _Plane) -> Tensor:
    """Return the floor: boards into the depth or carpet, a rug, and the shadow of the bed."""
    grain = room.frame.texture("grain", size=128, cells=(40, 5), octaves=2)
    pile = room.frame.texture("pile", size=128, cells=(42, 42), octaves=2)
    soft, wall = smooth(0.6, 0.66, room["carpet"]), palette(room["wall_colour"], WALL)
    boards = 1 + noise.sample(grain, plane.u / 2, plane.v / 2) * 0.3 - 0.5 * _lines(plane.u, 0.13, 0.008, plane.du)
    tuft = noise.sample(pile, plane.u, plane.v) * 0.22
    tone = boards.lerp(1 + tuft, soft) * _recess(plane.v) * _recess(plane.u - room.walls[0])
    gloss = (1 - soft) * 0.35 * torch.exp(-0.9 * plane.v.clamp(min=0))
    colour = (palette(room["floor_colour"], WOOD) * 0.9 * tone).lerp(wall, gloss)
    size = room["bed_half"] + 0.2 + 0.5 * room["rug"]
    inset = torch.maximum((plane.u - room["view_x"]).abs() - size, plane.v - (LENGTH + 0.1 + 0.4 * room["rug"]))
    band = _wave(inset, 0.17, plane.dv, 2.0) * smooth(-0.4, -0.2, inset)
    rug = (0.3 + 0.6 * palette(room["accent_colour"], CLOTH)) * (0.75 + 0.5 * band + tuft)
    laid = _inside(inset, plane.du.maximum(plane.dv)) * _within(plane.v, (0.5, FAR), plane.dv)
    colour = colour.lerp(rug, laid * smooth(0.35, 0.37, room["rug"]))
    return colour * (1 - 0.6 * plane.rect((room.bed[0] - 0.1, room.bed[1] + 0.1), (-1.0, LENGTH + 0.08), 0.35))


def _window_x(room: _Room) -> Tensor:
    """Return where along the back wall the window is, if it is there."""
    left, right = room.walls
    return left + 0.75 + (right - left - 1.5) * (room["window_place"] + 0.5).clamp(0, 1)


def _window(image: Tensor, room: _Room, plane: _Plane, centre: Tensor, shown: Tensor) -> None:
    """Paint a window with its view and curtains on a wall."""
    half, sill, top = room.vary("window", 0.45, 0.75), room.vary("sill", 0.5, 0.95), room.ceiling - 0.4
    u, v = plane.u - centre, plane.v
    leaves = noise.sample(room.frame.texture("leaves", size=64, cells=(9, 9), octaves=3), u * 0.6, v - 1.5)
    trees = palette(room.vary("outside", 0, 1), OUTSIDE) * (0.95 + 0.7 * leaves)
    sky = smooth(-0.25, 0.25, v - room.vary("trees", 0.8, 2.2) + 0.6 * leaves)
    view = trees.lerp(palette(room.vary("sky", 0, 1), SKY), sky) * room["daylight"]
    over(image, view, plane.rect((centre - half, centre + half), (sill, top)) * shown)
    bars = torch.maximum(_lines(u, half, 0.06, plane.du), _lines(v - sill, (top - sill) / 2, 0.06, plane.dv))
    edges = plane.rect((centre - half - 0.03, centre + half + 0.03), (sill - 0.03, top + 0.03))
    over(image, WHITE, bars * edges * shown)
    away, gap, hang = u.abs(), half * room["curtain_open"], room.vary("hang", 0.05, 0.5)
    fold = torch.sin(away * 58 + 2.5 * torch.sin(away * 17) + 0.5 * v) * (1.4 - 9 * plane.du).clamp(0, 1)
    lit = 0.7 + 0.2 * fold + 0.3 * room["daylight"] * gauss(away - gap, 0.25)
    drape = _within(away, (gap, half * 1.35), plane.du) * _within(v, (hang, top + 0.16), plane.dv)
    over(image, palette(room["curtain_colour"], CLOTH) * lit, drape * shown)
    rod = plane.rect((centre - half * 1.5, centre + half * 1.5), (top + 0.15, top + 0.19))
    over(image, (0.3, 0.25, 0.2), rod * shown)


def _pictures(image: Tensor, room: _Room) -> None:
    """Paint one picture or two over the headboard, unless the window is there."""
    room, at = room.part(-1, -1, 1, 0.2)
    image, plane = image[at], room.upright(0.0)
    half, tall, pixel = room.vary("picture", 0.2, 0.4), room.vary("tall", 0.16, 0.28), plane.du
    pair = smooth(0.0, 0.02, room["pictures"])
    u, v = plane.u - room["view_x"], plane.v - room["headboard_height"] - 0.5
    u = u.lerp(u.abs() - half - 0.1 - 0.4 * room["pictures"], pair)
    half = half * (1 - 0.3 * pair)
    away = torch.maximum(u.abs() - half, v.abs() - tall)
    reach = half + pair * (half + 0.1 + 0.4 * room["pictures"].clamp(min=0))
    free = smooth(1.0, 1.05, (_window_x(room) - room["view_x"]).abs() - reach)
    shown = torch.maximum(free, smooth(0.48, 0.5, room["window_place"].abs()))
    art = room.frame.noise("art", cells=(14, 14), octaves=2)
    ink = palette(room.vary("ink", 0, 1), CLOTH).lerp(palette(room["accent_colour"], CLOTH), smooth(-0.2, 0.2, art))
    over(image, BLACK, 0.3 * _inside(away - 0.05, pixel + 0.06) * shown)
    over(image, palette(room["wood"], WOOD) * 0.8, _inside(away, pixel) * shown)
    over(image, WHITE, _inside(away + 0.035, pixel) * shown)
    over(image, ink * (0.9 + 0.3 * art), _inside(away + 0.1, pixel) * shown)


def _visible(across: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the x of the side of a box that the camera sees, and how much: no side where the box is straight ahead."""
    x = across[0].clamp(min=0) + across[1].clamp(max=0)
    return x, smooth(0.03, 0.07, x.abs())


def _cuboid(image: Tensor, room: _Room, across: tuple[Tensor, Tensor], reach: float, heights: _Range) -> _Plane:
    """Paint a wooden box that stands at the back wall and return the plane of its front."""
    wood, (x, seen) = palette(room["wood"], WOOD), _visible(across)
    lit = 0.55 - 0.12 * room.sun * (x * 9).clamp(-1, 1)
    over(image, wood * lit, room.side(x).rect((0.0, reach), heights) * seen)
    over(image, wood * 1.1, room.level(heights[1]).rect(across, (0.0, reach + 0.02)))
    front = room.upright(reach)
    grain = noise.sample(room.frame.texture("wood", size=64, cells=(4, 30), octaves=2), front.u, front.v)
    over(image, wood * (0.8 + 0.2 * grain), front.rect(across, heights))
    return front


def _nightstands(image: Tensor, room: _Room) -> None:
    """Paint a chest of drawers with a lamp on either side of the bed."""
    half, high = room.vary("stand", 0.22, 0.3), room.vary("stand high", 0.42, 0.62)
    for edge, sign, left, right in ((room.bed[0], -1, -1.0, 0.45), (room.bed[1], 1, -0.45, 1.0)):
        x = edge + sign * (half + 0.12)
        across = (x - half, x + half)
        sub, at = room.part(left, -0.25, right, 1)
        over(image[at], BLACK, 0.5 * sub.level(0.0).rect(across, (-0.2, 0.5), 0.2))
        front = _cuboid(image[at], sub, across, 0.4, (0.06, high))
        drawer = (front.v - 0.06) / (high - 0.06)
        face = front.rect(across, (0.06, high))
        over(image[at], (0.08, 0.05, 0.03), 0.8 * _lines(drawer, 0.5, 0.04, front.dv / (high - 0.06)) * face)
        knob = gauss(front.u - x, 0.03) * gauss((drawer - 0.5).abs() - 0.25, 0.07)
        over(image[at], (0.9, 0.8, 0.55), knob)
        sub, at = room.part(left, -0.9, right, 0.6)
        _lamp(image[at], sub, x, high)


def _lamp(image: Tensor, room: _Room, x: Tensor, foot: Tensor) -> None:
    """Paint a lamp on a nightstand and its light on the wall."""
    plane, glow = room.upright(0.2), room["lamp_glow"]
    shade, top = foot + room.vary("shade", 0.2, 0.32), foot + room.vary("lamp", 0.42, 0.58)
    u, v = plane.u - x, plane.v - (shade + top) / 2
    pool = torch.exp(-(u * u + v * v) * 2.2) * (0.45 + 0.55 * smooth(-0.1, 0.25, v.abs() - 0.8 * u.abs()))
    image *= 1 + pool * (palette(glow, GLOW) - 1)
    stem = 0.02 + 0.06 * gauss(plane.v - foot - 0.09, 0.07)
    body = palette(room["accent_colour"], CLOTH) * (0.55 + 5 * u * room.sun)
    over(image, body, _within(u, (-stem, stem), plane.du) * _within(plane.v, (foot, shade + 0.05), plane.dv))
    wide = 0.17 - 0.25 * (plane.v - shade)
    light = palette(glow, BULB) * ((0.75 + 0.35 * glow) * (1 - 0.25 * (u / 0.17) ** 2))
    over(image, light, _within(u, (-wide, wide), plane.du) * _within(plane.v, (shade, top), plane.dv))


def _headboard(image: Tensor, room: _Room) -> None:
    """Paint the headboard: slats, a panel, or tufted upholstery."""
    room, at = room.part(-1, -0.9, 1, 0.6)
    image, plane, style = image[at], room.upright(0.06), room["headboard"]
    x, half = plane.u - room["view_x"], room["bed_half"] + 0.04
    u, height = (x / half).abs(), room["headboard_height"] + room.vary("arch", -0.05, 0.25) * (1 - (x / half) ** 2)
    below = height - plane.v
    away = torch.maximum(x.abs() - half, torch.maximum(-below, -plane.v))
    over(image, BLACK, 0.35 * _inside(away - 0.03, plane.du + 0.12))
    rim = smooth(0.0, 0.05, below) * smooth(1.0, 0.95, u)
    grain = noise.sample(room.frame.texture("board", size=64, cells=(4, 30), octaves=2), plane.u / 2, plane.v / 2)
    panel = (0.8 + 0.2 * grain) * (0.8 + 0.25 * smooth(0.1, 0.13, below) + 0.25 * (1 - rim))
    seam = torch.sin(14 * (x + plane.v)) * torch.sin(14 * (x - plane.v))
    tufts = (0.55 + 0.4 * smooth(0.0, 0.45, seam.abs()) + 0.12 * torch.sin(28 * plane.v)) * (0.8 + 0.25 * rim)
    soft = palette(room.vary("upholstery", 0, 1), CLOTH) * tufts
    solid = torch.maximum(smooth(0.1, 0.08, below), smooth(0.9, 0.93, u)).maximum(_lines(x, 0.15, 0.06, plane.du))
    cover = _inside(away, plane.du) * (1 - smooth(0.3, 0.26, style) * (1 - solid))
    over(image, (palette(room["wood"], WOOD) * panel).lerp(soft, smooth(0.55, 0.6, style)), cover)


def _bed(image: Tensor, room: _Room) -> None:
    """Paint the frame and the bedding, one cloth that hangs over the front and the visible side."""
    room, at = room.part(-1, -0.15, 1, 1)
    image, (left, right), height = image[at], room.bed, room.bed_top
    _cuboid(image, room, (left + 0.02, right - 0.02), LENGTH - 0.02, (0.06, height - 0.1))
    x, seen = _visible(room.bed)
    top, front, side = room.level(height), room.upright(LENGTH), room.side(x)
    hem = room.vary("hem", 0.08, 0.34) + 0.03 * room.frame.noise("hem", cells=(9, 3), octaves=2)
    edge = 0.025 * room.frame.noise("edge", cells=(8, 12))
    ahead = front.rect((left + edge, right + edge), (hem, height))
    beside = side.rect((0.0, LENGTH), (hem, height)) * seen * (1 - ahead)
    cover = top.rect((left + edge, right + edge), (0.0, LENGTH)).maximum(beside)
    # The cloth unrolled: x and the distance run on round the edges, so that its pattern does.
    out, down = (x * 9).clamp(-1, 1), height - side.v
    u = top.u.lerp(front.u, ahead).lerp(x - out * down, beside)
    w = top.v.lerp(LENGTH + height - front.v, ahead).lerp(side.u, beside)
    turn = smooth(-0.07, 0.05, height - front.v) * smooth(LENGTH - 0.2, LENGTH, w)  # a round edge, not a sharp one
    tone = (0.96 + 0.05 * top.v).lerp(0.78 - 0.25 * (height - front.v), turn)
    tone = tone.lerp(0.72 - 0.25 * down - 0.15 * out * room.sun, beside)
    over(image, _cloth(room, u, w, top.dv.lerp(front.dv, ahead)) * tone, (cover + ahead).clamp(max=1))


def _cloth(room: _Room, u: Tensor, w: Tensor, pixel: Tensor) -> Tensor:
    """Return the bedding at u across and w from the headboard: sheet, turned-down blanket, blanket, throw."""
    style, period, x = room["pattern"], room.vary("pattern", 0.16, 0.4), u - room["view_x"]
    relief = room.frame.texture("relief", size=128, cells=(7, 7), octaves=3, gain=0.4)
    bend = noise.sample(relief, w * 0.5, x * 0.5)
    along, across = _wave(x, period, pixel, 3.0), _wave(w, period, pixel, 3.0)
    printed = smooth(0.75, 0.79, style)
    lines = smooth(0.25, 0.29, style) * (1 - printed) * along.lerp((along + across) / 2, smooth(0.5, 0.54, style))
    twist, often = 5 * bend, 9 / torch.sqrt(period)
    bloom = torch.cos(x * often + twist) * torch.cos(w * often - twist)
    petals = torch.cos(x * 70 + 2 * twist) * torch.cos(w * 70) * (1.3 - 40 * pixel).clamp(0, 1)
    flowers = printed * smooth(0.3, 0.45, bloom) * (0.78 + 0.22 * petals)
    accent, blanket = palette(room["accent_colour"], CLOTH), palette(room["bedding_colour"], CLOTH)
    colour = blanket.lerp(accent, 0.75 * torch.maximum(lines, flowers))
    colour = colour.lerp(blanket.lerp(accent, 0.5), smooth(0.86, 0.84, w))
    colour = colour.lerp(torch.full_like(blanket, 0.92), smooth(0.6, 0.58, w))
    wide, thrown = 0.12 + 0.6 * (room["throw"] - 0.5), smooth(0.5, 0.52, room["throw"])
    knit = 0.8 + 0.3 * _wave(w + 0.01 * torch.sin(x * 60), 0.07, pixel)
    foot = _within(w, (1.6 - wide, 1.6 + wide), pixel + 0.01) * thrown
    colour = colour.lerp(palette(room.vary("throw", 0, 1), CLOTH) * knit, foot)
    slope = bend - noise.sample(relief, w * 0.5 + 0.03, x * 0.5 + 0.03 * room.sun)
    crease = (1 - 4 * (bend + 0.6 * noise.sample(relief, w * 0.3 + 0.3, x * 0.9)).abs()).clamp(min=0)
    step = 0.35 * gauss(w - 0.87, 0.05) + 0.3 * thrown * gauss(w - 1.63 - wide, 0.03)
    return colour * (1.02 + room["folds"] * (1.6 * slope - 0.1 * crease * crease) - step)


def _pillows(image: Tensor, room: _Room) -> None:
    """Paint the pillows against the headboard: a row of two, smaller ones before it, a cushion."""
    accent, half = palette(room["accent_colour"], CLOTH), room["bed_half"]
    white, pale = torch.full_like(accent, 0.92), 0.45 + 0.5 * palette(room["bedding_colour"], CLOTH)
    back, fore = (0.22, 0.46, 0.24, 0.0, pale), (0.36, 0.38, 0.2, 0.35, white)
    # place across the bed; distance, half-width, half-height, from which value of the factor on, colour
    pillows = ((-0.5, *back), (0.5, *back), (-0.45, *fore), (0.45, *fore), (0.0, 0.5, 0.25, 0.16, 0.65, accent))
    chance = noise.uniform(room.frame.seeds, "bedroom/pillows", 4 * len(pillows)).to(half.dtype).view(-1, 20, 1, 1)
    linen = room.frame.texture("linen", size=128, cells=(12, 12), octaves=2)
    for k, (place, distance, wide, tall, least, colour) in enumerate(pillows):
        sub, at = room.part(-0.6 if place > 0 else -1, -0.5, 0.6 if place < 0 else 1, 0.6)
        plane, shown = sub.upright(distance), smooth(least, least + 0.04, room["pillows"] + 0.05)
        free = chance[:, 4 * k : 4 * k + 4].split(1, dim=1)
        rx, ry = wide * half * (0.9 + 0.18 * free[0]), tall * (0.85 + 0.3 * free[1])
        u = plane.u - room["view_x"] - half * (place + 0.12 * free[2] - 0.06)
        u, v = rotate(u, room.bed_top + ry * 0.88 - plane.v, 0.28 * free[3] - 0.14)
        a, b = (u / rx).clamp(-1.3, 1.3), (v / ry).clamp(-1.3, 1.3)
        away = box(u * (1.1 - 0.1 * b * b), v * (1.16 - 0.16 * a * a), rx, ry, 0.08)
        over(image[at], BLACK, 0.5 * shown * _inside(away - 0.02, plane.du + 0.16))
        crease = noise.sample(linen, a * 0.4 + 0.5 * free[3], b * 0.4 + place)
        light = 0.9 + 0.1 * crease * room["folds"] - 0.1 * b - 0.16 * b**3 - 0.14 * a**4 + 0.12 * a * room.sun
        seam = (1 - away.abs() / 0.03).clamp(min=0)
        over(image[at], colour * (light - 0.15 * seam), _inside(away, plane.du) * shown)


def _finish(image: Tensor, room: _Room) -> Tensor:
    """Hang the lamp from the ceiling and develop the photograph."""
    sub, at = room.part(-1, -1, 1, 0)
    plane, hung = sub.upright(0.9), (room["pendant"] - 0.5) * 0.8
    shown = smooth(0.5, 0.52, room["pendant"])
    u, v = plane.u - room["view_x"] - room.vary("pendant", -0.5, 0.5), plane.v - room.ceiling + 0.1 + hung
    cord = _within(u, (-0.01, 0.01), plane.du) * _within(v, (0.0, hung + 0.1), plane.dv)
    over(image[at], (0.2, 0.18, 0.16), cord * shown)
    light = palette(room["lamp_glow"], BULB) * (0.8 - 1.2 * v)
    over(image[at], light, _inside(ellipse(u, v, 0.24, 0.12), plane.du) * shown)
    x, y = room.frame.x, room.frame.y
    fall = 1 + 0.2 * room["daylight"] * x * room.sun - 0.12 * (x * x + y * y)
    warmth = room["warmth"]
    tint = room["exposure"] * torch.cat([1 + warmth, torch.ones_like(warmth), 1 - warmth], dim=1)
    return (image * (fall * tint) - 0.5) * room["contrast"] + 0.5


def draw(frame: Frame) -> Tensor:
    """Draw bedrooms: (N, 3, H, W)."""
    room = _room(frame)
    image = _shell(room)
    for paint in (_pictures, _headboard, _nightstands, _bed, _pillows):
        paint(image, room)
    return _finish(image, room)
