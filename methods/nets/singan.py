"""The two small networks that SinGAN trains at each scale of one image: a generator and a patch discriminator.

T. R. Shaham et al., "SinGAN: Learning a Generative Model from a Single Natural Image", ICCV 2019, section 2.2, in the
released form (`GeneratorConcatSkip2CleanAdd`, `WDiscriminator`): four blocks of convolution, batch normalisation and
LeakyReLU, one more convolution, 3 x 3 without padding, so that an output pixel sees 11 x 11 pixels.
Here one module holds the networks of several images side by side: convolutions are grouped, channels lie image by
image. The released batches hold one image, so batch normalisation is over the pixels of each image alone.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

PADDING = 5  # what five convolutions cut off at a side
Padding = Literal["constant", "replicate"]
SMALLEST = 18  # the coarsest scale of the released code, in pixels


class Stack(nn.Sequential):
    """The five convolutions of `images` networks, each as if alone."""

    def __init__(self, *, images: int, channels: int, out: int, norm: Literal["batch", "instance"]) -> None:
        """Make the layers: 3 channels in, `channels` inside, `out` out.

        `instance` normalises as a batch of one image does, but takes several at once and keeps no running statistics.
        """
        super().__init__()
        self.images = images
        width = 3
        for index in range(4):
            self.add_module(f"conv{index}", nn.Conv2d(images * width, images * channels, 3, groups=images))
            layer = nn.BatchNorm2d if norm == "batch" else nn.InstanceNorm2d
            self.add_module(f"norm{index}", layer(images * channels, affine=True))
            self.add_module(f"act{index}", nn.LeakyReLU(0.2, inplace=True))
            width = channels
        self.add_module("tail", nn.Conv2d(images * width, images * out, 3, groups=images))


class SinGANGenerator(nn.Module):
    """What one scale adds to the enlarged result of the scale below."""

    def __init__(self, *, images: int, channels: int, padding: Padding = "constant") -> None:
        """Make the networks of `images` images; the released padding is `constant`, with zeros."""
        super().__init__()
        self.padding = padding
        self.stack = Stack(images=images, channels=channels, out=3, norm="batch")

    def forward(self, noisy: Tensor, previous: Tensor) -> Tensor:
        """Map (images, 3, H, W), the previous image with noise, and the same without, in [-1, 1], to this shape.

        Both are padded by 5 px a side, and the padding of `previous` is cut off again: so it is added as it is.
        """
        x = F.pad(noisy.flatten(0, 1)[None], (PADDING,) * 4, self.padding)  # (1, images * 3, H + 10, W + 10)
        return torch.tanh(self.stack(x)).view_as(previous) + previous


class SinGANDiscriminator(nn.Module):
    """Judges every patch of 11 x 11 pixels of an image: real or generated."""

    def __init__(self, *, images: int, channels: int, padding: Padding = "constant") -> None:
        """Make the networks of `images` images; the released padding is `constant`, with zeros."""
        super().__init__()
        self.padding = padding
        self.stack = Stack(images=images, channels=channels, out=1, norm="instance")

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (N, images, 3, H, W), N pictures for each image's network, to scores (N, images, H - 10, W - 10).

        Ours: a picture with a side below the 18 px of the released code is padded as it is for the generator,
        because it has few patches or none; then the scores are (N, images, H, W).
        """
        x = pictures.flatten(1, 2)  # (N, images * 3, H, W)
        scores: Tensor = self.stack(F.pad(x, (PADDING,) * 4, self.padding) if min(x.shape[-2:]) < SMALLEST else x)
        return scores


def width(scale: int, first: int = 32, most: int = 128) -> int:
    """Return the channels of the networks of a scale, 0 being the coarsest: doubled every four scales."""
    return min(first << scale // 4, most)
