"""Training of a network that restores in one pass, with the losses of GLEAN: the same for GLEAN and its rivals.

K. C. K. Chan et al., "GLEAN", CVPR 2021, Eq. 5-8 and appendix A: mean squared error, 0.01 times the distance of VGG16
features, 0.01 times the adversarial loss of a StyleGAN2 discriminator, which starts from that of the bank; Adam with
betas (0.9, 0.99), cosine annealing from 1e-4 to 1e-7. As in the released code: values in [-1, 1], squared distance at
conv4_3 before its ReLU, the non-saturating loss, no R1, no moving average. Otherwise than there, VGG16 gets its images
from [0, 1] normalised as it was trained with them.
"""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.spec import Images
from methods.presets.restorer import RestorerRecipe
from methods.training import losses
from methods.training.optimisers import adam
from methods.training.processes import Told, descend
from methods.training.regression import BETAS, LAYOUT, Adapter, Regression
from methods.training.share import Share


class Restorer(Regression):
    """A network in training against a discriminator."""

    parts: ClassVar[tuple[str, ...]] = ("network", "discriminator")
    optimisers: ClassVar[tuple[str, ...]] = ("optimiser", "d_optimiser")

    def __init__(  # noqa: PLR0913 - what is trained, on what, how
        self,
        method: Adapter,
        discriminator: nn.Module,
        vgg: nn.Module,
        recipe: RestorerRecipe,
        *,
        factor: int,
        device: torch.device,
        share: Share,
    ) -> None:
        """Take networks at their beginning; raises as `Regression`."""
        super().__init__(method, recipe, factor=factor, device=device, share=share)
        self.vgg = vgg.to(device).to(memory_format=LAYOUT)
        self.discriminator = discriminator.to(device).to(memory_format=LAYOUT).requires_grad_()
        self.d_optimiser = adam(self.discriminator.parameters(), recipe.critic_rate, BETAS, device)

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rate of each optimiser at the beginning."""
        return self.recipe.rate, self.recipe.critic_rate

    def _places(self, hr: Images) -> tuple[Tensor, ...]:
        """Return the rows and the columns of the part that VGG16 compares, at a random place: (2, side)."""
        side = self.recipe.crop or hr.shape[-1]
        corner = torch.randint(hr.shape[-1] - side + 1, (2, 1), generator=self.share.draws(self.step))
        return ((corner + torch.arange(side)).to(self.device),)

    def _trained(self, lr: Images, hr: Images, *places: Tensor) -> Told:
        parts, restored = self._split(hr), list[Images]()
        self.discriminator.requires_grad_(requires_grad=False)
        told = self._train_network(self._split(lr), parts, restored, partial(self._three, place=places[0]))
        self.discriminator.requires_grad_(requires_grad=True)
        return told | self._train_discriminator(restored, parts)

    def _three(self, sr: Images, hr: Images, place: Tensor) -> tuple[Tensor, Told]:
        """Return the loss of restored images, and its three terms."""
        with self._precision():
            perceptual = self._perceptual(sr, hr, place)
            adversarial = losses.generator_loss(self.discriminator(sr * 2 - 1).float())
        pixel, told = self._distance(sr, hr)
        loss = pixel + self.recipe.perceptual * perceptual + self.recipe.adversarial * adversarial
        return loss, told | {"perceptual": perceptual.detach(), "adversarial": adversarial.detach()}

    def _perceptual(self, sr: Images, hr: Images, place: Tensor) -> Tensor:
        """Return the mean squared distance of the features of some rows and columns of the images, (2, side)."""
        rows, columns = place
        sr, hr = (each.index_select(2, rows).index_select(3, columns) for each in (sr, hr))
        with torch.no_grad():
            wanted = self.vgg(hr)
        return F.mse_loss(self.vgg(sr).float(), wanted.float())

    def _train_discriminator(self, restored: Sequence[Images], parts: Sequence[Images]) -> Told:
        judged = (self._judged(sr, hr) for sr, hr in zip(restored, parts, strict=True))
        return descend(judged, self.d_optimiser, list(self.discriminator.parameters()))

    def _judged(self, sr: Images, hr: Images) -> tuple[Tensor, Told]:
        """Return the discriminator's loss."""
        with self._precision():
            real, fake = (self.discriminator(each * 2 - 1).float() for each in (hr, sr))
            loss = losses.discriminator_loss(real, fake)
        return loss, {"d": loss.detach()}
