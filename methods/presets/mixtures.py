"""What networks are trained with that are to restore more than small images: degradations with drawn numbers.

A network has the name of its mixture behind its own (`glean.blind`), and a card or a variant of a table says which it
takes. `blind` has the operators of the benchmark BFR128 of K. Zhang et al., "EDFace-Celeb-1M: Benchmarking Face
Hallucination with a Million-scale Dataset", IEEE TPAMI 2022 (blur, noise, low resolution, JPEG, all of them), at
moderate strengths of ours; `tasks` are those that K. C. K. Chan et al. name for GLEAN beside super-resolution, of which
one network learns all: an input shows which it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mixture:
    """Lists of degradations (bench/degradation.py), each as likely as another for a training image."""

    lists: tuple[tuple[str, ...], ...]
    """An operator has its number, or two with `to` between, from which one is drawn uniformly."""

    @property
    def numbers(self) -> int:
        """How many random numbers `drawn` takes."""
        return 1 + max(map(len, self.lists))

    def drawn(self, numbers: Sequence[float]) -> tuple[str, ...]:
        """Return one of the lists with its numbers, from random ones in [0, 1): for the list, for each operator."""
        chosen = self.lists[int(numbers[0] * len(self.lists))]
        return tuple(_settled(text, number) for text, number in zip(chosen, numbers[1:], strict=False))


def _settled(text: str, share: float) -> str:
    """Return an operator with one number, this share of the way from its first to its second."""
    least, between, most = text.partition(" to ")
    if not between:
        return text
    operator, low = least.split(" ")
    return f"{operator} {float(low) + share * (float(most) - float(low)):.4g}"


MIXTURES: Mapping[str, Mixture] = {
    "blind": Mixture(
        (
            ("down",),
            ("blur 2 to 12", "down"),
            ("down", "noise 3 to 25"),
            ("down", "jpeg 40 to 90"),
            ("blur 2 to 12", "down", "noise 3 to 25", "jpeg 40 to 90"),
        )
    ),
    "tasks": Mixture((("grey",), ("noise 10 to 60",), ("mask 0.9",), ("hole 0.5",))),
}
"""Blurs in pixels of the HR image, of which sixteen are one of the LR image at 16x."""


def parted(name: str) -> tuple[str, Mixture | None]:
    """Return the method and the mixture of what is trained, as of `glean.blind`; None for images made small alone."""
    method, _, mixture = name.rpartition(".")
    return (method, MIXTURES[mixture]) if mixture in MIXTURES else (name, None)


def unfit(name: str, factor: int) -> str:
    """Return why a restorer of this name is not trained at a factor; "" if it is."""
    _, mixture = parted(name)
    lists = mixture.lists if mixture else (("down",),)
    if factor == 1 and any("down" in each for each in lists):
        return f"{name} is trained with images that are made small, so not at 1x"
    if factor > 1 and any("down" not in each for each in lists):
        return f"{name} is trained with images that keep their size, so not at {factor}x"
    return ""
