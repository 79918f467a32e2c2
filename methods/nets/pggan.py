"""PGGAN: the generator of the progressive GAN, whole or cut in two at a layer (mGANprior).

T. Karras et al., "Progressive growing of GANs for improved quality, stability, and variation", ICLR 2018: pixel norm
(Sec. 4.2), equalised learning rate (Sec. 4.1), widths of Table 2. Only the last RGB layer is kept: the others served
the growing. mGANprior (J. Gu et al., CVPR 2020, Sec. 3.1) mixes the features between two layers.

Nearest enlargement and the 3x3 convolution after it are one transposed convolution with a 4x4 kernel (`doubled_conv`):
the same values to rounding, 4 multiplications an output instead of 9, and no enlarged input is stored.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.stylegan2_layers import SQRT2, config_f


def pixel_norm(x: Tensor) -> Tensor:
    """Divide (B, C, ...) by the root mean square over the channels, Sec. 4.2."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def doubled_conv(x: Tensor, weight: Tensor) -> Tensor:
    """Enlarge (B, inputs, H, W) by two, nearest, then convolve with (outputs, inputs, 3, 3): (B, outputs, 2H, 2W)."""
    padded = F.pad(weight.transpose(0, 1).flip(2, 3), (1, 1, 1, 1))  # (inputs, outputs, 5, 5)
    rows = padded[:, :, 1:] + padded[:, :, :-1]
    kernel = rows[..., 1:] + rows[..., :-1]  # (inputs, outputs, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1)


class EqualConv(nn.Module):
    """A convolution with equalised learning rate, `gain` / sqrt(fan in) times N(0, 1) weights; if `up`, enlarging."""

    bias: Tensor | None

    def __init__(  # noqa: PLR0913 - what a convolution is made of
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        padding: int = 1,
        gain: float = SQRT2,
        up: bool = False,
        bias: bool = True,
    ) -> None:
        """Draw weights."""
        super().__init__()
        self.padding = padding
        self.gain = gain / math.sqrt(inputs * kernel**2)
        self.up = up
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W), or twice that."""
        weight = self.weight * self.gain
        x = doubled_conv(x, weight) if self.up else F.conv2d(x, weight, padding=self.padding)
        return x if self.bias is None else x.add_(self.bias[:, None, None])


class PGGAN(nn.Module):
    """The generator z -> image: two layers a resolution, then RGB.

    Layer 0 makes 4x4 of the code, layer 2i (i > 0) doubles to 4 * 2^i px, layer 2i + 1 keeps the size.
    """

    def __init__(self, *, size: int, channels: Mapping[int, int] | None = None, z_dim: int = 512) -> None:
        """Draw weights for images of `size` px; without a table of widths, min(512, 16384 / resolution)."""
        super().__init__()
        table = channels or config_f(size, 1)
        self.size = size
        self.z_dim = z_dim
        self.widths: list[int] = []  # of the features behind each layer
        self.layers = nn.ModuleList()
        inputs = z_dim
        for resolution in config_f(size):
            width = table[resolution]
            first = resolution == 4  # noqa: PLR2004 - on a 1x1 input: a dense layer
            self.layers.append(
                EqualConv(inputs, width, kernel=4, padding=3) if first else EqualConv(inputs, width, up=True)
            )
            self.layers.append(EqualConv(width, width))
            self.widths += [width, width]
            inputs = width
        self.to_rgb = EqualConv(inputs, 3, kernel=1, padding=0, gain=1)

    def forward(self, z: Tensor) -> Tensor:
        """Map z (B, z_dim) to images (B, 3, size, size), about [-1, 1], not clamped, whatever z's length."""
        return self.suffix(self.prefix(z, len(self.layers)), len(self.layers))

    def prefix(self, z: Tensor, layers: int) -> Tensor:
        """Run the first `layers` layers: z (B, z_dim) to features (B, widths[layers - 1], R, R)."""
        x = z[..., None, None]  # (B, z_dim, 1, 1)
        for index in self._range(layers)[0]:
            x = self._layer(index, x)
        return x

    def suffix(self, x: Tensor, layers: int) -> Tensor:
        """Run what follows the first `layers` layers: features (B, widths[layers - 1], R, R) to images."""
        for index in self._range(layers)[1]:
            x = self._layer(index, x)
        image: Tensor = self.to_rgb(pixel_norm(x))
        return image

    def _layer(self, index: int, x: Tensor) -> Tensor:
        return F.leaky_relu(self.layers[index](pixel_norm(x)), 0.2, inplace=True)

    def _range(self, layers: int) -> tuple[range, range]:
        if not 0 <= layers <= len(self.layers):
            raise ValueError(f"a PGGAN of {self.size} px is cut behind 0 to {len(self.layers)} layers, not {layers}.")
        return range(layers), range(layers, len(self.layers))
