"""StyleGAN2: mapping network and synthesis network, of the "config-f" family.

T. Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020: modulated convolutions (Sec. 2.2,
Eq. 1-3), skip generator (Sec. 4.1, Fig. 7), noise and constant input as in StyleGAN.

Two things are computed otherwise than in the published code, with the same values to rounding:
- Modulation scales the input of an ordinary convolution, demodulation its output (the equivalence of Sec. 2.2); the
  demodulation factor needs only the squared norm of each 3x3 kernel. Weights are built only for a single sample, and
  only where they are smaller than the image they are applied to.
- The equalised gain 1/sqrt(fan in) multiplies the style, the sqrt(2) of the activation what enters it. Stored weights
  stay in the published, unscaled convention: N(0, 1) at the start, and those of the mapping network divided by 0.01.
  Up-sampling convolutions keep theirs as (in, out, 3, 3), as torch's transposed convolution does: to swap the axes at
  each call would double its time on a CPU.
Up-sampling keeps its two steps: the FIR folded into the transposed convolution would be a 6x6 kernel, four times the
work.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.searched import WORTH_IT, Styled, is_searched
from methods.nets.stylegan2_layers import SQRT2, EqualLinear, built, config_f, convolve, double
from methods.nets.synthesis import MappedGenerator, Synthesis


def truncate(w: Tensor, mean: Tensor, psi: float) -> Tensor:
    """Move latents (B, L, D) towards the mean latent (D,): psi 1 leaves them, psi 0 gives the mean."""
    return mean + psi * (w - mean)


def mix(coarse: Tensor, fine: Tensor, layer: int | Tensor) -> Tensor:
    """Take the first `layer` of the L latents from `coarse`, the others from `fine`: style mixing, (B, L, D).

    A number on their device, (), is not waited for.
    """
    first = torch.arange(coarse.shape[1], device=coarse.device) < layer
    return torch.where(first[:, None], coarse, fine)


class StyledConv(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU; optionally with up-sampling by two before the noise."""

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, *, style_dim: int, resolution: int, up: bool) -> None:
        """Draw weights and the stored noise map; `resolution` is that of the output."""
        super().__init__()
        self.up = up
        self.gain = 1 / math.sqrt(inputs * 9)
        self.weight = nn.Parameter(torch.randn(*((inputs, outputs) if up else (outputs, inputs)), 3, 3))
        self.style = EqualLinear(style_dim, inputs, bias=1.0)
        self.noise_gain = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise", torch.randn(1, 1, resolution, resolution))

    def forward(self, x: Tensor, latent: Tensor, noise: Tensor | None) -> Tensor:
        """Map (B, inputs, H, W), modulated by (B, style_dim), to (B, outputs, H or 2H, W or 2W)."""
        style = self.style(latent) * self.gain  # (B, inputs)
        factor = self._demodulation(style) * (4 * SQRT2 if self.up else SQRT2)  # 4: the zeros between the pixels
        bias = self.bias * SQRT2
        if len(style) == 1 and x.numel() > self.weight.numel():  # a pass over the image saved at either end
            return self._of_one(x, style[0], factor[0], bias, noise)
        x = convolve(x * style[..., None, None], self.weight, up=self.up)
        x = x * factor.to(x.dtype)[..., None, None] + bias.to(x.dtype)[:, None, None]
        if noise is not None:  # the image is the first operand: the result takes the layout of that
            x = x + (noise * (self.noise_gain * SQRT2)).to(x.dtype)
        return F.leaky_relu(x, 0.2, inplace=True)

    def _of_one(self, x: Tensor, style: Tensor, factor: Tensor, bias: Tensor, noise: Tensor | None) -> Tensor:
        """Do the same for a single sample, with style and demodulation in the weights."""
        noise = None if noise is None else noise * (self.noise_gain * SQRT2)
        if x.numel() >= WORTH_IT and is_searched(x, self.weight, self.bias, self.noise_gain):
            searched: Tensor = Styled.apply(x, style, factor, noise, self.weight, bias, self.up)
            return searched
        x = convolve(x, built(self.weight, style, factor, up=self.up), bias, up=self.up)
        return F.leaky_relu(x if noise is None else x.add_(noise), 0.2, inplace=True)

    def _demodulation(self, style: Tensor) -> Tensor:
        """Return 1 / sqrt(sum over inputs and kernel of (style * weight)^2 + 1e-8), Eq. 3: (B, outputs)."""
        wide = torch.promote_types(style.dtype, torch.float32)  # bfloat16 would add 0.4 % to a whole channel
        squares = self.weight.to(wide).square().sum((2, 3))  # vector_norm would take 25 times as long in channels_last
        total = style.to(wide).square() @ (squares if self.up else squares.T)  # (B, inputs) @ (inputs, outputs)
        return torch.rsqrt(total + 1e-8)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to three channels, without demodulation."""

    def __init__(self, inputs: int, *, style_dim: int) -> None:
        """Draw weights."""
        super().__init__()
        self.gain = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.style = EqualLinear(style_dim, inputs, bias=1.0)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, 3, H, W)."""
        kernels = self.weight[..., 0, 0] * (self.style(latent) * self.gain)[:, None]  # (B, 3, inputs): less than images
        if len(kernels) == 1:
            return F.conv2d(x, kernels[0, ..., None, None], self.bias)
        rgb = torch.baddbmm(self.bias[:, None], kernels, x.flatten(2))  # (B, 3, H W)
        return rgb.view(-1, 3, *x.shape[2:])


class MappingNetwork(nn.Module):
    """The mapping network z -> w: pixel norm, then fully connected layers of a 100 times lower learning rate."""

    def __init__(self, *, style_dim: int, layers: int, latents: int) -> None:
        """Draw weights; `latents` is how many copies of w the synthesis network takes."""
        super().__init__()
        self.latents = latents
        self.layers = nn.ModuleList(EqualLinear(style_dim, style_dim, rate=0.01) for _ in range(layers))

    def forward(self, z: Tensor) -> Tensor:
        """Map z (B, D) to w (B, L, D), the same for each layer."""
        w = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            w = F.leaky_relu(layer(w), 0.2) * SQRT2
        return w[:, None].expand(-1, self.latents, -1)


class StyleGAN2Synthesis(Synthesis):
    """The synthesis network w -> image.

    Stage 0 has one styled convolution, every other an up-sampling and a plain one. Layer k takes latent k and noise
    map k; `to_rgb` of stage i takes latent 2i + 1, as the next stage's first layer.
    """

    rgb_each_stage = True

    def __init__(self, *, size: int, channels: Mapping[int, int], style_dim: int = 512) -> None:
        """Make the layers for images of `size` px; `channels` gives the width at each resolution."""
        super().__init__(size=size, channels=channels, style_dim=style_dim)
        self.constant = nn.Parameter(torch.randn(1, channels[4], 4, 4))
        self.layers = nn.ModuleList()
        self.to_rgb = nn.ModuleList()
        before = channels[4]
        for resolution, width in self.channels.items():
            for inputs, up in ((before, True), (width, False)) if resolution > 4 else ((before, False),):  # noqa: PLR2004
                self.layers.append(StyledConv(inputs, width, style_dim=style_dim, resolution=resolution, up=up))
            self.to_rgb.append(ToRGB(width, style_dim=style_dim))
            before = width

    @property
    def noisy(self) -> nn.ModuleList:
        """The styled convolutions."""
        return self.layers

    def image(self, features: Iterable[Tensor], w: Tensor) -> Tensor:
        """Sum the RGB of the stages' features, in order, to (B, 3, R, R) at the resolution of the last."""
        rgb = (self.to_rgb[stage](x, w[:, 2 * stage + 1]) for stage, x in enumerate(features))
        image: Tensor = reduce(lambda coarse, fine: double(coarse) + fine, rgb)
        return image

    def start(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Run stage 0: (B, C, 4, 4)."""
        x: Tensor = self.layers[0](self.constant, w[:, 0], noise[0])
        return x

    def stage(self, index: int, x: Tensor, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Run stage `index` >= 1: (B, C, R, R) to (B, C', 2R, 2R)."""
        for layer in (2 * index - 1, 2 * index):
            x = self.layers[layer](x, w[:, layer], noise[layer])
        return x


class StyleGAN2(MappedGenerator[StyleGAN2Synthesis]):
    """The generator z -> w -> image."""

    mapping: MappingNetwork

    def __init__(
        self,
        *,
        size: int,
        channels: Mapping[int, int] | None = None,
        channel_multiplier: int = 2,
        style_dim: int = 512,
        mapping_layers: int = 8,
    ) -> None:
        """Make both; without a table of widths, `config_f(size, channel_multiplier)`."""
        widths = channels or config_f(size, channel_multiplier)
        synthesis = StyleGAN2Synthesis(size=size, channels=widths, style_dim=style_dim)
        mapping = MappingNetwork(style_dim=style_dim, layers=mapping_layers, latents=synthesis.latents)
        super().__init__(synthesis=synthesis, mapping=mapping)

    def mean_latent(self, samples: int, *, generator: torch.Generator) -> Tensor:
        """Return the mean of w over random z, for `truncate`: (style_dim,)."""
        weight = self.synthesis.constant
        z = torch.randn(samples, self.z_dim, generator=generator, device=generator.device)
        mean: Tensor = self.mapping(z.to(weight))[:, 0].mean(0)
        return mean
