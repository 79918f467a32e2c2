"""The minimum-norm image whose down-sampled version is the input: what the operator alone allows, with no prior.

M has full rank, so M (M-dagger LR) = LR exactly; rounding to 8 bit is all that LR-consistency loses.
"""

from typing import ClassVar

from bench import resize
from bench.spec import Images, Spec
from methods import specs
from methods.interpolation import Interpolation


class PseudoInverse(Interpolation):
    """The Moore-Penrose inverse of the MATLAB bicubic operator, applied along both axes."""

    spec: ClassVar[Spec] = specs.PSEUDO_INVERSE

    def upscale(self, lr: Images) -> Images:
        """Enlarge by two matrix products."""
        return resize.pseudo_inverse(lr, self.factor)
