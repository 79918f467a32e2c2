"""What the synthesis networks of StyleGAN and StyleGAN2 share: w -> image, stage by stage, and the noise maps.

Stage i works at 4 * 2^i px and takes two of the latents (T. Karras et al., CVPR 2019, Fig. 1; CVPR 2020, Fig. 2). So
does a BigGAN that is a bank (nets/biggan_bank.py), but for one latent a stage.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Generic, Literal, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from methods.nets.stylegan2_layers import config_f

Noise: TypeAlias = Literal["stored", "none", "random"] | Sequence[Tensor]
"""Where the noise maps come from: the buffers, nowhere, torch's generator, or the caller, (1 or B, 1, R, R) a layer."""


class Synthesis(nn.Module):
    """The network w -> image, which can also be run stage by stage, as GLEAN runs its bank."""

    rgb_each_stage: ClassVar[bool]
    """Whether every stage has an RGB layer, or the last alone."""
    latents_each_stage: ClassVar[int] = 2

    def __init__(self, *, size: int, channels: Mapping[int, int], style_dim: int) -> None:
        """Take the side of the images in px, the width at each resolution, and the length of a latent."""
        super().__init__()
        self.size = size
        self.style_dim = style_dim
        self.channels = {resolution: channels[resolution] for resolution in config_f(size)}
        self.stages = len(self.channels)
        self.latents = self.latents_each_stage * self.stages

    @property
    @abstractmethod
    def noisy(self) -> nn.ModuleList:
        """The layers that take noise, each with its stored map as its buffer `noise`."""

    @abstractmethod
    def start(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Run stage 0 for latents (B, L, style_dim) and a noise map, or None, a layer: (B, C, 4, 4)."""

    @abstractmethod
    def stage(self, index: int, x: Tensor, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Run stage `index` >= 1: (B, C, R, R) to (B, C', 2R, 2R)."""

    @abstractmethod
    def image(self, features: Iterable[Tensor], w: Tensor) -> Tensor:
        """Make the RGB image, (B, 3, R, R), of the stages' features, given in order; R is that of the last."""

    def forward(self, w: Tensor, *, noise: Noise = "stored") -> Tensor:
        """Map w (B, L, style_dim) to images (B, 3, size, size), about [-1, 1], not clamped."""
        return self.image(self._features(w, self.noise_maps(noise, len(w))), w)

    def _features(self, w: Tensor, noise: Sequence[Tensor | None]) -> Iterator[Tensor]:
        x = self.start(w, noise)
        yield x
        for stage in range(1, self.stages):
            x = self.stage(stage, x, w, noise)
            yield x

    def noise_maps(self, noise: Noise, batch: int) -> Sequence[Tensor | None]:
        """Return one noise map, or None, for each layer that takes one."""
        if not isinstance(noise, str):
            return noise
        stored = [layer.get_buffer("noise") for layer in self.noisy]
        if noise == "stored":
            return stored
        return [None if noise == "none" else torch.randn_like(each.expand(batch, -1, -1, -1)) for each in stored]


Synthesised = TypeVar("Synthesised", bound=Synthesis)


class MappedGenerator(nn.Module, Generic[Synthesised]):
    """Mapping and synthesis network: `synthesis(mapping(z))`."""

    synthesis: Synthesised

    def __init__(self, *, synthesis: Synthesised, mapping: nn.Module) -> None:
        """Take both; z is as long as the latents."""
        super().__init__()
        self.z_dim = synthesis.style_dim
        self.synthesis = synthesis
        self.mapping = mapping

    @property
    def size(self) -> int:
        """The side of the images, in pixels."""
        return self.synthesis.size

    def forward(self, z: Tensor, *, noise: Noise = "stored") -> Tensor:
        """Map z (B, z_dim) to images (B, 3, size, size), about [-1, 1]."""
        images: Tensor = self.synthesis(self.mapping(z), noise=noise)
        return images
