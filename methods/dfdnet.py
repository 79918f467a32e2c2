"""DFDNet: eyes, nose and mouth of a face are restored with what dictionaries of good ones hold.

X. Li et al., "Blind face restoration via deep multi-scale component dictionaries", ECCV 2020; the network:
methods/nets/dfdnet.py. The input is enlarged to the network's size by our operator: 512 px for the published weights,
whose result is then brought to the size of the images; else the size of the images.

The published program finds the components by landmarks. In the inputs here, of 8 to 16 px, none can be found, so all
images of a card have the same boxes, where its aligned faces have their components (bench/components.py), or those of
a table that it names (bench/images/boxes.py).

Ours has the first layers of the bank's discriminator in the place of VGG19, and dictionaries that k-means makes of the
features of training images (`dictionary`), as the paper does of FFHQ's.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from bench import reference_images, resize
from bench.spec import Images, Spec, Task
from methods import specs
from methods.formats import dfdnet, dfdnet_dictionary
from methods.nets.dfdnet import PARTS, SIZE, DFDNet, at_stride, clipped, patch_sides
from methods.nets.dfdnet_parts import CriticLevels
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.nets.vgg19 import Vgg19
from methods.presets.dfdnet import DFDNET as SETTINGS
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.weights import critic, load

_TOGETHER = 32  # training images whose features are in memory at once


def extractor(task: Task, device: torch.device) -> CriticLevels:
    """Return the first layers of the discriminator of the category's bank, frozen. Raises as `critic.network`."""
    found = critic.network(task, device, build=_critic).requires_grad_(requires_grad=False)
    return CriticLevels(found, channels=chosen(SETTINGS, task).channels)


def _critic(task: Task) -> StyleGAN2Discriminator:
    """Return a discriminator with random weights for a task."""
    return StyleGAN2Discriminator(size=task.hr_size, channels=chosen(SIZES, task).critic_channels(task.hr_size))


def dfdnet_network(task: Task, found: Mapping[str, list[Tensor]] | None = None) -> DFDNet:
    """Return a network for a task with random weights around its extractor; sizes are those of its preset.

    `found` are dictionaries; None: some of zeros, where only shapes count.
    """
    size = chosen(SETTINGS, task)
    levels = Vgg19() if size.published else extractor(task, torch.get_default_device())
    return DFDNet(extractor=levels, dictionary=found or _zeros(levels, task), width=size.width)


def _zeros(levels: nn.Module, task: Task) -> dict[str, list[Tensor]]:
    """Return dictionaries of the shapes that features of an extractor have."""
    size, side = chosen(SETTINGS, task), side_of(task)
    channels = [each.shape[1] for each in levels(torch.zeros(1, 3, side, side))]
    return {
        part: [torch.zeros(size.centres, count, wide, wide) for count, wide in zip(channels, sides, strict=True)]
        for part, sides in patch_sides(side).items()
    }


def side_of(task: Task) -> int:
    """Return the side of the images of a task's network, in pixels."""
    return SIZE if chosen(SETTINGS, task).published else task.hr_size


def boxes(task: Task, size: int) -> Tensor:
    """Return the boxes of a task's images, brought to `size` px, (4, 4): left, top, right, bottom of `PARTS`.

    Raises `BenchError` if its card does not say where its faces are.
    """
    found = reference_images.component_boxes(task, size)
    return torch.tensor([found[part] for part in PARTS])


@torch.no_grad()
def dictionary(
    levels: nn.Module, images: Images, places: Tensor, *, centres: int, rounds: int
) -> dict[str, list[Tensor]]:
    """Return the dictionaries of images (N, 3, S, S) in [0, 1]: for each part the centres (K, C, h, w) of each level.

    Features within a part's box are brought to the size of the dictionary's patches, bilinearly, and k-means finds the
    centres; `places` (4, 4) are the boxes.
    """
    side = images.shape[-1]
    within = clipped(places[None], side)[0]
    sides = patch_sides(side)
    patches: dict[str, list[list[Tensor]]] = {part: [[] for _ in sides[part]] for part in PARTS}
    for some in images.split(_TOGETHER):
        for level, features in enumerate(levels(some * 2 - 1)):
            for part, box in zip(PARTS, within, strict=True):
                at = at_stride(box, 2 ** (level + 1))
                crop = features[:, :, at.top : at.bottom, at.left : at.right]
                wanted = (sides[part][level],) * 2
                patches[part][level].append(F.interpolate(crop, wanted, mode="bilinear", align_corners=False))
    return {part: [_centres(torch.cat(each), centres, rounds) for each in found] for part, found in patches.items()}


def _centres(patches: Tensor, count: int, rounds: int) -> Tensor:
    """Return the centres (K, C, h, w) that k-means (Lloyd 1982) finds of patches (N, C, h, w), K at most N.

    It begins with patches that are spread evenly over the list; a centre that is nobody's nearest stays as it is.
    """
    points = patches.flatten(1)
    most = min(count, len(points))
    found = points[torch.arange(most) * len(points) // most].clone()
    for _ in range(rounds):
        nearest = torch.cdist(points, found).argmin(1)
        sums = torch.zeros_like(found).index_add_(0, nearest, points)
        members = torch.bincount(nearest, minlength=len(found))[:, None]
        found = torch.where(members > 0, sums / members.clamp(min=1), found)
    return found.view(-1, *patches.shape[1:])


class Dfdnet:
    """The adapter: images in [0, 1] outside, [-1, 1] inside."""

    spec: ClassVar[Spec] = specs.DFDNET

    def __init__(self, network: DFDNet, task: Task, located: reference_images.Located | None = None) -> None:
        """Take a ready network for a task; `located` has boxes for each image. Raises as `boxes` without."""
        self.network = network.eval()
        self.size, self.hr_size = side_of(task), task.hr_size
        self.located = located
        self.places = boxes(task, self.size) if located is None else located.mean
        of = "the same for each image" if located is None else located.remark
        self.remark = f"the boxes of the components are those of the card, {of}"

    @classmethod
    def load(cls, task: Task, device: torch.device) -> Self:
        """Read the weights; on the meta device, which has no values, make the network without them."""

        def read(state: Mapping[str, Any]) -> DFDNet:
            if not chosen(SETTINGS, task).published:
                return dfdnet.dfdnet(state, extractor=extractor(task, torch.device("cpu")))
            found = dfdnet_dictionary.load(load.find(cls.spec.name, task, part="dictionary"))
            return dfdnet.dfdnet(state, dictionary=found)

        network = load.network(cls.spec.name, task, device, build=dfdnet_network, read=read)
        return cls(network, task, reference_images.Located.of_task(task, side_of(task), device))

    def upscale(self, lr: Images) -> Images:
        """Restore a batch."""
        large = resize.resize(lr, self.size, self.size)
        places = self.places.expand(len(lr), 4, 4) if self.located is None else self.located.of(lr)
        sr: Images = (self.network(large * 2 - 1, places) + 1) / 2
        return sr if self.size == self.hr_size else resize.resize(sr, self.hr_size, self.hr_size)
