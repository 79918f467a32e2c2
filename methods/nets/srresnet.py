"""MSRResNet: SRResNet without batch normalisation, over a bilinear base.

C. Ledig et al., "Photo-realistic single image super-resolution using a generative adversarial network", CVPR 2017,
section 2.1.1, in the form of ESRGAN's authors (BasicSR): no normalisation, LeakyReLU 0.1 for PReLU, a bilinear base.
It is published for x2, x3 and x4; for larger factors we add x2 stages of the same form.
Names of layers are BasicSR's. mmagic's form, that of its published weights, has no LeakyReLU behind the pixel shuffles.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from methods.nets.rrdbnet import conv3, initialise

SLOPE = 0.1  # of every LeakyReLU
FACTORS = (2, 3, 4, 8, 16, 32, 64)
LINEAR = "linear_stages"
"""The entry, (1,), of a state dict that is there in mmagic's form alone: its other entries fit either form."""


def activate(x: Tensor) -> Tensor:
    """Apply LeakyReLU in place: safe in training too, as no convolution needs its own output for its gradient."""
    return F.leaky_relu(x, SLOPE, inplace=True)


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, and the input added."""

    def __init__(self, *, channels: int) -> None:
        """Make the two convolutions."""
        super().__init__()
        self.conv1 = conv3(channels, channels)
        self.conv2 = conv3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x.add(self.conv2(F.relu(self.conv1(x), inplace=True)))


class MSRResNet(nn.Module):
    """Residual blocks at the LR size, pixel-shuffle stages, two convolutions at the HR size, plus the bilinear base.

    Images are RGB in [0, 1]; the output is not bounded.
    """

    def __init__(self, *, factor: int, channels: int = 64, blocks: int = 16, activated_stages: bool = True) -> None:
        """Make the layers for one factor of `FACTORS`; all start at a tenth of Kaiming normal, so near the base.

        `activated_stages` False is mmagic's form.

        Raises `ValueError` for another factor.
        """
        super().__init__()
        if factor not in FACTORS:
            raise ValueError(f"MSRResNet enlarges by one of {FACTORS}, not by {factor}.")
        self.factor = factor
        self.activated_stages = activated_stages
        if not activated_stages:
            self.register_buffer(LINEAR, torch.ones(1))
        self.enlargements = (3,) if factor == 3 else (2,) * (factor.bit_length() - 1)  # noqa: PLR2004 - it is x3
        self.conv_first = conv3(3, channels)
        self.body = nn.Sequential(*(ResidualBlock(channels=channels) for _ in range(blocks)))
        for stage, step in enumerate(self.enlargements, 1):
            self.add_module(f"upconv{stage}", conv3(channels, channels * step**2))
        self.conv_hr = conv3(channels, channels)
        self.conv_last = conv3(channels, 3)
        initialise(self.modules(), gain=0.1)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, 3, factor * H, factor * W)."""
        x: Tensor = self.body(activate(self.conv_first(lr)))  # (B, C, H, W)
        for stage, step in enumerate(self.enlargements, 1):
            x = F.pixel_shuffle(self.get_submodule(f"upconv{stage}")(x), step)  # each side times `step`
            x = activate(x) if self.activated_stages else x
        base = F.interpolate(lr, scale_factor=self.factor, mode="bilinear", align_corners=False)
        return base.add(self.conv_last(activate(self.conv_hr(x))))
