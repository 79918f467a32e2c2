"""The growth of a bank in training: networks for a larger size that begin as those they come from.

A generator paints what it painted, enlarged, because the RGB layer of the new resolution is zero. A discriminator gets
a first convolution and first blocks that are new, and would judge at random behind them; trained on, it gives up (its
logits go to zero and stay there). So these first learn to hand on what the old first convolution made of the smaller
image. Optimisers keep what they know of the weights that stay.
"""

from collections.abc import Callable, Iterable
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.spec import Images
from methods.nets.stylegan2 import StyleGAN2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.training.processes import descend

_STEPS = 200
_RATE = 0.01

Pairs = list[tuple[nn.Parameter, nn.Parameter]]
"""A parameter of the old network, and the one of the new that goes on with it."""


def generator(new: StyleGAN2, old: StyleGAN2) -> Pairs:
    """Make a generator for a larger size paint what the old one does, enlarged."""
    nn.init.zeros_(new.synthesis.to_rgb[-1].get_parameter("weight"))
    new.load_state_dict(old.state_dict(), strict=False)
    return [(parameter, new.get_parameter(name)) for name, parameter in old.named_parameters()]


def discriminator(new: StyleGAN2Discriminator, old: StyleGAN2Discriminator) -> Pairs:
    """Give a discriminator for a larger size the weights of the old one; its first convolution and blocks stay new."""
    shift = len(new.blocks) - len(old.blocks)
    parts = [(block, new.blocks[index + shift]) for index, block in enumerate(old.blocks)]
    parts += [(old.get_submodule(name), new.get_submodule(name)) for name in ("last", "hidden", "score")]
    for before, after in parts:
        after.load_state_dict(before.state_dict())
    return [pair for before, after in parts for pair in zip(before.parameters(), after.parameters(), strict=True)]


def imitate(new: StyleGAN2Discriminator, old: StyleGAN2Discriminator, images: Callable[[], Iterable[Images]]) -> None:
    """Train the first convolution and new blocks of `new` to give what the first of `old` gives for smaller images.

    `images` returns another batch each time, in parts (B, 3, R, R), about [-1, 1].
    """
    blocks = new.blocks[: len(new.blocks) - len(old.blocks)]
    fresh = [*new.first.parameters(), *blocks.parameters()]
    optimiser = torch.optim.Adam(fresh, lr=_RATE, betas=(0.9, 0.99))

    def error(batch: Images) -> Tensor:
        with torch.no_grad():
            wanted = old.first(F.avg_pool2d(batch, 2 ** len(blocks))).float()
        made = reduce(lambda x, block: block(x), blocks, new.first(batch))
        return F.mse_loss(made.float(), wanted)

    for _ in range(_STEPS):
        descend(((error(batch), {}) for batch in images()), optimiser, fresh)


def keep_moments(
    new: torch.optim.Optimizer, old: torch.optim.Optimizer, pairs: Iterable[tuple[nn.Parameter, ...]]
) -> None:
    """Give an optimiser what another knows of the parameters that go on."""
    for before, after in pairs:
        if before in old.state:
            new.state[after] = old.state[before]
