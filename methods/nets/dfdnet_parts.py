"""What DFDNet (nets/dfdnet.py) is made of: the swap of a component for a centre, and the layers of its decoder.

X. Li et al., "Blind face restoration via deep multi-scale component dictionaries", ECCV 2020, section 3.2. What the
paper leaves open (slopes, the blur, the sigmoid of the shift) is as in the published network.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from methods.nets.constants import constant
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator

EPSILON = 1e-5  # added to a variance
SLOPE = 0.2  # of every LeakyReLU
_BINOMIAL = tuple(a * b / 16 for a in (1, 2, 1) for b in (1, 2, 1))


def lrelu(x: Tensor) -> Tensor:
    """Apply LeakyReLU in place: safe in training too, as no convolution needs its own output for its gradient."""
    return F.leaky_relu(x, SLOPE, inplace=True)


def conv(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)


def pair(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    """Return two convolutions with a LeakyReLU between them."""
    return nn.Sequential(
        conv(inputs, outputs, dilation), nn.LeakyReLU(SLOPE, inplace=True), conv(outputs, outputs, dilation)
    )


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel of (..., H, W), both (..., 1, 1).

    The variance is the unbiased one, plus 1e-5: of a single value there is none.
    """
    variance, mean = torch.var_mean(x, (-2, -1), keepdim=True)
    return mean, (variance + EPSILON).sqrt()


def adain(content: Tensor, style: Tensor) -> Tensor:
    """Return `content` (B, C, H, W) with the mean and deviation of each channel of `style`, (B or 1, C, h, w)."""
    mean, deviation = moments(content)
    wanted_mean, wanted_deviation = moments(style)
    return (content - mean) / deviation * wanted_deviation + wanted_mean


class Swap(nn.Module):
    """One component at one scale: its dictionary, and the attention that weighs what is taken from there."""

    centres: Tensor

    def __init__(self, *, centres: Tensor) -> None:
        """Keep a dictionary (K, C, h, w); draw weights for the attention. Raises `ValueError` for another shape."""
        super().__init__()
        if centres.dim() != 4 or not centres.numel() or centres[0, 0].numel() == 1:  # noqa: PLR2004
            raise ValueError(
                f"a dictionary has the shape (centres, channels, height, width), with two pixels at least for a "
                f"deviation, not {tuple(centres.shape)}."
            )
        self.register_buffer("centres", centres)
        self.attention = pair(centres.shape[1], centres.shape[1])

    def nearest(self, crops: Tensor) -> Tensor:
        """Return which centre each crop (B, C, h, w), of the size of the centres, is most like: (B,).

        That is the centre with the largest inner product after AdaIN to the crop. AdaIN adds the crop's mean, which
        adds the same to all products, and takes off the centre's, which a crop without its own mean does not see: so
        the whole dictionary, of hundreds of megabytes, need not be adapted to each crop.
        """
        mean, deviation = moments(crops)  # (B, C, 1, 1)
        _, own = moments(self.centres)  # (K, C, 1, 1)
        centred = (crops - mean).to(self.centres.dtype)
        products = torch.einsum("kcp,bcp->bkc", self.centres.flatten(2), centred.flatten(2))
        return (products / own[..., 0, 0] * deviation[:, None, :, 0, 0]).sum(2).argmax(1)

    def forward(self, crops: Tensor) -> Tensor:
        """Return crops (B, C, H, W), of any size, with what their centres add, each for itself."""
        patches = F.interpolate(crops, self.centres.shape[-2:], mode="bilinear", align_corners=False)
        chosen = adain(self.centres[self.nearest(patches)], patches)
        swap = F.interpolate(chosen, crops.shape[-2:], mode="nearest")
        confidence: Tensor = self.attention(swap - crops)
        return crops + confidence * swap


class Dilated(nn.Module):
    """Four pairs of convolutions of dilation 4, 3, 2 and 1 side by side, joined by another one and added."""

    def __init__(self, channels: int) -> None:
        """Draw weights."""
        super().__init__()
        self.branches = nn.ModuleList(pair(channels, channels, dilation) for dilation in (4, 3, 2, 1))
        self.fusion = conv(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x.add(self.fusion(torch.cat([branch(x) for branch in self.branches], 1)))


class Residual(nn.Module):
    """Two convolutions and the input added."""

    def __init__(self, channels: int) -> None:
        """Draw weights."""
        super().__init__()
        self.body = pair(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x.add(self.body(x))


class UpBlock(nn.Module):
    """Doubles the size of features, scaled and shifted at each place by what a guide says (SFT)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Draw weights; features and guide both have `inputs` channels."""
        super().__init__()
        self.conv = conv(inputs, outputs)
        self.scale = pair(inputs, outputs)
        self.shift = pair(inputs, outputs)
        self.up = conv(outputs, outputs)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """Map (B, inputs, H, W), and a guide of that shape, to (B, outputs, 2 H, 2 W)."""
        x = F.leaky_relu(self.conv(_blurred(x)), SLOPE**2, inplace=True)  # published as two LeakyReLUs in a row
        x = x * self.scale(guide) + self.shift(guide).sigmoid()
        return lrelu(self.up(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)))


def _blurred(x: Tensor) -> Tensor:
    """Filter every channel with [1, 2, 1] x [1, 2, 1] / 16, zeros around."""
    kernel = constant(_BINOMIAL, x.dtype, x.device).view(1, 1, 3, 3).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


class CriticLevels(nn.Module):
    """What a StyleGAN2 discriminator sees at four sizes: features where no VGG19 can be had."""

    def __init__(self, critic: StyleGAN2Discriminator, *, levels: int = 4, channels: int | None = None) -> None:
        """Share its first layers; of each level the first `channels` features are given, None: all.

        Raises `ValueError` if it halves its images fewer than `levels` times.
        """
        super().__init__()
        self.channels = channels
        if len(critic.blocks) < levels:
            raise ValueError(f"this discriminator halves its images {len(critic.blocks)} times, not {levels}.")
        self.first = critic.first
        self.blocks = critic.blocks[:levels]

    def forward(self, images: Tensor) -> Sequence[Tensor]:
        """Map (B, 3, size, size) in [-1, 1] to features (B, C, size / 2, size / 2), ..., from fine to coarse."""
        x = self.first(images)
        found: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            found.append(x[:, : self.channels])
        return found
