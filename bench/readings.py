"""Whether a result is in the range, the order of colours and the place that it must be, told before it is clamped.

A result is compared with its input in the mean colours of squares, one for each pixel of the input, which every method
at least comes near. If they agree far better once the result is read in another way, that is what its method returns.
Pixels of the input that are black are left out: those that a mask takes away are, and nothing agrees with them.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn import functional

from bench.spec import Images

_FAR = 0.05
"""Mean difference of colour from which another reading is looked for; values are of [0, 1]."""
_BETTER = 3
"""How many times nearer to the input another reading must come."""
_MARGIN = 0.1
"""How far outside of [0, 1] a value must be to count: a sharp edge may overshoot by less."""
_SHARE = 0.1
"""Share of such values from which it is told."""
_MEAN = 0.25
"""Difference of a mean colour from which it is told."""

_RANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda image: image,
    "[0, 255]": lambda image: image / 255,
    "[-1, 1]": lambda image: (image + 1) / 2,
    "[0, 1/255]": lambda image: image * 255,
}
_TURNS: dict[str, Callable[[Tensor], Tensor]] = {
    "transposed": lambda image: image.mT,
    "mirrored": lambda image: image.flip(-1),
    "turned upside down": lambda image: image.flip(-2),
    "turned by 90 degrees": lambda image: image.rot90(1, (-2, -1)),
    "turned by 180 degrees": lambda image: image.flip(-2, -1),
    "turned by 270 degrees": lambda image: image.rot90(-1, (-2, -1)),
}


def suspicions(sr: Images, lr: Images) -> list[str]:
    """Return for each image what seems to be wrong with its values, or "": (N, 3, H, W) as returned, and its input.

    The sentences are few and without figures, so that a table can count the images that share one.
    """
    return [_suspicion(one, of) for one, of in zip(sr, lr, strict=True)]


def _suspicion(sr: Tensor, lr: Tensor) -> str:
    """Return what seems to be wrong with one image (3, H, W); one that holds NaN is another's to tell."""
    if not sr.isfinite().all():
        return ""
    found, wanted = functional.adaptive_avg_pool2d(sr, (lr.shape[-2], lr.shape[-1])), lr
    known = (lr > 0).any(0)  # (H, W)
    known = known if known.any() else ~known
    away = _difference(found, wanted, known)
    if away > _FAR:
        told = {sentence: _difference(read(found), wanted, known) for sentence, read in _mistakes(found).items()}
        nearest = min(told, key=told.__getitem__)
        if told[nearest] * _BETTER < away:
            return nearest
    outside = ((sr < -_MARGIN) | (sr > 1 + _MARGIN)).float().mean().item()
    if outside > _SHARE:
        return f"more than {_SHARE:.0%} of the values lie outside of [0, 1] by more than {_MARGIN} and are clamped"
    clamped = functional.adaptive_avg_pool2d(sr.clamp(0, 1), (lr.shape[-2], lr.shape[-1]))
    if (clamped[:, known].mean(1) - lr[:, known].mean(1)).abs().max().item() > _MEAN:
        return f"the mean colour differs from the input's by more than {_MEAN}"
    return ""


def _mistakes(image: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return the mistakes that are looked for: another range, blue before red, or both; sides that are exchanged."""
    colours = {
        " in ".join(filter(None, (order, span))): partial(_read, read, order == "BGR")
        for order in ("RGB", "BGR")
        for span, read in _RANGES.items()
        if order == "BGR" or span
    }
    turns = {name: turn for name, turn in _TURNS.items() if turn(image).shape == image.shape}
    return {
        f"the values agree with the input only if they are read as {name}; RGB in [0, 1] is wanted": read
        for name, read in colours.items()
    } | {f"the result agrees with the input only if it is {name}": turn for name, turn in turns.items()}


def _read(read: Callable[[Tensor], Tensor], flipped: bool, image: Tensor) -> Tensor:  # noqa: FBT001 - see `partial`
    """Return an image (3, H, W) read in another way."""
    return read(image.flip(-3) if flipped else image)


def _difference(one: Tensor, other: Tensor, known: Tensor) -> float:
    return (one - other)[:, known].abs().mean().item()
