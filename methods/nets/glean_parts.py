"""GLEAN's encoder and decoder (nets/glean.py): what is trained around the bank."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.rrdbnet import Trunk, initialise
from methods.nets.synthesis import Synthesis

BASE = 4  # px: the bank's constant, the encoder's last feature
STRIP = 1 << 22  # values: 16 MiB in float32, which malloc keeps for the next strip


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size, or halves it with stride 2."""
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


def lrelu() -> nn.LeakyReLU:
    """Return the activation of the whole network."""
    return nn.LeakyReLU(0.2, inplace=True)


class Encoder(nn.Module):
    """LR image -> features at in_size, in_size / 2, ... and latents (Eq. 1-2)."""

    def __init__(self, *, trunk: Trunk, bank: Synthesis, in_size: int, latents: int, coarsest: int) -> None:
        """Make the stages down to `coarsest` px, and a head for `latents` latents (0: none; else `coarsest` is 4)."""
        super().__init__()
        self.style_dim = bank.style_dim
        sizes = [resolution for resolution in reversed(bank.channels) if coarsest <= resolution <= in_size]
        widths = [bank.channels[resolution] for resolution in sizes]
        self.trunk = trunk
        self.head = nn.Sequential(conv(trunk.conv_first.out_channels, widths[0]), lrelu())
        self.stages = nn.ModuleList(
            nn.Sequential(conv(a, b, 2), lrelu(), conv(b, b), lrelu()) for a, b in pairwise(widths)
        )
        self.depth = len(self.stages)
        if latents:
            linear = nn.Linear(widths[-1] * BASE**2, latents * bank.style_dim)
            self.stages.append(nn.Sequential(conv(widths[-1], widths[-1]), lrelu(), nn.Flatten(), linear))

    def forward(self, lr: Tensor) -> tuple[dict[int, Tensor], Tensor | None]:
        """Map (B, 3, H, H) to features by resolution, (B, C, R, R), and latents (B, latents, style_dim)."""
        f = self.head(self.trunk(lr))
        features = {f.shape[-1]: f}
        for stage in self.stages[: self.depth]:
            f = stage(f)
            features[f.shape[-1]] = f
        if len(self.stages) == self.depth:
            return features, None
        return features, self.stages[-1](f).unflatten(1, (-1, self.style_dim))


class Decoder(nn.Module):
    """f_0 and features of the bank -> image (Eq. 4): convolutions with pixel shuffle, no activation between them."""

    def __init__(self, *, bank: Synthesis, in_size: int, features: tuple[int, ...]) -> None:
        """Make a block per doubling and the last one; `features` are the resolutions at which the bank's come in."""
        super().__init__()
        sizes = [resolution for resolution in bank.channels if resolution >= in_size]
        inputs = [bank.channels[size] * (2 if size in features else 1) for size in sizes]
        self.features = features
        self.blocks = nn.ModuleList(
            conv(width, 4 * bank.channels[after]) for width, after in zip(inputs, sizes[1:], strict=False)
        )
        initialise(self.blocks, gain=1)
        self.last = nn.Sequential(conv(inputs[-1], 64), lrelu(), conv(64, 3))

    def forward(self, d: Tensor, g: Iterator[Tensor]) -> Tensor:
        """Map f_0 (B, C, in_size, in_size) and the bank's features, made as they are asked for, to the image."""
        for block in self.blocks:
            d = F.pixel_shuffle(block(self._with_bank(d, g)), 2)
        if d.device.type == "cpu" and not torch.is_grad_enabled():
            return self._last_by_strips(self._parts(d, g))
        image: Tensor = self.last(self._with_bank(d, g))
        return image

    def _parts(self, d: Tensor, g: Iterator[Tensor]) -> list[Tensor]:
        return [d, next(x for x in g if x.shape == d.shape)] if d.shape[-1] in self.features else [d]

    def _with_bank(self, d: Tensor, g: Iterator[Tensor]) -> Tensor:
        parts = self._parts(d, g)
        return torch.cat(parts, 1) if len(parts) > 1 else d

    def _last_by_strips(self, parts: list[Tensor]) -> Tensor:
        """Run the last block a strip of rows at a time: at 1024 px its maps take 268 MB, and their page faults time."""
        height = parts[0].shape[2]
        step = max(1, STRIP // sum(part[:, :, 0].numel() for part in parts))
        images = []
        for top in range(0, height, step):
            start = max(0, top - 2)  # two convolutions see two rows further
            strip = torch.cat([part[:, :, start : top + step + 2] for part in parts], 1)
            images.append(self.last(strip)[:, :, top - start : top - start + step])
        return torch.cat(images, 2)
