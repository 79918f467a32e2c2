"""The layers of SRNTT: convolutions and normalisations as its authors start them, residual blocks, joining with a map.

Z. Zhang et al., "Image super-resolution by neural texture transfer", CVPR 2019; sizes, order and starts of the layers
are those of the authors' code.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

_DEVIATION = 0.02  # of all that is drawn
_MOMENTUM = 0.1
_EPSILON = 1e-5


def conv(inputs: int, outputs: int, *, side: int = 3, bias: bool = True) -> nn.Conv2d:
    """Return a convolution that keeps the size; its weights are N(0, 0.02), its biases 0."""
    layer = nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=bias)
    nn.init.normal_(layer.weight, std=_DEVIATION)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def shuffled(x: Tensor) -> Tensor:
    """Map (B, 4 C, H, W) to (B, C, 2 H, 2 W), at least 0."""
    return F.relu(F.pixel_shuffle(x, 2))


class BatchNorm(nn.Module):
    """Batch normalisation with weights alone among its entries: torch's has a count of batches beside them."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, *, channels: int) -> None:
        """Start with scales N(1, 0.02) and offsets 0."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        nn.init.normal_(self.weight, mean=1, std=_DEVIATION)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape: by the batch's own mean and variance in training, else by the kept."""
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, _MOMENTUM, _EPSILON
        )


class ResidualBlock(nn.Module):
    """Convolution, normalisation, ReLU, convolution, normalisation, and the input added."""

    def __init__(self, *, channels: int) -> None:
        """Make the layers; a convolution before a normalisation has no bias."""
        super().__init__()
        self.conv1 = conv(channels, channels, bias=False)
        self.norm1 = BatchNorm(channels=channels)
        self.conv2 = conv(channels, channels, bias=False)
        self.norm2 = BatchNorm(channels=channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x.add(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


def body(*, channels: int, blocks: int) -> nn.Sequential:
    """Return residual blocks, a convolution and a normalisation; what goes in is added outside."""
    inner = (ResidualBlock(channels=channels) for _ in range(blocks))
    return nn.Sequential(*inner, conv(channels, channels, bias=False), BatchNorm(channels=channels))


class Fusion(nn.Module):
    """Joins features with a map of the same size: a convolution of both, a body, and the features added."""

    def __init__(self, *, channels: int, added: int, blocks: int) -> None:
        """Make the layers for maps of `added` channels."""
        super().__init__()
        self.conv_first = conv(channels + added, channels)
        self.body = body(channels=channels, blocks=blocks)

    def forward(self, x: Tensor, texture: Tensor) -> Tensor:
        """Map features (B, C, H, W) and a map (B, added, H, W) to features."""
        return x.add(self.body(F.relu(self.conv_first(torch.cat((x, texture), 1)))))
