"""Towers against the sky: stacked storeys of brick, stone or plaster under a flat, pointed, domed or onion roof.

The tower is one silhouette, a half-width for every height, seen in perspective from below. Its surface carries a
coordinate `across` each face (square towers show two faces, round ones a cylinder) and a `height`, along which courses,
windows, quoins, cornices and the clock are laid. Lengths on it are in half-widths of its foot.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.scenes import noise
from bench.scenes.draw import Colour, Frame, as_colour, box, ellipse, gauss, over, palette, rotate, segment, smooth

FACTORS: dict[str, tuple[float, float]] = {
    "size": (0.2, 0.4),  # half-width of the foot at mid-frame
    "centre": (-0.3, 0.3),  # x of the axis
    "lean": (-0.07, 0.07),  # camera roll, radians
    "converge": (0.02, 0.32),  # how much verticals converge upwards
    "depth": (0.015, 0.06),  # how steeply horizontals run down along the faces
    "apex": (-0.82, -0.5),  # y of the tip of the roof
    "ground": (0.78, 1.5),  # y of the foot; above 1 it lies below the picture
    "yaw": (0.06, 1.51),  # radians; 0 shows the left face only, pi/2 the right face only
    "round": (0.0, 1.0),  # square to cylindrical, turning quickly at ROUND_FROM
    "taper": (0.0, 0.2),  # narrowing of the walls up to the eaves
    "setback_low": (0.0, 0.22),  # narrowing at the first cornice
    "setback_high": (0.0, 0.22),  # narrowing at the second cornice
    "split_low": (0.25, 0.55),  # first cornice, share of the wall height
    "split_high": (0.68, 0.8),  # second cornice, share of the wall height
    "ledge": (0.03, 0.13),  # overhang of the cornices
    "roof": (0.0, 1.0),  # flat, pyramid, spire, onion, dome
    "roof_height": (0.75, 1.3),  # times the usual height of such a roof
    "roof_colour": (0.0, 1.0),  # along ROOFS
    "crenels": (0.0, 1.0),  # battlements, from 0.45
    "ornament": (0.0, 1.0),  # pole, cross, flag
    "wall": (0.0, 1.0),  # colour of the wall along WALLS
    "trim": (0.0, 1.0),  # colour of quoins, cornices and surrounds, dark to light
    "courses": (0.05, 0.1),  # height of a course of stones, frame units
    "block": (1.5, 2.8),  # length of a stone in courses
    "masonry": (0.0, 1.0),  # contrast of the stones: plaster to rubble
    "weather": (0.3, 1.0),  # stains and streaks
    "quoins": (0.0, 1.0),  # strength of the corner stones
    "bays": (1.0, 4.6),  # columns of windows on a face
    "storey": (0.5, 1.05),  # height of a storey
    "window": (0.32, 0.62),  # width of a window in a bay
    "arch": (0.0, 1.0),  # rectangular to round-headed
    "mullions": (0.0, 1.0),  # strength of the glazing bars
    "lit": (0.0, 1.0),  # share of the windows with a light on
    "belfry": (0.0, 1.0),  # one tall opening a bay at the top, from 0.4
    "clock": (0.0, 1.0),  # a clock at the top, from 0.62
    "hour": (0.0, 1.0),  # sky and light along ZENITH ... AMBIENT
    "light": (-1.6, 1.6),  # azimuth of the sun, radians from the viewer's
    "cloud": (0.0, 1.0),  # cloud cover
    "trees_left": (-0.25, 0.75),  # height of the trees over the foot, frame units
    "trees_right": (-0.25, 0.75),
    "foliage": (0.0, 1.0),  # colour along LEAVES
    "houses": (-0.1, 0.5),  # height of the low houses
    "exposure": (0.85, 1.15),
}
WALLS: tuple[Colour, ...] = (
    (0.58, 0.27, 0.2), (0.72, 0.47, 0.33), (0.8, 0.67, 0.47), (0.9, 0.86, 0.77), (0.62, 0.61, 0.6), (0.48, 0.37, 0.29),
)  # fmt: skip
ROOFS: tuple[Colour, ...] = (
    (0.28, 0.31, 0.36),
    (0.6, 0.29, 0.19),
    (0.4, 0.6, 0.53),
    (0.3, 0.23, 0.2),
    (0.75, 0.6, 0.3),
)
LEAVES: tuple[Colour, ...] = ((0.2, 0.32, 0.14), (0.36, 0.44, 0.18), (0.13, 0.24, 0.15), (0.5, 0.36, 0.14))
ZENITH: tuple[Colour, ...] = (
    (0.1, 0.29, 0.64), (0.3, 0.53, 0.84), (0.5, 0.66, 0.82), (0.64, 0.67, 0.71), (0.36, 0.42, 0.62), (0.1, 0.13, 0.32),
)  # fmt: skip
HORIZON: tuple[Colour, ...] = (
    (0.5, 0.68, 0.88), (0.72, 0.84, 0.95), (0.87, 0.89, 0.9), (0.84, 0.85, 0.86), (0.98, 0.68, 0.45), (0.6, 0.42, 0.46),
)  # fmt: skip
CLOUDS: tuple[Colour, ...] = (
    (0.97, 0.97, 0.97), (0.98, 0.98, 0.98), (0.95, 0.95, 0.94), (0.8, 0.81, 0.83), (0.95, 0.6, 0.5), (0.36, 0.3, 0.42),
)  # fmt: skip
SUN: tuple[Colour, ...] = (
    (0.85, 0.79, 0.66), (0.75, 0.71, 0.62), (0.5, 0.48, 0.43), (0.14, 0.14, 0.14), (0.75, 0.46, 0.24), (0.2, 0.16, 0.18),
)  # fmt: skip
AMBIENT: tuple[Colour, ...] = (
    (0.3, 0.35, 0.46), (0.4, 0.44, 0.52), (0.55, 0.56, 0.58), (0.76, 0.77, 0.79), (0.38, 0.36, 0.44), (0.3, 0.29, 0.42),
)  # fmt: skip
MORTAR: Colour = (0.6, 0.57, 0.52)
GLASS: Colour = (0.08, 0.09, 0.11)
LAMP: Colour = (1.0, 0.77, 0.38)
IRON: Colour = (0.13, 0.12, 0.12)
ROUND_FROM = 0.68
HASHES = 32  # the random numbers of stones and windows repeat, mirrored, after so many cells
TAU = 2 * math.pi


@dataclass(frozen=True, slots=True)
class Surface:
    """The visible surface of the tower: planes (N, 1, H, W), lengths in half-widths of the foot."""

    x: Tensor  # from the axis
    height: Tensor  # above the ground, along the faces
    scale: Tensor  # frame units a half-width
    width: Tensor  # half-width of the silhouette at this height
    across: Tensor  # -1 to 1 over each face, 1 at the corner towards the viewer
    half: Tensor  # half-width of a face, unforeshortened
    fore: Tensor  # foreshortening of the face, 0 to 1
    normal: Tensor  # azimuth of the surface normal, radians
    roof: Tensor  # 1 on the roof, 0 on the walls
    rise: Tensor  # 0 at the eaves, 1 at the tip
    round: Tensor
    eaves: Tensor  # height of the eaves
    tip: Tensor  # height of the roof's tip
    low: Tensor  # 1 above the first cornice
    high: Tensor  # 1 above the second cornice
    cornices: tuple[Tensor, Tensor]  # heights of the two


def _roof_style(frame: Frame) -> tuple[Tensor, Tensor]:
    """Return the usual height of the roof in half-widths and how round it is, (N, 1, 1, 1) each."""
    style = palette(frame["roof"], ((0.1, 0, 0), (1.5, 0, 0), (3.4, 0, 0), (2.1, 1, 0), (1.15, 1, 0)))
    return style[:, :1] * frame["roof_height"], style[:, 1:2]


def _roof_profile(frame: Frame, rise: Tensor) -> Tensor:
    """Return the half-width of the roof, 1 at the eaves: straight, then concave, then bulging, then round."""
    left = 1 - rise
    kind = palette(frame["roof"], ((1, 0, 0), (1, 0, 0), (0, 0, 0), (0, 1, 0), (0, 0, 1)))
    straight, onion, dome = kind[:, :1], kind[:, 1:2], kind[:, 2:]
    spire = left * (0.75 + 0.25 * left * left)
    bulb = left * left * (1 + 4.2 * rise) * 0.9
    cupola = torch.sqrt((1 - rise * rise).clamp(min=0) + 1e-4)
    return straight * left + (1 - straight - onion - dome) * spire + onion * bulb + dome * cupola


def _nearness(x: Tensor, axis_width: Tensor, corner: Tensor, yaw: Tensor, rounded: Tensor) -> Tensor:
    """Return how far a point of the surface lies behind the part nearest to the viewer, in half-widths."""
    slope = torch.tan(yaw)
    beside = x - corner * axis_width
    flat = torch.maximum(-beside * slope.clamp(max=3), beside / slope.clamp(min=1 / 3))
    cylinder = axis_width - torch.sqrt((axis_width**2 - x * x).clamp(min=1e-3))
    return flat.clamp(0, 2).lerp(cylinder, rounded)


def _surface(frame: Frame) -> Surface:
    """Return the surface of the tower: its silhouette first, then the coordinates on it."""
    size, converge, yaw = frame["size"], frame["converge"], frame["yaw"]
    x, y = rotate(frame.x - frame["centre"], frame.y.expand(1, 1, -1, frame.x.shape[-1]), frame["lean"])
    scale = size * (1 + converge * y)
    x = x / scale
    foot, tip = (frame[end] / (size * (1 + converge * frame[end])) for end in ("ground", "apex"))
    raw, tip = foot - y / scale, foot - tip
    low_step, high_step, ledge = frame["setback_low"], frame["setback_high"], frame["ledge"]
    top_width = (1 - frame["taper"]) * (1 - low_step) * (1 - high_step)
    usual, domed = _roof_style(frame)
    roof_height = torch.minimum(usual * top_width, 0.46 * tip)
    eaves = tip - roof_height
    cornices = frame["split_low"] * eaves, frame["split_high"] * eaves
    cylinder = smooth(ROUND_FROM, ROUND_FROM + 0.04, frame["round"])
    corner = torch.tan(math.pi / 4 - yaw)

    rough = (1 + (top_width - 1) * (raw / eaves).clamp(0, 1)) * ((tip - raw) / roof_height).clamp(0, 1)
    height = raw * (1 + frame["depth"] * _nearness(x, rough, corner, yaw, cylinder))
    sharp = scale / frame.px
    low, high = (((height - at) * sharp + 0.5).clamp(0, 1) for at in cornices)
    wall = (1 - frame["taper"] * (height / eaves).clamp(0, 1)) * (1 - low_step * low) * (1 - high_step * high)
    battled = smooth(0.45, 0.55, frame["crenels"])
    merlon = (0.5 + 3 * torch.cos(TAU * 2.5 * _across(x / (top_width + ledge), corner, cylinder))).clamp(0, 1)
    parapet = eaves + battled * (0.1 + 0.16 * merlon)
    band = sum(frame.cover(((height - at).abs() - 0.07) * scale) for at in cornices)
    above = ((height - eaves + 0.1) * sharp + 0.5).clamp(0, 1)
    wall = wall + ledge * torch.maximum(torch.as_tensor(band), above)
    roof = ((height - parapet) * sharp + 0.5).clamp(0, 1)
    rise = ((height - eaves) / roof_height).clamp(0, 1)
    cap = (top_width + ledge * (1.2 - 1.3 * battled)) * _roof_profile(frame, rise)
    width = wall.lerp(cap, roof)

    rounded = torch.maximum(cylinder, domed * roof)
    place = (x / width.clamp(min=0.02)).clamp(-1, 1)
    right = ((x - corner * width) * sharp + 0.5).clamp(0, 1)
    angle = torch.asin(place.clamp(-0.985, 0.985))
    sin, cos = torch.sin(yaw), torch.cos(yaw)
    return Surface(
        x=x, height=height, scale=scale, width=width, rise=rise, roof=roof, round=rounded, eaves=eaves, tip=tip,
        low=low, high=high, cornices=cornices,
        across=_across(place, corner, rounded),
        half=(width / (cos + sin)).lerp(width * (math.pi / 2), rounded),
        fore=(cos + (sin - cos) * right).lerp(torch.cos(angle), rounded),
        normal=(right * (math.pi / 2) - yaw).lerp(angle, rounded),
    )  # fmt: skip


def _across(place: Tensor, corner: Tensor, rounded: Tensor) -> Tensor:
    """Return the coordinate across a face of a point `place` (-1 to 1) of the silhouette; faces mirror at the corner."""
    left = (2 * place + 1 - corner) / (1 + corner)
    right = (1 + corner - 2 * place) / (1 - corner)
    angle = torch.asin(place.clamp(-0.985, 0.985)) / (math.pi / 2)
    return torch.minimum(left, right).lerp(angle, rounded)


def _stones(frame: Frame, on: Surface, hashes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the tone of each stone (-1 to 1, 0 at its border) and where the joints are, in staggered courses."""
    course = frame["courses"] / frame["size"] * (1 - 0.3 * on.roof)
    block = course * frame["block"]
    v = on.height / course
    row = v.floor()
    u = on.across * on.half / block + 0.5 * (row - 2 * (row / 2).floor())
    column = u.floor()
    tall, long = course * on.scale / frame.px, block * on.scale / frame.px * on.fore
    inside = [
        smooth(0, (0.8 / size.clamp(min=1.6)), 0.5 - (at - cell - 0.5).abs())
        for at, cell, size in ((v, row, tall), (u, column, long))
    ]
    body = inside[0] * inside[1]
    seen = smooth(1.2, 2.6, tall) * smooth(1.2, 2.6, long)
    tone = noise.sample(hashes, (column + 0.5) * (2 / HASHES), (row + 0.5) * (2 / HASHES)) * 2 - 1
    return tone * body * seen, (1 - body) * seen


def _masonry(frame: Frame, on: Surface, hashes: Tensor) -> Tensor:
    """Return the colour (N, 3, H, W) of bare walls and roof in white light: stones, joints, stains, corner stones."""
    tone, joint = _stones(frame, on, hashes)
    grain = torch.cat(
        [
            frame.texture("tower.stain", size=64, cells=(5, 5), octaves=4, gain=0.65),
            frame.texture("tower.streak", size=64, cells=(30, 3), octaves=1),
        ],
        dim=1,
    )
    grain = noise.sample(grain, on.across * on.half * 0.4, on.height * 0.16)
    stain, streak = grain[:, :1], grain[:, 1:]
    below = on.cornices[0] + (on.cornices[1] - on.cornices[0]) * on.low + (on.eaves - on.cornices[1]) * on.high
    below = (below - on.height).clamp(min=0)
    rough = frame["masonry"].lerp(torch.full_like(frame["masonry"], 0.75), on.roof)
    dirt = frame["weather"] * (0.32 * stain - streak.clamp(min=0) * (0.15 + 0.5 * (1 - below / 1.5).clamp(min=0)))
    ribs = 0.16 * torch.cos(24 * on.across) * on.roof * on.round
    colour = palette(frame["wall"], WALLS).lerp(palette(frame["roof_colour"], ROOFS), on.roof)
    colour = colour * (1 + (0.34 * rough * tone + dirt + ribs))
    over(colour, MORTAR, joint * rough * (0.55 - 0.3 * on.roof))
    trim = palette(frame["trim"], (WALLS[5], WALLS[2], WALLS[3]))
    course = frame["courses"] / frame["size"]
    tooth = (0.5 + 1.5 * torch.sin(TAU / 4 * on.height / course)).clamp(0, 1)
    edge = frame.cover((1 - on.across.abs() - 0.12 - 0.1 * tooth) * on.half * on.fore * on.scale)
    band = torch.stack([(on.height - at).abs() for at in (*on.cornices, on.eaves - 0.02)]).amin(0)
    band = frame.cover((band - 0.08) * on.scale)
    strip = torch.maximum(edge * smooth(0.4, 0.7, frame["quoins"]) * (1 - on.round) * (1 - joint * 0.6), band)
    return over(colour, trim * (1 + dirt), strip * (1 - on.roof) * 0.85)


def _light(frame: Frame, on: Surface) -> Tensor:
    """Return the light on the surface, (N, 3, H, W): sun on the faces turned to it, shade under the cornices."""
    sun = torch.cos(frame["light"] - on.normal).clamp(min=0)
    upward = on.roof * (0.25 + 0.6 * on.rise * on.round)
    sun = sun * (1 - 0.4 * upward) + 0.4 * upward
    shade = torch.zeros_like(sun)
    for at in (*on.cornices, on.eaves - 0.02):
        under = at - 0.07 - on.height
        shade = torch.maximum(shade, (1 - under / 0.34).clamp(0, 1) * frame.cover(-under * on.scale))
    sides = 0.78 + 0.22 * on.fore
    return palette(frame["hour"], AMBIENT) * (sides * (1 - 0.45 * shade)) + palette(frame["hour"], SUN) * (
        sun * (1 - 0.75 * shade)
    )


def _windows(frame: Frame, on: Surface, image: Tensor, hashes: Tensor, light: Tensor) -> Tensor:
    """Paint the openings in rows and columns: surround, sill, mullions, and dark or lit glass behind a reveal."""
    bays = frame["bays"] - 0.13 * torch.sin(TAU * frame["bays"])  # lingers at whole numbers
    place = on.across * bays / 2 + 0.5 * (0.5 + 6 * torch.cos(math.pi * bays)).clamp(0, 1)
    column = (place + 0.5).floor()
    centre = on.across + (column - place) * 2 / bays
    across = on.half * on.fore
    wide = frame["window"] * (1 / bays).clamp(max=0.5)
    low, high = on.cornices
    storey, belfry = frame["storey"], smooth(0.4, 0.44, frame["belfry"]) * on.high
    top = low + (high - low) * on.low + (on.eaves - high) * on.high - 0.15
    room = top - low * on.low - (high - low) * on.high - 0.05
    storey = storey + (room.clamp(min=0.3) - storey) * belfry
    down = (top - on.height) / storey
    row = down.floor()
    fits = smooth(0.3, 0.45, row + 0.5) * smooth(0.3, 0.45, room / storey - row - 0.5) * (1 - on.roof)
    fits = fits * smooth(1.03, 0.97, centre.abs() + wide + 0.08) * (1 - _clock_on(frame) * on.high)
    fits = fits * smooth(2, 3.5, 2 * wide * across * on.scale / frame.px)
    x, y = (place - column) * 2 / bays * across, (down - row - 0.5) * storey
    hx, hy = wide * across, storey * (0.3 + 0.07 * belfry)
    shape = box(x, y, hx, hy, frame["arch"] * torch.minimum(hx, hy) * smooth(0.1, -0.1, y / hy)) * on.scale
    sill = box(x, y - hy - 0.02, hx * 1.3, 0.035) * on.scale
    pick = noise.sample(hashes, (column + 9.5) * (2 / HASHES), (row + 5.5) * (2 / HASHES))
    trim = palette(frame["trim"], (WALLS[5], WALLS[2], WALLS[3])) * light
    over(image, trim, frame.cover(torch.minimum(shape - 0.045 * on.scale * frame["quoins"], sill)) * fits)
    over(
        image, light * 0.12, frame.cover(sill - 0.035 * on.scale) * frame.cover((hy + 0.05 - y) * on.scale) * fits * 0.6
    )
    share = frame["lit"] * smooth(0.6, 0.95, frame["hour"])
    lamp = smooth(share, share - 0.1, pick[:, 1:] + 0.1)
    glass = as_colour(GLASS, image) + palette(frame["hour"], HORIZON) * (0.45 * pick[:, :1] * smooth(-hy, hy, y))
    glass = glass.lerp(as_colour(LAMP, image) * (0.75 + 0.25 * y / hy), lamp * (1 - belfry))
    bars = torch.maximum(frame.cover(x.abs() * on.scale - 0.006), frame.cover((y + 0.2 * hy).abs() * on.scale - 0.006))
    louvres = (0.5 + 0.5 * torch.cos(TAU * y / 0.16)) * belfry * 0.7
    bars = torch.maximum(bars * (1 - belfry) * smooth(0.3, 0.6, frame["mullions"]) * 0.8, louvres)
    reveal = (0.35 - shape / (0.07 * on.scale)).clamp(0, 1)
    return over(image, glass.lerp(trim * 0.7, bars) * (0.45 + 0.55 * reveal), frame.cover(shape) * fits)


def _clock_on(frame: Frame) -> Tensor:
    return smooth(0.62, 0.64, frame["clock"]) * smooth(0.5, 0.8, 1 - frame["belfry"] * 0)


def _clock(frame: Frame, on: Surface, image: Tensor, light: Tensor) -> Tensor:
    """Paint a clock in the middle of the top section of each face: a ring of hours and two hands."""
    x, y = on.across * on.half, (on.cornices[1] + on.eaves) / 2 - on.height
    radius = torch.minimum(on.half * 0.72, (on.eaves - on.cornices[1]) * 0.38).clamp(min=0.05)
    u, v = x / radius, y / radius
    pixel = frame.px / (on.scale * radius)
    far = torch.sqrt(u * u + v * v + 1e-6)
    hours = (
        (0.5 + 3 * torch.cos(12 * torch.atan2(u, v + 1e-9))).clamp(0, 1)
        * smooth(0.7, 0.76, far)
        * smooth(0.94, 0.88, far)
    )
    hands = [noise.uniform(frame.seeds, "tower.hand", 2)[:, i].to(u.dtype).view(-1, 1, 1, 1) * TAU for i in (0, 1)]
    ink = hours
    for angle, length in zip(hands, (0.45, 0.72), strict=True):
        hand = segment(u, v, (0.0, 0.0, length * torch.sin(angle), length * torch.cos(angle))) - 0.05
        ink = torch.maximum(ink, (0.5 - hand / pixel).clamp(0, 1))
    seen = _clock_on(frame) * on.high * (1 - on.roof)
    over(image, light * 0.25, (0.5 - (far - 1.1) / pixel).clamp(0, 1) * seen)
    face = light * palette(frame["trim"], ((0.2, 0.22, 0.26), (0.95, 0.92, 0.84), (0.97, 0.97, 0.95)))
    hand_colour = light * palette(frame["trim"], ((0.85, 0.7, 0.35), (0.12, 0.1, 0.1), (0.12, 0.1, 0.1)))
    return over(image, face.lerp(hand_colour, ink), (0.5 - (far - 1) / pixel).clamp(0, 1) * seen)


def _sky(frame: Frame) -> Tensor:
    """Return the sky: a gradient down to the horizon and clouds, lit from above."""
    down = smooth(-1.2, 1.0, frame.y).expand(-1, -1, -1, frame.x.shape[-1])
    image = palette(frame["hour"], ZENITH).lerp(palette(frame["hour"], HORIZON), down)
    puffs = frame.noise("tower.cloud", cells=(2, 4), octaves=5, gain=0.55)
    lower = frame.noise("tower.cloud shade", cells=(3, 6), octaves=3)
    bare = 0.5 - 0.75 * frame["cloud"]
    colour = palette(frame["hour"], CLOUDS) * (0.9 + 0.12 * lower - 0.2 * smooth(bare + 0.1, bare + 0.7, puffs))
    return over(image, colour, smooth(bare, bare + 0.45, puffs) * 0.9)


def _finial(frame: Frame, on: Surface, image: Tensor) -> Tensor:
    """Paint what stands on the tip: a pole with a ball, a cross or a flag."""
    up, x, want = (on.height - on.tip) * on.scale, on.x * on.scale, frame["ornament"]
    tall = 0.1 + 0.12 * want
    pole = frame.cover(box(x, up - tall / 2 + 0.05, 0.008, tall / 2 + 0.05))
    ball = frame.cover(ellipse(x, up - 0.01, 0.022, 0.022))
    cross = frame.cover(box(x, up - 0.75 * tall, 0.042, 0.009)) * smooth(0.3, 0.33, want) * smooth(0.66, 0.63, want)
    over(
        image,
        as_colour(IRON, image) + 0.1 * palette(frame["hour"], SUN),
        torch.maximum(torch.maximum(pole, ball), cross),
    )
    wave = 0.012 * torch.sin(x * 34 + TAU * frame["cloud"])
    flag = frame.cover(box(x - 0.085, up - tall + 0.045 + wave, 0.08, 0.045)) * smooth(0.68, 0.72, want)
    cloth = palette(frame["foliage"], ((0.75, 0.1, 0.1), (0.9, 0.85, 0.8), (0.12, 0.2, 0.55), (0.85, 0.65, 0.1)))
    return over(image, cloth * (0.8 + 16 * wave), flag)


def _house(frame: Frame, image: Tensor, side: int) -> None:
    """Paint a low house beside the tower: a gabled roof with eaves over a wall with windows."""
    level = frame["ground"].clamp(max=1.05)
    tall = frame["houses"].clamp(min=0) * (1.0 if side < 0 else 0.75)
    jitter = noise.uniform(frame.seeds, f"tower.house {side}", 3).to(image.dtype).view(-1, 3, 1, 1)
    x, y = frame.x - side * (0.55 + 0.3 * jitter[:, :1]), frame.y - level + tall
    half = 0.28 + 0.2 * jitter[:, 1:2]
    light = palette(frame["hour"], AMBIENT) * 0.9 + palette(frame["hour"], SUN) * 0.4
    wall = palette(jitter[:, 2:], WALLS) * light
    windows = box(
        ((x / 0.11) - (x / 0.11).round()) * 0.11, ((y / 0.17) - (y / 0.17).floor() - 0.55) * 0.17, 0.025, 0.045
    )
    wall = wall * (1 - 0.7 * frame.cover(windows) * smooth(0.05, 0.03, -y))
    over(image, wall, frame.cover(torch.maximum(x.abs() - half, -y)))
    slope = torch.maximum(torch.maximum((x.abs() - half - 0.03) * 0.8 - y * 0.6, y), -y - half * 0.5)
    tiles = 0.9 + 0.15 * torch.cos(TAU * y / 0.035) + 0.2 * frame.noise(f"tower.tiles {side}", cells=(40, 40))
    over(image, palette(1 - jitter[:, 2:], ROOFS) * light * tiles, frame.cover(slope) * smooth(0.0, 0.1, tall))


def _plants(frame: Frame, image: Tensor) -> None:
    """Paint the ground and the leafy crowns in front of the foot, lit from above."""
    level = frame["ground"].clamp(max=1.05)
    left, right = frame["trees_left"].clamp(min=-0.1), frame["trees_right"].clamp(min=-0.1)
    rise = left * gauss(frame.x + 0.95, 0.5) + right * gauss(frame.x - 0.95, 0.5)
    crown = frame.noise("tower.crown", cells=(7, 9), octaves=3, gain=0.6)
    leaves = frame.noise("tower.leaves", cells=(44, 44), octaves=2, gain=0.7)
    edge = frame.y - level + 0.04 + rise + 0.16 * crown + 0.07 * leaves
    light = palette(frame["hour"], AMBIENT) + palette(frame["hour"], SUN) * 0.55
    deep = smooth(0.0, 0.5, edge)
    green = palette(frame["foliage"], LEAVES) * light * (1.05 - 0.45 * deep + 0.55 * leaves + 0.5 * crown)
    over(image, green, smooth(-0.015, 0.025, edge))


def draw(frame: Frame) -> Tensor:
    """Return the picture of a tower."""
    image = _sky(frame)
    on = _surface(frame)
    hashes = noise.uniform(frame.seeds, "tower.hashes", 2 * HASHES * HASHES).view(-1, 2, HASHES, HASHES).to(image.dtype)
    light = _light(frame, on)
    tower = _masonry(frame, on, hashes[:, :1]) * light
    _windows(frame, on, tower, hashes, light)
    _clock(frame, on, tower, light)
    _finial(frame, on, image)
    outline = torch.maximum((on.x.abs() - on.width), on.height - on.tip) * on.scale
    over(image, tower, frame.cover(outline))
    for side in (-1, 1):
        part, at = frame.part(-1, -0.1, 1, 1)
        _house(part, image[at], side)
    part, at = frame.part(-1, -0.35, 1, 1)
    _plants(part, image[at])
    return image * frame["exposure"]
