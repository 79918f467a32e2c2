"""The losses of adversarial training, means over the batch unless it says otherwise."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Logistic loss on logits (B, 1): softplus(fake) + softplus(-real) (Goodfellow et al. 2014, Eq. 1)."""
    return F.softplus(fake).mean() + F.softplus(-real).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """The non-saturating logistic loss on logits (B, 1): softplus(-fake)."""
    return F.softplus(-fake).mean()


def r1_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Mean of |d logit / d image|^2 over real images (Mescheder et al. 2018, Eq. 9, without gamma / 2)."""
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def path_lengths(images: Tensor, w: Tensor, directions: Tensor) -> Tensor:
    """Return |J^T y| for each image (B,) (Karras et al. 2020, Sec. 3.2): y random images, w (B, L, D) with a graph.

    `directions` are N(0, 1) of the images' shape; they are scaled by 1 / sqrt(H W) here.
    """
    scaled = (images * directions).sum() / math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad(scaled, w, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def hinge_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss on logits (B, 1): max(0, 1 - real) + max(0, 1 + fake) (Brock et al. 2019, Appendix C)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator_loss(fake: Tensor) -> Tensor:
    """What goes with it on logits (B, 1): -fake."""
    return -fake.mean()
