"""What is done to a ground truth before a method gets it: a short list of named operators, in order.

| operator   | what it makes of an image I (3, H, W) in [0, 1]                     | number       |
| ---------- | ------------------------------------------------------------------- | ------------ |
| `rotate D` | the truth, turned counter-clockwise about its centre; cubic splines | degrees      |
| `shift P`  | the truth, moved right and down by whole pixels                     | % of side    |
| `mirror`   | the truth, left and right exchanged                                 |              |
| `blur S`   | I * Gaussian of this deviation, cut at 4 S                          | pixels       |
| `down`     | M · I · Mᵀ (bench/resize.py), by the factor of the task             |              |
| `noise S`  | I + S / 255 · N(0, 1), a number for each value                      | 8-bit levels |
| `jpeg Q`   | JPEG of 8 bits, 4:2:0, and back                                     | quality      |
| `grey`     | 0.299 R + 0.587 G + 0.114 B (BT.601) in all three channels          |              |
| `mask P`   | black in this share of its pixels, drawn without replacement        | share        |
| `hole S`   | black in a square in its middle of this share of the side           | share        |

Before all of them may stand one edit of an amateur (`eyes`, `mouth`, `paste`, `stroke`, `patch`), whose formulas are in
bench/images/retouching.py.

Beyond a border the image is mirrored. Those that change the truth come first: a method is then measured against the
turned or moved image. All is computed in float64 on the CPU and rounded to 8 bits at the end. Random numbers are a hash
of the image's name, the operator and its place in the list (bench/scenes/noise.py): the same on every run, others for
another image.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from bench import schema
from bench.errors import BadFile, BenchError, UnknownName

PLAIN = ("down",)
"""What all tables do that say nothing else."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operator with its number; NaN for one that takes none."""

    operator: str
    number: float

    def __str__(self) -> str:
        """Return it as it is written in a list."""
        return self.operator if math.isnan(self.number) else f"{self.operator} {repr(self.number).removesuffix('.0')}"


@dataclass(frozen=True, slots=True)
class _Operator:
    """What is known of an operator before it is used."""

    low: float = math.nan
    """The least number it takes; NaN: it takes none."""
    high: float = math.nan
    unit: str = ""
    of_truth: bool = False
    """True if it changes what a result is compared with."""
    edit: bool = False
    """True if it is an edit: a result is compared with the image before it, or, where it can be drawn, with
    the drawing."""
    whole: bool = False
    """True if its number is rounded to a whole one."""
    random: bool = False
    """True if it draws random numbers, so that no result can be put through it again."""


_SHOWN = 40  # characters of a wrong text
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE | re.ASCII)
_OPERATORS = {
    "eyes": _Operator(1.1, 2, "times as large", of_truth=True, edit=True),
    "mouth": _Operator(-8, 8, "% of the side", of_truth=True, edit=True),
    "paste": _Operator(0.05, 0.3, "share of the side", of_truth=True, edit=True),
    "stroke": _Operator(0.02, 0.3, "share of the side", of_truth=True, edit=True),
    "patch": _Operator(0.05, 0.5, "share of the side", of_truth=True, edit=True),
    "rotate": _Operator(-180, 180, "degrees", of_truth=True),
    "shift": _Operator(-50, 50, "% of the side", of_truth=True),
    "mirror": _Operator(of_truth=True),
    "blur": _Operator(0.1, 100, "pixels"),
    "down": _Operator(),
    "noise": _Operator(0.1, 255, "8-bit levels", random=True),
    "jpeg": _Operator(1, 95, "quality", whole=True),
    "grey": _Operator(),
    "mask": _Operator(0.01, 0.99, "share of the pixels", random=True),
    "hole": _Operator(0.01, 0.99, "share of the side"),
}


@lru_cache(maxsize=256)
def steps(degradation: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the operators of a list such as `("rotate 30", "down", "noise 10")`.

    Raises `UnknownName` with the nearest names, or `BenchError` for a number, an order or a repetition that cannot be.
    """
    found = tuple(map(_step, degradation))
    of_truth = [_OPERATORS[step.operator].of_truth for step in found]
    if of_truth != sorted(of_truth, reverse=True):
        late = next(str(step) for at, step in enumerate(found) if of_truth[at] and not all(of_truth[:at]))
        raise BenchError(f"{late} changes the ground truth itself, so it has to come before what degrades the image.")
    if sum(of_truth) > 1 and any(_OPERATORS[step.operator].edit for step in found):
        raise BenchError(f"{', '.join(degradation)}: an edit stands alone; take out what else changes the truth.")
    if [step.operator for step in found].count("down") > 1:
        raise BenchError("down stands twice in the list; the factor of the table is that of one.")
    return found


def _step(text: str) -> Step:
    """Return one operator."""
    name, _, number = text.strip().partition(" ")
    if name not in _OPERATORS:
        raise UnknownName("degradation", name, _OPERATORS)
    operator = _OPERATORS[name]
    if math.isnan(operator.low):
        if number:
            raise BenchError(f"{name} takes no number, but {text!r} gives one; write {name!r}.")
        return Step(name, math.nan)
    value = float(number) + 0.0 if _NUMBER.fullmatch(number.strip()) else math.nan  # -0 becomes 0
    if not operator.low <= value <= operator.high:
        half = max(operator.high / 2, operator.low)
        example = round(half) if operator.whole else half
        raise BenchError(
            f"{name} takes a number from {operator.low:g} to {operator.high:g} ({operator.unit}), as in "
            f"'{name} {example:g}'; {text[:_SHOWN]!r} has {number[:_SHOWN] or 'none'}."
        )
    return Step(name, round(value) if operator.whole else value)


def words(degradation: tuple[str, ...]) -> str:
    """Return the list as a protocol has it; "" for what all tables do."""
    return "" if degradation == PLAIN else ", ".join(map(str, steps(degradation)))


def fits(degradation: tuple[str, ...], factor: int) -> str:
    """Return why a list cannot be of a task at this factor; "" if it can."""
    down = any(step.operator == "down" for step in steps(degradation))
    if factor > 1 and not down:
        return f"its degradation ({', '.join(degradation)}) has no `down`, without which no image is {factor}x smaller"
    return "at 1x nothing is made smaller; take `down` out of its degradation" if factor == 1 and down else ""


def repeatable(degradation: tuple[str, ...]) -> bool:
    """Tell whether a result can be put through it again, to be compared with the input."""
    return not any(_OPERATORS[step.operator].random for step in steps(degradation))


def of_truth(degradation: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the operators of a list that change the ground truth itself."""
    return tuple(step for step in steps(degradation) if _OPERATORS[step.operator].of_truth)


def edit(degradation: tuple[str, ...]) -> Step | None:
    """Return the edit that a list begins with (bench/images/retouching.py); None if there is none."""
    return next((step for step in steps(degradation) if _OPERATORS[step.operator].edit), None)


def of_faces(degradation: tuple[str, ...]) -> bool:
    """Tell whether a list begins with an edit for which one must know where the eyes and the mouth are."""
    return (found := edit(degradation)) is not None and found.operator in ("eyes", "mouth")


def drawable(degradation: tuple[str, ...], reader: str) -> bool:
    """Tell whether the images of a reader can be drawn with the edit that a list begins with: wider eyes of scenes."""
    return reader == "scenes" and (found := edit(degradation)) is not None and found.operator == "eyes"


@dataclass(frozen=True, slots=True)
class _List:
    """Such a list in a file."""

    words: str = 'a list of operators such as ["rotate 30", "down"]'

    def check(self, where: str, key: str, value: object) -> None:
        """Raise `BadFile` for one that cannot be used."""
        schema.ListOf(schema.TEXT, least=1, once=False).check(where, key, value)
        try:
            steps(found := tuple(value) if isinstance(value, list) else ())
        except BenchError as error:
            raise BadFile(f"{where}: {key}: {error}") from error
        if wide := next((text for text in found if text != text.strip()), None):
            raise BadFile(f"{where}: {key}: {wide!r} has blanks around it; write {wide.strip()!r}.")


LIST = _List()
"""The kind of value, for cards and tables."""
