"""A bank that is the beginning of others: Reptile over several categories' images.

A. Nichol, J. Achiam, J. Schulman, "On first-order meta-learning algorithms", arXiv:1803.02999, Algorithm 1: from the
weights kept, some steps of Adam on one task; then the kept weights move towards where these led, by a share that falls
from 1 to 0; then the next task. Here a task is a category, its steps are those of any bank (bank.py), and generator and
discriminator move alike. That this is done with a latent bank for super-resolution is ours.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from bench.spec import Images
from methods.presets.bank import BankRecipe
from methods.presets.sizes import Sizes
from methods.training.bank.bank import BankTraining
from methods.training.feed import Feed
from methods.training.processes import Told
from methods.training.share import Share

EPISODE = 10  # steps on one category


class Alternating:
    """The images of several categories in turn, an episode each."""

    told = ""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        """Take the images of each category."""
        self._feeds = feeds

    def batch(self, step: int, count: int) -> Images:
        """Return the images of a step, (B, 3, hr_size, hr_size), [0, 1]."""
        episode, place = divmod(step, EPISODE)
        round_, category = divmod(episode, len(self._feeds))
        return self._feeds[category].batch(round_ * EPISODE + place, count)


class Reptile(BankTraining):
    """A bank in training whose kept weights, those of `average` and `kept_critic`, move once an episode."""

    def __init__(self, recipe: BankRecipe, sizes: Sizes, device: torch.device, *, share: Share) -> None:
        """Begin as any bank; raises `ValueError` for a recipe that grows or has a moving average of its own."""
        if len(recipe.stages) != 1 or recipe.half_life:
            raise ValueError("Reptile takes a recipe of one stage, and half_life 0: its average moves once an episode.")
        super().__init__(recipe, sizes, device, share=share)
        self.kept_critic = type(self.discriminator)(
            size=recipe.stages[0].size, channels=sizes.critic_channels(recipe.stages[0].size)
        ).to(device)
        self.kept_critic.load_state_dict(self.discriminator.state_dict())

    def advance(self, real: Images) -> Told:
        """Make one step as a bank does; the last one of an episode moves what is kept, and the next begins there."""
        told = super().advance(real)
        if self.step % EPISODE == 0:
            share = 1 - (self.step - EPISODE) / self.steps
            _move(self.average, self.generator, share)
            _move(self.kept_critic, self.discriminator, share)
        return told

    def follow(self) -> None:
        """Leave the average as it is within an episode."""

    def networks(self) -> dict[str, nn.Module]:
        """Return what is kept."""
        return {"bank": self.average, "discriminator": self.kept_critic}

    def state(self) -> dict[str, Any]:
        """Return everything a checkpoint needs."""
        return {**super().state(), "kept_critic": self.kept_critic.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on where a state was."""
        super().load(state)
        self.kept_critic.load_state_dict(state["kept_critic"])


@torch.no_grad()
def _move(kept: nn.Module, reached: nn.Module, share: float) -> None:
    """Move kept weights a share of the way to those that were reached, and go on from there."""
    for old, new in zip(kept.parameters(), reached.parameters(), strict=True):
        old.lerp_(new, share)
        new.copy_(old)
