"""PULSE: search a generator's latents for a face that down-samples to the input.

S. Menon et al., "PULSE: Self-Supervised Photo Upsampling via Latent Space Exploration of Generative Models", CVPR 2020.
The paper gives the idea, a down-scaling loss and a search on a sphere of the latent space; all numbers are those of the
released code (see presets). There, the latent v of each layer starts as N(0, I) and keeps its norm;
w = leaky(v * deviation + mean), both of what enters the last activation of the mapping network. 100 steps of Adam
minimise 100 * max(2e-3, mean squared error) + 0.05 * GEOCROSS, which draws the layers' latents together. Five noise
maps are searched too, the last is zero, the others stay as drawn. The result is the image of the last step, whatever
its loss, and is withheld if no step came within 2e-3 of the input.

Ours, where the paper or the code say nothing or cannot be followed:
- Any size and both StyleGANs: 2 log2(R) - 2 latents; the map that is zero, number 17 of 18 in the code, is the last;
  the fit is made anew for each bank; the weight 64 of GEOCROSS (512 / 8 in the code) is kept for latents of any length.
- The released code adds the errors of a batch before it compares them with 2e-3, so that no batch of two ever passes.
  Here each image is judged by itself; one that fails is kept, and a note says so.
- The down-scaler is the benchmark's. The original differs at the border: `PulseReflect`.
- The random numbers come from the seed and the image; the released code has one stream, and takes seed 0 for none.
- An image within 2e-3 gets no way back through the network in that step: GEOCROSS alone has a gradient, all others are
  zero. The result is the same bits; the costs count the step whole.
- The images of a batch are searched each by itself, several at once in threads (`optimise.each`). Adam's first steps
  turn rounding into whole steps: in one product of all images, which rounds otherwise than that of a single image, a
  result could end up anywhere.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench import resize
from bench.spec import BenchError, Effort, Images, Spec, Task
from methods import specs
from methods.formats import stylegan_pggan, unpickle
from methods.nets.stylegan import StyleGAN
from methods.nets.stylegan2 import StyleGAN2
from methods.presets.lookup import chosen
from methods.presets.pulse import PULSE, PulseSettings
from methods.presets.sizes import SIZES
from methods.search import fit_cache, optimise
from methods.search.descent import Adam, Group
from methods.search.pulse_terms import (
    geocross,
    learning_rate,
    norm,
    project_to_sphere,
    reflecting_matrix,
)
from methods.weights import load, stylegan2_bank

StyledBank: TypeAlias = StyleGAN | StyleGAN2


class Pulse:
    """The adapter: images in [0, 1] outside, [-1, 1] in the bank."""

    spec: ClassVar[Spec] = specs.PULSE
    result: ClassVar[Literal["last", "best"]] = "last"
    """Which image is the result: that of the last step, or that of the lowest loss."""
    border: ClassVar[Literal["benchmark", "reflect"]] = "benchmark"
    """The down-scaler's."""
    loops = ("steps",)
    any_threads: ClassVar[bool] = True

    def __init__(self, bank: StyledBank, task: Task, settings: PulseSettings) -> None:
        """Take a ready bank, on its device, and make its fit; raises `BenchError` for one of another size."""
        if bank.size != task.hr_size:
            raise BenchError(f"the bank makes images of {bank.size} px, the task asks for {task.hr_size}.")
        self.bank: StyledBank = bank.to(memory_format=torch.channels_last)  # fastest
        self.task = task
        self.settings = settings
        self.steps = settings.steps
        self.efforts: list[Effort] = []
        n, factor = task.hr_size, task.factor
        down = reflecting_matrix(n, factor) if self.border == "reflect" else resize.matrix(n, factor)
        device = bank.synthesis.constant.device
        self._down = down.float().to(device)
        self._mean, self._deviation = fit_cache.fit(
            bank.mapping, width=bank.z_dim, samples=settings.fit_samples, device=device
        )

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read the bank; on the meta device, which has no values, make it without."""
        read = partial(_read, task=task)
        return cls(load.bank(Pulse.spec.name, task, device, build=_build, read=read), task, chosen(PULSE, task))

    @property
    def remark(self) -> str:
        """Say what was searched, how long, and what is not as released."""
        kind = "StyleGAN2" if isinstance(self.bank, StyleGAN2) else "StyleGAN"
        down = "original down-scaler" if self.border == "reflect" else "the benchmark's down-scaler"
        return (
            f"{self.steps} steps, {kind}, latents fitted to {self.settings.fit_samples:,} samples, {down}, "
            f"{self.result} image; judged and kept image by image"
        )

    def upscale(self, lr: Images) -> Images:
        """Restore a batch; `efforts` then tells the steps of each image, and which did not down-sample to its input."""
        self._check(lr)
        found = optimise.each(lr.split(1), self._search, lr.device)
        self.efforts = [effort for each in found for effort in each.efforts([self._note(each.gate)])]
        return torch.cat([each.last if self.result == "last" else each.best for each in found])

    def _search(self, lr: Images) -> optimise.Found:
        """Search the latents and the noise maps of an image (1, 3, h, h)."""
        sources = optimise.generators(lr, self.task.seed)
        synthesis = self.bank.synthesis
        latent = optimise.normal(sources, synthesis.latents, synthesis.style_dim, device=lr.device)
        maps = self._maps(sources, lr.device)
        searched = [latent, *maps[:-1][: self.settings.searched_maps]]
        radii = [norm(each) for each in searched]

        def project() -> None:
            for each, radius in zip(searched, radii, strict=True):
                each.copy_(project_to_sphere(each, radius))

        return optimise.optimise(
            partial(self._step, lr, latent, maps),
            Adam([Group([each.requires_grad_() for each in searched], self.settings.learning_rate)]),
            steps=self.steps,
            rate=partial(learning_rate, steps=self.steps, schedule=self.settings.schedule),
            project=project,
            label=self.spec.title,
        )

    def _step(self, lr: Images, latent: Tensor, maps: Sequence[Tensor], _: int) -> optimise.Step:
        """Make the images of latents (B, L, D) and noise maps, and their losses."""
        w = F.leaky_relu(latent * self._deviation + self._mean, 0.2)
        images = (self.bank.synthesis(w, noise=maps) + 1) / 2
        error = (self._down @ images @ self._down.mT - lr).square().mean((1, 2, 3))
        if optimise.ready(error) and bool((error < self.settings.epsilon).all()):
            error = error.detach()  # its gradient is zero: the way back through the network would find nothing else
        loss = self.settings.error_weight * error.clamp(min=self.settings.epsilon)
        return optimise.Step(images, loss + self.settings.geocross_weight * geocross(w), error)

    def _maps(self, sources: Sequence[torch.Generator], device: torch.device) -> list[Tensor]:
        """Draw a noise map for each layer, (B, 1, R, R); that of the last is zero."""
        *shapes, last = (each.shape[1:] for each in self.bank.synthesis.noise_maps("stored", 1) if each is not None)
        drawn = [optimise.normal(sources, *shape, device=device) for shape in shapes]
        return [*drawn, torch.zeros(len(sources), *last, device=device)]

    def _note(self, error: Tensor) -> str:
        """Return the note on an image, from the least error (1,) of its steps."""
        epsilon = self.settings.epsilon
        if error.is_meta or error.item() <= epsilon:
            return ""
        return f"did not downscale to the input within {epsilon:g}"

    def _check(self, lr: Images) -> None:
        """Raise `BenchError` if the images are not of the task's size."""
        wanted = self.task.lr_size
        if lr.shape[1:] != (3, wanted, wanted):
            raise BenchError(
                f"PULSE at {self.task.factor}x, from {wanted} to {self.task.hr_size} px, got LR images of shape "
                f"{tuple(lr.shape[1:])}."
            )


class PulseBest(Pulse):
    """The image of the lowest loss in place of the last."""

    spec: ClassVar[Spec] = specs.PULSE_BEST
    result = "best"


class PulseReflect(Pulse):
    """The down-scaler of the released code, which does not know how the benchmark made the input."""

    spec: ClassVar[Spec] = specs.PULSE_REFLECT
    border = "reflect"


def _build(task: Task) -> StyledBank:
    """Return a generator with random weights, on torch's default device; kind and sizes are those of the preset."""
    if chosen(SIZES, task).generators[Pulse.spec.name] == "stylegan":
        return StyleGAN(size=task.hr_size)
    return stylegan2_bank.build(task)


def _read(state: Mapping[str, Any], task: Task) -> StyledBank:
    """Return the generator of a weight file; the mapping network of PULSE's StyleGAN is a file of its own."""
    if stylegan_pggan.is_pulse(state):
        state = {**state, **unpickle.load(load.find(Pulse.spec.name, task, part="mapping"))}
    return stylegan_pggan.stylegan(state) if stylegan_pggan.is_stylegan(state) else stylegan2_bank.read(state)
