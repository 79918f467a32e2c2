"""A car on a road: coupe, saloon, estate, hatchback, van, SUV, pickup or something between, from its side or a corner.

The car is two solids, body and cabin: convex side profiles drawn out across the car's width. Each pixel's ray is
followed into them (Newton's method), so that perspective, nose or tail, bonnet and roof come out right from any view.
Car coordinates, in metres: u along the car (nose at -length/2), v up from the road, w away from the camera, 0 on the
near flank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from bench.scenes import noise
from bench.scenes.draw import Frame, box, ellipse, gauss, over, palette, smooth

FACTORS: dict[str, tuple[float, float]] = {
    "body": (0.0, 1.0),  # coupe, saloon, estate, hatchback, van, SUV, pickup
    "height": (0.96, 1.05),  # of the roof, relative
    "bonnet": (-0.12, 0.12),  # metres more
    "rake": (0.85, 1.2),  # run of windscreen and rear window, relative
    "ride": (-0.02, 0.05),  # metres more of ground clearance
    "wheel": (0.94, 1.1),  # radius, relative
    "yaw": (-0.7, 0.7),  # radians: > 0 shows the nose, < 0 the tail
    "lens": (9.0, 18.0),  # metres from the camera to the car
    "eye": (1.1, 2.3),  # metres from the road to the camera
    "fill": (0.74, 0.96),  # of the picture's width
    "shift": (-0.6, 0.6),  # sideways, in free margins
    "ground": (0.38, 0.74),  # where the near wheels stand in the picture
    "tilt": (-0.05, 0.05),  # slope of the horizon
    "paint": (0.0, 1.0),  # along PAINTS
    "gloss": (0.35, 1.0),  # strength of reflections in the paint
    "trim": (0.0, 1.0),  # black plastic along sills and arches
    "glass": (0.0, 1.0),  # from clear to mirroring windows
    "lamps": (0.0, 1.0),  # from off to on
    "rim": (0.25, 0.9),  # brightness
    "spokes": (0.0, 1.0),  # from five to ten
    "spin": (0.0, 1.3),  # radians the wheels are turned
    "sun": (-1.0, 1.0),  # from on the ends to on the flank
    "shadow": (-0.6, 0.9),  # metres the shadow falls towards the camera
    "sky": (0.0, 1.0),  # along SKIES
    "cloud": (0.0, 0.8),  # opacity
    "trees": (-0.2, 0.75),  # height; none below 0
    "grove": (5.0, 30.0),  # metres from the car to trees and buildings
    "leaf": (0.0, 1.0),  # along LEAVES
    "town": (0.2, 1.0),  # height of the buildings
    "verge": (0.0, 1.0),  # along VERGES
    "path": (0.0, 7.0),  # width of the pavement
    "road": (0.25, 0.58),  # brightness of the asphalt
    "lane": (0.0, 1.0),  # how fresh the markings are
    "kerb": (0.4, 3.0),  # metres from the car to the verge
    "exposure": (0.8, 1.35),  # gain
    "warmth": (-0.12, 0.12),  # red up, blue down
    "contrast": (0.82, 1.2),  # relative
}
MEASURES = ("length", "roof", "bonnet", "screen", "back", "boot", "belt", "sill", "wheel", "nose")
BODIES = (  # metres; `bonnet`, `screen`, `back` and `boot` are lengths along the car, `belt`, `sill`, `nose` heights
    (4.50, 1.31, 1.35, 0.95, 1.10, 0.40, 0.87, 0.16, 0.335, 0.62),
    (4.70, 1.45, 1.22, 0.82, 0.75, 0.70, 0.93, 0.18, 0.325, 0.68),
    (4.70, 1.48, 1.16, 0.80, 0.50, 0.04, 0.94, 0.18, 0.325, 0.68),
    (3.95, 1.48, 0.95, 0.76, 0.42, 0.04, 0.93, 0.17, 0.315, 0.69),
    (4.60, 1.92, 0.74, 0.78, 0.20, 0.03, 1.06, 0.20, 0.335, 0.80),
    (4.60, 1.74, 1.12, 0.66, 0.40, 0.04, 1.06, 0.27, 0.385, 0.85),
    (5.20, 1.80, 1.22, 0.66, 0.24, 1.60, 1.07, 0.31, 0.395, 0.90),
)
WIDTH = 1.75  # metres
SLABS = 7.0  # a joint of the pavement each 2 pi / SLABS metres
GRAZE = 0.02  # rays that fall less than this for each metre deeper pass a plane by
PAINTS = (  # the usual colours more than once
    (0.70, 0.05, 0.06), (0.90, 0.35, 0.05), (0.92, 0.72, 0.08), (0.90, 0.89, 0.86), (0.94, 0.94, 0.94),
    (0.70, 0.72, 0.74), (0.62, 0.64, 0.66), (0.32, 0.34, 0.36), (0.05, 0.05, 0.06), (0.06, 0.12, 0.34),
    (0.08, 0.30, 0.70), (0.45, 0.66, 0.82), (0.12, 0.42, 0.32), (0.08, 0.26, 0.12), (0.60, 0.55, 0.40),
    (0.86, 0.86, 0.86), (0.50, 0.03, 0.08), (0.74, 0.07, 0.06),
)  # fmt: skip
SKIES = (  # above, at the horizon
    ((0.30, 0.38, 0.58), (0.98, 0.76, 0.52)), ((0.22, 0.45, 0.82), (0.76, 0.86, 0.95)),
    ((0.36, 0.58, 0.88), (0.88, 0.92, 0.95)), ((0.66, 0.70, 0.75), (0.88, 0.89, 0.90)),
    ((0.34, 0.36, 0.52), (0.92, 0.66, 0.62)),
)  # fmt: skip
LEAVES = ((0.16, 0.24, 0.06), (0.25, 0.38, 0.12), (0.14, 0.28, 0.16), (0.36, 0.34, 0.10), (0.42, 0.22, 0.07))
WALLS = ((0.62, 0.36, 0.26), (0.80, 0.72, 0.58), (0.56, 0.57, 0.60), (0.86, 0.84, 0.80), (0.42, 0.38, 0.36))
PANES = ((0.14, 0.16, 0.20), (0.34, 0.40, 0.48))
VERGES = ((0.30, 0.42, 0.14), (0.46, 0.46, 0.20), (0.60, 0.57, 0.53), (0.46, 0.45, 0.45), (0.58, 0.48, 0.34))

Measures = dict[str, Tensor]
Point = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class View:
    """The rays of a frame's pixels: where each meets the plane of the near flank, and how it goes on from there."""

    frame: Frame
    car: Measures
    x: Tensor  # (N, 1, 1, W) metres right of the optical axis, where the car stands
    y: Tensor  # (N, 1, H, W) metres below the horizon, likewise
    u: Tensor  # (N, 1, 1, W)
    v: Tensor  # (N, 1, H, W)
    du: Tensor  # along u for each metre deeper
    dv: Tensor

    def cover(self, distance: Tensor, softness: float = 1.0) -> Tensor:
        """Return how much of each pixel a shape covers, its distance in metres."""
        return self.frame.cover(distance * self.car["scale"], softness)

    def beyond(self, w: float | Tensor) -> Tensor:
        """Return the distance on the picture, in metres, from the road's line at depth `w`: > 0 on the far side."""
        sin, far, eye = self.car["sin"], self.car["far"], self.car["eye"]
        slope = far * self.car["cos"] + w
        return (eye * (far * self.car["cos"] - self.x * sin) - self.y * slope) / torch.sqrt(slope**2 + (eye * sin) ** 2)

    def on_road(self) -> Point:
        """Return the u and w of the road under each pixel; near and above the horizon they stop growing."""
        stretch = self.car["eye"] / self.y.clamp(min=0.25)
        x, z = self.x * stretch, (stretch - 1) * self.car["far"]
        return x * self.car["cos"] + z * self.car["sin"], z * self.car["cos"] - x * self.car["sin"]


@dataclass(frozen=True, slots=True)
class Hit:
    """Where the rays meet a solid."""

    outside: Tensor  # distance of the ray from the solid, < 0 where it hits
    edge: Tensor  # distance from the outline of the near flank, < 0 within it
    depth: Tensor  # w; more than that of the flank on nose, tail, bonnet and roof
    up: Tensor  # upward part of the normal of the nearest edge
    u: Tensor
    v: Tensor


def _measure(frame: Frame) -> Measures:
    """Return the measures of the car and of the camera."""
    table = torch.tensor(BODIES, dtype=frame.x.dtype, device=frame.x.device)
    rows = torch.arange(len(BODIES), dtype=table.dtype, device=table.device)
    near = (1 - (frame["body"].view(-1, 1) * (len(BODIES) - 1) - rows).abs()).clamp(min=0)
    car = dict(zip(MEASURES, (near @ table).view(-1, len(MEASURES), 1, 1).split(1, 1), strict=True))
    car["roof"] = car["belt"] + (car["roof"] - car["belt"]) * (1 + 2 * (frame["height"] - 1))
    car |= {"wheel": car["wheel"] * frame["wheel"], "sill": car["sill"] + frame["ride"], "tail": car["length"] / 2}
    car |= {
        "front": -car["tail"],
        "cowl": frame["bonnet"] + car["bonnet"] - car["tail"],
        "rear": car["tail"] - car["boot"],
    }
    car |= {"top": car["cowl"] + car["screen"] * frame["rake"], "end": car["rear"] - car["back"] * frame["rake"]}
    car |= {"axle0": car["front"] + 0.185 * car["length"], "axle1": car["tail"] - 0.2 * car["length"]}
    car["pillar"] = car["cowl"] + 1.05 + 0.13 * (car["rear"] - car["cowl"])
    car |= {"sin": torch.sin(frame["yaw"]), "cos": torch.cos(frame["yaw"]), "far": frame["lens"], "eye": frame["eye"]}
    ends = [_project(car, car[end], depth) for end in ("front", "tail") for depth in (0.0, WIDTH)]
    left, right = torch.minimum(ends[0], ends[1]), torch.maximum(ends[2], ends[3])
    car |= {"scale": 2 * frame["fill"] / (right - left), "centre": (left + right) / 2}
    high, low = (palette(frame["sky"], [stop[i] for stop in SKIES]) for i in (0, 1))
    car |= {"paint": palette(frame["paint"], PAINTS), "high": high, "low": low, "light": (high + 2 * low) / 3}
    return car


def _project(car: Measures, u: Tensor, w: float) -> Tensor:
    """Return how far right of the optical axis a point of the car is seen, in metres where the car stands."""
    return (u * car["cos"] - w * car["sin"]) / (1 + (u * car["sin"] + w * car["cos"]) / car["far"])


def _view(frame: Frame, car: Measures) -> View:
    """Return the rays of a frame; the nose is on the left or, by a toss for each image, on the right."""
    nose = noise.uniform(frame.seeds, "car.nose").round().to(frame.x.dtype).view(-1, 1, 1, 1) * -2 + 1
    x = (frame.x - (1 - frame["fill"]) * frame["shift"]) * nose / car["scale"] + car["centre"]
    y = (frame.y + frame["tilt"] * frame.x - frame["ground"]) / car["scale"] + car["eye"]
    u = x / (car["cos"] - x * car["sin"] / car["far"])
    v = car["eye"] - y * (1 + u * car["sin"] / car["far"])
    reach = car["far"] * car["cos"]
    return View(frame, car, x, y, u, v, (u + car["far"] * car["sin"]) / reach, (v - car["eye"]) / reach)


def _hit(view: View, corners: Sequence[Point], radius: float, start: Tensor) -> Hit:
    """Follow the rays, from depth `start`, into the solid of a convex profile; corners clockwise, nose on the left."""
    u, v = view.u + view.du * start, view.v + view.dv * start
    planes: list[tuple[Tensor, Tensor, Tensor]] = []
    for (u0, v0), (u1, v1) in pairwise(corners):
        size = torch.sqrt((u1 - u0) ** 2 + (v1 - v0) ** 2)
        along, up = (v0 - v1) / size, (u1 - u0) / size
        planes.append((along * (u - u0) + up * (v - v0), along * view.du + up * view.dv, up))

    def fold(depth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the smooth maximum of the planes' distances, its slope with depth, and its upward normal."""
        distance, slope, rise = planes[0][0] + depth * planes[0][1], planes[0][1], planes[0][2]
        for at, change, up in planes[1:]:
            gap = torch.addcmul(at, depth, change) - distance
            share = (gap * (0.5 / radius)).add_(0.5).clamp_(0, 1)
            distance = torch.addcmul(distance, share, torch.add(gap, 1 - share, alpha=radius))
            slope, rise = slope.lerp(change, share), rise.lerp(up, share)
        return distance, slope, rise

    depth = torch.zeros_like(v)
    edge, slope, rise = distance, _, _ = fold(depth)
    for _step in range(2):
        depth = (depth + distance * (-slope).clamp(min=0) / (slope * slope + GRAZE**2)).clamp(min=0)
        depth = torch.minimum(depth, WIDTH - 2 * start)
        distance, slope, rise = fold(depth)
    # A ray that hits ends at a distance of about 0: move the outline out, so that it counts as covered.
    distance = distance - 0.7 * view.frame.px / view.car["scale"]
    return Hit(distance, edge, depth + start, rise, u + depth * view.du, v + depth * view.dv)


def _body(view: View) -> Hit:
    """Return the lower solid: bumpers, bonnet, flank and boot."""
    car = view.car
    front, tail, sill, belt, nose = (car[name] for name in ("front", "tail", "sill", "belt", "nose"))
    bow = [(front + 0.25, sill), (front + 0.02, sill + 0.18), (front + 0.05, nose - 0.04), (front + 0.34, nose + 0.08)]
    stern = [(car["cowl"], belt), (tail - 0.06, belt + 0.03), (tail, sill + 0.24), (tail - 0.25, sill)]
    return _hit(view, [stern[-1], *bow, *stern], 0.1, torch.zeros_like(view.v))


def _inset(car: Measures, v: Tensor) -> Tensor:
    """Return how far the side of the cabin lies behind the flank at height `v`."""
    return 0.04 + 0.22 * (v - car["belt"]).clamp(min=-0.2)


def _cabin(view: View) -> Hit:
    """Return the upper solid, narrower towards the roof: windows, pillars and roof."""
    car, roof, belt = view.car, view.car["roof"], view.car["belt"]
    crown = [(car["top"], roof - 0.04), ((car["top"] + car["end"]) / 2, roof), (car["end"], roof - 0.06)]
    return _hit(view, [(car["cowl"], belt), *crown, (car["rear"], belt + 0.02)], 0.12, _inset(car, view.v))


def _paint_sky(image: Tensor, view: View) -> None:
    """Paint the sky with clouds."""
    frame, high, low = view.frame, view.car["high"], view.car["low"]
    image += high + (low - high) * smooth(-3.6, 0.3, view.y)
    cloud = smooth(-0.05, 0.45, frame.noise("car.cloud", cells=(3, 6), octaves=4)) * frame["cloud"]
    over(image, 0.35 * low + 0.62, cloud)


def _paint_ground(image: Tensor, view: View) -> None:
    """Paint verge, pavement, kerb and asphalt with its markings, all in the car's perspective, and the car's shadow."""
    frame, y, kerb = view.frame, view.y, WIDTH + view.frame["kerb"]
    u, w = view.on_road()
    broad = noise.sample(frame.texture("car.patch", size=64, cells=(6, 24), octaves=2), u / 9, w / 7)
    fine = frame.noise("car.grain", cells=(100, 120))
    grain = fine + frame.noise("car.streak", cells=(24, 90))
    tuft = 0.7 * frame.noise("car.tuft", cells=(44, 60)) + 0.5 * fine
    shade = 0.65 + 0.35 * smooth(0.1, -0.35, view.beyond(kerb + frame["grove"]))
    over(image, palette(frame["verge"], VERGES) * ((1 + 0.38 * tuft + 0.2 * broad) * shade), view.cover(-y - 0.02))
    path, edge = view.beyond(kerb + frame["path"]), view.beyond(kerb)
    slabs = 1 - 0.25 * smooth(0.93, 1.0, torch.cos(u * SLABS))
    over(image, (0.62, 0.61, 0.58), view.cover(path) * (0.85 + 0.25 * tuft) * slabs)
    asphalt = frame["road"] * (0.9 + 0.12 * smooth(0.2, 2.6, y)) * (1 + 0.085 * grain + 0.24 * broad)
    over(image, asphalt.expand(-1, 3, -1, -1), view.cover(edge))
    over(image, (0.70, 0.69, 0.66), view.cover((edge - 0.03).abs() - 0.05) * (0.85 + 0.1 * grain))
    over(image, (0.10, 0.10, 0.10), view.cover((edge - 0.1).abs() - 0.02) * 0.6)
    dash = smooth(-0.1, 0.1, torch.sin(u * 1.3 + 6 * frame["shift"]) + 0.2)
    centre = torch.minimum(view.beyond(-1.85), -view.beyond(-1.65))
    gutter = torch.minimum(view.beyond(kerb - 0.42), -view.beyond(kerb - 0.25))
    line = torch.maximum(view.cover(-centre) * dash, view.cover(-gutter))
    over(image, (0.92, 0.90, 0.84), line * (frame["lane"] * (0.9 + 0.9 * broad + 0.2 * grain)).clamp(0, 1))
    reach = box(u, w - WIDTH / 2 + 0.5 * frame["shadow"], view.car["tail"], WIDTH / 2 + 0.5 * frame["shadow"].abs())
    image *= 1 - 0.84 * smooth(0.35, -0.25, reach) * smooth(0.1, 0.4, y)


def _paint_town(image: Tensor, view: View) -> None:
    """Paint buildings with rows of windows, and lamp posts."""
    frame = view.frame
    foot = view.cover(-view.beyond(WIDTH + frame["kerb"] + frame["grove"]))
    stain, built = 0.2 * frame.noise("car.wall", cells=(40, 60)), torch.zeros_like(foot)
    chance = noise.uniform(frame.seeds, "car.town", 18).to(frame.x.dtype).view(-1, 18, 1, 1).split(1, 1)
    for k in range(3):
        place, width, height, colour, bay, post = chance[6 * k : 6 * k + 6]
        x, half = frame.x - (place * 0.9 + 0.65 * k - 1.1), 0.18 + 0.34 * width
        top = view.y + frame["town"] * (0.8 + 3.4 * height) - 0.4
        column = smooth(-0.1, 0.35, torch.cos(x * (2 * torch.pi / (0.10 + 0.08 * bay))))
        row = smooth(-0.2, 0.25, torch.cos((top - 0.55) * (2 * torch.pi / 0.75))) * smooth(0.25, 0.35, top)
        facade = frame.cover(x.abs() - half) * view.cover(-top) * foot
        over(image, palette(colour, WALLS) * (0.62 + 0.3 * smooth(-1.0, 1.0, x / half)), facade)
        over(image, palette(bay, PANES), 0.85 * column * row * facade)
        built = torch.maximum(built, facade)
        pole = frame.cover((frame.x - 2.4 * post + 1.2).abs() - 0.008) * view.cover(-view.y - 0.6 - 2.4 * width)
        over(image, (0.34, 0.35, 0.36), 0.75 * pole * foot)
    image *= 1 + built * stain


def _paint_trees(image: Tensor, view: View) -> None:
    """Paint a row of trees or bushes, brighter where their crowns catch the light."""
    frame = view.frame
    leaves = frame.noise("car.leaves", cells=(16, 18), octaves=3, gain=0.8)
    line = frame.noise("car.line", cells=(6, 1), octaves=3)[..., :1, :]
    top = 4.2 * frame["trees"] * (0.85 + 0.9 * line) + 0.4 * leaves
    foot = view.beyond(WIDTH + frame["kerb"] + frame["grove"]) + 0.12 * leaves
    colour = palette(frame["leaf"], LEAVES) * (1.1 + leaves + 0.22 * (-view.y - top).clamp(-2.0, 0.0)).clamp(0.22, 1.9)
    over(image, colour, view.cover(-view.y - top, 1.5) * view.cover(-foot))


def _hubs(view: View, depth: float) -> Point:
    """Return u (mirrored in front) and v about the hub of the nearest wheel, `depth` behind the near flank."""
    car = view.car
    u, v = view.u + view.du * depth, view.v + view.dv * depth
    return (u - (car["axle0"] + car["axle1"]) / 2).abs() - (car["axle1"] - car["axle0"]) / 2, v - car["wheel"]


def _paint_tyres(image: Tensor, view: View, depth: float) -> None:
    """Paint the tyres of one side, their outer faces at `depth`."""
    radius = view.car["wheel"]
    faces = [ellipse(*_hubs(view, depth + tread), radius, radius) for tread in (0.0, 0.2)]
    over(image, (0.06, 0.06, 0.065), view.cover(torch.minimum(faces[0], faces[1])))


def _paint_body(image: Tensor, view: View, hit: Hit) -> None:
    """Paint the lower solid: the paint mirrors sky, skyline and road; creases, plastic trim and wheel arches."""
    frame, car, gloss = view.frame, view.car, view.frame["gloss"]
    turned = smooth(0.0, 0.22, hit.depth)
    drop = (car["belt"] - hit.v) / (car["belt"] - car["sill"])
    wave = 0.07 * frame.noise("car.mirror", cells=(9, 4), octaves=3)
    crest = hit.up.clamp(min=0) * torch.maximum(smooth(-0.12, 0.0, hit.edge), turned)
    crease, fold = (drop - 0.30 + 0.03 * hit.u) / 0.05, (drop - 0.80) / 0.06
    press = (crease * torch.exp(-crease * crease) + fold * torch.exp(-fold * fold)) * (1 - turned)
    shade = 0.80 + 0.28 * smooth(0.4, 0.0, drop) - 0.32 * gloss * gauss(drop - 0.50 - wave, 0.13)
    shade = shade - 0.34 * smooth(0.62, 1.0, drop) + 0.3 * crest + 0.40 * press
    shade = shade * (1 + 0.26 * frame["sun"] * (1 - 2 * turned))
    shine = gauss(drop - 0.14 - wave, 0.05) * 0.34 + crest * (0.25 + 0.4 * turned) + 0.12 * gauss(drop - 0.66, 0.1)
    alpha = view.cover(hit.outside)
    over(image, car["paint"] * shade + car["light"] * (gloss * shine), alpha)
    u, v = _hubs(view, 0.0)
    arch = ellipse(u, v, car["wheel"] + 0.05, car["wheel"] + 0.05)
    plastic = torch.maximum(smooth(0.80, 0.86, drop), view.cover(arch - 0.06)) * frame["trim"]
    over(image, (0.08, 0.08, 0.085), torch.maximum(plastic, 0.9 * smooth(0.92, 1.0, drop)) * alpha * 0.9)
    over(image, (0.02, 0.02, 0.025), alpha * view.cover(arch))


def _paint_cabin(image: Tensor, view: View, hit: Hit) -> None:
    """Paint the upper solid: roof and pillars, then the panes, which show the seats and mirror sky and trees."""
    frame, car = view.frame, view.car
    above = hit.v - car["belt"]
    rise, sides = above / (car["roof"] - car["belt"]), _inset(car, hit.v)
    turn, roof = hit.depth - sides, smooth(0.80, 1.0, rise)
    alpha = view.cover(torch.maximum(hit.outside, -0.01 - above))
    shade = 0.72 + 0.25 * roof + 0.1 * frame["sun"]
    over(image, car["paint"] * shade + car["light"] * (0.4 * frame["gloss"] * roof), alpha)
    back = hit.u - car["pillar"]
    flank = torch.maximum(
        torch.maximum(hit.edge + 0.075, 0.05 - above), 0.035 - torch.minimum(back.abs(), (back - 1).abs())
    )
    ends = torch.maximum(box(hit.depth - WIDTH / 2, rise - 0.48, WIDTH / 2 - sides - 0.07, 0.38, 0.05), 0.04 - turn)
    pane = view.cover(torch.minimum(flank + 3 * turn, ends)) * alpha
    seat = torch.minimum(ellipse(back + 0.25, rise - 0.35, 0.16, 0.42), ellipse(back - 0.7, rise - 0.3, 0.2, 0.38))
    trees = smooth(-0.25, 0.3, frame.noise("car.pane", cells=(14, 9), octaves=2) + 1.4 * (rise - 0.5))
    inside = 0.05 + 0.24 * smooth(-0.02, 0.06, seat) * smooth(0.1, 0.6, rise) * (1 - frame["glass"])
    mirror = (0.10 + 0.75 * frame["glass"]) * (0.12 + 0.55 * trees) * (0.6 + 0.5 * rise)
    over(image, car["light"] * (inside + mirror), pane)


def _paint_flank(image: Tensor, view: View, body: Hit) -> None:
    """Paint what is on the flank: the gaps of the doors, their handles, the window sill and the wing mirror."""
    car, u, v = view.car, view.u, view.v
    alpha, bend = view.cover(body.outside), 0.05 * (v - 0.6) ** 2
    front, middle = car["cowl"] + 0.38 + bend, car["pillar"] + bend
    rear = torch.minimum(car["pillar"] + 1.0, car["axle1"] + 0.1) + bend
    gap = torch.minimum(torch.minimum((u - front).abs(), (u - middle).abs()), (u - rear).abs())
    tall = view.cover(torch.maximum(v - car["belt"], car["sill"] + 0.1 - v))
    over(image, (0.03, 0.03, 0.035), 0.7 * alpha * tall * view.cover(gap - 0.012))
    place = torch.minimum((u - middle + 0.16).abs(), (u - rear + 0.16).abs())
    handle = box(place, v - car["belt"] + 0.16, 0.09, 0.02, 0.01)
    over(image, (0.04, 0.04, 0.04), 0.6 * alpha * view.cover(handle - 0.015))
    over(image, car["paint"] * 0.6 + 0.4, alpha * view.cover(handle))
    strip = view.cover((v - car["belt"] - 0.02).abs() - 0.01) * smooth(0.25, 0.05, body.depth)
    over(image, (0.75, 0.76, 0.78), 0.6 * strip * view.cover(torch.maximum(front - 0.1 - u, u - car["rear"])))
    mirror = ellipse(u - car["cowl"] - 0.46, v - car["belt"] - 0.07, 0.11, 0.075)
    over(image, (0.02, 0.02, 0.02), 0.7 * view.cover(mirror - 0.025))
    over(image, car["paint"] * (0.85 + 3.0 * (v - car["belt"] - 0.05)) + 0.04, view.cover(mirror))


def _paint_ends(image: Tensor, view: View, body: Hit) -> None:
    """Paint nose and tail: lamps round the corners, grille, number plates and bumpers."""
    car, v, light = view.car, body.v, view.frame["lamps"]
    alpha, fore = view.cover(body.outside), smooth(0.3, -0.3, body.u)
    ahead, behind, turned = alpha * fore, alpha * (1 - fore), alpha * smooth(0.02, 0.1, body.depth)
    side = WIDTH / 2 - (body.depth - WIDTH / 2).abs()
    centre = side - WIDTH / 2
    high, low = v - car["nose"] + 0.17, v - car["sill"] - 0.11
    grille = box(centre, high, 0.42, 0.085, 0.04) + (1 - fore)
    holes = torch.minimum(grille, box(centre, low, 0.66, 0.06, 0.03))
    plate = box(centre, fore * (low - 0.16) + (1 - fore) * (v - car["belt"] + 0.3), 0.26, 0.06, 0.01)
    over(image, (0.70, 0.71, 0.73), turned * view.cover(grille - 0.025))
    over(image, (0.04, 0.04, 0.045), turned * view.cover(holes))
    over(image, (0.92, 0.89, 0.76), turned * view.cover(plate))
    around = side + 1.2 * (body.u - car["front"]).clamp(min=0)
    lamp = box(around - 0.24, v - car["nose"] + 0.10 - 0.22 * (around - 0.2), 0.25, 0.07, 0.05)
    shell = 0.25 + 0.5 * gauss(lamp + 0.05, 0.03) + 1.3 * light * gauss(around - 0.2, 0.13)
    over(image, (0.05, 0.05, 0.06), ahead * view.cover(lamp - 0.02) * 0.6)
    over(image, car["light"] * shell + 0.1, ahead * view.cover(lamp))
    halo = gauss(ellipse(around - 0.2, v - car["nose"] + 0.1, 0.1, 0.1).clamp(min=0), 0.12)
    over(image, (1.0, 0.96, 0.85), 0.7 * light * light * halo * ahead)
    around = side + 1.7 * (car["tail"] - body.u).clamp(min=0)
    lamp = box(around - 0.17, v - car["belt"] + 0.17, 0.2, 0.10, 0.03)
    glow = 0.75 + 0.7 * gauss(lamp + 0.06, 0.035)
    over(image, palette(light, ((0.45, 0.03, 0.04), (0.95, 0.12, 0.08))) * glow, behind * view.cover(lamp))


def _paint_rims(image: Tensor, view: View) -> None:
    """Paint the rims of the near wheels: spokes, ring, hub, and a sheen on the tyre's wall."""
    frame, radius = view.frame, view.car["wheel"]
    u, v = _hubs(view, 0.0)
    x, y = u / radius, v / radius
    r = torch.sqrt(x * x + y * y + 1e-6)
    angle = torch.atan2(y, x) + frame["spin"]
    five, ten = torch.cos(5 * angle), torch.cos(10 * angle)
    spoke = smooth(-0.25, 0.35, five + (ten - five) * smooth(0.3, 0.7, frame["spokes"]) - 0.5 * (r - 0.4))
    bright = torch.maximum(spoke, torch.maximum(gauss(r - 0.66, 0.05), smooth(0.22, 0.14, r)))
    metal = 0.05 + frame["rim"] * (0.85 + 0.35 * y - 0.2 * x) * bright
    over(image, (0.17, 0.17, 0.18), 0.8 * gauss(r - 0.86, 0.06) * (0.6 + 0.4 * y).clamp(0, 1))
    over(image, metal.expand(-1, 3, -1, -1), view.cover((r - 0.70) * radius))
    over(image, (0.12, 0.12, 0.13), view.cover((r - 0.09) * radius))


def _grade(image: Tensor, frame: Frame) -> Tensor:
    """Return the picture as a camera would give it: exposure, white balance, contrast."""
    warmth = frame["warmth"]
    gain = frame["exposure"] * torch.cat([1 + warmth, torch.ones_like(warmth), 1 - warmth], 1)
    return 0.45 + (image * gain - 0.45) * frame["contrast"]


def draw(frame: Frame) -> Tensor:
    """Draw the scene from far to near."""
    car = _measure(frame)
    image, view = frame.blank((0.0, 0.0, 0.0)), _view(frame, car)
    for paint in (_paint_sky, _paint_ground, _paint_town, _paint_trees):
        paint(image, view)
    sub, at = frame.part(-1.0, -0.65, 1.0, 0.87)
    view, picture = _view(sub, car), image[at]
    _paint_tyres(picture, view, WIDTH - 0.2)
    body = _body(view)
    _paint_body(picture, view, body)
    _paint_cabin(picture, view, _cabin(view))
    _paint_flank(picture, view, body)
    _paint_ends(picture, view, body)
    _paint_tyres(picture, view, 0.0)
    _paint_rims(picture, view)
    return _grade(image, frame)
