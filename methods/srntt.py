"""SRNTT: textures of a reference image, found by matching features of a VGG, at three scales.

Z. Zhang et al., "Image super-resolution by neural texture transfer", CVPR 2019; the network: methods/nets/srntt.py. It
enlarges by 4, and is applied twice for 16x: the second time to its own result, whose reference is then the whole one,
where the first time it was that reduced by our operator. Clamped between, not rounded.

GLEAN's authors do not say which references they gave it. Here they are images of the card's training set
(bench/reference_images.py), and each input gets the most similar of them. `srntt.other-category` takes them from
another category; `srntt.oracle` takes the true image itself, which no method can have: it bounds what a reference can
bring.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor

from bench import reference_images, resize
from bench.spec import BenchError, Images, Spec, Task
from methods import specs
from methods.formats import srntt, unpickle
from methods.formats.vgg_textures import vgg_textures
from methods.nets.srntt import FACTOR, SRNTT, ContentExtractor, TextureTransfer, reference, swapped
from methods.nets.vgg_textures import Textures, VggTextures
from methods.presets.lookup import chosen
from methods.presets.srntt import SRNTT as SETTINGS
from methods.weights import load

_NAME = specs.SRNTT.name
_LEAST = 3  # px: a patch of features
_TOGETHER = 16  # candidates that are looked at at once


class References(Protocol):
    """What gives each input its reference."""

    def of(self, lr: Images) -> Images:
        """Return references (N, 3, hr_size, hr_size) in [0, 1] of inputs (N, 3, lr_size, lr_size)."""
        ...


class Nearest:
    """Candidates, of which each input gets the one whose LR image is most like it as a whole.

    Images are compared by the mean of relu3_1 over all places, of both enlarged by 4 with our operator.
    """

    def __init__(self, vgg: VggTextures, candidates: Images, factor: int) -> None:
        """Take candidates (K, 3, hr_size, hr_size) in [0, 1], on the device of the network."""
        self._vgg, self.candidates = vgg, candidates
        reduced = resize.downsample(candidates.double(), factor)
        lr = reduced.to(candidates.dtype) if candidates.is_meta else resize.quantise(reduced)
        self.seen = torch.cat([self._seen(part) for part in lr.split(_TOGETHER)])  # (K, C)

    def of(self, lr: Images) -> Images:
        """Return the candidate that is nearest to each input; of equal ones the first."""
        distances = (self._seen(lr)[:, None] - self.seen).square().sum(2)
        return self.candidates[distances.argmin(1)]

    @torch.no_grad()
    def _seen(self, lr: Images) -> Tensor:
        """Return what is compared of LR images, (N, C)."""
        maps: Textures = self._vgg(resize.upsample(lr, FACTOR))
        return maps.relu3_1.mean((2, 3))


def srntt_network(task: Task) -> SRNTT:
    """Return the network for a task with random weights, on torch's default device; sizes are those of its preset."""
    size = chosen(SETTINGS, task)
    return SRNTT(
        ContentExtractor(channels=size.channels, blocks=size.blocks),
        TextureTransfer(channels=size.channels, blocks=size.blocks),
    )


def load_vgg(task: Task, device: torch.device) -> VggTextures:
    """Return the VGG that the networks of a task's preset were trained with, frozen. Raises as `load.network`."""
    found = load.network(_NAME, _vgg_task(task), device, part="vgg", build=lambda _: VggTextures(), read=vgg_textures)
    return found.requires_grad_(requires_grad=False)


def vgg_file(task: Task) -> Path:
    """Return the path of that VGG's file. Raises `MissingWeights` if it is not here."""
    return load.find(_NAME, _vgg_task(task), part="vgg")


def candidates(spec: Spec, task: Task, device: torch.device, *, other: bool = False) -> Images:
    """Return the training images that references are chosen from; on the meta device none is read."""
    count = chosen(SETTINGS, task).candidates
    if device.type == "meta":
        return torch.empty(count, 3, task.hr_size, task.hr_size, device=device)
    return reference_images.training(spec, task, count, other=other).to(device)


def _vgg_task(task: Task) -> Task:
    return replace(task, preset=chosen(SETTINGS, task).vgg)


def _whole(state: Mapping[str, Any], task: Task) -> SRNTT:
    """Return both networks of a file: of ours they are in one, the published ones in two."""
    found = srntt.network(state)
    if isinstance(found, TextureTransfer):
        content = srntt.content_extractor(unpickle.load(load.find(_NAME, task, part="content")))
        found = SRNTT(content, found).eval()
    if not isinstance(found, SRNTT):
        raise BenchError("this is SRNTT's content extractor alone; its file of the texture transfer is wanted.")
    return found


class Srntt:
    """The adapter; everything is in [0, 1]."""

    spec: ClassVar[Spec] = specs.SRNTT
    told: ClassVar[str] = "references: of {} training images of its category the one most like it"

    def __init__(self, network: SRNTT, vgg: VggTextures, references: References, task: Task) -> None:
        """Take ready networks. Raises `BenchError` for inputs that have no patch to be matched."""
        if task.lr_size < _LEAST:
            raise BenchError(
                f"SRNTT matches patches of {_LEAST} px, and the inputs have {task.lr_size}; take a smaller factor."
            )
        self.network, self.vgg, self.references = network.eval(), vgg, references
        self.hr_size = task.hr_size
        self.remark = self.told.format(len(references.candidates) if isinstance(references, Nearest) else "")

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read the weights and the references; on the meta device neither."""
        network = load.network(_NAME, task, device, build=srntt_network, read=lambda state: _whole(state, task))
        vgg = load_vgg(task, device)
        return cls(network, vgg, cls.references_of(vgg, task, device), task)

    @classmethod
    def references_of(cls, vgg: VggTextures, task: Task, device: torch.device) -> References:
        """Return what gives each input its reference. Raises as `reference_images.training`."""
        return Nearest(vgg, candidates(cls.spec, task, device), task.factor)

    def upscale(self, lr: Images) -> Images:
        """Restore a batch."""
        shown, sr = self.references.of(lr), lr
        while (left := self.hr_size // sr.shape[-1]) > 1:
            whole = left // FACTOR  # what is still to be made when this step is done
            fitting = resize.quantise(resize.downsample(shown.double(), whole)) if whole > 1 else shown
            sr = self.network(sr, self._textures(sr, fitting)).clamp(0, 1)
        return sr

    @torch.no_grad()
    def _textures(self, lr: Images, shown: Images) -> Textures:
        """Return the maps for inputs, put together of those of references; no gradient passes there."""
        return swapped(self.network, self.vgg, lr, [reference(self.network, self.vgg, shown)])


class SrnttOther(Srntt):
    """The same network with references of another category: what it makes of textures that do not fit."""

    spec = specs.SRNTT_OTHER
    told = "references: of {} training images of another category the one most like it"

    @classmethod
    def references_of(cls, vgg: VggTextures, task: Task, device: torch.device) -> References:
        """Return the same of the next category of the profile."""
        return Nearest(vgg, candidates(cls.spec, task, device, other=True), task.factor)


class SrnttOracle(Srntt):
    """The same network with the true image as its reference: a bound, and no result."""

    spec = specs.SRNTT_ORACLE
    told = "it is shown the true image, as no method can be"

    @classmethod
    def references_of(cls, vgg: VggTextures, task: Task, device: torch.device) -> References:
        """Return the true images by their inputs."""
        del vgg
        return reference_images.Truths.of_task(cls.spec, task, device)
