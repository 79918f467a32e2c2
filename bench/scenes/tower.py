"""Towers against the sky: stacked storeys of brick, stone or plaster under a flat, pointed, onion or domed roof.

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
    "size": (0.2, 0.37),  # half-width of the foot at mid-frame
    "centre": (-0.35, 0.35),  # x of the axis
    "lean": (-0.07, 0.07),  # camera roll, radians
    "converge": (0.02, 0.32),  # how much verticals converge upwards, and horizontals run down along the faces
    "apex": (-0.82, -0.52),  # y of the tip of the roof
    "ground": (0.8, 1.5),  # y of the foot; above 1 it lies below the picture
    "yaw": (0.06, 1.51),  # radians; 0 shows the left face only, pi/2 the right face only
    "round": (0.0, 1.0),  # square to cylindrical, turning quickly at ROUND_FROM
    "taper": (0.0, 0.2),  # narrowing of the walls up to the eaves
    "setback_low": (0.0, 0.22),  # narrowing at the first cornice
    "setback_high": (0.0, 0.22),  # narrowing at the second cornice
    "split": (0.25, 0.55),  # height of the first cornice, share of the wall
    "ledge": (0.03, 0.13),  # overhang of the cornices
    "roof": (0.0, 1.0),  # flat, pyramid, spire, onion, dome
    "roof_height": (0.75, 1.3),  # times the usual height of such a roof
    "roof_colour": (0.0, 1.0),  # along ROOFS
    "crenels": (0.0, 1.0),  # battlements, from 0.5
    "ornament": (0.0, 1.0),  # pole, cross, flag
    "wall": (0.0, 1.0),  # colour along WALLS
    "trim": (0.0, 1.0),  # colour of quoins, cornices and surrounds along TRIMS
    "courses": (0.04, 0.09),  # height of a course of stones, frame units
    "masonry": (0.0, 1.0),  # contrast of the stones: plaster to rubble
    "weather": (0.3, 1.0),  # stains and streaks
    "quoins": (0.0, 1.0),  # corner stones, from 0.4, and width of the window surrounds
    "bays": (1.0, 4.6),  # columns of windows on a face
    "storey": (0.5, 1.05),  # height of a storey
    "window": (0.4, 0.68),  # width of a window in a bay
    "arch": (0.0, 1.0),  # rectangular to tall round-headed windows
    "belfry": (0.0, 1.0),  # height of the top section; from 0.3 with one tall louvred opening a bay
    "clock": (0.0, 1.0),  # a clock at the top, from 0.66
    "hour": (0.0, 1.0),  # sky and light along ZENITH ... AMBIENT: noon, haze, overcast, sunset, dusk
    "light": (-1.6, 1.6),  # azimuth of the sun, radians from the viewer's
    "cloud": (0.0, 1.0),  # cloud cover
    "trees_left": (-0.25, 0.75),  # height of the trees over the foot, frame units
    "trees_right": (-0.25, 0.75),
    "foliage": (0.0, 1.0),  # colour along LEAVES
    "houses": (-0.3, 0.5),  # height of the low houses' eaves over the foot, frame units
    "exposure": (0.85, 1.15),  # gain
}


def _stops(codes: str) -> tuple[Colour, ...]:
    """Return the stops of a palette, written as RRGGBB."""
    red, green, blue = ([int(code[at : at + 2], 16) / 255 for code in codes.split()] for at in (0, 2, 4))
    return tuple(zip(red, green, blue, strict=True))


WALLS = _stops("8f4232 b87854 ccab78 e6dbc4 b9b6ae 8f8d8c 7a5e4a")  # brick, sandstone, plaster, granite, brown
TRIMS = _stops("7a5e4a ccab78 e6dbc4")
ROOFS = _stops("474f5c 994a30 669987 4d3b33 bf9950")  # slate, tiles, copper, shingle, brass
LEAVES = _stops("335224 5c702e 213d26 805c24")
ZENITH = _stops("1a4aa3 2f66b8 4d87d6 80a8d1 a3abb5 8d93a3 5c6b9e 1f2758")
HORIZON = _stops("80addf 9cc3ea b8d6f2 dee3e6 d6d9db c9c6c4 faae73 99707a")
CLOUDS = _stops("f7f7f7 f7f7f7 fafafa f2f2f0 cccfd4 b0b2b8 f29980 604e6e")
SUN = _stops("d9c9a8 d9c9a8 bfb59e 807a6e 242424 40382e bf753d 33292e")
AMBIENT = _stops("4d5975 556080 667085 8c8f94 c2c4c9 9a9ba3 615c70 4d4a6b")
CLOCK_FACES = _stops("333842 f5f0e4")
CLOCK_HANDS = _stops("d9b359 1f1a1a")
FLAGS = _stops("bf1a1a e6d9cc 1f338c d9a61a")
MORTAR: Colour = (0.6, 0.57, 0.52)
GLASS: Colour = (0.08, 0.09, 0.11)
LAMP: Colour = (1.0, 0.77, 0.38)
IRON: Colour = (0.13, 0.12, 0.12)
ROUND_FROM = 0.68
BAND = 0.07  # half-thickness of a cornice
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
    band: Tensor  # 1 on a cornice
    bottom: Tensor  # height of the cornice below
    top: Tensor  # height of the cornice above
    belfry: Tensor  # 1 in the topmost of the three sections
    roof: Tensor  # 1 on the roof, 0 on the walls
    rise: Tensor  # 0 at the eaves, 1 at the tip
    round: Tensor
    tip: Tensor  # height of the roof's tip


def _roof_profile(frame: Frame, rise: Tensor) -> Tensor:
    """Return the half-width of the roof, 1 at the eaves: straight, then concave, then bulging, then round."""
    kind = palette(frame["roof"], ((1, 0, 0), (1, 0, 0), (0, 0, 0), (0, 1, 0), (0, 0, 1)))
    straight, onion, dome = kind.unsqueeze(2).unbind(1)
    left = 1 - rise
    spire = left * (0.75 + 0.25 * left * left)
    bulb = left * left * (1 + 4.2 * rise) * 0.9
    cupola = torch.sqrt((1 - rise * rise).clamp(min=0) + 1e-4)
    return straight * left + (1 - straight - onion - dome) * spire + onion * bulb + dome * cupola


def _behind(x: Tensor, width: Tensor, corner: Tensor, yaw: Tensor, rounded: Tensor) -> Tensor:
    """Return how far a point of the surface lies behind the part nearest to the viewer."""
    slope, beside = torch.tan(yaw), x - corner * width
    flat = torch.maximum(-beside * slope.clamp(max=3), beside / slope.clamp(min=1 / 3))
    return flat.clamp(0, 2).lerp(width - torch.sqrt((width**2 - x * x).clamp(min=1e-3)), rounded)


def _across(place: Tensor, corner: Tensor, rounded: Tensor) -> Tensor:
    """Return the coordinate across a face, of `place` (-1 to 1) across the silhouette; faces mirror at the corner."""
    left = (2 * place + 1 - corner) / (1 + corner)
    right = (1 + corner - 2 * place) / (1 - corner)
    return torch.minimum(left, right).lerp(torch.asin(place.clamp(-0.985, 0.985)) / (math.pi / 2), rounded)


def _perspective(frame: Frame) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return x and height of the pixels on an upright plane through the axis, the frame units a half-width, the tip."""
    size, converge = frame["size"], frame["converge"]
    x, y = rotate(frame.x - frame["centre"], frame.y.expand(1, 1, -1, frame.x.shape[-1]), frame["lean"])
    scale = size * (1 + converge * y)
    foot, tip = (frame[end] / (size * (1 + converge * frame[end])) for end in ("ground", "apex"))
    return x / scale, foot - y / scale, scale, foot - tip


def _surface(frame: Frame) -> Surface:
    """Return the surface of the tower: its heights, then the silhouette, then the faces."""
    x, raw, scale, tip = _perspective(frame)
    sharp, yaw, ledge = scale / frame.px, frame["yaw"], frame["ledge"]
    steps = 1 - frame["setback_low"], 1 - frame["setback_high"]
    top_width = (1 - frame["taper"]) * steps[0] * steps[1]
    style = palette(frame["roof"], ((0.1, 0, 0), (1.5, 0, 0), (3.4, 0, 0), (2.1, 1, 0), (1.15, 1, 0)))
    tall = torch.minimum(style[:, :1] * frame["roof_height"] * top_width, 0.43 * tip)
    eaves = tip - tall
    cornices = frame["split"] * eaves, (0.8 - 0.12 * frame["belfry"]) * eaves
    cylinder, corner = smooth(ROUND_FROM, ROUND_FROM + 0.04, frame["round"]), torch.tan(math.pi / 4 - yaw)
    rough = (1 + (top_width - 1) * (raw / eaves).clamp(0, 1)) * ((tip - raw) / tall).clamp(0, 1)
    height = raw * (1 + (0.01 + 0.15 * frame["converge"]) * _behind(x, rough, corner, yaw, cylinder))

    low, high, above = (((height - at) * sharp + 0.5).clamp(0, 1) for at in (*cornices, eaves - BAND))
    band = (BAND - (height - cornices[0]).abs()).maximum(BAND - (height - cornices[1]).abs())
    band = frame.cover(-band * scale).maximum(above)
    wall = 1 - frame["taper"] * (height / eaves).clamp(0, 1)
    wall = wall * (1 + (steps[0] - 1) * low) * (1 + (steps[1] - 1) * high) + ledge * band
    battled = smooth(0.5, 0.58, frame["crenels"])
    merlon = (0.5 + 3 * torch.cos(TAU * 2.5 * _across(x / (top_width + ledge), corner, cylinder))).clamp(0, 1)
    roof = ((height - eaves - battled * (0.1 + 0.16 * merlon)) * sharp + 0.5).clamp(0, 1)
    rise = ((height - eaves) / tall).clamp(0, 1)
    width = wall.lerp((top_width + ledge * (1.2 - 1.3 * battled)) * _roof_profile(frame, rise), roof)

    rounded = torch.maximum(cylinder, style[:, 1:2] * roof)
    place = (x / width.clamp(min=0.02)).clamp(-1, 1)
    right = ((x - corner * width) * sharp + 0.5).clamp(0, 1)
    angle, sin, cos = torch.asin(place.clamp(-0.985, 0.985)), torch.sin(yaw), torch.cos(yaw)
    return Surface(
        x=x, height=height, scale=scale, width=width, rise=rise, roof=roof, round=rounded, tip=tip,
        across=_across(place, corner, rounded),
        half=(width / (cos + sin)).lerp(width * (math.pi / 2), rounded),
        fore=(cos + (sin - cos) * right).lerp(torch.cos(angle), rounded),
        normal=(right * (math.pi / 2) - yaw).lerp(angle, rounded),
        band=band * (1 - roof), belfry=high,
        bottom=cornices[0] * low + (cornices[1] - cornices[0]) * high,
        top=cornices[0] + (cornices[1] - cornices[0]) * low + (eaves - cornices[1]) * high,
    )  # fmt: skip


def _stones(frame: Frame, on: Surface, hashes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the tone of each stone (-1 to 1, 0 at its border) and where the joints are, in staggered courses."""
    course = frame["courses"] / frame["size"] * (1 - 0.25 * on.roof)
    block = course * (1.5 + 1.2 * frame["storey"])
    v = on.height / course
    row = v.floor()
    u = on.across * on.half / block + 0.5 * (row - 2 * (row / 2).floor())
    column = u.floor()
    tall, long = course * on.scale / frame.px, block * on.scale / frame.px * on.fore
    body = smooth(0, 0.8 / tall.clamp(min=1.6), 0.5 - (v - row - 0.5).abs())
    body = body * smooth(0, 0.8 / long.clamp(min=1.6), 0.5 - (u - column - 0.5).abs())
    seen = smooth(1.2, 2.6, tall) * smooth(1.2, 2.6, long)
    tone = noise.sample(hashes, (column + 0.5) * (2 / HASHES), (row + 0.5) * (2 / HASHES)) * 2 - 1
    return tone * body * seen, (1 - body) * seen


def _masonry(frame: Frame, on: Surface, hashes: Tensor) -> Tensor:
    """Return the colour (N, 3, H, W) of bare walls and roof in white light: stones, joints, stains, corner stones."""
    tone, joint = _stones(frame, on, hashes)
    stains = frame.texture("tower.stain", size=64, cells=(5, 5), octaves=4, gain=0.65)
    stains = torch.cat([stains, frame.texture("tower.streak", size=64, cells=(30, 3))], dim=1)
    stains = noise.sample(stains, on.across * on.half * 0.4, on.height * 0.16)
    rough = frame["masonry"] + (0.75 - frame["masonry"]) * on.roof
    washed = 0.15 + 0.5 * (1 - (on.top - on.height) / 1.5).clamp(0, 1)  # rain runs down from the cornices
    dirt = frame["weather"] * (0.36 * stains[:, :1] - stains[:, 1:].clamp(min=0) * washed)
    ribs = 0.16 * torch.cos(24 * on.across) * on.roof * on.round
    colour = palette(frame["wall"], WALLS).lerp(palette(frame["roof_colour"], ROOFS), on.roof)
    colour = colour * (1 + 0.34 * rough * tone + dirt + ribs)
    over(colour, MORTAR, joint * rough * (0.5 - 0.3 * on.roof))
    tooth = (0.5 + 1.5 * torch.sin(TAU / 4 * on.height * frame["size"] / frame["courses"])).clamp(0, 1)
    quoin = frame.cover((0.88 - 0.1 * tooth - on.across.abs()) * on.half * on.fore * on.scale)
    quoin = quoin * smooth(0.4, 0.65, frame["quoins"]) * (1 - on.round) * (1 - on.roof) * (1 - 0.6 * joint)
    return over(colour, palette(frame["trim"], TRIMS) * (1 + dirt), torch.maximum(quoin, on.band) * 0.85)


def _light(frame: Frame, on: Surface) -> Tensor:
    """Return the light on the surface, (N, 3, H, W): sun on the faces turned to it, shade under the cornices."""
    upward = 0.4 * on.roof * (0.25 + 0.6 * on.rise * on.round)
    sun = torch.cos(frame["light"] - on.normal).clamp(min=0) * (1 - upward) + upward
    shade = (1 - (on.top - BAND - on.height) / 0.34).clamp(0, 1) * (1 - on.band) * (1 - on.roof)
    sky = (0.76 + 0.24 * on.fore) * (1 - 0.45 * shade)
    return palette(frame["hour"], AMBIENT) * sky + palette(frame["hour"], SUN) * (sun * (1 - 0.75 * shade))


def _clock_seen(frame: Frame) -> Tensor:
    """Return the opacity of the clock, which takes the place of the windows of the top section."""
    return smooth(0.66, 0.69, frame["clock"])


def _windows(frame: Frame, on: Surface, image: Tensor, hashes: Tensor, light: Tensor) -> Tensor:
    """Paint the openings in rows and columns: surround, sill, glazing bars, dark or lit glass behind a reveal."""
    bays = frame["bays"] - 0.13 * torch.sin(TAU * frame["bays"])  # lingers at whole numbers
    place = on.across * bays / 2 + 0.5 * (0.5 + 6 * torch.cos(math.pi * bays)).clamp(0, 1)
    column = (place + 0.5).floor()
    centre = on.across + (column - place) * 2 / bays
    face, wide = on.half * on.fore, frame["window"] * (1 / bays).clamp(max=0.5) * (1 - 0.3 * on.round)
    belfry = smooth(0.3, 0.34, frame["belfry"]) * on.belfry
    room = (on.top - on.bottom - 0.35).clamp(min=0.2)
    rows = room / frame["storey"]
    rows = (rows - 0.13 * torch.sin(TAU * rows)).clamp(min=1)
    storey = room / (rows + (1 - rows) * belfry)
    down = (on.top - 0.2 - on.height) / storey
    row = down.floor()
    fits = smooth(0.3, 0.45, row + 0.5) * smooth(0.15, 0.3, room / storey - row - 0.5) * (1 - on.roof) * (1 - on.band)
    fits = fits * smooth(1.03, 0.97, centre.abs() + wide + 0.06) * (1 - _clock_seen(frame) * on.belfry)
    fits = fits * smooth(1.2, 2.4, 2 * wide * face * on.scale / frame.px)
    x, y = (place - column) * 2 / bays * face, (down - row - 0.5) * storey
    hx, hy = wide * face, storey * (0.26 + 0.06 * frame["arch"] + on.belfry * (0.13 * frame["belfry"] - 0.05))
    shape = box(x, y, hx, hy, frame["arch"] * torch.minimum(hx, hy) * smooth(0.1, -0.1, y / hy)) * on.scale
    sill = box(x, y - hy - 0.02, hx * 1.3, 0.035) * on.scale
    pick = noise.sample(hashes, (column + 9.5) * (2 / HASHES), (row + 5.5) * (2 / HASHES))
    trim = palette(frame["trim"], TRIMS) * light
    over(image, trim, frame.cover(torch.minimum(shape - 0.05 * on.scale * frame["quoins"], sill)) * fits)
    share = smooth(0.72, 0.98, frame["hour"])  # of the windows have a light on
    lamp = smooth(share, share - 0.1, pick[:, 1:] + 0.1) * (1 - belfry)
    glass = as_colour(GLASS, image) + palette(frame["hour"], HORIZON) * (0.5 * pick[:, :1] * smooth(-hy, hy, y))
    glass = glass.lerp(as_colour(LAMP, image) * (0.75 + 0.25 * y / hy), lamp)
    bars = torch.minimum(x.abs(), (y + 0.2 * hy).abs()) * on.scale - 0.006
    bars = (frame.cover(bars) * 0.7).lerp(0.35 + 0.35 * torch.cos(TAU * y / 0.16), belfry)
    reveal = (0.8 - shape / (0.07 * on.scale)).clamp(0.45, 1)
    return over(image, glass.lerp(trim * 0.8, bars) * reveal, frame.cover(shape) * fits)


def _clock(frame: Frame, on: Surface, image: Tensor, light: Tensor) -> Tensor:
    """Paint a clock in the middle of the top section of each face: a ring of hours and two hands."""
    radius = torch.minimum(on.half * 0.72, (on.top - on.bottom) * 0.36).clamp(min=0.05)
    u, v = on.across * on.half / radius, ((on.bottom + on.top) / 2 - on.height) / radius
    pixel = frame.px / (on.scale * radius)
    far = torch.sqrt(u * u + v * v + 1e-6)
    ink = (0.5 + 3 * torch.cos(12 * torch.atan2(u, v + 1e-9))).clamp(0, 1)
    ink = ink * smooth(0.7, 0.76, far) * smooth(0.94, 0.88, far)
    angles = noise.uniform(frame.seeds, "tower.hand", 2).to(u.dtype).view(-1, 2, 1, 1) * TAU
    for angle, length in zip(angles.split(1, dim=1), (0.45, 0.72), strict=True):
        hand = segment(u, v, (0.0, 0.0, length * torch.sin(angle), length * torch.cos(angle))) - 0.05
        ink = torch.maximum(ink, (0.5 - hand / pixel).clamp(0, 1))
    seen = _clock_seen(frame) * on.belfry * (1 - on.roof) * (1 - on.band)
    over(image, light * 0.25, (0.5 - (far - 1.1) / pixel).clamp(0, 1) * seen)
    pale = smooth(0.16, 0.2, frame["trim"])  # dark dials with gilt hands are rare, and nothing is in between
    dial = palette(pale, CLOCK_FACES).lerp(palette(pale, CLOCK_HANDS), ink)
    return over(image, light * dial, (0.5 - (far - 1) / pixel).clamp(0, 1) * seen)


def _sky(frame: Frame) -> Tensor:
    """Return the sky: a gradient down to the horizon, clouds lit from above, hazy hills."""
    horizon = palette(frame["hour"], HORIZON)
    down = smooth(-1.2, 1.0, frame.y + 0.15 * frame.x * frame["light"])  # paler towards the sun
    image = palette(frame["hour"], ZENITH).lerp(horizon, down)
    puffs = frame.noise("tower.cloud", cells=(2, 4), octaves=5, gain=0.55)
    thin = 0.45 - 0.8 * frame["cloud"]
    shading = 0.9 + 0.14 * frame.noise("tower.cloud shade", cells=(3, 6), octaves=3)
    shading = shading - 0.22 * smooth(thin + 0.1, thin + 0.7, puffs)
    over(image, palette(frame["hour"], CLOUDS) * shading, smooth(thin, thin + 0.45, puffs) * 0.9)
    part, at = frame.part(-1, 0.3, 1, 1)
    ridge = part.noise("tower.hills", cells=(6, 6), octaves=5, gain=0.6)
    hills = (palette(frame["foliage"], LEAVES) * horizon).lerp(horizon * 0.85, 0.5 + 0.3 * frame["cloud"])
    over(image[at], hills * (1 + 0.3 * ridge), smooth(0, 0.03, part.y - frame["ground"] + 0.3 + 0.2 * ridge))
    return image


def _finial(frame: Frame, on: Surface, image: Tensor) -> Tensor:
    """Paint what stands on the tip: a pole with a ball, a cross or a flag."""
    up, x, want = (on.height - on.tip) * on.scale, on.x * on.scale, frame["ornament"]
    tall = 0.06 + 0.22 * want
    pole = box(x, up - tall / 2 + 0.05, 0.008, tall / 2 + 0.05)
    iron = frame.cover(torch.minimum(pole, ellipse(x, up - 0.01, 0.016 + 0.014 * want, 0.016 + 0.014 * want)))
    cross = frame.cover(box(x, up - 0.75 * tall, 0.042, 0.009)) * smooth(0.3, 0.33, want) * smooth(0.66, 0.63, want)
    over(image, as_colour(IRON, image) + 0.1 * palette(frame["hour"], SUN), torch.maximum(iron, cross))
    wave = 0.012 * torch.sin(x * 34 + TAU * frame["cloud"])
    flag = frame.cover(box(x - 0.085, up - tall + 0.045 + wave, 0.08, 0.045)) * smooth(0.68, 0.72, want)
    light = palette(frame["hour"], AMBIENT) + 0.6 * palette(frame["hour"], SUN)
    return over(image, palette(frame["foliage"], FLAGS) * light * (1 + 16 * wave), flag)


def _house(frame: Frame, image: Tensor, side: int) -> None:
    """Paint a low house beside the tower: a hipped roof with eaves over a wall with windows."""
    tall = frame["houses"] * (1.0 if side < 0 else 0.75)
    place, breadth, hue = (
        noise.uniform(frame.seeds, f"tower.house {side}", 3).to(image.dtype)[..., None, None, None].unbind(1)
    )
    x, y = frame.x - side * (0.55 + 0.3 * place), frame.y - frame["ground"].clamp(max=1.05) + tall
    half = 0.28 + 0.2 * breadth
    grain = frame.noise(f"tower.house {side}", cells=(40, 40), octaves=2)
    light = palette(frame["hour"], AMBIENT) * 0.9 + palette(frame["hour"], SUN) * 0.4
    bay, floor = 0.09 + 0.05 * hue, 0.15 + 0.05 * place
    panes = box(x - bay * (x / bay).round(), y - floor * ((y / floor).floor() + 0.55), 0.025, 0.045)
    wall = (
        palette(hue, WALLS) * light * (1 + 0.15 * grain) * (1 - 0.65 * frame.cover(panes) - 0.3 * smooth(0.06, 0.0, y))
    )
    over(image, wall, frame.cover(torch.maximum(x.abs() - half, -y)))
    slope = torch.maximum(torch.maximum((x.abs() - half - 0.03) * 0.8 - y * 0.6, y), -y - half * 0.5)
    tiles = 0.9 + 0.15 * torch.cos(TAU * y / 0.035) + 0.25 * grain
    over(image, palette(1 - hue, ROOFS) * light * tiles, frame.cover(slope))


def _plants(frame: Frame, image: Tensor) -> None:
    """Paint the leafy crowns in front of the foot, lit from above."""
    left, right = frame["trees_left"].clamp(min=-0.1), frame["trees_right"].clamp(min=-0.1)
    rise = left * gauss(frame.x + 0.95, 0.5) + right * gauss(frame.x - 0.95, 0.5)
    crown = frame.noise("tower.crown", cells=(7, 9), octaves=3, gain=0.6)
    leaves = frame.noise("tower.leaves", cells=(44, 44), octaves=2, gain=0.7)
    edge = frame.y - frame["ground"].clamp(max=1.05) + 0.04 + rise + 0.16 * crown + 0.07 * leaves
    light = palette(frame["hour"], AMBIENT) + palette(frame["hour"], SUN) * 0.55
    tone = 1.05 - 0.45 * smooth(0.0, 0.5, edge) + 0.55 * leaves + 0.5 * crown
    over(image, palette(frame["foliage"], LEAVES) * light * tone, smooth(-0.015, 0.025, edge))


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
    over(image, tower, frame.cover(torch.maximum(on.x.abs() - on.width, on.height - on.tip) * on.scale))
    part, at = frame.part(-1, -0.35, 1, 1)
    for side in (-1, 1):
        _house(part, image[at], side)
    _plants(part, image[at])
    return image * frame["exposure"]
