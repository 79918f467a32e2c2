"""Training of a network that restores in one pass, with the losses of GLEAN: the same for GLEAN and its rivals.

K. C. K. Chan et al., "GLEAN", CVPR 2021, Eq. 5-8 and appendix A: mean squared error, 0.01 times the distance of VGG16
features, 0.01 times the adversarial loss of a StyleGAN2 discriminator, which starts from that of the bank; Adam with
betas (0.9, 0.99), cosine annealing from 1e-4 to 1e-7. As in the released code: values in [-1, 1], squared distance at
conv4_3 before its ReLU, the non-saturating loss, no R1, no moving average. Otherwise than there, VGG16 gets its images
from [0, 1] normalised as it was trained with them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench import resize
from bench.spec import Images
from methods.formats import own_files
from methods.presets.restorer import RestorerRecipe
from methods.training import losses
from methods.training.processes import descend
from methods.training.run import precision
from methods.training.share import Share

_LAYOUT = torch.channels_last
_LAST_RATE = 1e-7
_BETAS = (0.9, 0.99)
_SHOWN = 8  # images in a row of the samples


class Adapter(Protocol):
    """A method with its network."""

    @property
    def network(self) -> nn.Module:
        """The network."""
        ...

    def upscale(self, lr: Images) -> Images:
        """Restore a batch."""
        ...


class Restorer:
    """A network in training against a discriminator."""

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
        """Take networks at their beginning; those in `method` that ask for no gradient stay as they are.

        Raises `BenchError` if the batch cannot be split over the processes and their parts.
        """
        share.parts(recipe.batch)
        self.method, self.vgg, self.recipe, self.factor = method, vgg.to(device), recipe, factor
        self.device, self.share = device, share
        self.network = method.network.to(device).to(memory_format=_LAYOUT)
        self.discriminator = discriminator.to(device).to(memory_format=_LAYOUT).requires_grad_()
        self.step = 0
        self.trained = [each for each in self.network.parameters() if each.requires_grad]
        self.optimiser = torch.optim.Adam(self.trained, lr=recipe.rate, betas=_BETAS)
        self.d_optimiser = torch.optim.Adam(self.discriminator.parameters(), lr=recipe.critic_rate, betas=_BETAS)
        self._shown: Images | None = None

    @property
    def steps(self) -> int:
        """Steps in all."""
        return math.ceil(self.recipe.images / self.recipe.batch)

    @property
    def batch(self) -> int:
        """Images of each step, of all processes together."""
        return self.recipe.batch

    def adopt(self, kept: Mapping[str, Mapping[str, Tensor]], step: int) -> None:
        """Go on from what `networks` returned at a step, with new optimisers and the discriminator of the beginning."""
        whole = own_files.completed(kept["network"], "bank.", lambda: self.network.get_submodule("bank"))
        self.network.load_state_dict(whole)
        self.step = step

    def networks(self) -> dict[str, nn.Module]:
        """Return what is kept."""
        return {"network": self.network} if self.step else {}

    def state(self) -> dict[str, Any]:
        """Return everything a checkpoint needs."""
        return {"step": self.step, **{name: getattr(self, name).state_dict() for name in _STATEFUL}}

    def load(self, state: dict[str, Any]) -> None:
        """Go on where a state was; without those of the optimisers, with new ones."""
        self.step = state["step"]
        for name in _STATEFUL:
            if name in state or name in _NETWORKS:
                getattr(self, name).load_state_dict(state[name])

    @torch.no_grad()
    def samples(self) -> Images:
        """Return images of the last step: enlarged LR images, what the network makes of them, the HR images."""
        if self._shown is None:
            return torch.zeros(1, 3, 1, 1)
        lr = resize.quantise(resize.downsample(self._shown, self.factor))
        sr = [self.method.upscale(part).float() for part in lr.split(self.share.at_once or len(lr))]
        return torch.cat([resize.upsample(lr, self.factor), *sr, self._shown])

    def advance(self, real: Images) -> dict[str, float]:
        """Make one step with this process's HR images (B, 3, H, W), [0, 1]; return the losses."""
        hr = real.to(self.device)
        self._shown = hr[:_SHOWN]
        parts = [part.contiguous(memory_format=_LAYOUT) for part in self.share.split(hr)]
        self._set_rates()
        restored: list[Images] = []
        told = self._train_network(parts, restored)
        told |= self._train_discriminator(restored, parts)
        self.step += 1
        return told

    def _set_rates(self) -> None:
        """Anneal both learning rates (SGDR, Eq. 5, one period)."""
        part = (1 + math.cos(math.pi * self.step / self.steps)) / 2
        for optimiser, rate in (
            (self.optimiser, self.recipe.rate),
            (self.d_optimiser, self.recipe.critic_rate),
        ):
            for group in optimiser.param_groups:
                group["lr"] = _LAST_RATE + (rate - _LAST_RATE) * part

    def _train_network(self, parts: Sequence[Images], restored: list[Images]) -> dict[str, float]:
        """Train with HR images, and keep what they are restored to."""

        def terms() -> Iterator[tuple[Tensor, dict[str, float]]]:
            for hr in parts:
                with self._precision():
                    sr = self.method.upscale(resize.quantise(resize.downsample(hr, self.factor)))
                restored.append(sr.detach())
                yield self._distance(sr, hr)

        self.discriminator.requires_grad_(requires_grad=False)
        told = descend(terms(), self.optimiser, self.trained)
        self.discriminator.requires_grad_(requires_grad=True)
        return told

    def _distance(self, sr: Images, hr: Images) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of restored images, and its three terms."""
        with self._precision():
            perceptual = self._perceptual(sr, hr)
            adversarial = losses.generator_loss(self.discriminator(sr * 2 - 1).float())
        pixel = 4 * F.mse_loss(sr.float(), hr)  # of values in [-1, 1]
        loss = pixel + self.recipe.perceptual * perceptual + self.recipe.adversarial * adversarial
        return loss, {"pixel": pixel.item(), "perceptual": perceptual.item(), "adversarial": adversarial.item()}

    def _perceptual(self, sr: Images, hr: Images) -> Tensor:
        """Return the mean squared distance of the features of the images, or of a part at a random place."""
        side = self.recipe.crop or hr.shape[-1]
        draws = self.share.draws(self.step)
        top, left = (int(torch.randint(hr.shape[-1] - side + 1, (), generator=draws).item()) for _ in range(2))
        sr, hr = (each[..., top : top + side, left : left + side] for each in (sr, hr))
        with torch.no_grad():
            wanted = self.vgg(hr)
        return F.mse_loss(self.vgg(sr).float(), wanted.float())

    def _train_discriminator(self, restored: Sequence[Images], parts: Sequence[Images]) -> dict[str, float]:
        judged = (self._judged(sr, hr) for sr, hr in zip(restored, parts, strict=True))
        return descend(judged, self.d_optimiser, list(self.discriminator.parameters()))

    def _judged(self, sr: Images, hr: Images) -> tuple[Tensor, dict[str, float]]:
        """Return the discriminator's loss."""
        with self._precision():
            real, fake = (self.discriminator(each * 2 - 1).float() for each in (hr, sr))
            loss = losses.discriminator_loss(real, fake)
        return loss, {"d": loss.item()}

    def _precision(self) -> torch.autocast:
        return precision(self.device)


_NETWORKS = ("network", "discriminator")
_STATEFUL = (*_NETWORKS, "optimiser", "d_optimiser")
