"""mGANprior: mix the features of several latent codes inside a generator until its image down-samples to the input.

J. Gu, Y. Shen, B. Zhou, "Image processing using multi-code GAN prior", CVPR 2020: mixture (Eq. 2) and loss are of
Sec. 3.1, super-resolution is of Sec. 3.2. The numbers are of the released super_resolution.py (see presets): 30 codes
z ~ N(0, I); the features of each behind layer 6 of a PGGAN, 512 at 16 px, times its channel weights alpha, 1/30 at the
start; their mean goes through the other layers. 2000 steps of plain gradient descent, rate 1, on codes and weights; the
loss is the mean squared error to the input, in [-1, 1], plus 0.001 times the mean difference of VGG16's relu3_3, both
images brought to 256 px by nearest neighbour. The result is the image after the last step, however bad.
In the costs a pass is the first layers for each code, and the others once; the result is one more pass forward.

Ours, where the paper or the code say nothing or cannot be followed:
- The released code reads the ground truth and shrinks it itself. Here the input is compared as it is.
- The down-scaler is the benchmark's. The original's is bilinear without antialias: `MganpriorBilinear`.
- StyleGAN2: its RGB is summed over the resolutions, and the layers behind the mixture want a latent too. Latent and
  coarser RGB are the plain mean of the codes'. The features are mixed by Eq. 2, without the division by the number of
  codes that the code adds (PGGAN's pixel norm undoes it; StyleGAN2 would be left with its noise). So for either bank
  the order of the codes is of no account, and one code with alpha 1 gives the bank's own image.
- `mini` has no VGG16, which is too large to ship, and fewer steps and codes.
- All means are over one image, so that the steps for an image do not depend on how many are beside it.

The PGGAN of CelebA-HQ that the authors released was trained on the face test set.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench import resize
from bench.spec import BenchError, Effort, Images, Spec, Task
from methods import specs
from methods.formats import stylegan_pggan, vgg16
from methods.nets.pggan import PGGAN
from methods.nets.vgg16 import Vgg16
from methods.presets.lookup import chosen
from methods.presets.mganprior import MGANPRIOR, MganpriorSettings
from methods.presets.sizes import SIZES
from methods.search import optimise
from methods.search.descent import Descent, Group
from methods.search.mganprior_terms import MixedBank, mixed, width
from methods.weights import load, stylegan2_bank

_VGG_LAYER = 15
_VGG_SIDE = 256


class Mganprior:
    """The adapter: images in [0, 1] outside, [-1, 1] in bank and loss."""

    spec: ClassVar[Spec] = specs.MGANPRIOR
    down_scaler: ClassVar[str] = "benchmark"
    loops = ("steps",)
    any_threads: ClassVar[bool] = True

    def __init__(self, bank: MixedBank, task: Task, settings: MganpriorSettings, *, vgg16: Vgg16 | None = None) -> None:
        """Take ready networks on one device; without `vgg16` the loss is the squared error alone.

        Raises `BenchError` for a bank that has no such layer or another side.
        """
        if bank.size != task.hr_size:
            raise BenchError(f"the bank makes images of {bank.size} px, the task asks for {task.hr_size}.")
        self.bank = bank.eval().requires_grad_(requires_grad=False)
        self.vgg16 = vgg16
        self.task = task
        self.settings = settings
        self.steps = settings.steps
        self.efforts: list[Effort] = []
        self._width = width(bank, settings.layer)

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read bank and VGG16; on the meta device, which has no values, make them without."""
        settings = chosen(MGANPRIOR, task)
        bank = load.bank("mganprior", task, device, build=_build, read=_read)
        if not settings.perceptual_weight:
            return cls(bank, task, settings)
        network = load.network(
            "mganprior",
            task,
            device,
            part="vgg16",
            build=lambda _: Vgg16(layer=_VGG_LAYER),
            read=lambda state: vgg16.vgg16(state, layer=_VGG_LAYER),
        )
        return cls(bank, task, settings, vgg16=network.requires_grad_(requires_grad=False))

    @property
    def remark(self) -> str:
        """Say what was searched, how long, and what is not as released."""
        is_pggan = isinstance(self.bank, PGGAN)
        words = [
            f"{self.steps} steps at rate {self.settings.learning_rate:g}",
            f"{self.settings.codes} codes mixed in a {'PGGAN' if is_pggan else 'StyleGAN2'}",
            f"{self.down_scaler} down-scaler",
        ]
        if self.vgg16 is None:
            words.append("no perceptual loss")
        return ", ".join(words)

    def upscale(self, lr: Images) -> Images:
        """Restore a batch; `efforts` then tells the passes of each image, and whose search broke off."""
        self._check(lr)
        found = optimise.each(lr.split(1), self._search, lr.device)
        self.efforts = [
            replace(effort, g_forward=effort.g_forward + 1)
            for images, one in found
            for effort in one.efforts(_notes(images.isfinite()))
        ]
        return (torch.cat([images for images, _ in found]) + 1) / 2

    def _search(self, lr: Images) -> tuple[Images, optimise.Found]:
        """Search the codes of an image (1, 3, h, h); return the image behind the last change, and what was found."""
        codes = self.settings.codes
        z = optimise.normal(optimise.generators(lr, self.task.seed), codes, self.bank.z_dim, device=lr.device)
        alpha = torch.full((len(lr), codes, self._width), 1 / codes, device=lr.device)
        loss = self.loss(lr * 2 - 1)

        def step(_: int) -> optimise.Step:
            images = mixed(self.bank, z, alpha, self.settings.layer)
            return optimise.Step(images, loss(images))

        found = optimise.optimise(
            step,
            Descent([Group([z.requires_grad_(), alpha.requires_grad_()], self.settings.learning_rate)]),
            steps=self.steps,
            label=self.spec.title,
        )
        images = mixed(self.bank, z.detach(), alpha.detach(), self.settings.layer)
        return images.where((found.broken < 0)[:, None, None, None], torch.nan), found

    def loss(self, target: Images) -> Callable[[Images], Tensor]:
        """Return what maps images (B, 3, R, R) to their losses (B,) against LR images; both in [-1, 1]."""
        network, weight = self.vgg16, self.settings.perceptual_weight
        wanted = None if network is None else _features(network, target)

        def losses(images: Images) -> Tensor:
            small = self._shrunk(images)
            error = (small - target).square().mean((1, 2, 3))
            if network is None or wanted is None:
                return error
            return error + weight * (_features(network, small) - wanted).abs().mean((1, 2, 3))

        return losses

    def _shrunk(self, images: Images) -> Images:
        return resize.downsample(images, self.task.factor)

    def _check(self, lr: Images) -> None:
        side = self.task.lr_size
        if lr.shape[1:] != (3, side, side):
            raise BenchError(
                f"mGANprior at {self.task.factor}x, to {self.task.hr_size} px, takes LR images of {side} px, "
                f"not of shape {tuple(lr.shape[1:])}."
            )


class MganpriorBilinear(Mganprior):
    """The down-scaler of the released code: bilinear without antialias, the mean of the middle 2x2 of each block."""

    spec: ClassVar[Spec] = specs.MGANPRIOR_BILINEAR
    down_scaler = "original bilinear"

    def _shrunk(self, images: Images) -> Images:
        return F.interpolate(images, size=self.task.lr_size, mode="bilinear", align_corners=False)


def _features(network: Vgg16, images: Images) -> Tensor:
    """Return VGG16's features of images in [-1, 1]."""
    features: Tensor = network(F.interpolate((images + 1) / 2, size=_VGG_SIDE, mode="nearest"))
    return features


def _notes(finite: Tensor) -> list[str]:
    """Return a note for each image, whose pixels (B, 3, R, R) are finite or not."""
    if finite.is_meta:
        return [""] * len(finite)
    return ["" if good else "the last step led to NaN or infinity" for good in finite.flatten(1).all(1)]


def _build(task: Task) -> MixedBank:
    """Return a generator with random weights, on torch's default device; kind and sizes are those of the preset."""
    if chosen(SIZES, task).generators["mganprior"] == "pggan":
        return PGGAN(size=task.hr_size)
    return stylegan2_bank.build(task)


def _read(state: Mapping[str, Any]) -> MixedBank:
    """Return the generator of a weight file."""
    return stylegan_pggan.pggan(state) if stylegan_pggan.is_pggan(state) else stylegan2_bank.read(state)
