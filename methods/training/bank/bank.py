"""Training of a latent bank: StyleGAN2, its discriminator, and the average of its weights, which is what is kept.

T. Karras et al., CVPR 2020: non-saturating logistic loss, R1 every 16th and path-length regularisation every 8th step
(Sec. 3.1, 3.2), style mixing, exponential moving average. Ours: a bank may grow, so that the layout of the images is
learned where an image costs a tenth. At a growth the new RGB layer is zero: images begin as enlargements.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.spec import Images
from methods.nets.stylegan2 import StyleGAN2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.presets.bank import BankRecipe
from methods.presets.sizes import Sizes
from methods.training.bank import growth, paths
from methods.training.bank.augment import next_probability
from methods.training.bank.beginning import lazy_adam, untrained
from methods.training.bank.part import Part
from methods.training.bank.paths import Paths
from methods.training.bank.terms import Terms
from methods.training.optimisers import follow, take_up
from methods.training.processes import Told, averaged, descend
from methods.training.recorded import Recorded
from methods.training.run import precision
from methods.training.share import Share

_R1_EVERY = 16  # steps


class BankTraining:
    """A bank in training: networks, optimisers, and what a checkpoint holds."""

    generator: StyleGAN2
    average: StyleGAN2
    discriminator: StyleGAN2Discriminator
    g_optimiser: torch.optim.Adam
    d_optimiser: torch.optim.Adam

    def __init__(self, recipe: BankRecipe, sizes: Sizes, device: torch.device, *, share: Share) -> None:
        """Begin with the first stage, the same weights in every process.

        Raises `BenchError` if a batch cannot be split over the processes and their parts.
        """
        for each in recipe.stages:
            share.parts(each.batch)
        self.recipe, self.sizes, self.device, self.share = recipe, sizes, device, share
        self.stage, self.step = -1, 0
        self.paths = Paths(device)
        self.probability = torch.zeros((), device=device)
        self._enter(0)

    def _enter(self, stage: int) -> None:
        """Make the networks of a stage out of those of the one before; what is new is drawn alike in every process."""
        torch.manual_seed(self.share.seed + stage)
        generators, discriminator = untrained(self.sizes, self.recipe.stages[stage].size, self.device)
        g_optimiser = lazy_adam(generators[0], self.recipe.rate, paths.EVERY)
        d_optimiser = lazy_adam(discriminator, self.recipe.rate, _R1_EVERY)
        if self.stage >= 0:
            growth.generator(generators[1], self.average)
            growth.keep_moments(g_optimiser, self.g_optimiser, growth.generator(generators[0], self.generator))
            growth.keep_moments(d_optimiser, self.d_optimiser, growth.discriminator(discriminator, self.discriminator))
        self.generator, self.average, self.discriminator = *generators, discriminator
        self.average.requires_grad_(requires_grad=False)
        self.g_optimiser, self.d_optimiser = g_optimiser, d_optimiser
        self.stage = stage
        self._parts = [Part.of(part, self.device) for part in self.share.parts(self.recipe.stages[stage].batch)]
        self._recorded = Recorded(self.device, self._parts[0].sources if len(self._parts) == 1 else None)

    def _grow(self, real: Images) -> None:
        """Go to the next stage, with a discriminator that begins as the one before; `real` as in `advance`."""
        old = self.discriminator
        self._enter(self._wanted())
        self._begin()
        reals = [self._of_stage(each) for each in self.share.split(real)]

        @torch.no_grad()
        def images() -> Iterator[Images]:
            for part, each in zip(self._parts, reals, strict=True):
                yield torch.cat([each, self._terms.painted(part)])

        with precision(self.device, half=self.recipe.half_precision):
            growth.imitate(self.discriminator, old, images)

    def state(self) -> dict[str, Any]:
        """Return everything a checkpoint needs."""
        return {
            "step": self.step,
            "stage": self.stage,
            "path_mean": self.paths.mean.clone(),
            "probability": self.probability.item(),
            **{name: getattr(self, name).state_dict() for name in _STATEFUL},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on where a state was; without those of the optimisers, with new ones."""
        self._enter(state["stage"])
        self.step = state["step"]
        self.probability.fill_(float(state["probability"]))
        self.paths.mean.fill_(float(state["path_mean"]))
        for name in _STATEFUL:
            if name in state or not name.endswith("_optimiser"):
                take_up(getattr(self, name), state[name])

    def adopt(self, kept: Mapping[str, Mapping[str, Tensor]], step: int) -> None:
        """Go on from what `networks` returned at a step: the generator from its average, with new optimisers."""
        self.step = step
        self._enter(self._wanted())
        for network in (self.generator, self.average):
            network.load_state_dict(kept["bank"])
        self.discriminator.load_state_dict(kept["discriminator"])

    def networks(self) -> dict[str, nn.Module]:
        """Return what is kept, by the part that it is of the method that uses it; nothing before the last stage."""
        if self.stage < len(self.recipe.stages) - 1:
            return {}
        return {"bank": self.average, "discriminator": self.discriminator}

    @property
    def batch(self) -> int:
        """Images of the next step, of all processes together."""
        return self.recipe.stages[self._wanted()].batch

    @torch.no_grad()
    def samples(self) -> Images:
        """Return 32 images of the moving average, the same codes each time."""
        z = torch.randn(32, self.average.z_dim, generator=torch.Generator().manual_seed(0)).to(self.device)
        return torch.cat([(self.average(part) + 1) / 2 for part in z.split(self.share.at_once or len(z))])

    def _wanted(self) -> int:
        """Return the stage of the next step."""
        return self.recipe.stage(self.step)

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.recipe.end(len(self.recipe.stages) - 1)

    def advance(self, real: Images) -> Told:
        """Make one step with this process's real images (B, 3, H, W), [0, 1]; return the losses.

        They are of the size of the stage or of a later one.
        """
        if self.stage != self._wanted():
            self._grow(real)
        self._begin()
        kind = _Kind(r1=self.step % _R1_EVERY == 0, path=self.step % paths.EVERY == 0)
        values = self._recorded.run(kind, lambda images: self._trained(kind, images), real)
        self.step += 1
        return values

    def _begin(self) -> None:
        for part in self._parts:
            part.begin(self.step)

    def _trained(self, kind: "_Kind", real: Images) -> Told:
        """Train both networks: all that a GPU does in a step, without waiting for it."""
        told = self._train_discriminator(self.share.split(real), r1=kind.r1) | self._train_generator(path=kind.path)
        self.follow()
        return told

    def follow(self) -> None:
        """Move the average behind a step."""
        decay = 0.5 ** (self.recipe.stages[self.stage].batch / self.recipe.half_life)
        follow(self.average, self.generator, decay)

    def _train_discriminator(self, reals: Sequence[Images], *, r1: bool) -> Told:
        recipe, batch = self.recipe, self.recipe.stages[self.stage].batch
        pixels = (recipe.stages[self.stage].size / recipe.stages[-1].size) ** 2
        weight = recipe.gamma * pixels / 2 * _R1_EVERY if r1 else 0.0
        told = descend(
            (
                self._terms.judged(part, self._of_stage(real), self._augmenting, weight)
                for part, real in zip(self._parts, reals, strict=True)
            ),
            self.d_optimiser,
            list(self.discriminator.parameters()),
        )
        told["sign"] = averaged(told["sign"])
        if recipe.adaptive:
            self.probability.copy_(next_probability(self.probability, told["sign"], batch))
        return told | {"p": self.probability.clone()}

    @property
    def _augmenting(self) -> Tensor | None:
        """The probability of augmentation, if there is any."""
        return self.probability if self.recipe.adaptive else None

    def _train_generator(self, *, path: bool) -> Told:
        weights = list(self.generator.parameters())
        self.discriminator.requires_grad_(requires_grad=False)
        fooling = (self._terms.fooling(part, self._augmenting) for part in self._parts)
        told = descend(fooling, self.g_optimiser, weights)
        self.discriminator.requires_grad_(requires_grad=True)
        return (
            told | descend(self.paths.penalties(self._terms, self._parts), self.g_optimiser, weights) if path else told
        )

    def _of_stage(self, real: Images) -> Images:
        """Return real images [0, 1] in the size of the stage, [-1, 1]."""
        size = self.recipe.stages[self.stage].size
        return (F.avg_pool2d(real, real.shape[-1] // size) * 2 - 1).contiguous(memory_format=torch.channels_last)

    @property
    def _terms(self) -> Terms:
        return Terms(
            generator=self.generator,
            discriminator=self.discriminator,
            noise=self.recipe.noise,
            half=self.recipe.half_precision,
            batch=self.recipe.stages[self.stage].batch,
        )


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is regularised in a step."""

    r1: bool
    path: bool


_STATEFUL = ("generator", "average", "discriminator", "g_optimiser", "d_optimiser")
