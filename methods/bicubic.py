"""Bicubic interpolation as MATLAB's imresize enlarges (Keys, a = -0.5): the first row of every table."""

from typing import ClassVar

from bench import resize
from bench.spec import Images, Spec
from methods import specs
from methods.interpolation import Interpolation


class Bicubic(Interpolation):
    """R. Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 1981."""

    spec: ClassVar[Spec] = specs.BICUBIC

    def upscale(self, lr: Images) -> Images:
        """Enlarge by two matrix products."""
        return resize.upsample(lr, self.factor)
