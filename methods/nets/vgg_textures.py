"""The three feature maps that SRNTT matches and swaps: relu3_1, relu2_1 and relu1_1 of a VGG.

K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015. Up to
relu3_1, VGG16 and VGG19 have the same five convolutions, of the same shapes; their weights differ. Entries have
torchvision's names (`features.0` conv1_1, 2 conv1_2, 5 conv2_1, 7 conv2_2, 10 conv3_1).

How images are brought to what the weights were trained with belongs to the weights, so it is among the entries: `mean`
and `deviation`, of images in [0, 1]. torchvision divides by the deviation of each colour; the original weights (Caffe,
matconvnet), which the published SRNTT uses, take values of 0 to 255 less a mean colour.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.spec import Images
from methods.nets.vgg16 import DEVIATION, MEAN, Vgg16

_LAST = 11
_CUTS = ((0, 2), (2, 7), (7, _LAST + 1))
"""Which layers lead to relu1_1, to relu2_1 and to relu3_1."""
TORCHVISION = (MEAN, DEVIATION)
"""The mean and the deviation of red, green and blue that torchvision's weights are for."""
MATCONVNET = ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255))
"""Those that the original weights are for."""
MULTIPLE = 4
"""What divides a side of the images: the maps are of the whole, half and a quarter of their size."""


class Textures(NamedTuple):
    """Feature maps of images (B, 3, H, W), all at least 0, or what was put together of such maps."""

    relu3_1: Tensor
    """(B, 256, H / 4, W / 4); here patches are matched."""
    relu2_1: Tensor
    """(B, 128, H / 2, W / 2)."""
    relu1_1: Tensor
    """(B, 64, H, W)."""


class VggTextures(nn.Module):
    """A VGG up to relu3_1."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, colours: tuple[tuple[float, ...], tuple[float, ...]] = TORCHVISION) -> None:
        """Draw weights; `colours` is `TORCHVISION` or `MATCONVNET`."""
        super().__init__()
        self.features = Vgg16(layer=_LAST).features
        self.register_buffer("mean", torch.tensor(colours[0]))
        self.register_buffer("deviation", torch.tensor(colours[1]))

    def forward(self, images: Images) -> Textures:
        """Map RGB images (B, 3, H, W) in [0, 1] to their three maps. Raises `ValueError` unless 4 divides H and W."""
        if images.shape[-2] % MULTIPLE or images.shape[-1] % MULTIPLE:
            raise ValueError(f"the maps of a VGG need sides that {MULTIPLE} divides, not {tuple(images.shape[-2:])}.")
        x = (images - self.mean[:, None, None]) / self.deviation[:, None, None]
        maps: list[Tensor] = []
        for start, stop in _CUTS:
            x = self.features[start:stop](x)
            maps.append(x)
        relu1_1, relu2_1, relu3_1 = maps
        return Textures(relu3_1, relu2_1, relu1_1)
