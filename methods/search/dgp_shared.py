"""The search that DGP makes, whatever the networks: what it is, and from where, is in `dgp`.

Each image has its own copy of the weights that move, which replaces the generator's while it runs: the pretrained ones
are never written to. Images are restored each by itself, several at once in threads (`optimise.each`): to stack their
weights (`torch.func.vmap`) saves but a seventh of the time on one core. The draws of an image's selection are made
together.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench import resize
from bench.spec import BenchError, Effort, Images, Spec, Task
from methods.presets.dgp import DgpSettings
from methods.search import optimise
from methods.search.descent import Adam, Group

_PIXELS = 2**18
"""How many pixels are drawn at once in the selection."""

Code = tuple[Tensor, ...]
"""z (B, D), and BigGAN's classes (B,)."""
Searched = TypeVar("Searched", bound=nn.Module)
Critic = TypeVar("Critic", bound=nn.Module)


def opened(groups: int) -> tuple[int, ...]:
    """Return how many of the groups of weights, from the coarsest, move in each of the five stages."""
    return tuple(min(number, groups) for number in (2, 3, 4, (4 + groups) // 2, groups))


def distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Return the sum over features (B, ...) of their mean absolute difference: (B,)."""
    return torch.stack([(a - b).abs().flatten(1).mean(1) for a, b in zip(one, other, strict=True)]).sum(0)


class Search(ABC, Generic[Searched, Critic]):
    """The search, whatever the networks: images in [0, 1] outside, [-1, 1] inside."""

    spec: ClassVar[Spec]
    compared: ClassVar[slice]
    """Which of the features are compared."""
    loops = ("draws", "steps")
    any_threads: ClassVar[bool] = True

    def __init__(self, bank: Searched, discriminator: Critic, task: Task, settings: DgpSettings) -> None:
        """Take ready networks on one device; raises `BenchError` if one is not for images of the task's size."""
        self.bank = bank.eval().requires_grad_(requires_grad=False)
        self.discriminator = discriminator.eval().requires_grad_(requires_grad=False)
        self.task = task
        self.settings = settings
        self.draws = settings.draws
        self.steps = settings.steps
        self.efforts: list[Effort] = []
        self._weights = Lock()
        self._pretrained = dict(self.tuned.named_parameters())  # the network itself may hold those of a search
        sides = self.sides()
        if set(sides) != {task.hr_size}:
            raise BenchError(
                f"{self.spec.title} got a bank for {sides[0]} px and a discriminator for {sides[1]}; "
                f"the task asks for {task.hr_size}."
            )
        names: dict[int, list[str]] = {}
        for name, _ in self.tuned.named_parameters():
            if (number := self.group(name)) is not None:
                names.setdefault(number, []).append(name)
        self.groups = [names[number] for number in sorted(names)]
        """The names of the weights that move, coarse to fine."""

    @property
    def numbers(self) -> str:
        """What all remarks begin with."""
        now = self.settings
        return (
            f"{self.draws} draws, {self.steps} steps, first rates {now.z_rates[0]:g} (latent) and "
            f"{now.weight_rates[0]:g} (weights), benchmark down-scaler"
        )

    @property
    @abstractmethod
    def tuned(self) -> nn.Module:
        """The network whose weights move."""

    @abstractmethod
    def sides(self) -> tuple[int, int]:
        """Return the sides of the bank's and the discriminator's images, in pixels."""

    @abstractmethod
    def group(self, name: str) -> int | None:
        """Return the group of a parameter of `tuned`, 0 for the coarsest; None if it never moves."""

    @abstractmethod
    def codes(self, source: torch.Generator, number: int, device: torch.device) -> Code:
        """Draw so many codes."""

    @abstractmethod
    def images(self, code: Code, own: Mapping[str, Tensor]) -> Images:
        """Return the images of codes, (B, 3, R, R) in [-1, 1], made with one's own weights where there are."""

    @abstractmethod
    def features(self, images: Images) -> list[Tensor]:
        """Return the discriminator's features of images in [-1, 1], fine to coarse."""

    def upscale(self, lr: Images) -> Images:
        """Restore the images of a batch, each from the pretrained weights; `efforts` then tells the passes."""
        wanted = self.task.lr_size
        if lr.shape[1:] != (3, wanted, wanted):
            raise BenchError(f"{self.spec.title} got LR images of shape {tuple(lr.shape[1:])}, not 3 x {wanted}^2.")
        sources = optimise.generators(lr, self.task.seed)
        found = optimise.each(
            list(zip(lr.split(1), sources, strict=True)),
            lambda one: self.search(self.enlarged(one[0] * 2 - 1), one[1]),
            lr.device,
        )
        efforts = [effort for one in found for effort in one.efforts([""])]
        self.efforts = [replace(effort, g_forward=effort.g_forward + self.draws) for effort in efforts]
        return (torch.cat([one.last for one in found]) + 1) / 2

    def run(self, own: Mapping[str, Tensor], *inputs: Tensor) -> Images:
        """Run the network whose weights move with one's own, where there are; they are put into it, so one by one.

        `functional_call` swaps the weights of the one network that all threads share; a network a thread would need its
        memory as often as there are threads, and saves nothing: a single forward pass is short beside the backward one.
        """
        with self._weights:
            images: Images = functional_call(self.tuned, dict(own), inputs)
            return images

    def enlarged(self, small: Images) -> Images:
        """Enlarge images bilinearly to the discriminator's size."""
        return F.interpolate(small, scale_factor=self.task.factor, mode="bilinear")

    def seen(self, images: Images) -> Images:
        """Degrade images as the input was, and enlarge them as it is: (B, 3, R, R)."""
        return self.enlarged(resize.downsample(images, self.task.factor))

    def search(self, target: Images, source: torch.Generator) -> optimise.Found:
        """Fit a code and a copy of the weights to one input, enlarged, (1, 3, R, R) in [-1, 1]."""
        wanted = self.features(target)
        z, *rest = self.select(wanted, source)
        own = {name: self._pretrained[name].clone().requires_grad_() for group in self.groups for name in group}
        groups = [
            Group([z.requires_grad_()], 0.0),
            *(Group([own[name] for name in names], 0.0) for names in self.groups),
        ]

        def step(index: int) -> optimise.Step:
            stage = self.stage(index)
            for group, rate in zip(groups, self.rates(stage), strict=True):
                group.rate = rate
            images = self.images((z, *rest), own)
            return optimise.Step(images, self.loss(images, z, target, wanted, stage))

        return optimise.optimise(step, Adam(groups, (0.0, 0.999)), steps=self.steps, label=self.spec.title)

    def select(self, wanted: Sequence[Tensor], source: torch.Generator) -> Code:
        """Return the code of the draw whose three coarsest features are the nearest to those of an input."""
        z, *rest = codes = self.codes(source, max(self.draws, 1), wanted[0].device)
        if not self.draws:
            return (torch.zeros_like(z), *rest)
        score = partial(self._score, wanted)
        together = max(1, _PIXELS // self.task.hr_size**2)
        scores = torch.cat([score(code) for code in zip(*(each.split(together) for each in codes), strict=True)])
        best = scores.argmin(0, keepdim=True)
        return tuple(each.index_select(0, best) for each in codes)

    def _score(self, wanted: Sequence[Tensor], code: Code) -> Tensor:
        return distance(self.features(self.seen(self.images(code, {})))[-3:], wanted[-3:])

    def stage(self, index: int) -> int:
        """Return the stage of step 0, 1, ..."""
        return index * len(self.settings.z_rates) // self.steps

    def rates(self, stage: int) -> list[float]:
        """Return the rate of z and of each group of weights in a stage."""
        rate = self.settings.weight_rates[stage]
        number = opened(len(self.groups))[stage]
        return [self.settings.z_rates[stage], *(rate * (index < number) for index in range(len(self.groups)))]

    def loss(self, images: Images, z: Tensor, target: Images, wanted: Sequence[Tensor], stage: int) -> Tensor:
        """Return the loss of images (B, 3, R, R) made of z (B, D), against one input and its features: (B,)."""
        seen = self.seen(images)
        features = distance(self.features(seen)[self.compared], wanted[self.compared])
        error = (seen - target).square().mean((1, 2, 3))
        prior = z.square().mean(1) / 2
        now = self.settings
        return now.feature_weights[stage] * features + now.error_weights[stage] * error + now.prior_weight * prior
