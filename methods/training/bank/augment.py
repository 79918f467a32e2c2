"""Augmentation of what the discriminator sees, with a probability that follows its overfitting.

T. Karras et al., "Training generative adversarial networks with limited data", NeurIPS 2020 (ADA). Of its pipeline
(appendix B) we have the transforms that need no resampling: integer translation, brightness, contrast, saturation and
cutout; each is done to each image with the probability p, and all are differentiable. p moves by one over 500,000
images, up where the mean sign of the logits of real images is above 0.6 (Sec. 3).
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.spec import Images

_TARGET = 0.6
_IMAGES = 500_000  # from p = 0 to p = 1
_SHIFT = 0.125  # of the side
_CUT = 0.5  # of the side


def next_probability(p: float, sign: float, images: int) -> float:
    """Return p after so many more images, whose logits have the mean sign `sign` in [-1, 1]."""
    step = images / _IMAGES
    return min(1.0, max(0.0, p + (step if sign > _TARGET else -step)))


def augment(images: Images, p: float, source: torch.Generator | None = None) -> Images:
    """Transform images in [-1, 1], (B, 3, H, W), each with the probability p a transform; p = 0 leaves them."""
    if p == 0:
        return images
    for transform in (_brighter, _contrasted, _saturated, _shifted, _cut):
        chosen = _uniform(images, source) < p
        images = torch.where(chosen, transform(images, source), images)
    return images


def _uniform(images: Images, source: torch.Generator | None) -> Tensor:
    """Return one number in [0, 1) for each image, (B, 1, 1, 1)."""
    device = images.device if source is None else source.device
    return torch.rand(len(images), 1, 1, 1, generator=source, device=device).to(images.device)


def _brighter(images: Images, source: torch.Generator | None) -> Images:
    return images + (_uniform(images, source) - 0.5) * 0.8


def _contrasted(images: Images, source: torch.Generator | None) -> Images:
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * 2 ** (_uniform(images, source) * 2 - 1)


def _saturated(images: Images, source: torch.Generator | None) -> Images:
    grey = images.mean(1, keepdim=True)
    return grey + (images - grey) * 2 * _uniform(images, source)


def _shifted(images: Images, source: torch.Generator | None) -> Images:
    """Move by up to an eighth of the side; what comes in is mirrored."""
    side = images.shape[-1]
    pad = max(1, int(side * _SHIFT))
    padded = F.pad(images, (pad, pad, pad, pad), mode="reflect")
    x, y = ((_uniform(images, source) * (2 * pad + 1)).long().view(-1, 1) for _ in range(2))
    axis = torch.arange(side, device=images.device)
    batch = torch.arange(len(images), device=images.device).view(-1, 1, 1)
    moved = padded.permute(0, 2, 3, 1)[batch, (axis + y)[:, :, None], (axis + x)[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _cut(images: Images, source: torch.Generator | None) -> Images:
    """Blank a square of half the side."""
    side = images.shape[-1]
    axis = (torch.arange(side, device=images.device) + 0.5) / side
    x, y = _uniform(images, source), _uniform(images, source)
    inside = ((axis - x).abs() < _CUT / 2) & ((axis[:, None] - y).abs() < _CUT / 2)
    return images.masked_fill(inside, 0)
