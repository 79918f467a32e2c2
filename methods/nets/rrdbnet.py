"""ESRGAN's generator, RRDBNet, and the larger ESRGAN+ whose multiply-adds match a given cost.

X. Wang et al., "ESRGAN: Enhanced super-resolution generative adversarial networks", ECCV Workshops 2018, section 3.1.
`Trunk` is the part that works at the LR size; GLEAN's encoder begins with it (Chan et al., CVPR 2021, section 3.1).
Names of layers are BasicSR's, with the trunk's behind `trunk.` in `RRDBNet`. ESRGAN is published for x4; for larger
factors we add x2 stages of the same form. GLEAN's paper compares with "ESRGAN+", a larger ESRGAN with a cost similar to
GLEAN's, without giving its size: `match` states our rule.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from math import ceil, floor

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

SLOPE = 0.2  # of every LeakyReLU
RESIDUAL = 0.2  # weight of the residual branch, in the dense block and again around three of them
FACTORS = (1, 2, 4, 8, 16, 32, 64)


def activate(x: Tensor) -> Tensor:
    """Apply LeakyReLU in place: safe in training too, as no convolution needs its own output for its gradient."""
    return F.leaky_relu(x, SLOPE, inplace=True)


def conv3(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def initialise(layers: Iterable[nn.Module], *, gain: float) -> None:
    """Set convolutions to Kaiming normal (fan in, ReLU) times `gain`, biases to 0 (ESRGAN, section 3.1)."""
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data.mul_(gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees all before it; the last returns to `channels` (ESRGAN, figure 4)."""

    def __init__(self, *, channels: int, growth: int) -> None:
        """Start near the identity: weights a tenth of the usual."""
        super().__init__()
        self.conv1 = conv3(channels, growth)
        self.conv2 = conv3(channels + growth, growth)
        self.conv3 = conv3(channels + 2 * growth, growth)
        self.conv4 = conv3(channels + 3 * growth, growth)
        self.conv5 = conv3(channels + 4 * growth, channels)
        initialise(self.children(), gain=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        seen = x  # (B, C, H, W), then `growth` more channels each time
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat((seen, activate(layer(seen))), 1)
        return x.add(self.conv5(seen), alpha=RESIDUAL)


class RRDB(nn.Module):
    """Residual in residual dense block: three dense blocks and a scaled skip around them."""

    def __init__(self, *, channels: int, growth: int) -> None:
        """Make the three dense blocks."""
        super().__init__()
        self.rdb1 = DenseBlock(channels=channels, growth=growth)
        self.rdb2 = DenseBlock(channels=channels, growth=growth)
        self.rdb3 = DenseBlock(channels=channels, growth=growth)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x.add(self.rdb3(self.rdb2(self.rdb1(x))), alpha=RESIDUAL)


class Trunk(nn.Module):
    """What RRDBNet does before it enlarges: first + conv_body(body(first)), where first = conv_first(x)."""

    def __init__(self, *, in_channels: int = 3, channels: int = 64, blocks: int = 23, growth: int = 32) -> None:
        """Make the layers; convolutions outside the dense blocks start as torch starts them."""
        super().__init__()
        self.conv_first = conv3(in_channels, channels)
        self.body = nn.Sequential(*(RRDB(channels=channels, growth=growth) for _ in range(blocks)))
        self.conv_body = conv3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, channels, H, W)."""
        first: Tensor = self.conv_first(x)  # (B, C, H, W)
        return first.add(self.conv_body(self.body(first)))


def arrangement(factor: int) -> tuple[int, int]:
    """Return by how much the input is pixel-unshuffled, and how many x2 stages follow the trunk.

    x1 and x2 keep the published network, two stages, on an input unshuffled by 4 or 2 (as BasicSR does).
    Raises `ValueError` for a factor that is not in `FACTORS`.
    """
    if factor not in FACTORS:
        raise ValueError(f"RRDBNet enlarges by one of {FACTORS}, not by {factor}.")
    stages = max(2, factor.bit_length() - 1)
    return (1 << stages) // factor, stages


class RRDBNet(nn.Module):
    """ESRGAN's generator: trunk, x2 stages (nearest, convolution, LeakyReLU), two convolutions at the HR size.

    Images are RGB in [0, 1]; the output is not bounded.
    """

    def __init__(self, *, factor: int, channels: int = 64, blocks: int = 23, growth: int = 32) -> None:
        """Make the layers for one factor of `FACTORS`; the defaults are the published network's."""
        super().__init__()
        self.unshuffle, self.stages = arrangement(factor)
        self.trunk = Trunk(in_channels=3 * self.unshuffle**2, channels=channels, blocks=blocks, growth=growth)
        for stage in range(1, self.stages + 1):
            self.add_module(f"conv_up{stage}", conv3(channels, channels))
        self.conv_hr = conv3(channels, channels)
        self.conv_last = conv3(channels, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, 3, factor * H, factor * W); x1 and x2 need H and W divisible by 4 and 2."""
        x = self.trunk(F.pixel_unshuffle(lr, self.unshuffle))  # (B, C, h, w), h = H / unshuffle
        for stage in range(1, self.stages + 1):
            x = F.interpolate(x, scale_factor=2, mode="nearest")  # (B, C, 2^stage h, 2^stage w)
            x = activate(self.get_submodule(f"conv_up{stage}")(x))
        sr: Tensor = self.conv_last(activate(self.conv_hr(x)))  # (B, 3, factor H, factor W)
        return sr


def macs(*, lr_size: int, factor: int, channels: int, blocks: int, growth: int) -> int:
    """Count the multiply-adds of an `RRDBNet` for one square image: 9 per 3x3 convolution, channel pair and pixel."""
    unshuffle, stages = arrangement(factor)
    dense = sum((channels + i * growth) * growth for i in range(4)) + (channels + 4 * growth) * channels
    trunk = 3 * unshuffle**2 * channels + blocks * 3 * dense + channels**2
    areas = [(1 << stage) ** 2 for stage in range(1, stages + 1)]  # of the x2 stages, per pixel of the trunk
    ends = areas[-1] * (channels**2 + 3 * channels)
    return 9 * (lr_size // unshuffle) ** 2 * (trunk + sum(areas) * channels**2 + ends)


@dataclass(frozen=True)
class Width:
    """The size of an `RRDBNet`, and its multiply-adds for one image."""

    channels: int
    blocks: int
    growth: int
    macs: int


@dataclass(frozen=True)
class Shape:
    """Which of the sizes of one cost is an ESRGAN+."""

    blocks: int = 23
    """Wished for; the number nearest to it is taken."""
    multiple: int = 8
    """Of which the channels are one."""
    growth: int = 2
    """The channels divided by this are the growth."""


ESRGAN = Shape()


def match(*, target_macs: int, lr_size: int, factor: int, wanted: Shape = ESRGAN, tolerance: float = 0.05) -> Width:
    """Return the size of the ESRGAN+ for a cost, in multiply-adds for one image of `lr_size` squared.

    Our rule: of all widths, multiples of 8 with ESRGAN's growth of half the width, and all depths whose cost is within
    the relative `tolerance`, return those whose depth is nearest to ESRGAN's 23 blocks, and of these the one of the
    nearest cost. `wanted` says it with other numbers.
    Raises `ValueError` if none is within it, as for a target about or below the smallest of them.
    """
    found: list[Width] = []
    for channels in count(wanted.multiple, wanted.multiple):
        growth = max(1, channels // wanted.growth)
        bare, single = (
            macs(lr_size=lr_size, factor=factor, channels=channels, blocks=blocks, growth=growth) for blocks in (0, 1)
        )
        if single > (1 + tolerance) * target_macs:
            break
        least, most = ((sign * tolerance * target_macs + target_macs - bare) / (single - bare) for sign in (-1, 1))
        if (blocks := min(max(wanted.blocks, ceil(least)), floor(most))) >= max(1, ceil(least)):
            found.append(Width(channels, blocks, growth, bare + blocks * (single - bare)))
    if not found:
        channels = wanted.multiple
        least = macs(
            lr_size=lr_size, factor=factor, channels=channels, blocks=1, growth=max(1, channels // wanted.growth)
        )
        raise ValueError(
            f"no ESRGAN+ from {lr_size} px by {factor} has {target_macs:,} multiply-adds within {tolerance:.0%}; "
            f"the smallest, {channels} channels and 1 block, has {least:,}."
        )
    return min(found, key=lambda size: (abs(size.blocks - wanted.blocks), abs(size.macs - target_macs)))
