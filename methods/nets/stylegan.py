"""StyleGAN: mapping and synthesis network of the first version.

T. Karras et al., "A style-based generator architecture for generative adversarial networks", CVPR 2019: constant input
and mapping network (Sec. 2, Fig. 1), adaptive instance normalisation (Eq. 1), a noise input with a gain per channel.
Only the last RGB layer is kept: the others served the growing. `truncate` and `mix` (Sec. 3.1, App. B) are StyleGAN2's.

Two things are stored otherwise than in the published files (`methods.formats.stylegan_pggan` converts):
- The mapping network is that of StyleGAN2, whose activation has the gain sqrt(2) that StyleGAN gives to the weights
  alone: leaky(sqrt(2) W x + b) = sqrt(2) leaky(W x + b / sqrt(2)). So the biases are divided by sqrt(2).
- Every doubling layer is nearest enlargement and a 3x3 convolution. From 128 px on the published code has a transposed
  convolution with the summed shifts of the kernel instead: the same with the kernel turned by 180 degrees.
The FIR [1, 2, 1] is no part of the state dict. The epsilon of the instance norm differs between the published codes; a
network with torch's, PULSE's, has an entry of its own for it, since nothing else in a file tells them apart.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.pggan import EqualConv
from methods.nets.searched import Normed, is_searched
from methods.nets.stylegan2 import MappingNetwork
from methods.nets.stylegan2_layers import EqualLinear, config_f
from methods.nets.synthesis import MappedGenerator, Synthesis

TORCH_EPSILON = "torch_epsilon"
"""The entry, (1,), of a state dict that is there only if the instance norm adds torch's 1e-5 to the variance, not 1e-8.

It tells by being there, so that no rounding to half precision can change it."""


def blur(x: Tensor) -> Tensor:
    """Filter every channel of (B, C, H, W) with the FIR [1, 2, 1] x [1, 2, 1] / 16; zeros beyond the border."""
    taps = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype, device=x.device)
    return F.conv2d(x, torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


class Epilogue(nn.Module):
    """What follows each convolution, and the constant: noise, bias, leaky ReLU, instance norm, style (Eq. 1)."""

    noise: Tensor

    def __init__(self, width: int, *, style_dim: int, resolution: int, epsilon: float) -> None:
        """Draw the weights of the style and the stored noise map; `epsilon` is added to the variance."""
        super().__init__()
        self.epsilon = epsilon
        self.bias = nn.Parameter(torch.zeros(width))
        self.noise_gain = nn.Parameter(torch.zeros(width))
        self.style = EqualLinear(style_dim, 2 * width)  # the scale, less 1, then the shift
        self.register_buffer("noise", torch.randn(1, 1, resolution, resolution))

    def forward(self, x: Tensor, latent: Tensor, noise: Tensor | None) -> Tensor:
        """Map (1 or B, width, R, R), styled by (B, style_dim), to (B, width, R, R)."""
        if len(x) == len(latent) == 1 and is_searched(x, self.bias, self.noise_gain):
            scale, shift = self.style(latent)[0].chunk(2)
            normed: Tensor = Normed.apply(x, scale + 1, shift, noise, self.noise_gain, self.bias, self.epsilon)
            return normed
        x = x + self.bias[:, None, None]
        if noise is not None:
            x = torch.addcmul(x, noise, self.noise_gain[:, None, None])
        # Not instance_norm: of a single image in another memory layout torch 2.15 gives a wrong gradient on the CPU.
        x = F.group_norm(F.leaky_relu(x, 0.2, inplace=True), x.shape[1], eps=self.epsilon)
        scale, shift = self.style(latent)[..., None, None].chunk(2, 1)  # (B, width, 1, 1) each
        return torch.addcmul(shift, x, scale + 1)


class StyleGANSynthesis(Synthesis):
    """The synthesis network w -> image.

    Epilogue k takes latent k and noise map k; convolution k comes before epilogue k + 1.
    """

    rgb_each_stage = False

    def __init__(
        self, *, size: int, channels: Mapping[int, int], style_dim: int = 512, torch_epsilon: bool = False
    ) -> None:
        """Make the layers for images of `size` px; `channels` gives the width at each resolution.

        `torch_epsilon` True is PULSE's form, see `TORCH_EPSILON`; False is that of NVIDIA and GenForce.
        """
        super().__init__(size=size, channels=channels, style_dim=style_dim)
        if torch_epsilon:
            self.register_buffer(TORCH_EPSILON, torch.ones(1))
        self.constant = nn.Parameter(torch.ones(1, channels[4], 4, 4))
        self.convs = nn.ModuleList()
        self.epilogues = nn.ModuleList()
        before = channels[4]
        epsilon = 1e-5 if torch_epsilon else 1e-8
        for resolution, width in self.channels.items():
            if resolution > 4:  # noqa: PLR2004 - there the constant comes first
                self.convs.append(EqualConv(before, width, up=True, bias=False))
            self.convs.append(EqualConv(width, width, bias=False))
            for _ in range(2):
                self.epilogues.append(Epilogue(width, style_dim=style_dim, resolution=resolution, epsilon=epsilon))
            before = width
        self.to_rgb = EqualConv(before, 3, kernel=1, padding=0, gain=1)

    @property
    def noisy(self) -> nn.ModuleList:
        """The epilogues."""
        return self.epilogues

    def start(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Run stage 0: (B, C, 4, 4)."""
        x: Tensor = self.epilogues[0](self.constant, w[:, 0], noise[0])
        y: Tensor = self.epilogues[1](self.convs[0](x), w[:, 1], noise[1])
        return y

    def stage(self, index: int, x: Tensor, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Run stage `index` >= 1: (B, C, R, R) to (B, C', 2R, 2R)."""
        k = 2 * index
        x = self.epilogues[k](blur(self.convs[k - 1](x)), w[:, k], noise[k])
        y: Tensor = self.epilogues[k + 1](self.convs[k](x), w[:, k + 1], noise[k + 1])
        return y

    def image(self, features: Iterable[Tensor], w: Tensor) -> Tensor:  # noqa: ARG002 - StyleGAN2's RGB layers take w
        """Make the RGB image of the last of the stages' features: (B, 3, size, size)."""
        image: Tensor = self.to_rgb(deque(features, maxlen=1).pop())
        return image


class StyleGAN(MappedGenerator[StyleGANSynthesis]):
    """The generator z -> w -> image."""

    mapping: MappingNetwork

    def __init__(
        self,
        *,
        size: int,
        channels: Mapping[int, int] | None = None,
        style_dim: int = 512,
        mapping_layers: int = 8,
        torch_epsilon: bool = False,
    ) -> None:
        """Make both; without a table of widths, min(512, 16384 / resolution). `torch_epsilon`: see `TORCH_EPSILON`."""
        widths = channels or config_f(size, 1)
        synthesis = StyleGANSynthesis(size=size, channels=widths, style_dim=style_dim, torch_epsilon=torch_epsilon)
        mapping = MappingNetwork(style_dim=style_dim, layers=mapping_layers, latents=synthesis.latents)
        super().__init__(synthesis=synthesis, mapping=mapping)
