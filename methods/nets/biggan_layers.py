"""The layers of BigGAN's generator and discriminator (nets/biggan.py): spectral norm, conditional norm, blocks.

Names of modules and tensors are those of the public PyTorch weights.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

_EPSILON = 1e-6  # of the power iteration


class Spectral(nn.Module):
    """A convolution or linear layer, by its weight's shape, that divides its weight by its largest singular value."""

    bias: Tensor | None
    u0: Tensor

    def __init__(self, *shape: int, bias: bool = True) -> None:
        """Draw weights of a shape, (outputs, inputs, K, K) or (outputs, inputs)."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(math.prod(shape[1:])))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.register_buffer("u0", torch.randn(1, shape[0]))

    def normed(self) -> Tensor:
        """Return the weight over its spectral norm, as one power iteration from `u0` finds it."""
        matrix = self.weight.flatten(1)
        with torch.no_grad():
            v = F.normalize(self.u0 @ matrix, eps=_EPSILON)
            u = F.normalize(v @ matrix.T, eps=_EPSILON)
        return self.weight / (v @ matrix.T @ u.T).squeeze()

    @torch.no_grad()
    def iterate(self) -> None:
        """Have the stored vector follow the weight, by one power iteration: what training does in each step."""
        matrix = self.weight.flatten(1)
        v = F.normalize(self.u0 @ matrix, eps=_EPSILON)
        self.u0.copy_(F.normalize(v @ matrix.T, eps=_EPSILON))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W), or (B, inputs) to (B, outputs)."""
        weight = self.normed()
        if weight.dim() == 2:  # noqa: PLR2004 - a matrix
            return F.linear(x, weight, self.bias)
        return F.conv2d(x, weight, self.bias, padding=weight.shape[-1] // 2)


class BatchNorm(nn.Module):
    """Batch norm with stored statistics; `by_batch` True, as in training, with those of the batch."""

    stored_mean: Tensor
    stored_var: Tensor

    def __init__(self, channels: int) -> None:
        """Store the statistics of numbers that are normal already."""
        super().__init__()
        self.by_batch = False
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))

    def normalised(self, x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return (B, channels, H, W) normalised, with a gain and a bias for each channel if they are given."""
        mean, var = (None, None) if self.by_batch else (self.stored_mean, self.stored_var)
        return F.batch_norm(x, mean, var, gain, bias, training=self.by_batch)


class ConditionalNorm(BatchNorm):
    """Batch norm whose gain and bias are linear in the condition."""

    def __init__(self, channels: int, condition: int) -> None:
        """Draw weights for a condition of so many numbers."""
        super().__init__(channels)
        self.gain = Spectral(channels, condition, bias=False)
        self.bias = Spectral(channels, condition, bias=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Normalise (B, channels, H, W) under conditions (B, condition)."""
        gain, bias = (layer(y)[..., None, None] for layer in (self.gain, self.bias))
        return torch.addcmul(bias, self.normalised(x), 1 + gain)


class Norm(BatchNorm):
    """Batch norm with gain and bias."""

    def __init__(self, channels: int) -> None:
        """Make it the identity."""
        super().__init__(channels)
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, channels, H, W)."""
        return self.normalised(x, self.gain, self.bias)


class Attention(nn.Module):
    """Self-attention over positions, keys and values pooled by two, added with a learned gain."""

    def __init__(self, channels: int) -> None:
        """Draw weights; the gain starts at 0."""
        super().__init__()
        self.theta = Spectral(channels // 8, channels, 1, 1, bias=False)
        self.phi = Spectral(channels // 8, channels, 1, 1, bias=False)
        self.g = Spectral(channels // 2, channels, 1, 1, bias=False)
        self.o = Spectral(channels, channels // 2, 1, 1, bias=False)
        self.gamma = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        queries = self.theta(x).flatten(2)
        keys, values = (F.max_pool2d(layer(x), 2).flatten(2) for layer in (self.phi, self.g))
        weights = (queries.mT @ keys).softmax(-1)  # (B, H W, H W / 4)
        found: Tensor = self.o((values @ weights.mT).unflatten(2, x.shape[2:]))
        return x + self.gamma * found


class UpBlock(nn.Module):
    """Norm, ReLU, nearest enlargement by two, 3x3 convolution, norm, ReLU, 3x3 convolution; a 1x1 skip, enlarged."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        """Draw weights."""
        super().__init__()
        self.conv1 = Spectral(outputs, inputs, 3, 3)
        self.conv2 = Spectral(outputs, outputs, 3, 3)
        self.conv_sc = Spectral(outputs, inputs, 1, 1)
        self.bn1 = ConditionalNorm(inputs, condition)
        self.bn2 = ConditionalNorm(outputs, condition)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (B, inputs, H, W) under (B, condition) to (B, outputs, 2H, 2W)."""
        made = self.conv1(F.interpolate(self.bn1(x, y).relu_(), scale_factor=2))
        made = self.conv2(self.bn2(made, y).relu_())
        both: Tensor = made + self.conv_sc(F.interpolate(x, scale_factor=2))
        return both


class DownBlock(nn.Module):
    """ReLU but on an image, 3x3 convolution, ReLU, 3x3 convolution, mean of 2x2 if `down`; a skip of 1x1 and mean."""

    def __init__(self, inputs: int, outputs: int, *, image: bool, down: bool) -> None:
        """Draw weights."""
        super().__init__()
        self.image = image
        self.down = down
        self.conv1 = Spectral(outputs, inputs, 3, 3)
        self.conv2 = Spectral(outputs, outputs, 3, 3)
        self.conv_sc = Spectral(outputs, inputs, 1, 1) if down else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W), or half of that."""
        made: Tensor = self.conv2(self.conv1(x if self.image else x.relu()).relu_())
        if not self.down:
            return made + x
        skip = self.conv_sc(F.avg_pool2d(x, 2)) if self.image else F.avg_pool2d(self.conv_sc(x), 2)
        return F.avg_pool2d(made, 2) + skip
