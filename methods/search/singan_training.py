"""SinGAN's training: a generator and a discriminator at every scale of a pyramid of one image, the coarsest first.

Section 2.3 of the paper, with the released code's numbers. What the released code does, and so do we: the image from
the coarser scales is drawn anew in every step of the discriminator; the fixed noise of the reconstruction is drawn anew
in every epoch of the coarsest scale (the paper keeps one), and is zero at the others; networks start from those of the
scale below if they are as wide; a finished generator uses its running statistics.
Ours: every step of the generator makes its fake image anew. The released code makes it once, before the three steps,
and goes back through that same graph; torch below 1.5 let it, and mixed its old activations with the changed weights,
so the gradients of the second and third step were not those of any network. Later versions refuse.
Pictures are (images, 3, H, W) in [-1, 1]. Each image has its own networks, losses and random numbers.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.spec import Images
from methods.nets.singan import Padding, SinGANDiscriminator, SinGANGenerator, Stack, width
from methods.presets.singan import SinganSchedule
from methods.search.optimise import normal, track
from methods.search.singan_resize import resize

_SPREAD = 0.02  # of the initial weights


@dataclass(frozen=True, slots=True)
class Scale:
    """A trained scale."""

    generator: SinGANGenerator
    amplitude: Tensor
    """(images, 1, 1, 1): of the noise."""
    anchor: Tensor
    """(images, 3, H, W): the noise from which the image is reconstructed."""


class Pyramid:
    """The scales of `images` pictures, and what is drawn from them."""

    def __init__(
        self, reals: Sequence[Images], ratio: float, sources: Sequence[torch.Generator], start: Images | None = None
    ) -> None:
        """Take the pictures at each scale, coarsest first, the ratio of a side to the next, a source for each image.

        `start` is what the coarsest scale begins with; None: with nothing, it makes images of noise alone. With it, the
        networks are padded with copies of the border: an image so small has no patch without padding, and zeros, which
        would be in every patch of it, are in few of the result.
        """
        self.reals = reals
        self.ratio = ratio
        self.sources = sources
        self.start = start
        self.scales: list[Scale] = []

    def noise(self, like: Tensor, *, grey: bool) -> Tensor:
        """Draw N(0, 1) of the shape of some pictures; `grey`: the same for the three channels."""
        drawn = normal(self.sources, 1 if grey else 3, *like.shape[-2:], device=like.device)
        return drawn.to(like.dtype).expand_as(like)

    @torch.no_grad()
    def previous(self, *, reconstruct: bool = False) -> Images:
        """Return what the trained scales make at the size of the next one: drawn at random, or the reconstruction.

        Below the coarsest scale there is nothing, zeros, or what the pyramid starts with.
        """
        made = torch.zeros_like(self.reals[0]) if self.start is None else self.start
        for index, (scale, following) in enumerate(zip(self.scales, self.reals[1:], strict=False)):
            noise = scale.anchor if reconstruct else self.noise(made, grey=index == 0)
            made = scale.generator(scale.amplitude * noise + made, made)
            made = resize(made, 1 / self.ratio, *following.shape[-2:])
        return made

    def train(self, schedule: SinganSchedule) -> None:
        """Train every scale."""
        networks: Networks | None = None
        for index, real in enumerate(self.reals):
            channels = width(index, schedule.channels)
            if networks is None or networks.channels != channels:
                networks = Networks(channels, real, self.sources, "constant" if self.start is None else "replicate")
            self.scales.append(self._train_scale(networks, real, schedule))

    @torch.enable_grad()
    def _train_scale(self, networks: "Networks", real: Images, schedule: SinganSchedule) -> Scale:
        """Train the networks on the next scale."""
        of_noise = self.start is None and not self.scales
        base = self.previous(reconstruct=True)
        error = (real - base).square().mean((1, 2, 3), keepdim=True).sqrt()
        amplitude = torch.ones_like(error) if of_noise else schedule.noise * error
        anchor = torch.zeros_like(real)
        networks.prepare(schedule)
        for epoch in track(range(schedule.epochs), f"SinGAN, scale {len(self.scales) + 1} of {len(self.reals)}"):
            share, factor = schedule.decay
            networks.set_rate(schedule.rate * (factor if epoch >= share * schedule.epochs else 1.0))
            if of_noise:
                anchor = self.noise(real, grey=True)
            noise = amplitude * self.noise(real, grey=of_noise)
            previous = base
            for _ in range(schedule.steps):
                previous = self.previous()
                mix = torch.stack([torch.rand(1, 1, 1, generator=source) for source in self.sources]).to(real)
                networks.judge(noise + previous, previous, real, mix, schedule.penalty)
            for _ in range(schedule.steps):
                networks.generate(noise + previous, previous, amplitude * anchor + base, base, real, schedule)
        return Scale(copy.deepcopy(networks.generator).eval().requires_grad_(requires_grad=False), amplitude, anchor)


class Networks:
    """The two networks in training, and their optimisers."""

    def __init__(
        self, channels: int, real: Images, sources: Sequence[torch.Generator], padding: Padding = "constant"
    ) -> None:
        """Make and initialise the networks of as many images as `real` has."""
        self.channels = channels
        self.generator = SinGANGenerator(images=len(real), channels=channels, padding=padding).to(real)
        self.discriminator = SinGANDiscriminator(images=len(real), channels=channels, padding=padding).to(real)
        for network in (self.generator, self.discriminator):
            initialise(network.stack, sources)
        self._optimisers: list[torch.optim.Adam] = []

    def prepare(self, schedule: SinganSchedule) -> None:
        """Begin a scale: with the weights there are, and new optimisers."""
        self._optimisers = [
            torch.optim.Adam(network.parameters(), schedule.rate, schedule.betas)
            for network in (self.generator, self.discriminator)
        ]

    def set_rate(self, rate: float) -> None:
        """Set the learning rate."""
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate

    def judge(self, noisy: Tensor, previous: Images, real: Images, mix: Tensor, weight: float) -> None:
        """Take a step of the discriminator: the Wasserstein loss, and the gradient penalty at one mixture."""
        with torch.no_grad():
            fake = self.generator(noisy, previous)
        mixture = (mix * real + (1 - mix) * fake).requires_grad_()
        of_real, of_fake, of_mixture = self.discriminator(torch.stack([real, fake, mixture]))
        loss = of_fake.mean((1, 2)) - of_real.mean((1, 2)) + weight * penalty(of_mixture, mixture).mean((1, 2))
        _step(self._optimisers[1], self.discriminator, loss)

    def generate(  # noqa: PLR0913, PLR0917 - two inputs of the generator, each with and without its noise
        self, noisy: Tensor, previous: Images, anchored: Tensor, base: Images, real: Images, schedule: SinganSchedule
    ) -> None:
        """Take a step of the generator: fool the discriminator, and reconstruct the image from the anchor."""
        fake = self.generator(noisy, previous)
        score = self.discriminator(fake[None])[0].mean((1, 2))
        error = (self.generator(anchored, base) - real).square().mean((1, 2, 3))
        _step(self._optimisers[0], self.generator, schedule.reconstruction * error - score)


def penalty(scores: Tensor, pictures: Images) -> Tensor:
    """Return (images, H, W): for each pixel (|gradient over the channels of the sum of the scores| - 1) squared."""
    (gradient,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
    distance: Tensor = gradient.norm(dim=1) - 1
    return distance.square()


def _step(optimiser: torch.optim.Optimizer, network: nn.Module, loss: Tensor) -> None:
    """Change one network by the gradient of the sum of the images' losses; no parameter belongs to two images."""
    optimiser.zero_grad()
    loss.sum().backward(inputs=list(network.parameters()))
    optimiser.step()


@torch.no_grad()
def initialise(stack: Stack, sources: Sequence[torch.Generator]) -> None:
    """Draw the values of each image's networks from its own source.

    Weights N(0, 0.02), those of the normalisations N(1, 0.02) and 0; biases uniform to 1 / sqrt(fan), as torch's are.
    """
    for module in stack.children():
        parameters = dict(module.named_parameters())
        if not parameters:
            continue  # a LeakyReLU
        weight, bias = parameters["weight"], parameters["bias"]
        shape = (weight.shape[0] // len(sources), *weight.shape[1:])
        drawn = _SPREAD * normal(sources, *shape, device=weight.device).reshape(weight.shape)
        if isinstance(module, nn.Conv2d):
            weight.copy_(drawn)
            uniform = torch.cat([torch.rand(len(bias) // len(sources), generator=source) for source in sources])
            bias.copy_((2 * uniform - 1) / weight[0].numel() ** 0.5)
        else:
            weight.copy_(1 + drawn)
            bias.zero_()
