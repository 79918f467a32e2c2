"""Bicubic interpolation as MATLAB's imresize enlarges (Keys, a = -0.5): the first row of every table."""

from typing import ClassVar

from bench import resize
from bench.spec import Images, Spec
from methods.interpolation import FACTORS, Interpolation


class Bicubic(Interpolation):
    """R. Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 1981."""

    spec: ClassVar[Spec] = Spec(
        name="bicubic", title="Bicubic", family="interpolation", paper="Keys 1981", factors=FACTORS
    )

    def upscale(self, lr: Images) -> Images:
        """Enlarge by two matrix products."""
        return resize.upsample(lr, self.factor)
