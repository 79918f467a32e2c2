"""GLEAN: an encoder, a frozen StyleGAN as latent bank, a decoder, and its ablations.

K. C. K. Chan et al., "GLEAN: Generative Latent Bank for Large-Factor Image Super-Resolution", CVPR 2021; the network
and where text and released code differ: methods/nets/glean.py. Weights: the released ones (mmagic) for `paper`, our own
for `mini`. The ablations are GLEAN with other switches (Figures 7, 8, 9), each trained by itself with the same recipe.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Self

import torch

from bench.spec import BenchError, Images, Spec, Task
from methods import specs
from methods.formats import glean as glean_format
from methods.formats import own_files
from methods.nets.glean import FULL, GLEAN, LIGHT, Switches, dead_macs
from methods.nets.rrdbnet import Trunk
from methods.nets.synthesis import Synthesis
from methods.nets.winograd import fastest
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.weights import glean_bank, load


def glean_network(
    task: Task, switches: Switches = FULL, bank: Synthesis | None = None, *, method: str = specs.GLEAN.name
) -> GLEAN:
    """Return the network for a task with random weights, on torch's default device; sizes are those of its preset.

    `bank` is the one it is made around; None: one with random weights too, of the kind that `method` and task have.

    Raises `BenchError` if GLEAN takes no LR images of the task's size.
    """
    size = chosen(SIZES, task)
    try:
        bank = bank or glean_bank.build(method, task)
        trunk = Trunk(channels=size.trunk_channels, blocks=size.trunk_blocks, growth=size.trunk_growth)
        return GLEAN(trunk=trunk, bank=bank, in_size=task.lr_size, switches=switches)
    except ValueError as error:
        raise BenchError(f"{error} (category {task.category}, {task.factor}x)") from error


def _with_bank(state: Mapping[str, Any], task: Task, method: str) -> Mapping[str, Any]:
    """Add the bank to weights of ours that were stored without: it was frozen, and is a file of its own."""
    return own_files.completed(state, "bank.", lambda: glean_bank.load(method, task, torch.device("cpu")))


class Glean:
    """The adapter: images in [0, 1] outside, [-1, 1] inside."""

    spec: ClassVar[Spec] = specs.GLEAN
    switches: ClassVar[Switches] = FULL

    def __init__(self, network: GLEAN) -> None:
        """Take a ready network."""
        self.network = network.eval()

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read the weights; on the meta device, which has no values, make the network without them."""
        name = cls.spec.name
        network = load.network(
            name,
            task,
            device,
            build=partial(glean_network, switches=cls.switches, method=name),
            read=lambda state: glean_format.glean(
                _with_bank(state, task, name), switches=cls.switches, in_size=task.lr_size
            ),
        )
        return cls(fastest(network))

    def upscale(self, lr: Images) -> Images:
        """Restore a batch."""
        sr: Images = self.network(lr.contiguous(memory_format=torch.channels_last) * 2 - 1)
        return (sr + 1) / 2

    @property
    def dead_macs(self) -> int:
        """Multiply-accumulates that the released code makes for one image without effect on it; we do not."""
        return dead_macs(self.network)


class LatentOnly(Glean):
    """Figure 7: the bank gets latents but no features of the encoder; its RGB is the output."""

    spec = specs.LATENT_ONLY
    switches = Switches(encoder_features="none", decoder=False)


class CoarseEncoder(Glean):
    """Figure 7: only the coarser half of the encoder's features; the bank's RGB is the output."""

    spec = specs.COARSE_ENCODER
    switches = Switches(encoder_features="coarse", decoder=False)


class NoDecoder(Glean):
    """Figures 7 and 9: all features of the encoder; the bank's RGB is the output."""

    spec = specs.NO_DECODER
    switches = Switches(decoder=False)


class NoBank(Glean):
    """Figure 8: encoder and decoder alone."""

    spec = specs.NO_BANK
    switches = Switches(bank_features="none")


class CoarseBank(Glean):
    """Figure 8: the decoder gets the coarser half of the bank's features."""

    spec = specs.COARSE_BANK
    switches = Switches(bank_features="coarse")


class SingleLatent(Glean):
    """One latent for all layers of the bank."""

    spec = specs.SINGLE_LATENT
    switches = Switches(latents="single")


class UnfrozenBank(Glean):
    """The same network, trained with its bank."""

    spec = specs.UNFROZEN_BANK


class Light(Glean):
    """LightGLEAN (Chan et al., TPAMI 2022): the encoder's finest features only, learned latents."""

    spec = specs.LIGHT
    switches = LIGHT


class Blind(Glean):
    """The same network, trained with images that are also blurred, noisy and compressed (presets/mixtures.py)."""

    spec = specs.BLIND


class Biggan(Glean):
    """The same around a class-conditional BigGAN, one bank for all categories (nets/biggan_bank.py)."""

    spec = specs.GLEAN_BIGGAN


ABLATIONS: tuple[type[Glean], ...] = (
    LatentOnly,
    CoarseEncoder,
    NoDecoder,
    NoBank,
    CoarseBank,
    SingleLatent,
    UnfrozenBank,
    Light,
)
