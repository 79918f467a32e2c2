"""StyleGAN2: mapping network, synthesis network and discriminator, of the "config-f" family.

T. Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020: modulated convolutions (Sec. 2.2,
Eq. 1-3), skip generator and residual discriminator (Sec. 4.1, Fig. 7), noise and constant input as in StyleGAN.

Three things are computed otherwise than in the published code, with the same values to rounding:
- Modulation scales the input of an ordinary convolution, demodulation its output (the equivalence of Sec. 2.2); the
  demodulation factor needs only the squared norm of each 3x3 kernel. Weights are built only for a single sample, and
  only where they are smaller than the image they are applied to.
- The equalised gain 1/sqrt(fan in) multiplies the style, the sqrt(2) of the activation what enters it. Stored weights
  stay in the published, unscaled convention: N(0, 1) at the start, and those of the mapping network divided by 0.01.
  Up-sampling convolutions keep theirs as (in, out, 3, 3), as torch's transposed convolution does: to swap the axes at
  each call would double its time on a CPU.
- Where the discriminator blurs before a 1x1 convolution of stride 2, only every second sample is blurred. Up-sampling
  keeps its two steps: the FIR folded into the transposed convolution would be a 6x6 kernel, four times the work.
The FIR [1, 3, 3, 1] is no part of the state dict.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Table
from functools import reduce
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

SQRT2 = math.sqrt(2)
Noise: TypeAlias = Literal["stored", "none", "random"] | Sequence[Tensor]
"""Where the noise maps come from: the buffers, nowhere, torch's generator, or the caller, (1 or B, 1, R, R) a layer."""


def chosen_noise(layers: Iterable[nn.Module], noise: Noise, batch: int) -> Sequence[Tensor | None]:
    """Return one noise map, or None, for each of the layers, whose stored maps are their buffers `noise`."""
    if not isinstance(noise, str):
        return noise
    stored = [layer.get_buffer("noise") for layer in layers]
    if noise == "stored":
        return stored
    return [None if noise == "none" else torch.randn_like(each.expand(batch, -1, -1, -1)) for each in stored]


def config_f(size: int, channel_multiplier: int = 2) -> dict[int, int]:
    """Return the width at each resolution from 4 to `size`: min(512, 16384 * channel_multiplier / resolution)."""
    if size < 4 or size & (size - 1):  # noqa: PLR2004 - the constant input is 4x4
        raise ValueError(f"these generators make images of 4, 8, 16, ... px, not {size} px.")
    return {2**k: min(512, 2**14 * channel_multiplier // 2**k) for k in range(2, size.bit_length())}


def truncate(w: Tensor, mean: Tensor, psi: float) -> Tensor:
    """Move latents (B, L, D) towards the mean latent (D,): psi 1 leaves them, psi 0 gives the mean."""
    return mean + psi * (w - mean)


def mix(coarse: Tensor, fine: Tensor, layer: int) -> Tensor:
    """Take the first `layer` of the L latents from `coarse`, the others from `fine`: style mixing, (B, L, D)."""
    return torch.cat([coarse[:, :layer], fine[:, layer:]], 1)


def blur(x: Tensor, *, padding: int, stride: int = 1, bias: Tensor | None = None) -> Tensor:
    """Filter every channel with the FIR [1, 3, 3, 1] x [1, 3, 3, 1] / 64, and add a bias to each."""
    if stride > 1 and x.dtype is torch.bfloat16 and x.requires_grad and x.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):  # its gradient in bfloat16 takes a CPU twenty times as long
            return blur(x.float(), padding=padding, stride=stride, bias=bias).to(x.dtype)
    return F.conv2d(x, _fir(x), bias, stride=stride, padding=padding, groups=x.shape[1])


def double(image: Tensor) -> Tensor:
    """Up-sample (B, C, H, W) to (B, C, 2H, 2W): zeros between the pixels, then the FIR with gain 4."""
    return F.conv_transpose2d(image, _fir(image) * 4, stride=2, padding=1, groups=image.shape[1])


def _fir(x: Tensor) -> Tensor:
    taps = torch.tensor([0.125, 0.375, 0.375, 0.125], dtype=x.dtype, device=x.device)
    return torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)


class EqualLinear(nn.Module):
    """A linear layer with equalised learning rate: y = (weight * rate / sqrt(fan in)) x + bias * rate."""

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        """Draw the weights from N(0, 1 / rate^2) and set the bias."""
        super().__init__()
        self.rate = rate
        self.gain = rate / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        return F.linear(x * self.gain, self.weight, self.bias * self.rate)


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
            x = self._convolve(x, self._built(style[0], factor[0]), bias)
            x = x if noise is None else x.add_(noise * (self.noise_gain * SQRT2))
        else:
            x = self._convolve(x * style[..., None, None], self.weight)
            x = x * factor.to(x.dtype)[..., None, None] + bias.to(x.dtype)[:, None, None]
            if noise is not None:  # the image is the first operand: the result takes the layout of that
                x = x + (noise * (self.noise_gain * SQRT2)).to(x.dtype)
        return F.leaky_relu(x, 0.2, inplace=True)

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if self.up:
            return blur(F.conv_transpose2d(x, weight, stride=2), padding=1, bias=bias)
        return F.conv2d(x, weight, bias, padding=1)

    def _built(self, style: Tensor, factor: Tensor) -> Tensor:
        """Return the weights times the style (inputs,) and the factor (outputs,) of a sample, rounded once."""
        scale = torch.outer(style.to(factor), factor) if self.up else torch.outer(factor, style.to(factor))
        return (self.weight * scale[..., None, None]).to(self.weight.dtype)

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


class Mapping(nn.Module):
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


class Synthesis(nn.Module):
    """The synthesis network w -> image, which can also be run stage by stage (GLEAN's bank).

    Stage i works at 4 * 2^i px; stage 0 has one styled convolution, every other an up-sampling and a plain one.
    Layer k takes latent k and noise map k; `to_rgb` of stage i takes latent 2i + 1, as the next stage's first layer.
    """

    def __init__(self, *, size: int, channels: Table[int, int], style_dim: int = 512) -> None:
        """Make the layers for images of `size` px; `channels` gives the width at each resolution."""
        super().__init__()
        self.size = size
        self.style_dim = style_dim
        self.channels = {resolution: channels[resolution] for resolution in config_f(size)}
        self.stages = len(self.channels)
        self.latents = 2 * self.stages
        self.constant = nn.Parameter(torch.randn(1, channels[4], 4, 4))
        self.layers = nn.ModuleList()
        self.to_rgb = nn.ModuleList()
        before = channels[4]
        for resolution, width in self.channels.items():
            for inputs, up in ((before, True), (width, False)) if resolution > 4 else ((before, False),):  # noqa: PLR2004
                self.layers.append(StyledConv(inputs, width, style_dim=style_dim, resolution=resolution, up=up))
            self.to_rgb.append(ToRGB(width, style_dim=style_dim))
            before = width

    def forward(self, w: Tensor, *, noise: Noise = "stored") -> Tensor:
        """Map w (B, L, style_dim) to images (B, 3, size, size), about [-1, 1], not clamped."""
        return self.image(self._features(w, self.noise_maps(noise, len(w))), w)

    def _features(self, w: Tensor, noise: Sequence[Tensor | None]) -> Iterator[Tensor]:
        x = self.start(w, noise)
        yield x
        for stage in range(1, self.stages):
            x = self.stage(stage, x, w, noise)
            yield x

    def image(self, features: Iterable[Tensor], w: Tensor) -> Tensor:
        """Sum the RGB of the stages' features, in order, to (B, 3, R, R) at the resolution of the last."""
        rgb = (self.to_rgb[stage](x, w[:, 2 * stage + 1]) for stage, x in enumerate(features))
        image: Tensor = reduce(lambda coarse, fine: double(coarse) + fine, rgb)
        return image

    def noise_maps(self, noise: Noise, batch: int) -> Sequence[Tensor | None]:
        """Return one noise map, or None, for each layer."""
        return chosen_noise(self.layers, noise, batch)

    def start(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Run stage 0: (B, C, 4, 4)."""
        x: Tensor = self.layers[0](self.constant, w[:, 0], noise[0])
        return x

    def stage(self, index: int, x: Tensor, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """Run stage `index` >= 1: (B, C, R, R) to (B, C', 2R, 2R)."""
        for layer in (2 * index - 1, 2 * index):
            x = self.layers[layer](x, w[:, layer], noise[layer])
        return x


class Generator(nn.Module):
    """Mapping and synthesis network: `synthesis(mapping(z))`."""

    def __init__(
        self,
        *,
        size: int,
        channels: Table[int, int] | None = None,
        channel_multiplier: int = 2,
        style_dim: int = 512,
        mapping_layers: int = 8,
    ) -> None:
        """Make both; without a table of widths, `config_f(size, channel_multiplier)`."""
        super().__init__()
        self.z_dim = style_dim
        self.synthesis = Synthesis(
            size=size, channels=channels or config_f(size, channel_multiplier), style_dim=style_dim
        )
        self.mapping = Mapping(style_dim=style_dim, layers=mapping_layers, latents=self.synthesis.latents)

    def forward(self, z: Tensor, *, noise: Noise = "stored") -> Tensor:
        """Map z (B, z_dim) to images (B, 3, size, size), about [-1, 1]."""
        images: Tensor = self.synthesis(self.mapping(z), noise=noise)
        return images

    def mean_latent(self, samples: int, *, generator: torch.Generator) -> Tensor:
        """Return the mean of w over random z, for `truncate`: (style_dim,)."""
        weight = self.synthesis.constant
        z = torch.randn(samples, self.z_dim, generator=generator, device=generator.device)
        mean: Tensor = self.mapping(z.to(weight))[:, 0].mean(0)
        return mean


class EqualConv(nn.Module):
    """A convolution with equalised learning rate, bias, leaky ReLU; if `down`, the FIR before it and stride 2."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, down: bool = False) -> None:
        """Draw weights."""
        super().__init__()
        self.down = down
        self.gain = SQRT2 / math.sqrt(inputs * kernel**2)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W), or half of that."""
        weight, bias = self.weight * self.gain, self.bias * SQRT2
        if self.down:
            x = F.conv2d(blur(x, padding=2), weight, bias, stride=2)
        else:
            x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        return F.leaky_relu(x, 0.2, inplace=True)


class ResidualBlock(nn.Module):
    """Two convolutions and a 1x1 skip, both down by two, summed and divided by sqrt(2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Draw weights."""
        super().__init__()
        self.conv1 = EqualConv(inputs, inputs)
        self.conv2 = EqualConv(inputs, outputs, down=True)
        self.skip = nn.Parameter(torch.randn(outputs, inputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / 2, W / 2)."""
        skip = F.conv2d(blur(x, padding=1, stride=2), self.skip * (1 / math.sqrt(x.shape[1])))
        y: Tensor = self.conv2(self.conv1(x))
        return (y + skip) / SQRT2


class Discriminator(nn.Module):
    """The residual discriminator with minibatch standard deviation: images -> logits."""

    def __init__(self, *, size: int, channels: Table[int, int] | None = None, channel_multiplier: int = 2) -> None:
        """Draw weights; without a table of widths, `config_f(size, channel_multiplier)`."""
        super().__init__()
        table = channels or config_f(size, channel_multiplier)
        widths = [table[resolution] for resolution in reversed(config_f(size))]
        self.first = EqualConv(3, widths[0], kernel=1)
        self.blocks = nn.ModuleList(ResidualBlock(a, b) for a, b in itertools.pairwise(widths))
        self.last = EqualConv(widths[-1] + 1, widths[-1])
        self.hidden = EqualLinear(widths[-1] * 16, widths[-1])
        self.score = EqualLinear(widths[-1], 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, size, size), about [-1, 1], to logits (B, 1); B is at most 4 or divisible by 4."""
        x = self.first(images)
        for block in self.blocks:
            x = block(x)
        x = self.last(torch.cat([x, self._spread(x)], 1))
        x = F.leaky_relu(self.hidden(x.flatten(1)), 0.2) * SQRT2
        logits: Tensor = self.score(x)
        return logits

    @staticmethod
    def _spread(x: Tensor) -> Tensor:
        """Return the standard deviation within groups of four (every (B / 4)-th image), averaged: (B, 1, H, W)."""
        group = min(len(x), 4)
        if len(x) % group:
            raise ValueError(f"the discriminator takes up to 4 images or a multiple of 4, not {len(x)}.")
        grouped = x.unflatten(0, (group, -1))  # (group, B / group, C, H, W)
        spread: Tensor = (
            (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3), keepdim=True)
        )  # (B / group, 1, 1, 1)
        return spread.repeat(group, 1, *x.shape[2:])
