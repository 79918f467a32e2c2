"""Training of a class-conditional BigGAN, its projection discriminator, and the average of its weights, which is kept.

A. Brock et al., "Large scale GAN training for high fidelity natural image synthesis", ICLR 2019, Appendix C: hinge
loss, spectral norm in both networks with one power iteration a step, batch norm by the batch, Adam with betas
(0, 0.999), a moving average of the generator's weights whose norms get standing statistics, the means over some
batches. Otherwise than there: rates that fall at the end, no orthogonal initialisation or regularisation, one step of
the discriminator for one of the generator, small batches, which hold as many images of each class.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bench.spec import BenchError, Images
from methods.nets.biggan import BigGAN, BigGANDiscriminator
from methods.nets.biggan_layers import BatchNorm, Spectral
from methods.presets.biggan import BigganRecipe
from methods.training import losses
from methods.training.optimisers import adam, follow, set_rate, take_up
from methods.training.processes import Told, descend
from methods.training.recorded import Recorded
from methods.training.share import Share

_STATEFUL = ("generator", "average", "discriminator", "g_optimiser", "d_optimiser")
_SHOWN = 8  # samples of each class
_SETTLING = 8  # power iterations for the average, whose stored vectors are those of other weights


class BigganTraining:
    """A BigGAN in training; images of a step come class by class, as many of each."""

    def __init__(self, recipe: BigganRecipe, device: torch.device, *, share: Share) -> None:
        """Draw weights. Raises `BenchError` for a part of a batch: batch norm takes the statistics of the whole."""
        if share.ranks > 1 or (share.at_once or recipe.batch) < recipe.batch:
            raise BenchError(
                f"a BigGAN is trained in one process and with all {recipe.batch} images of a batch at once, of which "
                "its norms take the statistics; leave out torchrun and --batch-size."
            )
        self.recipe, self.device, self.share, self.step = recipe, device, share, 0
        torch.manual_seed(share.seed)
        self.generator = BigGAN(**recipe.generator)
        self.average = BigGAN(**recipe.generator)
        self.average.load_state_dict(self.generator.state_dict())
        self.discriminator = BigGANDiscriminator(**recipe.discriminator)
        for network in (self.generator, self.average, self.discriminator):
            network.to(device).to(memory_format=torch.channels_last)
        for norm in _norms(self.generator):
            norm.by_batch = True
        self.average.requires_grad_(requires_grad=False)
        self.g_optimiser = adam(self.generator.parameters(), recipe.rate, recipe.betas, device)
        self.d_optimiser = adam(self.discriminator.parameters(), recipe.critic_rate, recipe.betas, device)
        self._classes = torch.arange(len(recipe.classes), device=device)
        self._recorded = Recorded(device)

    @property
    def steps(self) -> int:
        """Steps in all."""
        return math.ceil(self.recipe.images / self.recipe.batch)

    @property
    def batch(self) -> int:
        """Images of each step."""
        return self.recipe.batch

    def state(self) -> dict[str, Any]:
        """Return everything a checkpoint needs."""
        return {"step": self.step, **{name: getattr(self, name).state_dict() for name in _STATEFUL}}

    def load(self, state: dict[str, Any]) -> None:
        """Go on where a state was; without those of the optimisers, with new ones."""
        self.step = state["step"]
        for name in _STATEFUL:
            if name in state or not name.endswith("_optimiser"):
                take_up(getattr(self, name), state[name])

    def adopt(self, kept: Mapping[str, Mapping[str, Tensor]], step: int) -> None:
        """Go on from what `networks` returned at a step: the generator from its average, with new optimisers."""
        self.step = step
        for network in (self.generator, self.average):
            network.load_state_dict(kept["bank"])
        self.discriminator.load_state_dict(kept["discriminator"])

    def networks(self) -> dict[str, nn.Module]:
        """Return what is kept, once there is something to keep: the average, ready for use, and the discriminator."""
        if not self.step:
            return {}
        self._settle()
        return {"bank": self.average, "discriminator": self.discriminator}

    @torch.no_grad()
    def samples(self) -> Images:
        """Return eight images of each class, class by class, the same codes each time."""
        self._settle()
        draws = torch.Generator().manual_seed(0)
        return torch.cat([(self.average(*self._codes(draws, _SHOWN, each)) + 1) / 2 for each in self._classes.split(1)])

    def _settle(self) -> None:
        """Give the average's norms standing statistics, and its spectral norms vectors of its own weights.

        However often: the vectors come from those of the generator each time.
        """
        for layer, live in zip(_spectral(self.average), _spectral(self.generator), strict=True):
            layer.u0.copy_(live.u0)
            for _ in range(_SETTLING):
                layer.iterate()
        draws = torch.Generator().manual_seed(1)
        count = self.recipe.batch // len(self._classes)
        settle(self.average, [self._codes(draws, count, self._classes) for _ in range(self.recipe.standing)])

    def _codes(self, draws: torch.Generator, count: int, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Return z and classes, so many of each: (B, z_dim) and (B,)."""
        labels = classes.repeat_interleave(count)
        return torch.randn(len(labels), self.generator.z_dim, generator=draws).to(self.device), labels

    def advance(self, real: Images) -> Told:
        """Make one step with real images (B, 3, H, W), [0, 1], class by class; return the losses."""
        self._set_rates()
        z, labels = self._codes(self.share.draws(self.step), self.recipe.batch // len(self._classes), self._classes)
        told = self._recorded.run("step", self._trained, real.to(self.device), z, labels)
        self.step += 1
        return told

    def _set_rates(self) -> None:
        """Set both learning rates for the next step: constant at first, then falling to 0."""
        left = min(1.0, (1 - self.step / self.steps) / (1 - self.recipe.constant)) if self.recipe.constant < 1 else 1.0
        set_rate(self.g_optimiser, self.recipe.rate * left)
        set_rate(self.d_optimiser, self.recipe.critic_rate * left)

    def _trained(self, real: Images, z: Tensor, labels: Tensor) -> Told:
        """Train both networks with the same images of codes (B, z_dim) and classes (B,): a forward pass less."""
        for layer in (*_spectral(self.generator), *_spectral(self.discriminator)):
            layer.iterate()
        fake = self.generator(z, labels)
        told = descend([self._judged(real * 2 - 1, fake, labels)], self.d_optimiser, _weights(self.discriminator))
        self.discriminator.requires_grad_(requires_grad=False)
        told |= descend([self._fooling(fake, labels)], self.g_optimiser, _weights(self.generator))
        self.discriminator.requires_grad_(requires_grad=True)
        follow(self.average, self.generator, 0.5 ** (self.recipe.batch / self.recipe.half_life))
        return told

    def _judged(self, real: Images, fake: Images, labels: Tensor) -> tuple[Tensor, Told]:
        """Return the discriminator's loss on images in [-1, 1] of the same classes."""
        logits = self.discriminator(torch.cat([real, fake.detach()]), labels.repeat(2))
        loss = losses.hinge_discriminator_loss(*logits.chunk(2))
        return loss, {"d": loss.detach()}

    def _fooling(self, fake: Images, labels: Tensor) -> tuple[Tensor, Told]:
        """Return the generator's loss on images of classes."""
        loss = losses.hinge_generator_loss(self.discriminator(fake, labels))
        return loss, {"g": loss.detach()}


@torch.no_grad()
def settle(generator: BigGAN, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Have the norms of a generator store the mean statistics that batches of z and classes have by themselves."""
    norms = _norms(generator)
    seen: dict[BatchNorm, list[Tensor]] = {norm: [] for norm in norms}

    def note(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(norm, BatchNorm):
            seen[norm].append(torch.stack(torch.var_mean(inputs[0], (0, 2, 3), correction=0)))

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    for norm in norms:
        norm.by_batch = True
    for z, y in batches:
        generator(z, y)
    for norm, hook in zip(norms, hooks, strict=True):
        hook.remove()
        norm.by_batch = False
        var, mean = torch.stack(seen[norm]).mean(0)
        norm.stored_var.copy_(var)
        norm.stored_mean.copy_(mean)


def _norms(network: nn.Module) -> list[BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, BatchNorm)]


def _spectral(network: nn.Module) -> list[Spectral]:
    return [layer for layer in network.modules() if isinstance(layer, Spectral)]


def _weights(network: nn.Module) -> list[nn.Parameter]:
    return list(network.parameters())
