"""What a bank's two networks are trained for, for a part of a batch: each loss with the numbers to be told of it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.spec import Images
from methods.nets.stylegan2 import StyleGAN2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.training import losses
from methods.training.bank.part import Part
from methods.training.processes import Told
from methods.training.run import precision


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The networks of a stage, and how they are computed."""

    generator: StyleGAN2
    discriminator: StyleGAN2Discriminator
    noise: bool
    half: bool
    """In bfloat16, where that is faster."""
    batch: int
    """Images of a step, all parts of all processes together."""

    def painted(self, part: Part) -> Images:
        """Return the generator's images of a part's random codes, as many as it has, (B, 3, R, R), about [-1, 1]."""
        w = part.codes(self.generator, part.share.count(self.batch))
        with self._precision():
            return part.painted(self.generator, w, noise=self.noise)

    def judged(self, part: Part, real: Images, p: Tensor | None, r1: float) -> tuple[Tensor, Told]:
        """Return the discriminator's loss on a part, (B, 3, R, R), [-1, 1], augmented with the probability p, if any.

        R1 has the weight `r1`; with 0 it is not computed.
        """
        with torch.no_grad():
            fake = self.painted(part)
        with self._precision():
            real = part.augmented(real, p).requires_grad_(r1 > 0)
            logits = self.discriminator(real).float()
            loss = losses.discriminator_loss(logits, self.discriminator(part.augmented(fake, p)).float())
            told = {"d": loss.detach(), "sign": logits.detach().sign().mean()}
            if r1 > 0:
                penalty = losses.r1_penalty(real, logits)
                loss = loss + penalty * r1
                told["r1"] = penalty.detach()
        return loss, told

    def fooling(self, part: Part, p: Tensor | None) -> tuple[Tensor, Told]:
        """Return the generator's loss on a part, whose images are augmented with the probability p."""
        fake = self.painted(part)
        with self._precision():
            loss = losses.generator_loss(self.discriminator(part.augmented(fake, p)).float())
        return loss, {"g": loss.detach()}

    def path_lengths(self, part: Part) -> Tensor:
        """Return path lengths, with a graph, of half as many images as a part has (B / 2,)."""
        w = part.codes(self.generator, max(1, part.share.count(self.batch) // 2))
        with self._precision():
            images = part.painted(self.generator, w, noise=self.noise).float()
            return losses.path_lengths(images, w, part.directions(images))

    def _precision(self) -> torch.autocast:
        return precision(self.generator.synthesis.constant.device, half=self.half)
