"""The image as it is given, for tasks that keep the size: the row that others are to be better than."""

from typing import ClassVar

from bench.spec import Images, Spec
from methods import specs
from methods.interpolation import Interpolation


class Input(Interpolation):
    """Nothing is done."""

    spec: ClassVar[Spec] = specs.INPUT

    def upscale(self, lr: Images) -> Images:
        """Return the images themselves."""
        return lr
