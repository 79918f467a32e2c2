"""Training of a network that restores in one pass by the mean squared error alone: the most PSNR there is to have.

Adam with betas (0.9, 0.99) and cosine annealing to 1e-7, as all restorers (methods/training/restorer.py).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench import resize
from bench.spec import Images
from methods.formats import own_files
from methods.presets.restorer import RestorerRecipe
from methods.training.degrading import degrade
from methods.training.optimisers import adam, set_rate, take_up
from methods.training.processes import Told, descend
from methods.training.recorded import Recorded
from methods.training.run import precision
from methods.training.share import Share

LAYOUT = torch.channels_last
APART = ("bank.", "extractor.")
"""Parts of networks that are files of their own as long as they are not trained: GLEAN's bank, DFDNet's features."""
BETAS = (0.9, 0.99)
_LAST_RATE = 1e-7
_SHOWN = 8  # images in a row of the samples


class Adapter(Protocol):
    """A method with its network."""

    @property
    def network(self) -> nn.Module:
        """The network."""
        ...

    def upscale(self, lr: Images) -> Images:
        """Restore a batch."""
        ...


class Regression:
    """A network in training."""

    parts: ClassVar[tuple[str, ...]] = ("network",)
    """What is trained, by name."""
    optimisers: ClassVar[tuple[str, ...]] = ("optimiser",)

    def __init__(
        self, method: Adapter, recipe: RestorerRecipe, *, factor: int, device: torch.device, share: Share
    ) -> None:
        """Take a network at its beginning; what in it asks for no gradient stays as it is.

        Raises `BenchError` if the batch cannot be split over the processes and their parts.
        """
        share.parts(recipe.batch)
        self.method, self.recipe, self.factor = method, recipe, factor
        self.device, self.share = device, share
        self.network = method.network.to(device).to(memory_format=LAYOUT)
        self.step = 0
        self.trained = [each for each in self.network.parameters() if each.requires_grad]
        self.optimiser = adam(self.trained, recipe.rate, BETAS, device)
        self._recorded = Recorded(device)
        self._shown: tuple[Images, Images] | None = None

    @property
    def steps(self) -> int:
        """Steps in all."""
        return math.ceil(self.recipe.images / self.recipe.batch)

    @property
    def batch(self) -> int:
        """Images of each step, of all processes together."""
        return self.recipe.batch

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rate of each optimiser at the beginning."""
        return (self.recipe.rate,)

    def adopt(self, kept: Mapping[str, Mapping[str, Tensor]], step: int) -> None:
        """Go on from what `networks` returned at a step, with all else as at the beginning."""
        whole = kept["network"]
        for part in APART:
            whole = own_files.completed(whole, part, partial(self.network.get_submodule, part.removesuffix(".")))
        self.network.load_state_dict(whole)
        self.step = step

    def networks(self) -> dict[str, nn.Module]:
        """Return what is kept."""
        return {"network": self.network} if self.step else {}

    def state(self) -> dict[str, Any]:
        """Return everything a checkpoint needs."""
        return {"step": self.step, **{name: getattr(self, name).state_dict() for name in self.parts + self.optimisers}}

    def load(self, state: dict[str, Any]) -> None:
        """Go on where a state was; without those of the optimisers, with new ones."""
        self.step = state["step"]
        for name in self.parts + self.optimisers:
            if name in state or name in self.parts:
                take_up(getattr(self, name), state[name])

    @torch.no_grad()
    def samples(self) -> Images:
        """Return images of the last step: enlarged LR images, what the network makes of them, the HR images."""
        if self._shown is None:
            return torch.zeros(1, 3, 1, 1)
        lr, hr = self._shown
        sr = [self.method.upscale(part).float() for part in lr.split(self.share.at_once or len(lr))]
        return torch.cat([resize.upsample(lr, self.factor), *sr, hr])

    def advance(self, real: Images) -> Told:
        """Make one step with this process's HR images (B, 3, H, W), [0, 1]; return the losses."""
        hr = real.to(self.device)
        lr = degrade(hr, self.recipe.mixture, self.factor, self.share, self.step)
        self._shown = lr[:_SHOWN], hr[:_SHOWN]
        self._set_rates()
        # A recording is of one size, and SRNTT's content extractor has images of two.
        told = self._recorded.run(hr.shape, self._trained, lr, hr, *self._places(hr))
        self.step += 1
        return told

    def _set_rates(self) -> None:
        """Anneal the learning rates (SGDR, Eq. 5, one period)."""
        part = (1 + math.cos(math.pi * self.step / self.steps)) / 2
        for name, rate in zip(self.optimisers, self.rates, strict=True):
            set_rate(getattr(self, name), _LAST_RATE + (rate - _LAST_RATE) * part)

    def _places(self, hr: Images) -> tuple[Tensor, ...]:
        """Return what else a step needs that differs from step to step, on the device; here nothing."""
        del hr
        return ()

    def _trained(self, lr: Images, hr: Images) -> Told:
        """Make a step with LR and HR images; return the losses."""
        return self._train_network(self._split(lr), self._split(hr), [], self._distance)

    def _split(self, images: Images) -> list[Images]:
        """Return the parts of a process's images that go through the network together."""
        return [part.contiguous(memory_format=LAYOUT) for part in self.share.split(images)]

    def _train_network(
        self,
        inputs: Sequence[Images],
        parts: Sequence[Images],
        restored: list[Images],
        distance: Callable[[Images, Images], tuple[Tensor, Told]],
    ) -> Told:
        """Train with LR images and their HR images by the distance of what they are restored to, which is kept."""

        def terms() -> Iterator[tuple[Tensor, Told]]:
            for lr, hr in zip(inputs, parts, strict=True):
                with self._precision():
                    sr = self.method.upscale(lr)
                restored.append(sr.detach())
                yield distance(sr, hr)

        return descend(terms(), self.optimiser, self.trained)

    @staticmethod
    def _distance(sr: Images, hr: Images) -> tuple[Tensor, Told]:
        """Return the squared error of restored images, of values in [-1, 1], and its value."""
        pixel = 4 * F.mse_loss(sr.float(), hr)
        return pixel, {"pixel": pixel.detach()}

    def _precision(self) -> torch.autocast:
        return precision(self.device)
