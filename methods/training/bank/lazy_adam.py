"""Adam for a network that is regularised in every so many-th step only."""

import torch
from torch import nn


def lazy_adam(network: nn.Module, rate: float, every: int) -> torch.optim.Adam:
    """Return Adam, betas (0, 0.99), corrected for lazy regularisation (Karras et al., CVPR 2020, Sec. 3.1)."""
    ratio = every / (every + 1)
    return torch.optim.Adam(network.parameters(), lr=rate * ratio, betas=(0.0, 0.99**ratio), eps=1e-8)
