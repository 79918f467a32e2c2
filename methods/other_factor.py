"""One file for all factors: any trained method's networks of one factor, applied at another through M.

The input is brought to the side that the network takes: an 8x input of 16 px to the 8 px of a network of 16x by M,
which loses what is finer; a 32x input of 4 px by bicubic interpolation, which adds nothing. The result has the size
that was asked for, as both networks make images of `hr_size` px. It is what a user gets who has one file; the input is
then no longer what the network explains, and LR-PSNR says by how much.
"""

import re
from dataclasses import replace
from typing import ClassVar, Self

import torch

from bench import reference_images, resize
from bench.spec import BenchError, Images, Method, MissingWeights, Spec, Task
from methods import specs

_FORM = re.compile(r"(?P<method>.+)@(?P<factor>[1-9][0-9]{0,8})")


def parted(name: str) -> tuple[str, int | None]:
    """Return a method's name and the factor behind it, `glean@16`; None if there is none."""
    found = _FORM.fullmatch(name)
    return (found["method"], int(found["factor"])) if found else (name, None)


def of_factor(of: type[Method], factor: int) -> type[Method]:
    """Return the class of `<name>@<factor>` for a method class.

    Raises `BenchError` for a method that has no networks of a factor, or none of this one.
    """
    _check(of.spec, factor)

    class OfFactor:
        """The method's network of one factor, its input brought to the side it takes."""

        spec: ClassVar[Spec] = replace(
            of.spec, name=f"{of.spec.name}@{factor}", title=f"{of.spec.title} of {factor}x", factors=specs.ANY
        )
        inner_class: ClassVar[type[Method]] = of

        def __init__(self, inner: Method, side: int, given: int) -> None:
            """Take the method, loaded for its factor, the side of the input it takes, and that of the one it gets."""
            self.inner = inner
            self.side = side
            self.given = given

        @classmethod
        def load(cls, task: Task, device: torch.device) -> Self:
            """Load the method for its factor. Raises `MissingWeights` if that does not divide the size."""
            if task.hr_size % factor:
                raise MissingWeights(
                    f"{of.spec.title} has no network of {factor}x for images of {task.hr_size} px, which {factor} does "
                    "not divide; take images of another size, or the networks of another factor."
                )
            if task.factor != factor and reference_images.knows_by_input(of.spec, task):
                raise BenchError(
                    f"{of.spec.title} knows the test images by their inputs of {task.factor}x, not by what is made of "
                    f"them for a network of {factor}x; measure it without @{factor}."
                )
            own = replace(task, factor=factor)
            return cls(of.load(own, device), own.lr_size, task.lr_size)

        @property
        def remark(self) -> str:
            """What the method says of itself, and what is done to its input."""
            how = "made smaller by M" if self.given > self.side else "enlarged by bicubic interpolation"
            made = "" if self.given == self.side else f"inputs of {self.given} px {how} to {self.side} px"
            return "; ".join(filter(None, (getattr(self.inner, "remark", ""), made)))

        @property
        def dead_macs(self) -> int:
            """As the method says."""
            found: int = getattr(self.inner, "dead_macs", 0)
            return found

        def upscale(self, lr: Images) -> Images:
            """Restore a batch."""
            if lr.shape[-1] == self.side:
                return self.inner.upscale(lr)
            return self.inner.upscale(resize.resize(lr, self.side, self.side).clamp(0, 1))

    return OfFactor


def _check(spec: Spec, factor: int) -> None:
    """Refuse a method that has no networks of a factor, or none of this one."""
    if spec.oracle:
        raise BenchError(f"{spec.name}@{factor}: an oracle knows inputs of its own factor alone; leave @{factor} out.")
    if not spec.trained:
        raise BenchError(f"{spec.name}@{factor}: {spec.title} has no networks of a factor; leave @{factor} out.")
    if factor not in spec.factors:
        there = ", ".join(map(str, spec.factors))
        raise BenchError(f"{spec.name}@{factor}: {spec.title} is for factors {there}, not {factor}.")
