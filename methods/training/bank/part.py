"""What a part of a step's batch draws: its latents, its noise, its augmentation, as if it were all that a process has.

Latents are with style mixing (Karras et al., CVPR 2019, Sec. 3.1).
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from bench.spec import Images
from methods.nets.stylegan2 import StyleGAN2, mix
from methods.training.bank.augment import augment
from methods.training.share import Share

_MIXED = 0.5  # of the batches are of two codes


@dataclass(frozen=True, slots=True)
class Part:
    """A part, and its random numbers from the beginning of a step on."""

    share: Share
    draws: torch.Generator
    """The same in all parts."""
    own: torch.Generator
    """Those of no other part, for noise."""

    @classmethod
    def of(cls, share: Share, device: torch.device) -> Self:
        """Return a part."""
        return cls(share, torch.Generator(device), torch.Generator(device))

    @property
    def sources(self) -> tuple[torch.Generator, torch.Generator]:
        """Both sources of random numbers."""
        return self.draws, self.own

    def begin(self, step: int) -> None:
        """Go to the beginning of a step."""
        self.draws.manual_seed(self.share.number(step))
        self.own.manual_seed(self.share.own_number(step))

    def twin(self) -> Self:
        """Return a part that draws what this one will, and leaves it to this one to draw it, too."""
        return replace(self, draws=self.draws.clone_state(), own=self.own.clone_state())

    def codes(self, generator: StyleGAN2, count: int) -> Tensor:
        """Return w for random z, of two codes each in a part of the batches: (count, L, D)."""
        z = self._normal(2, count, generator.z_dim)
        one: Tensor = generator.mapping(z[0])
        other: Tensor = generator.mapping(z[1])
        layers, device = one.shape[1], self.draws.device
        mixed = torch.rand((), generator=self.draws, device=device) < _MIXED
        crossing = torch.randint(1, layers, (), generator=self.draws, device=device)
        return mix(one, other, torch.where(mixed, crossing, layers))

    def directions(self, images: Images) -> Tensor:
        """Return N(0, 1) of the shape of images, (B, 3, H, W)."""
        return self._normal(1, *images.shape)[0]

    def painted(self, generator: StyleGAN2, w: Tensor, *, noise: bool) -> Images:
        """Return a generator's images of w (B, L, D), (B, 3, R, R), about [-1, 1]; with noise, another in each call."""
        shapes = [(len(w), *layer.get_buffer("noise").shape[1:]) for layer in generator.synthesis.noisy]
        maps = [torch.randn(shape, generator=self.own, device=self.own.device) for shape in shapes if noise]
        images: Images = generator.synthesis(w, noise=maps or "none")
        return images

    def augmented(self, images: Images, p: Tensor | None) -> Images:
        """Return images (B, 3, H, W) augmented with the probability p; None: as they are."""
        return images if p is None else augment(images, p, self.share, self.draws)

    def _normal(self, sets: int, count: int, *shape: int) -> Tensor:
        """Return this part's N(0, 1) of several sets drawn for the whole batch, (sets, count, *shape)."""
        whole = torch.randn(sets, count * self.share.ranks, *shape, generator=self.draws, device=self.draws.device)
        return torch.stack([self.share.of(each) for each in whole])
