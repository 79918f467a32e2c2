"""BigGAN as GLEAN's latent bank: its chunks of z are the latents, one a stage, and the class is given.

Ours: the paper (Chan et al., CVPR 2021) has StyleGANs, one of each category. A class-conditional generator (Brock et
al., ICLR 2019) is one bank for several; GLEAN's encoder predicts z, cut into the chunk of the linear layer and those of
the blocks, and the category is its class. There are no noise maps. Its attention stays.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from methods.nets.biggan import BigGAN
from methods.nets.synthesis import Synthesis


class BigGANBank(Synthesis):
    """A generator of one class: stage 0 is its linear layer, stage i its i-th block, the image its output layer."""

    rgb_each_stage = False
    latents_each_stage = 1

    def __init__(self, generator: BigGAN) -> None:
        """Take a generator; raises `ValueError` unless it is of one class (`methods.formats.biggan.of_class`)."""
        if generator.classes != 1:
            raise ValueError(f"a bank is of one class, not of {generator.classes}.")
        super().__init__(size=generator.size, channels=generator.channels, style_dim=generator.chunk)
        self.generator = generator

    @property
    def noisy(self) -> nn.ModuleList:
        """No layer takes noise."""
        return nn.ModuleList()

    def start(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:  # noqa: ARG002 - it takes none
        """Run stage 0 for chunks of z (B, stages, chunk): (B, C, 4, 4)."""
        return self.generator.start(w[:, 0])

    def stage(self, index: int, x: Tensor, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:  # noqa: ARG002
        """Run stage `index` >= 1: (B, C, R, R) to (B, C', 2R, 2R)."""
        embedded = self.generator.shared.weight.expand(len(x), -1)
        return self.generator.block(index - 1, x, w[:, index], embedded)

    def image(self, features: Iterable[Tensor], w: Tensor) -> Tensor:  # noqa: ARG002 - the output layer takes no z
        """Make the RGB image of the last of the stages' features: (B, 3, size, size), in [-1, 1]."""
        return self.generator.image(deque(features, maxlen=1).pop())
