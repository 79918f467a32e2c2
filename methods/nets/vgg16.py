"""The convolutions of VGG16, whose features the perceptual losses compare.

K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015, the network
D of Table 1. Layers are numbered as in torchvision's `vgg16().features`, whose names the entries have: 15 is relu3_3,
the last of mGANprior's `features[:16]`; 21 is conv4_3, before its ReLU.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from bench.spec import Images
from methods.nets.constants import constant

_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)  # 0: a pooling
MEAN = (0.485, 0.456, 0.406)  # of ImageNet's red, green and blue in [0, 1]
DEVIATION = (0.229, 0.224, 0.225)


def stacked(widths: Iterable[int]) -> list[nn.Module]:
    """Return the layers of a VGG: 3x3 convolutions of these widths, each with its ReLU, and a pooling for each 0."""
    layers: list[nn.Module] = []
    inputs = 3
    for width in widths:
        if width:
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = width
        else:
            layers.append(nn.MaxPool2d(2))
    return layers


class Vgg16(nn.Module):
    """VGG16 up to and including one layer of its `features`."""

    def __init__(self, *, layer: int) -> None:
        """Draw weights for the layers 0 to `layer`, at most 30."""
        super().__init__()
        layers = stacked(_WIDTHS)
        if not 0 <= layer < len(layers):
            raise ValueError(f"VGG16 has the layers 0 to {len(layers) - 1}, not {layer}.")
        self.features = nn.Sequential(*layers[: layer + 1])

    def forward(self, images: Images) -> Tensor:
        """Map (B, 3, H, W) in [0, 1] to the features of the last layer, (B, C, H', W')."""
        mean, deviation = (constant(each, images.dtype, images.device) for each in (MEAN, DEVIATION))
        features: Tensor = self.features((images - mean[:, None, None]) / deviation[:, None, None])
        return features
