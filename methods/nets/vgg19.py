"""The features of VGG19 that DFDNet compares and replaces, from fine to coarse.

K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015, the network
E of Table 1. Layers are numbered as in torchvision's `vgg19().features`, whose names the entries have.
"""

import torch
from torch import Tensor, nn

from methods.nets.vgg16 import DEVIATION, MEAN, stacked

_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)  # 0: a pooling
LEVELS = (8, 17, 26, 34)
"""relu2_2, relu3_4 and relu4_4, and conv5_4 before its ReLU: DFDNet's authors cut the network in front of four ReLUs,
of which the first three then work in place on what was kept.
"""


class Vgg19(nn.Module):
    """VGG19 up to conv5_4: images to features of 1/2, 1/4, 1/8 and 1/16 of their side."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        """Draw weights; mean and deviation of the images are ImageNet's.

        They are entries of the state dict, as DFDNet's authors left them among what was trained.
        """
        super().__init__()
        self.features = nn.Sequential(*stacked(_WIDTHS)[: LEVELS[-1] + 1])
        self.register_buffer("mean", torch.tensor(MEAN))
        self.register_buffer("deviation", torch.tensor(DEVIATION))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 3, H, W) in [-1, 1] to 128, 256, 512 and 512 channels at H / 2, H / 4, H / 8 and H / 16."""
        x = ((images + 1) / 2 - self.mean[:, None, None]) / self.deviation[:, None, None]
        found: list[Tensor] = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in LEVELS:  # what follows is a pooling or the end: nothing works in place on it
                found.append(x)
        return tuple(found)
