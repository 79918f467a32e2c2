"""BigGAN: the class-conditional generator and discriminator that DGP searches, for images of 128 or 256 px.

A. Brock et al., "Large scale GAN training for high fidelity natural image synthesis", ICLR 2019, Appendix B: residual
blocks (Fig. 15), widths (Tables 4 and 5), a class embedding shared by all layers, a chunk of z for each block, one
attention block at 64 px (H. Zhang et al., "Self-attention GANs", ICML 2019), spectral norm (T. Miyato et al., "Spectral
normalization for GANs", ICLR 2018, Alg. 1). Names of modules and tensors are those of the public PyTorch weights.

Batch norm uses its stored statistics, but in training (methods/training/biggan.py), and spectral norm makes one power
iteration from the stored vector at every call, which training alone changes; the norm follows the weight, and has a
gradient.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.biggan_layers import Attention, DownBlock, Norm, Spectral, UpBlock

_WIDTHS = {128: (16, 16, 8, 4, 2, 1), 256: (16, 16, 8, 8, 4, 2, 1)}  # of the generator, coarse to fine, in `channels`
_ATTENTION = 64  # px


def _widths(size: int, channels: int, widest: int | None) -> list[int]:
    if size not in _WIDTHS:
        raise ValueError(f"BigGAN makes images of {' or '.join(map(str, _WIDTHS))} px, not {size} px.")
    return [min(channels * multiple, widest or channels * multiple) for multiple in _WIDTHS[size]]


class BigGAN(nn.Module):
    """The generator (z, class) -> image: a linear layer to 4x4, blocks that double the size, the output layer."""

    def __init__(  # noqa: PLR0913 - its sizes
        self,
        *,
        size: int,
        channels: int = 96,
        z_dim: int = 120,
        embedding: int = 128,
        classes: int = 1000,
        widest: int | None = None,
        attention: int = _ATTENTION,
    ) -> None:
        """Draw weights; `z_dim` is cut down to equal chunks, one for the linear layer and one for each block.

        Ours: `widest`, channels of a layer at most, None: as published; `attention`, the side of its features in px.
        """
        super().__init__()
        widths = _widths(size, channels, widest)
        self.size = size
        self.channels = {4 << stage: width for stage, width in enumerate(widths)}
        self.chunk = z_dim // len(widths)
        self.z_dim = self.chunk * len(widths)
        self.classes = classes
        self.shared = nn.Embedding(classes, embedding)
        self.linear = Spectral(16 * widths[0], self.chunk)
        self.blocks = nn.ModuleList()
        for stage, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            behind = [Attention(outputs)] if 8 << stage == attention else []
            self.blocks.append(nn.ModuleList([UpBlock(inputs, outputs, embedding + self.chunk), *behind]))
        self.output_layer = nn.Sequential(Norm(widths[-1]), nn.ReLU(), Spectral(3, widths[-1], 3, 3))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Map z (B, z_dim) and classes (B,), whole numbers, to images (B, 3, size, size) in [-1, 1]."""
        first, *chunks = z.split(self.chunk, 1)
        embedded = self.shared(y)  # (B, embedding)
        x = self.start(first)
        for index, chunk in enumerate(chunks):
            x = self.block(index, x, chunk, embedded)
        return self.image(x)

    def start(self, chunk: Tensor) -> Tensor:
        """Map the first chunk of z (B, chunk) to features (B, C, 4, 4)."""
        x: Tensor = self.linear(chunk).unflatten(1, (-1, 4, 4))
        return x

    def block(self, index: int, x: Tensor, chunk: Tensor, embedded: Tensor) -> Tensor:
        """Run a block, and the attention behind it, for its chunk of z and embedded classes (B, embedding).

        (B, C, R, R) becomes (B, C', 2R, 2R).
        """
        block, *attention = self.blocks[index].children()
        made: Tensor = block(x, torch.cat([embedded, chunk], 1))
        for each in attention:
            made = each(made)
        return made

    def image(self, x: Tensor) -> Tensor:
        """Map the last features to images (B, 3, size, size) in [-1, 1]."""
        image: Tensor = self.output_layer(x)
        return image.tanh()


class BigGANDiscriminator(nn.Module):
    """The projection discriminator (image, class) -> logit."""

    def __init__(
        self,
        *,
        size: int,
        channels: int = 96,
        classes: int = 1000,
        widest: int | None = None,
        attention: int = _ATTENTION,
    ) -> None:
        """Draw weights; `widest` and `attention` as for the generator."""
        super().__init__()
        widths = [3, *reversed(_widths(size, channels, widest))]
        self.size = size
        self.blocks = nn.ModuleList()
        for stage, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            down = size >> stage > 4  # noqa: PLR2004 - the last block stays at 4x4
            behind = [Attention(outputs)] if size >> stage == 2 * attention else []
            self.blocks.append(nn.ModuleList([DownBlock(inputs, outputs, image=stage == 0, down=down), *behind]))
        self.linear = Spectral(1, widths[-1])
        self.embed = Spectral(classes, widths[-1], bias=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Return what each block and the attention make of images (B, 3, size, size), fine to coarse, and the last sum.

        The last block's features come rectified, as in the public code, whose ReLU before the sum works in place.
        """
        found = [images]
        for stage in self.blocks:
            for block in stage.children():
                found.append(block(found[-1]))
        found[-1] = found[-1].relu()
        return [*found[1:], found[-1].sum((2, 3))]

    def forward(self, images: Tensor, y: Tensor) -> Tensor:
        """Map images (B, 3, size, size) in [-1, 1] and classes (B,) to logits (B, 1)."""
        pooled = self.features(images)[-1]
        logits: Tensor = self.linear(pooled)
        return logits + (F.embedding(y, self.embed.normed()) * pooled).sum(1, keepdim=True)
