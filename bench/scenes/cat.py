"""Cats: a head from the front or turned a little, like the crops of the CAT data set.

One field of fur strands, running outwards from the bridge of the nose, is shared by head, ears and chest; the coat
(tabby, tortoiseshell, bicolour, pointed, solid) is painted in the coordinates of the turned face. Distances are in head
units: the head is about 1.3 wide, its origin lies between the eyes.
"""

from dataclasses import dataclass, fields
from math import pi

import torch
from torch import Tensor

from bench.scenes import noise
from bench.scenes.draw import (
    Colour,
    Frame,
    as_colour,
    ellipse,
    gauss,
    join,
    over,
    palette,
    polygon,
    rotate,
    segment,
    smooth,
)

FACTORS: dict[str, tuple[float, float]] = {
    "centre_x": (-0.14, 0.14),  # where the head is
    "centre_y": (0.02, 0.22),
    "size": (1.0, 1.38),  # frame units per head unit
    "tilt": (-0.3, 0.3),  # radians, in the picture plane
    "yaw": (-1.0, 1.0),  # left .. right
    "pitch": (-1.0, 1.0),  # looks up .. down
    "breadth": (0.92, 1.1),  # of the skull
    "cheeks": (0.8, 1.25),  # their fullness
    "ear_length": (0.8, 1.08),
    "ear_spread": (-0.06, 0.12),  # how far the tips lean outwards
    "eye_size": (0.88, 1.18),
    "eye_lid": (0.0, 1.0),  # wide open .. sleepy
    "eye_slant": (0.04, 0.34),  # radians
    "eye_colour": (0.0, 1.0),  # green, yellow, copper, blue
    "pupil": (0.0, 1.0),  # slit .. wide
    "gaze_x": (-1.0, 1.0),
    "gaze_y": (-1.0, 1.0),
    "coat": (0.0, 1.0),  # black, grey, brown, orange, cream, white
    "coat_value": (0.85, 1.15),  # brightness of the coat
    "tabby": (0.0, 1.0),  # below 0.3: no stripes
    "stripes": (9.0, 14.0),  # stripes in half a turn round the face
    "tortoiseshell": (0.0, 1.0),  # above 0.75: patches of a second colour
    "white": (0.0, 1.0),  # from a trace on the chin to a white face
    "points": (0.0, 1.0),  # above 0.82: Siamese mask and ears
    "nose_colour": (0.0, 1.0),  # pink .. black
    "muzzle": (0.88, 1.15),  # size of the pads
    "fluff": (0.25, 1.0),  # length of the fur at the outline
    "strands": (0.6, 1.3),  # contrast of the fur
    "whiskers": (0.5, 0.95),  # length
    "droop": (-0.12, 0.3),  # how much they hang
    "light_x": (-1.0, 1.0),
    "light_y": (-1.0, 0.3),
    "warmth": (-1.0, 1.0),  # of the light: blue .. yellow
    "contrast": (0.5, 1.0),  # hardness of the light
    "exposure": (0.9, 1.45),
    "scenery": (0.0, 1.0),  # hue of the background
    "backdrop": (0.4, 1.15),  # its brightness
    "horizon": (-0.5, 1.0),  # where the seat meets the wall
    "folds": (4.0, 16.0),  # of a curtain behind: waves across the picture, per radian
    "clutter": (0.1, 1.0),  # strength of what is out of focus
}


def _colours(codes: str) -> list[Colour]:
    """Return the colours of a list of hexadecimal codes, rrggbb."""
    return [(int(code[:2], 16) / 255, int(code[2:4], 16) / 255, int(code[4:], 16) / 255) for code in codes.split()]


COATS = _colours("1a1717 5c616b 75573b cc7833 dbba8f ede8e0")  # black, grey, brown, orange, cream, white
PATCHES = _colours("c27433 d4b58c c77833 3d2a1f 6e6f74 b87a42")  # of a tortoiseshell, on these coats
EYES = _colours("758f52 a8a84c cca145 b26b2b 759e94 6b94cc")  # green, yellow, copper, blue
NOSES = _colours("e0948c b86154 5c332e 1a1414")  # pink .. black
RIMS = _colours("57332e 331f1a 120d0d")  # the skin round the eyes and the lips, as the nose
SKINS = _colours("db998f 9e6661 4c3838")  # in the ears, of pale .. dark cats
WALLS = _colours("bfb29e 598040 995940 4c6b99 8c8094 d9d1c7")
SEATS = _colours("733326 808c40 bfad8c 404554 59381f 8099b2")
WHITE, DARK, BLACK = _colours("f2ede6 120d0d 050508")
POINT_COAT, POINT = _colours("e0cfb5 33241c")  # a Siamese: its body, its mask
EYE_X, EYE_Y, NOSE_Y, PAD_Y = 0.27, -0.03, 0.21, 0.29  # on the face
SHOULDER = 0.25  # bends the highlights as film does


@dataclass(frozen=True, slots=True)
class Cat:
    """The maps that the parts of the cat share, each (N, 1, H, W)."""

    frame: Frame
    x: Tensor  # head coordinates, after position, size and tilt
    y: Tensor
    face_x: Tensor  # coordinates on the turned face
    face_y: Tensor
    side: Tensor  # -1 on the left half of the face, 1 on the right
    angle: Tensor  # round the bridge of the nose: 0 upwards, a little bent
    radius: Tensor
    fur: Tensor  # strands, about -1 .. 1
    clump: Tensor  # coarse tufts, -1 .. 1
    spots: Tensor  # two slow noises on the face, (N, 2, H, W)
    light: Tensor  # on the head, about 0.3 .. 1.4

    def rows(self, image: Tensor, top: float, bottom: float) -> tuple[Tensor, "Cat"]:
        """Return a view of the picture between two heights of the frame, and the maps there."""
        sub, at = self.frame.part(-1, top, 1, bottom)
        maps = {field.name: getattr(self, field.name)[at] for field in fields(self) if field.name != "frame"}
        return image[at], Cat(frame=sub, **maps)


def draw(frame: Frame) -> Tensor:
    """Return the pictures (N, 3, H, W) of the cats that the factors describe."""
    image = _background(frame)
    cat = _pose(frame)
    _body(image, cat)
    # The rows hold the part at any size, tilt and place that the factors allow.
    _eyes(*cat.rows(image, -0.58, 0.72))
    _snout(*cat.rows(image, -0.22, 1))
    _whiskers(*cat.rows(image, -0.45, 1))
    tone = torch.cat([1 + 0.09 * frame["warmth"], torch.ones_like(frame["warmth"]), 1 - 0.14 * frame["warmth"]], dim=1)
    image = (image * (tone * frame["exposure"])).clamp(0, 2)
    return image / (1 + SHOULDER * image * image)


def _background(frame: Frame) -> Tensor:
    """Return a room or garden out of focus: a wall with folds or stems, lights, and a seat with a weave."""
    slow = frame.noise("backdrop", cells=(3, 3), octaves=2)
    blobs = frame.noise("blobs", cells=(6, 6), octaves=3, gain=0.4)
    image = frame.blank(palette(frame["scenery"], WALLS))
    over(image, palette(1 - frame["scenery"], WALLS), 0.8 * frame["clutter"] * smooth(-0.3, 0.4, slow))
    folds = torch.cos(frame["folds"] * (frame.x + 0.15 * slow) + 4 * frame["folds"]) * smooth(
        0.2, 0.9, frame["clutter"]
    )
    weave = 0.75 + 0.12 * frame.noise("weave", cells=(90, 30)) + 0.12 * frame.noise("weft", cells=(30, 90))
    seat = smooth(-0.06, 0.06, frame.y + 0.12 * slow + 0.2 * frame["tilt"] * frame.x - frame["horizon"])
    over(image, palette(frame["scenery"], SEATS) * weave, seat)
    wall = 0.2 * folds + 0.8 * smooth(0.15, 0.6, blobs)  # with lights out of focus
    gradient = 0.3 * frame["light_x"] * frame.x + 0.2 * frame["light_y"] * frame.y
    light = 1 + frame["clutter"] * (0.7 * blobs + gradient) + (1 - seat) * wall
    return image.mul_(light * frame["backdrop"])


def _pose(frame: Frame) -> Cat:
    """Return the coordinates of the head and the fur that grows on it."""
    x, y = rotate(frame.x - frame["centre_x"], frame.y - frame["centre_y"], frame["tilt"])
    x, y = x / frame["size"], y / frame["size"]
    # A rounded head that turns moves its middle most and its outline not at all.
    face_x = x - 0.2 * frame["yaw"] * (1 - x * x).clamp(min=0)
    face_y = y - 0.06 * frame["pitch"] * (1 - y * y).clamp(min=0)
    slow = torch.cat([frame.texture(name, size=64, cells=(6, 6), octaves=2) for name in ("patch", "bend")], dim=1)
    spots = noise.sample(slow, face_x, face_y)
    radius = torch.sqrt(face_x * face_x + face_y * face_y + 1e-6)
    angle = torch.atan2(face_x, -face_y) + 0.2 * spots[:, 1:]
    tuft, hair = _strands(frame, angle, radius).split(1, dim=1)
    ridge = 0.5 - 2.2 * hair.abs()  # thin bright lines: single hairs
    fur = torch.tanh(0.6 * tuft + smooth(0.04, 0.35, radius) * (0.8 * ridge + hair))
    light = _light(frame, x, y, face_x, face_y)
    side = 2 * smooth(-0.05, 0.05, face_x) - 1
    return Cat(frame, x, y, face_x, face_y, side, angle, radius, fur, tuft, spots, light)


def _strands(frame: Frame, angle: Tensor, radius: Tensor) -> Tensor:
    """Return tufts and hairs (N, 2, H, W) that run outwards; the texture is mirrored below, so it has no seam."""
    across = torch.linspace(0, 1, 384, dtype=frame.x.dtype, device=frame.x.device)
    along = across[::4]
    layers = [
        noise.lattice_noise(frame.seeds, name, x=across, y=along, cells=cells, octaves=2)
        for name, cells in (("tuft", (34, 9)), ("hair", (72, 9)))
    ]
    return noise.sample(torch.cat(layers, dim=1), angle * (2 / pi), radius * 1.4 - 1)


def _coat(cat: Cat) -> Tensor:
    """Return the colour of the fur before light falls on it, (N, 3, H, W)."""
    frame, patch, bend = cat.frame, cat.spots[:, :1], cat.spots[:, 1:]
    pointed = smooth(0.82, 0.9, frame["points"])
    base = palette(frame["coat"], COATS) * frame["coat_value"]
    base = base.lerp(as_colour(POINT_COAT, base), pointed)
    bands = smooth(-0.1, 0.7, torch.cos(cat.angle * frame["stripes"] + patch) + 0.25 * cat.fur)
    bands = bands * smooth(0.2, 0.34, cat.radius) * smooth(2.9, 2.3, cat.angle.abs()) * (0.85 + 0.4 * bend)
    coat = frame.blank(base)
    over(coat, base * (0.2 + 0.35 * base), bands * smooth(0.3, 0.6, frame["tabby"]) * (1 - pointed))
    mask = gauss(torch.sqrt(cat.face_x**2 + (cat.face_y - 0.16) ** 2 + 1e-6), 0.4)
    tortie = smooth(0.75, 0.85, frame["tortoiseshell"]) * (1 - pointed)
    over(coat, palette(frame["coat"], PATCHES), smooth(-0.02, 0.12, patch + 0.08 * cat.fur - 0.3 * mask) * tortie)
    mask = torch.maximum(mask, smooth(-0.32, -0.52, cat.y)) * (0.95 + 0.1 * cat.fur)
    over(coat, POINT, mask.clamp(0, 1) * pointed)
    blaze = cat.face_x.abs() - (1.25 * frame["white"] - 0.78 + 0.9 * cat.face_y) + 0.14 * bend + 0.05 * cat.fur
    return over(coat, WHITE, smooth(0.04, -0.06, blaze) * (1 - pointed))


def _light(frame: Frame, x: Tensor, y: Tensor, face_x: Tensor, face_y: Tensor) -> Tensor:
    """Return the light on the head: a dome with the ridge of the nose and hollows at the eyes."""
    across, down = x / 0.78, (y - 0.08) / 0.78
    facing = torch.sqrt((1 - across * across - down * down).clamp(min=0.04))
    ridge = gauss(face_x, 0.11) * gauss(face_y - 0.05, 0.24)
    lit = frame["light_x"] * (across + 4.5 * face_x * ridge) + frame["light_y"] * down + 0.8 * facing + 0.2 * ridge
    hollow = gauss(face_x.abs() - 0.13, 0.06) * gauss(face_y - 0.03, 0.12)
    return 0.82 + frame["contrast"] * (0.6 * lit - 0.32 - 0.2 * hollow)


def _ear(cat: Cat) -> tuple[Tensor, Tensor, Tensor]:
    """Return the distances to the outer and the inner outline of the ears, and how far from their inner edge."""
    frame = cat.frame
    turned = cat.x * (1 + 0.22 * frame["yaw"] * cat.x)  # the ear on the far side looks narrower
    lean = frame["ear_spread"] + 0.05 * frame["gaze_x"] * (2 * smooth(-0.05, 0.05, cat.x) - 1)
    x, y = turned.abs(), cat.y
    rise = 0.45 * frame["ear_length"]
    x = x - lean * (-0.3 - y) / rise + 0.35 * (y + 0.3) * (y + 0.3 + rise)  # bowed outwards
    outer = polygon(x, y, [(0.09, -0.34), (0.47, -0.36 - rise), (0.575, -0.04)])
    outer = torch.maximum(outer, ellipse(x - 0.41, y + 0.34, rise - 0.02, rise - 0.02))  # no needle points
    inner = polygon(x, y, [(0.2, -0.32), (0.47, -0.24 - rise), (0.53, -0.14)])
    return outer, inner, x - 0.2 + (y + 0.32) * 0.6


def _body(image: Tensor, cat: Cat) -> None:
    """Paint the chest, the ears and the head, each with a fringe of fur tips and a shadow on what is behind."""
    frame, x, y = cat.frame, cat.x, cat.y
    fringe = 0.1 * frame["fluff"] * (0.35 * cat.fur + 0.6 * cat.clump + 0.2)
    skull = ellipse(x, y - 0.03, 0.6 * frame["breadth"], 0.5)
    cheek = ellipse(x.abs() - 0.36, y - 0.2, 0.27 * frame["cheeks"], 0.24)
    chin = ellipse(cat.face_x, y - 0.36, 0.24, 0.21)
    head = join(join(skull, cheek, 0.12), chin, 0.15)
    outer, inner, across = _ear(cat)
    chest = ellipse(x, y - 1.3, 0.72 * frame["breadth"], 1.0)
    is_head = frame.cover(head - fringe * (0.4 + 0.6 * smooth(-0.3, 0.15, y)), 2)
    is_ear = frame.cover(outer - 0.3 * fringe, 1.5)
    is_chest = frame.cover(chest - 0.7 * fringe, 2)
    coat, light = _coat(cat), cat.light
    behind = light * (1 - 0.45 * smooth(0.3, -0.05, head))
    behind = behind.lerp(light * (0.8 + 0.1 * smooth(-0.1, 0.0, outer)), is_ear)
    shade = behind.lerp(light * (1 - 0.25 * smooth(-0.12, 0.02, head)), is_head) * (
        1 + 0.26 * frame["strands"] * cat.fur
    )
    sheen = 0.07 * smooth(0.75, 1.25, light) * (0.6 + cat.fur)
    over(image, coat * shade + sheen, torch.maximum(torch.maximum(is_head, is_ear), is_chest))
    _inner_ear(image, cat, frame.cover(inner, 3) * (1 - is_head), across)


def _inner_ear(image: Tensor, cat: Cat, inside: Tensor, across: Tensor) -> None:
    """Paint the pink skin in the ears and the tufts that grow over it from the inner edge."""
    skin = palette(0.6 * (1 - cat.frame["coat"]), SKINS)
    depth = 0.55 + 0.5 * smooth(0.02, 0.3, across) + 0.15 * cat.clump
    over(image, skin * depth, 0.85 * inside)
    tufts = smooth(0.0, 0.6, 1.3 * cat.fur + 0.75 - 4.5 * across.clamp(min=0))
    pale = 0.75 * palette(cat.frame["coat"], COATS) + 0.22
    over(image, pale * (0.85 + 0.3 * cat.fur), 0.8 * inside * tufts)


def _eyes(image: Tensor, cat: Cat) -> None:
    """Paint the eyes: pale fur around, a dark rim, the iris with its slit pupil, a catch-light."""
    frame = cat.frame
    x, y = rotate(cat.face_x.abs() - EYE_X, cat.face_y - EYE_Y, -frame["eye_slant"])
    wide, high = 0.132 * frame["eye_size"], 0.112 * frame["eye_size"]
    arch = 1 - 0.75 * (x / wide) ** 2
    lid = -high * (1.02 - 0.5 * frame["eye_lid"] - 0.12 * frame["gaze_y"]) * arch - 0.06 * x - y
    eye = torch.maximum(ellipse(x, y, wide, high), lid)
    over(image, WHITE, 0.22 * gauss(eye - 0.06, 0.03) * (1 + 0.6 * cat.fur).clamp(0, 1))
    tear = segment(x, y, (-wide, 0.02, -wide - 0.03, 0.075)) - 0.012
    rim = palette(frame["nose_colour"], RIMS)
    over(image, rim, 0.88 * frame.cover(torch.minimum(eye - 0.018, tear), 2))
    eye_x = x - 0.028 * frame["gaze_x"] * cat.side  # both eyes look the same way
    eye_y = y - 0.022 * frame["gaze_y"]
    radius = torch.sqrt(eye_x * eye_x + eye_y * eye_y + 1e-6)
    rays = frame.noise("rays", cells=(50, 50)) * 0.16
    glow = 0.55 + 0.4 * smooth(0.13, 0.03, radius) + rays + 2.2 * y - 0.5 * smooth(-0.03, 0.0, eye)
    glow = glow * smooth(-0.05, 0.05, -lid - 0.01) + 0.12
    inside = frame.cover(eye)
    slit = 0.02 + 0.068 * frame["pupil"] ** 1.5
    hue = frame["eye_colour"].lerp(torch.ones_like(slit), smooth(0.82, 0.9, frame["points"]))  # Siamese: blue
    over(image, palette(hue, EYES) * glow.clamp(min=0), inside)
    pupil = ellipse(eye_x, eye_y, slit, 0.95 * high)
    over(image, BLACK, inside * frame.cover(pupil, 1.5))
    spark = ellipse(eye_x - 0.04 * frame["light_x"] * cat.side, y + 0.055, 0.03, 0.024)
    over(image, (1.0, 1.0, 1.0), 0.92 * inside * frame.cover(spark, 1.5))


def _snout(image: Tensor, cat: Cat) -> None:
    """Paint the pads with their spots, the chin, the nose and the mouth; they stand out, so they turn further."""
    frame = cat.frame
    x = (cat.face_x - 0.06 * frame["yaw"]) / frame["muzzle"]
    y = (cat.face_y - 0.03 * frame["pitch"] - NOSE_Y) / frame["muzzle"]
    width = x.abs()
    pad = ellipse(width - 0.1, y - 0.085, 0.135, 0.1)
    chin = ellipse(x, y - 0.2, 0.1, 0.065)
    pale = 0.55 * smooth(0.05, 0.5, frame["coat"]) * smooth(0.9, 0.82, frame["points"])
    soft = smooth(0.03, -0.05, torch.minimum(pad, chin) + 0.02 * cat.fur)
    over(image, WHITE, pale * soft * cat.light.clamp(0, 1))
    swell = (frame["light_x"] * (width - 0.1) * cat.side + frame["light_y"] * (y - 0.06)) * 2.2
    crease = gauss(torch.minimum(pad, chin) - 0.012, 0.02) * smooth(0.02, 0.12, y)
    image.mul_(1 + soft * swell - 0.3 * crease)
    rows = torch.cos((y - 0.5 * width) * 150) * torch.cos((width + 0.3 * y) * 140)
    over(image, DARK, 0.4 * smooth(0.3, 0.9, rows) * smooth(-0.02, -0.05, pad) * smooth(0.06, 0.1, width))
    bow = y - 0.125 - 0.042 * (1 - ((width - 0.085) / 0.085) ** 2)
    smile = torch.maximum(bow.abs() - 0.008, width - 0.155)
    seam = segment(x, y, (0.0, 0.03, 0.0, 0.13)) - 0.006
    over(image, palette(frame["nose_colour"], RIMS), 0.75 * frame.cover(torch.minimum(smile, seam), 2))
    _nose(image, cat, x, y)


def _nose(image: Tensor, cat: Cat, x: Tensor, y: Tensor) -> None:
    """Paint the leather of the nose, its dark edge, the nostrils and the wet highlight."""
    frame = cat.frame
    leather = polygon(x, y, [(-0.098, -0.046), (0.098, -0.046), (0.0, 0.066)])
    leather = torch.maximum(leather, ellipse(x, y + 0.012, 0.088, 0.072))
    pale = (1 - frame["nose_colour"]) * (1 - 0.65 * smooth(0.28, 0.05, frame["coat"]))  # black cats have dark noses
    colour = palette(1 - pale, NOSES)
    over(image, colour * 0.35, 0.7 * frame.cover(leather - 0.012, 2.5))
    shade = 0.85 - 4 * y + 2.5 * frame["light_x"] * x
    over(image, colour * shade, frame.cover(leather, 1.5))
    nostril = segment(x.abs(), y, (0.028, 0.014, 0.05, -0.004)) - 0.009
    over(image, colour * 0.2, 0.85 * frame.cover(nostril, 1.5))
    over(image, WHITE, 0.45 * gauss(x - 0.02 * frame["light_x"], 0.03) * gauss(y + 0.027, 0.01))


def _whiskers(image: Tensor, cat: Cat) -> None:
    """Paint four whiskers a side, each bent its own way; on white fur their shadows show."""
    frame = cat.frame
    jitter = noise.uniform(frame.seeds, "cat/whisker", 8).to(cat.x.dtype).view(-1, 8, 1, 1) - 0.5
    jitter = jitter[:, :4].lerp(jitter[:, 4:], (cat.side + 1) / 2)
    row = torch.arange(4, dtype=cat.x.dtype, device=cat.x.device).view(1, 4, 1, 1)
    x = (cat.face_x - 0.06 * frame["yaw"]).abs() - 0.1 - 0.012 * row
    along = x.clamp(min=0)
    slope = -0.42 + 0.22 * row + 0.25 * jitter
    bend = frame["droop"] + 0.3 * jitter
    y = cat.face_y - PAD_Y + 0.05 - 0.022 * row - along * (slope + bend * along)
    steep = torch.sqrt(1 + (slope + 2 * bend * along) ** 2)
    length = frame["whiskers"] * (1 + 0.3 * jitter)
    ends = smooth(0.0, 0.02, x) * smooth(length, 0.6 * length, x)
    stroke = (frame.cover(y.abs() / steep - 0.003, 1.6) * ends).amax(dim=1, keepdim=True)
    shadow = (frame.cover((y - 0.02).abs() / steep - 0.004, 3) * ends).amax(dim=1, keepdim=True)
    over(image, DARK, 0.22 * shadow)
    over(image, (0.97, 0.96, 0.94), 0.8 * stroke)
