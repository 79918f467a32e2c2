"""DGP: fit a generator, its latent and its weights, to one image, guided by the features of its discriminator.

X. Pan et al., "Exploiting deep generative prior for versatile image restoration and manipulation", ECCV 2020: weights
that move with the latent are Sec. 3.1, the discriminator's features as distance and the opening of the layers from
coarse to fine Sec. 3.2. The numbers are those of the released super-resolution script for 256 px (see presets), which
are also those of its experiment "D_biased" at 128 px. The best of 500 draws z ~ N(0, 0.3^2), by the three coarsest
features, is the start; five stages of 200 steps of Adam minimise features + mean squared error + 0.02 * mean(z^2 / 2)
between the degraded image and the input, both enlarged bilinearly to the discriminator's size. Weights that are not
open yet have the rate 0, while Adam's moments follow their gradients. The result is the image before the last change,
however bad; the next image starts from the pretrained weights. Class embedding and output layer of BigGAN never move,
statistics and singular vectors stay as stored.

`DgpBiggan` is the released code, but for:
- the benchmark's down-scaler, and its factor, in place of Lanczos filters and factor 4;
- an unknown class: one is drawn at random with each z, as the code does if none is given;
- the features of the input, which are made once, not once a draw and step; one draw is a draw like the others (the
  code takes one from N(0, 1)).

GLEAN compares with a DGP for faces that was never released. `Dgp` is our port to a StyleGAN2 and its discriminator:
- The features are those behind the first layer, each residual block, the last convolution and the dense layer; all but
  the finest are compared. The spread over the batch that the last convolution takes is that of a single image.
- z goes through the mapping network, which stays as it is, then half-way to the mean of w (`truncation`): a z of little
  spread would be no truncation, since the mapping network normalises it. Noise maps are the stored ones.
- The groups of weights are the resolutions, each with its RGB layer. They open as BigGAN's six or seven do: 2, 3, 4,
  half of the others, all (`opened`).
- The rates of the weights are 40 times the released ones. Those start from the rate that BigGAN was trained with, 5e-5;
  StyleGAN2, whose stored weights are larger, was trained with 2e-3.
`mini` has fewer draws and steps, these at higher rates (`MINI`), and a BigGAN of few channels, for counts and tests:
none was trained.
"""

import re
from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.spec import Images, Spec, Task
from methods import specs
from methods.formats import biggan as biggan_format
from methods.nets.biggan import BigGAN, BigGANDiscriminator
from methods.nets.stylegan2 import StyleGAN2, truncate
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.nets.stylegan2_layers import SQRT2
from methods.presets.dgp import BIGGAN_CHANNELS, DGP, DGP_BIGGAN, DgpSettings
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.search import optimise
from methods.search.dgp_shared import Code, Search
from methods.weights import critic, load, stylegan2_bank

_LATENTS = 4096
"""How many w the mean is taken of."""


def stylegan2_features(discriminator: StyleGAN2Discriminator, images: Images) -> list[Tensor]:
    """Return the features of images (B, 3, R, R) in [-1, 1], fine to coarse, each as if its image were alone.

    They are (B, C, R, R) behind the first layer, one of half the side for each block, (B, C, 4, 4) behind the last
    convolution, and (B, C) behind the dense layer.
    """
    found: list[Tensor] = [discriminator.first(images)]
    for block in discriminator.blocks:
        found.append(block(found[-1]))
    spread = torch.full_like(found[-1][:, :1], 1e-4)  # what the discriminator makes of a single image
    found.append(discriminator.last(torch.cat([found[-1], spread], 1)))
    return [*found, F.leaky_relu(discriminator.hidden(found[-1].flatten(1)), 0.2) * SQRT2]


def _critic(task: Task) -> StyleGAN2Discriminator:
    """Return a discriminator with random weights, on torch's default device; its sizes are those of the preset."""
    channels = chosen(SIZES, task).critic_channels(task.hr_size)
    return StyleGAN2Discriminator(size=task.hr_size, channels=channels)


class Dgp(Search[StyleGAN2, StyleGAN2Discriminator]):
    """The port to StyleGAN2."""

    spec: ClassVar[Spec] = specs.DGP
    compared = slice(1, None)

    def __init__(
        self, bank: StyleGAN2, discriminator: StyleGAN2Discriminator, task: Task, settings: DgpSettings
    ) -> None:
        """Take ready networks on one device; raises `BenchError` if one is not of the task's size."""
        super().__init__(bank, discriminator, task, settings)
        with torch.no_grad():
            self._mean = bank.mean_latent(_LATENTS, generator=torch.Generator().manual_seed(0))

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read both networks; on the meta device, which has no values, make them without."""
        bank = stylegan2_bank.load("dgp", task, device)
        found = critic.network(task, device, build=_critic)
        return cls(bank, found, task, chosen(DGP, task))

    @property
    def remark(self) -> str:
        """Say what was searched, how long, and what is ours."""
        return (
            f"{self.numbers}, StyleGAN2 and its discriminator, truncation {self.settings.truncation:g}; "
            "our port, none was released"
        )

    @property
    def tuned(self) -> nn.Module:
        """The synthesis network; the mapping network stays."""
        return self.bank.synthesis

    def sides(self) -> tuple[int, int]:  # noqa: D102 - as in `Search`
        return self.bank.size, 4 << len(self.discriminator.blocks)

    def group(self, name: str) -> int:  # noqa: D102 - as in `Search`
        found = re.match(r"(layers|to_rgb)\.(\d+)\.", name)
        if found is None:  # the constant
            return 0
        return (int(found[2]) + 1) // 2 if found[1] == "layers" else int(found[2])

    def codes(self, source: torch.Generator, number: int, device: torch.device) -> Code:  # noqa: D102 - as in `Search`
        return (self.settings.spread * optimise.normal([source], number, self.bank.z_dim, device=device)[0],)

    def images(self, code: Code, own: Mapping[str, Tensor]) -> Images:  # noqa: D102 - as in `Search`
        w = truncate(self.bank.mapping(code[0]), self._mean, self.settings.truncation)
        return self.run(own, w)

    def features(self, images: Images) -> list[Tensor]:  # noqa: D102 - as in `Search`
        return stylegan2_features(self.discriminator, images)


class DgpBiggan(Search[BigGAN, BigGANDiscriminator]):
    """The original: BigGAN of ImageNet, class unknown."""

    spec: ClassVar[Spec] = specs.DGP_BIGGAN
    compared = slice(-8, None)

    def __init__(
        self,
        bank: BigGAN,
        discriminator: BigGANDiscriminator,
        task: Task,
        settings: DgpSettings,
    ) -> None:
        """Take ready networks on one device; raises `BenchError` if one is not of the task's size."""
        super().__init__(bank, discriminator, task, settings)

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read both networks; on the meta device, which has no values, make them without."""
        channels = chosen(BIGGAN_CHANNELS, task)
        bank = load.network(
            cls.spec.name,
            task,
            device,
            part="bank",
            build=lambda task: BigGAN(size=task.hr_size, channels=channels),
            read=biggan_format.generator,
        )
        judge = load.network(
            cls.spec.name,
            task,
            device,
            part="discriminator",
            build=lambda task: BigGANDiscriminator(size=task.hr_size, channels=channels),
            read=biggan_format.discriminator,
        )
        return cls(bank, judge, task, chosen(DGP_BIGGAN, task))

    @property
    def remark(self) -> str:
        """Say what was searched, how long, and what is not as released."""
        return f"{self.numbers}, BigGAN of ImageNet, class unknown"

    @property
    def tuned(self) -> nn.Module:
        """The generator."""
        return self.bank

    def sides(self) -> tuple[int, int]:  # noqa: D102 - as in `Search`
        return self.bank.size, self.discriminator.size

    def group(self, name: str) -> int | None:  # noqa: D102 - as in `Search`
        if name.startswith("linear."):
            return 0
        found = re.match(r"blocks\.(\d+)\.", name)
        return None if found is None else int(found[1]) + 1

    def codes(self, source: torch.Generator, number: int, device: torch.device) -> Code:  # noqa: D102 - as in `Search`
        z = self.settings.spread * optimise.normal([source], number, self.bank.z_dim, device=device)[0]
        return z, torch.randint(self.bank.classes, (number,), generator=source).to(device)

    def images(self, code: Code, own: Mapping[str, Tensor]) -> Images:  # noqa: D102 - as in `Search`
        return self.run(own, *code)

    def features(self, images: Images) -> list[Tensor]:  # noqa: D102 - as in `Search`
        return self.discriminator.features(images)
