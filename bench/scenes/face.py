"""A portrait: a head with hair before a blurred background, cropped as aligned sets of faces are (eyes near y = -0.1).

The skin is a height field (skull, nose, sockets, lips ...) whose slope catches the light; eyes, brows, beard are paint
on it. Lengths are in head units: the eyes lie on v = 0 at about 0.24 each side of u = 0, the chin at about 0.86.
Light is added up in linear intensity (colours squared); the last step takes the root, as a camera does.
"""

import torch
from torch import Tensor

from bench.scenes import noise
from bench.scenes.draw import Colour, Frame, as_colour, box, ellipse, join, over, palette, rotate, segment, smooth

FACTORS: dict[str, tuple[float, float]] = {
    "yaw": (-0.75, 0.75),  # the head turned to the left .. right
    "pitch": (-0.6, 0.6),  # looking up .. down
    "tilt": (-0.17, 0.17),  # the head leaning to a shoulder, radians
    "scale": (0.9, 1.06),  # head units to frame units
    "shift_x": (-0.06, 0.06),  # where the point between the eyes lies
    "shift_y": (-0.15, -0.05),
    "light_x": (-1.0, 1.0),  # the key light from the left .. right
    "light_y": (0.05, 0.8),  # from the front .. above
    "contrast": (0.4, 0.87),  # key light against fill light
    "exposure": (0.8, 1.5),  # of the whole photograph
    "warmth": (-1.0, 1.0),  # white balance, bluish .. yellowish
    "skin": (0.0, 1.0),  # very light .. very dark
    "undertone": (-1.0, 1.0),  # cool .. warm
    "freckles": (0.0, 1.0),  # also redness and uneven skin
    "age": (0.0, 1.0),  # wrinkles, folds, grey hair, receding hair
    "gender": (0.0, 1.0),  # masculine .. feminine
    "face_width": (0.93, 1.07),  # times the usual
    "jaw": (0.24, 0.35),  # half-width of the chin
    "eye_gap": (0.22, 0.26),  # half the distance of the eyes
    "eye_open": (0.6, 1.15),  # lids apart
    "eye_slant": (-0.02, 0.035),  # outer corner higher
    "iris": (0.0, 1.0),  # colour: dark brown .. blue
    "gaze": (-1.0, 1.0),  # eyes to the left .. right
    "brow_arch": (0.0, 1.0),  # straight .. arched
    "brow_weight": (0.4, 1.0),  # thin .. bushy
    "nose_length": (0.26, 0.34),  # tip below the eyes
    "nose_width": (0.07, 0.12),  # wing from the middle line
    "mouth_width": (0.165, 0.23),  # half
    "lips": (0.028, 0.07),  # thickness of a lip
    "smile": (-0.3, 1.0),  # corners down .. up
    "mouth_open": (0.0, 1.0),  # closed, then teeth
    "hair": (0.0, 1.0),  # colour: black, brown, red, blond
    "hair_length": (0.0, 1.0),  # short .. long, with gender
    "hair_volume": (0.02, 0.18),  # thickness over the skull
    "hair_part": (-0.35, 0.35),  # where the parting is
    "hair_curl": (0.0, 1.0),  # straight .. curly
    "fringe": (0.0, 1.0),  # free .. covered forehead
    "beard": (0.0, 1.0),  # none, stubble, full; on masculine faces
    "glasses": (0.0, 1.0),  # worn above 0.7: thin and round .. thick and square
    "cloth": (0.0, 1.0),  # colour
    "backdrop": (0.0, 1.0),  # colour
    "backdrop_light": (0.35, 1.2),
}
_SKIN: tuple[Colour, ...] = ((0.97, 0.84, 0.77), (0.92, 0.75, 0.65), (0.86, 0.67, 0.54), (0.76, 0.56, 0.42),
                             (0.6, 0.42, 0.31), (0.46, 0.31, 0.23), (0.35, 0.23, 0.18))  # fmt: skip
_HAIR: tuple[Colour, ...] = ((0.1, 0.085, 0.08), (0.17, 0.12, 0.095), (0.28, 0.18, 0.125), (0.4, 0.27, 0.17),
                             (0.5, 0.29, 0.17), (0.66, 0.5, 0.33), (0.85, 0.72, 0.5))  # fmt: skip
_IRIS: tuple[Colour, ...] = ((0.2, 0.11, 0.07), (0.33, 0.2, 0.11), (0.45, 0.35, 0.17), (0.4, 0.46, 0.3),
                             (0.46, 0.54, 0.58), (0.3, 0.48, 0.7))  # fmt: skip
_CLOTH: tuple[Colour, ...] = ((0.1, 0.1, 0.12), (0.17, 0.22, 0.38), (0.45, 0.58, 0.7), (0.88, 0.88, 0.86),
                              (0.65, 0.2, 0.2), (0.8, 0.62, 0.55), (0.35, 0.4, 0.3), (0.5, 0.47, 0.45),
                              (0.33, 0.2, 0.33))  # fmt: skip
_BACKDROP: tuple[Colour, ...] = ((0.92, 0.92, 0.9), (0.6, 0.64, 0.68), (0.4, 0.55, 0.7), (0.3, 0.42, 0.32),
                                 (0.5, 0.54, 0.36), (0.66, 0.56, 0.44), (0.42, 0.3, 0.25), (0.66, 0.64, 0.62),
                                 (0.2, 0.2, 0.22))  # fmt: skip
_LIP = 0.2  # from the tip of the nose to the mouth
_WEAVE = 132.0  # threads of the cloth, radians a frame unit


def _paint(at: Tensor, colours: tuple[Colour, ...]) -> Tensor:
    return palette(at, colours).square()


def _bump(x: Tensor, rx: float | Tensor, y: float | Tensor = 0.0, ry: float | Tensor = 1.0) -> Tensor:
    """Return about exp(-(x / rx)^2 - (y / ry)^2), without the cost of an exponential."""
    return (1 - ((x / rx) ** 2 + (y / ry) ** 2) / 4).clamp(min=0).square().square()


def _tint(amount: Tensor, colour: Colour) -> Tensor:
    """Return the factors 1 + amount * colour of the channels."""
    return 1 + amount * as_colour(colour, amount)


def _pose(frame: Frame) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return head coordinates: x, y fixed to the skull's outline; u, v to the features on the turned front."""
    x, y = (frame.x - frame["shift_x"]) / frame["scale"], (frame.y - frame["shift_y"]) / frame["scale"]
    x, y = rotate(x, y, frame["tilt"])
    turn, nod = 0.28 * frame["yaw"], 0.14 * frame["pitch"]  # how far the front moves against the outline
    x, y = x + turn, y + nod
    front = (1 - (x / 0.7) ** 2 - (y / 1.05) ** 2).clamp(min=0)
    return x, y, x - turn * front, y - nod * front


def _skin(frame: Frame) -> Tensor:
    return _paint(frame["skin"], _SKIN) * _tint(frame["undertone"], (0.03, 0.0, -0.1))


def _hair_colour(frame: Frame) -> Tensor:
    fair = _paint(frame["hair"] * (1 - 0.8 * frame["skin"]), _HAIR)  # dark skin seldom goes with fair hair
    return over(fair, (0.5, 0.49, 0.48), smooth(0.68, 1.0, frame["age"]) * 0.9)


def _beard(frame: Frame) -> tuple[Tensor, Tensor]:
    """Return the strength of stubble and of a full beard."""
    man = smooth(0.55, 0.42, frame["gender"])
    return man * smooth(0.2, 0.6, frame["beard"]), man * smooth(0.6, 0.9, frame["beard"])


def _backdrop(frame: Frame) -> Tensor:
    spots = noise.uniform(frame.seeds, "bokeh", 19).to(frame.x.dtype).view(-1, 19, 1, 1)
    blur = frame.noise("backdrop", cells=(3, 3), octaves=2)
    other = _paint((frame["backdrop"] + spots[:, :1]) / 2, _BACKDROP)
    slope = smooth(-0.5, 0.5, 0.5 * frame.x * frame["light_x"] - 0.3 * frame.y + blur)
    panel = smooth(-0.05, 0.05, frame.x - 3 * spots[:, 1:2] + 1.5 + 0.1 * frame.y)  # a door or wall out of focus
    image = over(frame.blank(_paint(frame["backdrop"], _BACKDROP)), other, slope)
    for k in range(2, 18, 4):
        cx, cy, size, light = (spots[:, k + j : k + j + 1] for j in range(4))
        disc = ellipse(frame.x - 2.2 * cx + 1.1, frame.y - 2.2 * cy + 1.1, 0.12 + 0.25 * size, 0.12 + 0.25 * size)
        image *= 1 + smooth(0.08, -0.04, disc) * (light - 0.4)
    return image.mul_(frame["backdrop_light"] * (1 + 0.3 * blur) * (1 - 0.5 * panel * spots[:, 18:]))


def _outline(frame: Frame, x: Tensor, y: Tensor) -> Tensor:
    x, lean = x / frame["face_width"], 0.1 * frame["yaw"]
    skull = ellipse(x, y + 0.26, 0.54, 0.64)
    cheeks = ellipse(x - lean, y - 0.18, 0.475, 0.48)
    chin = ellipse(x - 1.5 * lean, y - 0.58, frame["jaw"], 0.27 + 0.05 * _beard(frame)[1])
    return join(join(skull, cheeks, 0.25), chin, 0.25)


def _relief(frame: Frame, marks: Tensor) -> Tensor:
    """Return the height of the face over the picture plane; `marks` are the unevenness of skin."""
    x, y, u, v = _pose(frame)
    a, tip, wing, smile = u.abs(), frame["nose_length"], frame["nose_width"], frame["smile"]
    mouth = tip + _LIP
    n = u - 0.1 * frame["yaw"] * smooth(-0.1, tip, v)  # the nose sticks out, so it turns further
    drop = smooth(tip + 0.1, tip - 0.01, v)
    skull = 0.68 * torch.sqrt((1 - (x / 0.66) ** 2 - (y / 1.06) ** 2).clamp(min=0) + 0.06)
    nose = 0.105 * smooth(-0.25, tip, v) * drop * _bump(n, 0.055 + 0.04 * smooth(0, tip, v))
    wings = 0.04 * _bump(n.abs() - wing + 0.025, 0.035, v - tip - 0.01, 0.045)
    nose = nose + wings + 0.03 * _bump(n, 0.055, v - tip, 0.05)
    eyes = 0.03 * _bump(a - frame["eye_gap"], 0.1, v, 0.05) - 0.05 * _bump(a - frame["eye_gap"] + 0.03, 0.15, v, 0.1)
    brow = 0.02 * _bump(a - 0.2, 0.2, v + 0.2, 0.07)
    cheeks = (0.04 + 0.02 * smile) * _bump(a - 0.29, 0.16, v - 0.2, 0.13)
    lips = 0.016 * (_bump(u, 0.13, v - mouth + 0.03, 0.03) + _bump(u, 0.11, v - mouth - 0.04, 0.035))
    chin = 0.04 * _bump(u, 0.13, v - mouth - 0.25, 0.09) - 0.025 * _bump(u, 0.12, v - mouth - 0.11, 0.04)
    fold = segment(a, v, (wing + 0.03, tip - 0.02, frame["mouth_width"] + 0.07, mouth + 0.02))
    fold = (0.003 + 0.009 * frame["age"] + 0.006 * smile) * _bump(fold, 0.04)
    lines = torch.sin(62 * v + 5 * marks) * _bump(u, 0.22, v + 0.42, 0.12)  # on the forehead, beside the eyes
    lines = lines + torch.sin(70 * v - 40 * a) * _bump(a - 0.42, 0.05, v, 0.08)
    return skull + nose + eyes + brow + cheeks + lips + chin - fold + 0.006 * frame["age"] ** 2 * lines + 0.005 * marks


def _shade(frame: Frame, height: Tensor) -> tuple[Tensor, Tensor]:
    """Return diffuse light and gloss of a height field."""
    down, right = torch.gradient(height, spacing=frame.px, dim=(-2, -1))
    lx, ly, lz = frame["light_x"], frame["light_y"], 0.75
    size = torch.sqrt(lx**2 + ly**2 + lz**2)
    steep = torch.rsqrt(1 + down**2 + right**2)
    lean = ly * down - lx * right
    half = (lz + size + lean) * steep * torch.rsqrt(lx**2 + ly**2 + (lz + size) ** 2)
    diffuse = (((lz + lean) * steep / size + 0.25) / 1.25).clamp(min=0)
    return 1 + frame["contrast"] * (1.35 * diffuse - 1.05), (1 - 4 * (1 - half)).clamp(min=0).square().square()


def _hair(frame: Frame, strands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the hair's colour, its coverage and the distance to the opening where the face looks out."""
    x, y, u, v = _pose(frame)
    part, curl, fringe = frame["hair_part"], frame["hair_curl"], frame["fringe"]
    long = smooth(0.4, 0.75, 0.6 * frame["gender"] + 0.4 * frame["hair_length"])
    bend = frame.noise("bend", cells=(3, 4), octaves=2)
    clump = frame.noise("curl", cells=(16, 16), octaves=2)
    # strands are parabolas that fall from the parting, in waves
    across = (x - part) * torch.rsqrt((y + 1.2).clamp(min=0.05)) + 0.12 * bend
    wave = curl * (0.05 * torch.sin(18 * y + 6 * bend + 5 * across) + 0.12 * clump)
    strand = (1.7 * noise.sample(strands, 1.3 * across + wave, 0.45 * y + 2 * wave - 0.3)).clamp(-1, 1)
    volume, end = frame["hair_volume"] * (0.6 + 0.4 * long), 1.9 * long - 0.02
    side = x + (0.1 * bend) * smooth(-0.2, 0.8, y)
    cap = ellipse(x, y + 0.27, 0.595 + 0.9 * volume, 0.68 + 0.8 * volume)
    fall = box(side, y - end / 2 + 0.1, 0.5 + 0.1 * long + volume * (0.2 + 0.8 * long), end / 2 + 0.1, 0.2)
    outer = join(cap, fall, 0.2) + 0.01 * strand + 0.05 * curl * clump
    cover = smooth(0.025, -0.025, outer) * smooth(end + 0.12, end - 0.02, y + 0.06 * strand)

    bald = 0.28 * smooth(0.55, 1.0, frame["age"]) * smooth(0.6, 0.3, frame["gender"]) * (1 - long)
    top = 0.58 + bald - 0.33 * fringe * smooth(0.0, 0.5, (u - part).abs()) * smooth(0.25, 0.0, bald)
    width = 0.55 - 0.08 * long + 0.06 * bend * long
    rise = (0.12 - v).clamp(min=0) / (top + 0.12)
    opening = width * (((u / width).square().square() + rise.square().square() + 1e-6).pow(0.25) - 1)
    opening = opening + (0.015 + 0.035 * fringe) * strand + 0.04 * curl * clump

    lit = 0.75 + frame["contrast"] * 0.5 * (frame["light_x"] * x - frame["light_y"] * (y + 0.25)) + 0.5 * curl * clump
    lit = lit.clamp(min=0.12) * (1 - 0.45 * _bump(opening, 0.09)) * (0.6 + 0.4 * smooth(0.0, -0.12, outer))
    sheen = _bump(y + 0.5 - 0.35 * x**2 + 0.15 * bend, 0.17) * (0.5 + strand).clamp(min=0) * (0.07 - 0.05 * curl)
    colour = _hair_colour(frame)
    return colour * lit * (1 + 0.65 * strand) + sheen * (0.3 + colour), cover, opening


def _body(image: Tensor, frame: Frame) -> None:
    """Neck, shoulders, clothes."""
    x = (frame.x - frame["shift_x"]) / frame["scale"] + 0.2 * frame["yaw"] + 0.5 * frame["tilt"]  # below the skull
    y = (frame.y - frame["shift_y"]) / frame["scale"]
    neck = 0.36 - 0.08 * frame["gender"]
    shoulder = 0.96 + 0.3 * (x.abs() - neck).clamp(min=0) - y
    px, py, _, _ = _pose(frame)
    shadow = 1 - 0.65 * smooth(0.3, 0.0, _outline(frame, px, py))
    turned = 1 - 0.5 * (x / neck / 1.2) ** 2 + 0.4 * frame["light_x"] * x
    body = join(torch.maximum(x.abs() - neck, 0.45 - y), shoulder, 0.15)
    over(image, _skin(frame) * (turned.clamp(min=0.2) * shadow), frame.cover(body, 1.5))
    folds = frame.noise("folds", cells=(7, 4), octaves=2)
    weave = torch.sin(frame.x * _WEAVE + 3 * folds) * torch.sin(frame.y * _WEAVE)
    cloth = shoulder + (0.05 + 0.3 * frame["cloth"] ** 2) * smooth(1.1 * neck, 0.0, x.abs()) - 0.02
    light = (0.7 + 0.4 * frame["light_x"] * x + 0.45 * folds + 0.06 * weave).clamp(min=0.1)
    light = light * (1 - 0.5 * _bump(cloth, 0.04))
    jacket = noise.uniform(frame.seeds, "jacket", 2).to(frame.x.dtype).view(-1, 2, 1, 1)
    lapel = 0.3 + 0.25 * jacket[:, :1] - 0.35 * (y - 0.9) - x.abs()
    stripes = 1 + 0.5 * smooth(0.6, 0.7, jacket[:, :1]) * torch.sin((x + 0.05 * folds) * 55)
    shirt = _paint(frame["cloth"], _CLOTH) * stripes
    over(image, shirt * light, frame.cover(torch.maximum(cloth, body), 1.5))
    coat = _paint(jacket[:, 1:], _CLOTH) * 0.6 * (1 - 0.6 * _bump(lapel, 0.03))
    worn = smooth(0.5, 0.45, jacket[:, :1])
    over(image, coat * light, worn * frame.cover(torch.maximum(lapel, torch.maximum(shoulder - 0.02, body)), 1.5))


def _ears(image: Tensor, frame: Frame) -> None:
    x, y, _, _ = _pose(frame)
    light = 0.75 + 0.35 * frame["light_x"] * x
    x, y = x.abs() - 0.54 * frame["face_width"], y - 0.1
    light = light * (1 - 0.5 * _bump(x - 0.04, 0.025, y + 0.02, 0.09)) * (1 - 0.4 * smooth(0.03, -0.06, x))
    tone = _skin(frame) * _tint(1 - 0.5 * frame["skin"], (0.1, -0.1, -0.1))
    over(image, tone * light, frame.cover(ellipse(x + 0.1 * y, y, 0.065, 0.16), 1.5))


def _eyes(skin: Tensor, frame: Frame, strands: Tensor) -> None:
    _, _, u, v = _pose(frame)
    tone, side = _skin(frame), (u / 0.05).clamp(-1, 1)
    t = (u * side - frame["eye_gap"]) / 0.126  # -1 at the inner .. 1 at the outer corner
    v = v + frame["eye_slant"] * t
    arch = (1 - t**2).clamp(min=-0.5)
    upper = v + 0.06 * frame["eye_open"] * arch * (1 - 0.15 * t)  # below the upper lid
    lower = 0.033 * arch * (1 + 0.15 * t) - v  # above the lower lid
    over(skin, tone * 0.3, 0.5 * _bump(upper + 0.03, 0.014) * smooth(1.3, 0.6, t.abs()))
    over(skin, tone * 0.4, (0.15 + 0.35 * frame["age"]) * _bump(lower + 0.035, 0.02) * smooth(1.2, 0.3, t.abs()))
    ball = frame.cover(-torch.minimum(upper, lower), 1.6)
    over(skin, (0.55, 0.49, 0.46), ball * 0.95)
    x = t * 0.126 - side * (0.025 * frame["gaze"] + 0.02 * frame["yaw"])
    radius = torch.sqrt(x**2 + (v + 0.012) ** 2 + 1e-6)
    colour = _paint(frame["iris"] * (1 - 0.9 * smooth(0.3, 0.7, frame["skin"])), _IRIS)
    colour = colour * (0.8 + 12 * (v + 0.01) + 0.8 * noise.sample(strands, x * 8, v * 8)).clamp(0.3, 1.6)
    over(skin, colour * smooth(0.064, 0.045, radius).clamp(min=0.15), ball * frame.cover(radius - 0.057, 1.5))
    over(skin, (0.004, 0.004, 0.004), ball * frame.cover(radius - 0.024, 1.5))
    over(skin, (0.02, 0.01, 0.01), ball * 0.6 * smooth(0.03, 0.0, upper))
    lash = _bump(upper, 0.011 + 0.008 * frame["gender"]) * smooth(1.15, 0.8, t.abs()) * smooth(-1.4, 0.5, t)
    over(skin, (0.015, 0.01, 0.01), 0.9 * lash)
    over(skin, tone * 0.25, 0.45 * _bump(lower, 0.009) * smooth(1.2, 0.7, t.abs()))
    over(skin, (1.0, 1.0, 1.0), ball * 0.95 * _bump(x - 0.022 * frame["light_x"] * side, 0.012, v + 0.03, 0.012))


def _brows(skin: Tensor, frame: Frame, strands: Tensor) -> None:
    _, _, u, v = _pose(frame)
    s = (u.abs() - frame["eye_gap"] - 0.01) / 0.165
    line = v + 0.15 + 0.02 * frame["gender"] + 0.045 * frame["brow_arch"] * (1 - (s - 0.3) ** 2) + 0.01 * s
    hairs = 2 * noise.sample(strands, u.abs() + 0.8 * line, 0.6 * line)
    thick = (0.04 - 0.012 * frame["gender"]) * (0.4 + 0.6 * frame["brow_weight"]) * (1.15 - 0.4 * s)
    brow = smooth(1.3, 0.4, line.abs() / thick - 0.25 * hairs) * smooth(1.1, 0.75, s.abs() + 0.1 * hairs)
    over(skin, _hair_colour(frame) * 0.45, brow * (0.4 + 0.5 * frame["brow_weight"]) * (0.85 + 0.4 * hairs).clamp(0, 1))


def _mouth(skin: Tensor, frame: Frame) -> None:
    """Lips, teeth, nostrils."""
    _, _, u, v = _pose(frame)
    tone, t = _skin(frame), u / (frame["mouth_width"] * (1 + 0.15 * frame["smile"]))
    arch = (1 - t**2).clamp(min=-0.5)
    gap = 0.13 * smooth(0.35, 1.0, frame["mouth_open"]) * arch.clamp(min=0)
    line = v - frame["nose_length"] - _LIP + 0.07 * frame["smile"] * (t**2 - 0.4) + 0.35 * gap + 0.008 * _bump(t, 0.3)
    top = line + frame["lips"] * arch * (0.95 - 0.25 * _bump(t, 0.16))
    bottom = gap + 1.25 * frame["lips"] * arch - line
    red = tone * as_colour((0.78, 0.44, 0.54), tone)
    red = over(red, (0.62, 0.1, 0.12), 0.45 * smooth(0.5, 1.0, frame["gender"]))
    over(skin, red, 0.85 * frame.cover(-torch.minimum(top, bottom), 3))
    inside = frame.cover(-torch.minimum(line, gap - line), 1.5) * smooth(0.0, 0.02, gap)
    teeth = smooth(0.0, 0.02, gap * 0.75 - line) * (0.75 + 0.25 * torch.cos(u * 62).abs()) * arch.clamp(min=0)
    over(skin, (0.06, 0.015, 0.015), inside)
    over(skin, (0.75, 0.7, 0.62), inside * teeth)
    over(skin, (0.07, 0.02, 0.02), 0.85 * _bump(line, 0.013) * smooth(1.1, 0.8, t.abs()))
    nose, v = (u - 0.1 * frame["yaw"]).abs() - frame["nose_width"], v - frame["nose_length"]
    over(skin, tone * 0.12, 0.9 * _bump(nose + 0.45 * frame["nose_width"], 0.03, v - 0.045, 0.015))
    over(skin, tone * 0.3, 0.5 * _bump(nose - 0.015 + 4 * (v - 0.01) ** 2, 0.014) * _bump(v - 0.01, 0.035))


def _face(image: Tensor, frame: Frame, strands: Tensor, opening: Tensor) -> None:
    x, y, u, v = _pose(frame)
    a, tone, mottle = u.abs(), _skin(frame), frame.noise("mottle", cells=(8, 8), octaves=3)
    spots = noise.sample(frame.texture("spots", size=128, cells=(36, 36), octaves=2), 0.7 * (u + v), 0.7 * (v - u))
    blush = 0.7 * _bump(a - 0.3, 0.15, v - 0.22, 0.12) + 0.5 * _bump(u, 0.08, v - 0.3, 0.1) + 0.3 * mottle
    skin = tone * _tint(blush * (0.4 + 0.6 * frame["freckles"]), (0.05, -0.22, -0.2)) * (1 + 0.05 * spots)
    over(skin, tone * 0.45, 0.6 * smooth(0.2, 0.6, spots) * frame["freckles"] * _bump(a - 0.15, 0.3, v - 0.15, 0.2))
    stubble, full = _beard(frame)
    bristle = 1.6 * noise.sample(strands, 0.75 * u + 0.06 * mottle, 0.4 * v)
    border = frame["nose_length"] + 0.1 - 0.45 * smooth(0.2, 0.5, a) - 0.05 * (mottle + bristle)
    jaw = smooth(-0.08, 0.12, v - border)
    hairy = jaw * (stubble * (0.35 + 0.12 * spots) + full * (0.7 + 0.5 * bristle)).clamp(0, 0.95)
    over(skin, _hair_colour(frame) * (0.75 + bristle), hairy)
    sub, at = frame.part(-0.55, 0.1, 0.55, 0.75)
    _mouth(skin[at], sub)
    sub, at = frame.part(-0.55, -0.55, 0.55, 0.16)
    _eyes(skin[at], sub, strands)
    _brows(skin[at], sub, strands)
    diffuse, gloss = _shade(frame, _relief(frame, mottle + 0.3 * spots + full * jaw * bristle * 3))
    shade = frame["contrast"] * _bump(u + 0.16 * frame["light_x"], 0.08, v - frame["nose_length"] + 0.02, 0.13)
    light = diffuse * (1 - 0.45 * smooth(0.1, -0.02, -opening)) * (1 - 0.45 * frame["light_x"] ** 2 * shade)
    gloss = gloss * (1 - full * jaw) * (1 - 0.8 * _bump(a - frame["eye_gap"], 0.11, v, 0.06))  # not on hair and eyes
    skin = skin * light * _tint(light * (1 - light), (0.25, 0.0, -0.08)) + 0.09 * gloss
    over(image, skin, frame.cover(_outline(frame, x, y), 1.5))


def _glasses(image: Tensor, frame: Frame) -> None:
    x, _, u, v = _pose(frame)
    worn, square = smooth(0.7, 0.74, frame["glasses"]), smooth(0.7, 1.0, frame["glasses"])
    a = u.abs()
    lens = box(a - frame["eye_gap"] - 0.005, v - 0.02, 0.175, 0.13 - 0.02 * square, 0.12 - 0.06 * square)
    rim = lens.abs() - (0.008 + 0.014 * square)
    bridge = box(a, v + 0.03, 0.08, 0.01 + 0.006 * square)
    temple = torch.maximum(box(a - 0.58, v + 0.03, 0.17, 0.014), x.abs() - 0.54 * frame["face_width"])
    streak = smooth(0.06, 0.0, (u + 0.6 * v - 0.2 * frame["light_x"]).abs() - 0.05)
    over(image, (0.75, 0.8, 0.85), 0.22 * worn * streak * frame.cover(lens))
    horn = palette(square, ((0.35, 0.28, 0.15), (0.1, 0.05, 0.03), (0.01, 0.01, 0.012)))
    over(image, horn, worn * frame.cover(torch.minimum(torch.minimum(rim, bridge), temple), 1.3))


def landmarks(frame: Frame) -> Tensor:
    """Return the pixels, row and column, nearest to the left eye, the right eye and the mouth: (N, 3, 2) int64."""
    _, _, u, v = _pose(frame)
    gap, level = frame["eye_gap"], torch.zeros_like(frame["eye_gap"])
    places = ((-gap, level), (gap, level), (level, frame["nose_length"] + _LIP))
    nearest = torch.stack([((u - x) ** 2 + (v - y) ** 2).flatten(1).argmin(1) for x, y in places], dim=1)  # (N, 3)
    return torch.stack((nearest // u.shape[-1], nearest % u.shape[-1]), dim=-1)


def draw(frame: Frame) -> Tensor:
    """Return the portraits (N, 3, H, W)."""
    strands = frame.texture("strands", size=192, cells=(16, 2), octaves=4, gain=0.9)
    image = _backdrop(frame)
    hair, cover, opening = _hair(frame, strands)
    over(image, hair * 0.5, cover)
    sub, at = frame.part(-1, 0.3, 1, 1)
    _body(image[at], sub)
    sub, at = frame.part(-0.9, -0.5, 0.9, 0.5)
    _ears(image[at], sub)
    sub, at = frame.part(-0.85, -1, 0.85, 1)
    _face(image[at], sub, strands, opening[at])
    sub, at = frame.part(-0.85, -0.5, 0.85, 0.3)
    _glasses(image[at], sub)
    over(image, hair, cover * smooth(-0.03, 0.03, opening))
    image = image * frame["exposure"] * _tint(frame["warmth"], (0.08, 0.0, -0.12))
    return torch.sqrt((image / (0.75 + 0.42 * image)).clamp(min=1e-3))  # bright light saturates
