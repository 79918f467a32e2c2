"""What a stage of a bank's training begins with: networks with random weights, and their optimisers."""

import torch
from torch import nn

from methods.nets.stylegan2 import StyleGAN2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.presets.sizes import Sizes
from methods.training.optimisers import adam


def untrained(sizes: Sizes, size: int, device: torch.device) -> tuple[list[StyleGAN2], StyleGAN2Discriminator]:
    """Return a generator and its equal, which will be its average, and a discriminator, for images of `size` px."""
    discriminator = StyleGAN2Discriminator(size=size, channels=sizes.critic_channels(size))
    generators = [StyleGAN2(**sizes.stylegan2(size)) for _ in range(2)]
    generators[1].load_state_dict(generators[0].state_dict())
    for network in (*generators, discriminator):
        network.to(device).to(memory_format=torch.channels_last)
    return generators, discriminator


def lazy_adam(network: nn.Module, rate: float, every: int) -> torch.optim.Adam:
    """Return Adam, betas (0, 0.99), for a network that is regularised in every so many-th step (Karras 2020, 3.1)."""
    ratio = every / (every + 1)
    device = next(network.parameters()).device
    return adam(network.parameters(), rate * ratio, (0.0, 0.99**ratio), device)
