"""Augmentation of what the discriminator sees, with a probability that follows its overfitting.

T. Karras et al., "Training generative adversarial networks with limited data", NeurIPS 2020 (ADA). Of its pipeline
(appendix B) we have the transforms that need no resampling: integer translation, brightness, contrast, saturation and
cutout; each is done to each image with the probability p, and all are differentiable. p moves by one over 500,000
images, up where the mean sign of the logits of real images is above 0.6 (Sec. 3).
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.spec import Images
from methods.training.share import Share

_TARGET = 0.6
_IMAGES = 500_000  # from p = 0 to p = 1
_SHIFT = 0.125  # of the side
_CUT = 0.5  # of the side

Uniform: TypeAlias = Callable[[], Tensor]


def next_probability(p: Tensor, sign: Tensor, images: int) -> Tensor:
    """Return p, (), after so many more images, whose logits have the mean sign `sign` in [-1, 1]."""
    step = images / _IMAGES
    return (p + torch.where(sign > _TARGET, step, -step)).clamp(0, 1)


def augment(images: Images, p: Tensor, share: Share, draws: torch.Generator) -> Images:
    """Transform images in [-1, 1], (B, 3, H, W), each with the probability p, (), a transform; p = 0 leaves them.

    They are a process's share, and `draws` the same in all.
    """

    def uniform() -> Tensor:
        """Return one number in [0, 1) for each image, (B, 1, 1, 1)."""
        whole = torch.rand(len(images) * share.ranks, 1, 1, 1, generator=draws, device=draws.device)
        return share.of(whole).to(images.device)

    changed = images
    for transform in (_brighter, _contrasted, _saturated, _shifted, _cut):
        chosen = uniform() < p
        changed = torch.where(chosen, transform(changed, uniform), changed)
    return changed


def _brighter(images: Images, uniform: Uniform) -> Images:
    return images + (uniform() - 0.5) * 0.8


def _contrasted(images: Images, uniform: Uniform) -> Images:
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * 2 ** (uniform() * 2 - 1)


def _saturated(images: Images, uniform: Uniform) -> Images:
    grey = images.mean(1, keepdim=True)
    return grey + (images - grey) * 2 * uniform()


def _shifted(images: Images, uniform: Uniform) -> Images:
    """Move by up to an eighth of the side; what comes in is mirrored."""
    side = images.shape[-1]
    pad = max(1, int(side * _SHIFT))
    padded = F.pad(images, (pad, pad, pad, pad), mode="reflect")
    x, y = ((uniform() * (2 * pad + 1)).long() + torch.arange(side, device=images.device) for _ in range(2))
    rows = padded.gather(2, y.mT.expand(-1, *padded.shape[1:2], -1, padded.shape[3]))
    return rows.gather(3, x.expand(-1, *rows.shape[1:3], -1))


def _cut(images: Images, uniform: Uniform) -> Images:
    """Blank a square of half the side."""
    side = images.shape[-1]
    axis = (torch.arange(side, device=images.device) + 0.5) / side
    x, y = uniform(), uniform()
    inside = ((axis - x).abs() < _CUT / 2) & ((axis[:, None] - y).abs() < _CUT / 2)
    return images.masked_fill(inside, 0)
