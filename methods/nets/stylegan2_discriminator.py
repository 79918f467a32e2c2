"""The discriminator of StyleGAN2, of the "config-f" family.

T. Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020: a residual network (Sec. 4.1,
Fig. 7). Where the published code blurs before a 1x1 convolution of stride 2, only every second sample is blurred here:
the same values to rounding. Stored weights stay in the published, unscaled convention, N(0, 1) at the start.
"""

import itertools
import math
from collections.abc import Mapping as Table

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.stylegan2_layers import SQRT2, EqualLinear, blur, config_f


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


class StyleGAN2Discriminator(nn.Module):
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
