"""The latents of a step of a bank's training, with style mixing (Karras et al., CVPR 2019, Sec. 3.1)."""

import torch
from torch import Tensor

from methods.nets.stylegan2 import StyleGAN2, mix
from methods.training.share import Share

_MIXED = 0.5  # of the batches are of two codes


def codes(generator: StyleGAN2, count: int, share: Share, draws: torch.Generator) -> Tensor:
    """Return w for random z, of two codes each in a part of the batches: (count, L, D), of this process."""
    z = torch.randn(2, count * share.ranks, generator.z_dim, generator=draws, device=draws.device)
    w: Tensor = generator.mapping(share.of(z[0]))
    if torch.rand((), generator=draws, device=draws.device).item() < _MIXED:
        other: Tensor = generator.mapping(share.of(z[1]))
        crossing = torch.randint(1, w.shape[1], (), generator=draws, device=draws.device)
        w = mix(w, other, int(crossing.item()))
    return w
