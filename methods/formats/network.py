"""What is known of a network that makes RGB images larger, whoever trained it, for it to be called in the right way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench import resize
from bench.spec import Images


class Range(NamedTuple):
    """Between which values a network's images are."""

    low: float
    high: float


_UNIT = Range(0, 1)


@dataclass(frozen=True, slots=True)
class SuperResolver:
    """A network in eval mode with what it takes and gives: (N, 3, h, w) to (N, 3, scale h, scale w)."""

    network: nn.Module
    kind: str
    """The name of its architecture."""
    scale: int
    values: Range = _UNIT
    least: int = 1
    """The least side of its input, in pixels."""
    multiple: int = 1
    """What divides a side of its input."""
    draws: bool = False
    """Whether it draws random numbers in each call."""
    face: int = 0
    """A network that restores faces of this side at their own size; 0: one that enlarges."""
    only: int = 0
    """The one side of its input that it takes; 0: any."""
    builder: str = ""
    """The package and its version that made the network; empty: this one."""

    def once(self, images: Images) -> Images:
        """Return images made larger once, from and to [0, 1], clamped.

        An image that is too small, or does not divide, is extended by its mirror image on all sides alike, the outer
        pixels counted twice as `imresize` does; what is made of that is cut off.
        """
        height, width = images.shape[-2:]
        rows, columns = (self._places(side, images.device) for side in (height, width))
        low, high = self.values
        padded = images[..., rows, :][..., columns] * (high - low) + low
        made = (self._called(padded).float() - low) / (high - low)
        top, left = ((len(places) - side) // 2 * self.scale for places, side in ((rows, height), (columns, width)))
        return made[..., top : top + height * self.scale, left : left + width * self.scale].clamp(0, 1)

    def _called(self, images: Images) -> Tensor:
        made = self.network(images)
        if isinstance(made, Sequence):  # CodeFormer and RestoreFormer also return what they looked up
            made = made[0]
        return torch.as_tensor(made).clone()

    def _places(self, side: int, device: torch.device) -> Tensor:
        """Return which pixel stands at each place of an extended side."""
        wanted = max(self.least, -(-side // self.multiple) * self.multiple)
        if wanted == side:
            return torch.arange(side, device=device)
        places = (torch.arange(wanted, device=device) - (wanted - side) // 2) % (2 * side)
        return torch.minimum(places, 2 * side - 1 - places)


def times(scale: int, factor: int) -> int:
    """Return how often a network is applied until its images are at least `factor` times as large."""
    count, reached = 1, scale
    while reached < factor:
        count, reached = count + 1, reached * scale
    return count


def enlarged(network: SuperResolver, lr: Images, side: int) -> Images:
    """Return LR images (N, 3, h, h) at (N, 3, side, side), in [0, 1].

    A network that enlarges is applied until the images are large enough; beyond, they are brought back by our operator.
    One that restores faces gets them enlarged by it.
    """
    if network.face:
        large = resize.resize(lr, network.face, network.face).clamp(0, 1)
        return _brought(network.once(large), side)
    images = lr
    for _ in range(times(network.scale, side // lr.shape[-1])):
        images = network.once(images)
    return _brought(images, side)


def _brought(images: Images, side: int) -> Images:
    return images if images.shape[-1] == side else resize.resize(images, side, side).clamp(0, 1)
