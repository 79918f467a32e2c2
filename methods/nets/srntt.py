"""SRNTT: super-resolution by 4 that takes textures from other images.

Z. Zhang et al., "Image super-resolution by neural texture transfer", CVPR 2019, section 3, in the form of its authors'
code: the content extractor is an SRResNet with batch normalisation and makes an image by itself; the texture transfer
adds, at three scales, feature maps of a VGG that were put together of patches of the references.

Both networks work on images in [-1, 1]; `SRNTT` and the functions take and give [0, 1].
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from bench import resize
from bench.spec import Images
from methods.nets.srntt_matching import ENTRIES, match, swap
from methods.nets.srntt_parts import Fusion, body, conv, shuffled
from methods.nets.vgg_textures import Textures, VggTextures

FACTOR = 4
MAPS = (256, 128, 64)
"""Channels of the maps of a VGG, from the deepest."""


class ContentExtractor(nn.Module):
    """Residual blocks at the LR size, two pixel-shuffle stages, and a 1x1 convolution with tanh."""

    def __init__(self, *, channels: int = 64, blocks: int = 16) -> None:
        """Make the layers; the defaults are the published network's."""
        super().__init__()
        self.channels = channels
        self.conv_first = conv(3, channels)
        self.body = body(channels=channels, blocks=blocks)
        self.upconv1 = conv(channels, 4 * channels)
        self.upconv2 = conv(channels, 4 * channels)
        self.conv_last = conv(channels, 3, side=1)

    def forward(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, 3, H, W) in [-1, 1] to content features (B, C, H, W) and an image (B, 3, 4 H, 4 W) in [-1, 1]."""
        first = F.relu(self.conv_first(lr))
        content = first + self.body(first)
        x = shuffled(self.upconv2(shuffled(self.upconv1(content))))
        return content, torch.tanh(self.conv_last(x))


class TextureTransfer(nn.Module):
    """At the LR size, twice and four times that: features and the map of that scale are joined, and made larger."""

    def __init__(self, *, channels: int = 64, blocks: int = 16, maps: tuple[int, int, int] = MAPS) -> None:
        """Make the layers; `blocks` is of the smallest scale, the others have a half and a quarter of it.

        `maps` are the channels of the maps, from the deepest; the defaults are the published network's.
        """
        super().__init__()
        self.channels = channels
        self.maps = maps
        self.fusions = nn.ModuleList(
            Fusion(channels=channels, added=added, blocks=blocks >> scale) for scale, added in enumerate(maps)
        )
        self.upconv1 = conv(channels, 4 * channels)
        self.upconv2 = conv(channels, 4 * channels)
        self.conv_hr = conv(channels, channels // 2)  # the published network has no activation behind it
        self.conv_last = conv(channels // 2, 3, side=1)

    def forward(self, content: Tensor, textures: Textures) -> Tensor:
        """Map content features (B, C, H, W) and maps of H, 2 H and 4 H to an image (B, 3, 4 H, 4 W) in [-1, 1]."""
        x: Tensor = self.fusions[0](content, textures.relu3_1)
        x = self.fusions[1](shuffled(self.upconv1(x)), textures.relu2_1)
        x = self.fusions[2](shuffled(self.upconv2(x)), textures.relu1_1)
        return torch.tanh(self.conv_last(self.conv_hr(x)))


class SRNTT(nn.Module):
    """The two networks."""

    def __init__(self, content: ContentExtractor, texture: TextureTransfer) -> None:
        """Join them. Raises `ValueError` if they are of different widths."""
        super().__init__()
        if content.channels != texture.channels:
            raise ValueError(
                f"a content extractor of {content.channels} channels and a texture transfer for {texture.channels} "
                "do not fit each other."
            )
        self.content = content
        self.texture = texture

    def forward(self, lr: Images, textures: Textures) -> Images:
        """Map LR images (B, 3, H, W) and maps put together for them to (B, 3, 4 H, 4 W); images are in [0, 1]."""
        content, _ = self.content(lr * 2 - 1)
        restored: Tensor = self.texture(content, textures)
        return (restored + 1) / 2

    def upscaled(self, lr: Images) -> Images:
        """Map (B, 3, H, W) to (B, 3, 4 H, 4 W), all in [0, 1], without a reference."""
        image: Tensor
        _, image = self.content(lr * 2 - 1)
        return (image + 1) / 2


class Reference(NamedTuple):
    """What is known of a reference, or of one for each image of a batch."""

    keys: Tensor
    """(N, C, h, w): relu3_1 of the reference reduced by 4 and made larger again as LR images are; to match with."""
    values: Textures
    """The maps of the reference itself, to take textures from."""


def reference(network: SRNTT, textures: VggTextures, images: Images) -> Reference:
    """Return what is needed of reference images (N, 3, H, W) in [0, 1], whose sides 4 divides.

    They are reduced as the benchmark's LR images are made, in float64 and rounded to 8 bit; so an image that is its own
    reference is matched with itself.
    """
    reduced = resize.quantise(resize.downsample(images.double(), FACTOR)).to(images.dtype)
    return Reference(textures(network.upscaled(reduced)).relu3_1, textures(images))


def swapped(
    network: SRNTT, textures: VggTextures, lr: Images, references: Sequence[Reference], *, entries: int = ENTRIES
) -> Textures:
    """Return the maps for LR images (B, 3, H, W) in [0, 1] that are put together of patches of the references.

    Each reference is one for all images (N = 1) or one for each (N = B). Of several, each patch may come from any. An
    image is matched by itself, so its maps do not depend on the others of its batch.

    Raises `ValueError` for another N, or as `match` does; LR images and references need sides of 3 and 12 px at least.
    """
    for each in references:
        if len(each.keys) not in (1, len(lr)):
            raise ValueError(f"{len(each.keys)} references do not go with {len(lr)} images: one for all, or one each.")
    made: list[tuple[Tensor, ...]] = []
    for number, query in enumerate(textures(network.upscaled(lr)).relu3_1):
        own = [number if len(each.keys) > 1 else 0 for each in references]
        places = match(query, [each.keys[n] for each, n in zip(references, own, strict=True)], entries=entries)
        layers = zip(*(each.values for each in references), strict=True)  # the maps of a layer, of each reference
        made.append(
            tuple(
                swap(places, [values[n] for values, n in zip(layer, own, strict=True)], scale=1 << depth)
                for depth, layer in enumerate(layers)
            )
        )
    return Textures(*(torch.stack(layer) for layer in zip(*made, strict=True)))


def transfer(
    network: SRNTT, textures: VggTextures, lr: Images, references: Sequence[Images], *, entries: int = ENTRIES
) -> Images:
    """Map LR images (B, 3, H, W) to (B, 3, 4 H, 4 W) with textures of reference images; all in [0, 1].

    A reference is (1, 3, H', W') for all images or (B, 3, H', W'), of any size of 12 px at least that 4 divides.
    `network` is in eval mode; `textures` has the weights that it was trained with. Raises as `swapped` does.
    """
    known = [reference(network, textures, images) for images in references]
    restored: Images = network(lr, swapped(network, textures, lr, known, entries=entries))
    return restored
