"""Training of SRNTT: first its content extractor, by the squared error, then the texture transfer, by all losses.

Z. Zhang et al., "Image super-resolution by neural texture transfer", CVPR 2019, section 3.3, trains the transfer behind
a content extractor that is ready and stays as it is. The losses here are those of all restorers
(methods/training/restorer.py) in the place of the paper's, which are alike in kind: of pixels, of a VGG's features,
adversarial; the paper's has one of textures besides, and a gradient penalty.

The extractor enlarges by 4, LR images of half of the steps being as large as those it gets at 16x; the transfer is
trained as it is used, from the LR images of the task on. Normalisations keep the mean 0 and the variance 1 that they
begin with: a batch of four says little of either, and a result does not depend on its batch.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from bench import reference_images, resize
from bench.spec import Card, Images, Task
from methods.nets.srntt import FACTOR, SRNTT
from methods.presets.lookup import chosen
from methods.presets.restorer import RestorerRecipe
from methods.presets.srntt import SRNTT as SETTINGS
from methods.srntt import Nearest, Srntt, load_vgg, srntt_network
from methods.training.processes import Told
from methods.training.regression import Regression
from methods.training.restorer import Restorer
from methods.training.share import Share


class Content:
    """The content extractor as a method of its own, which enlarges by 4."""

    def __init__(self, network: SRNTT) -> None:
        """Take both networks; one is used."""
        self.network: nn.Module = network.content
        self._upscaled = network.upscaled

    def upscale(self, lr: Images) -> Images:
        """Enlarge a batch (N, 3, H, W) to (N, 3, 4 H, 4 W)."""
        return self._upscaled(lr)


class Texture:
    """The texture transfer as it is used, of which alone the parameters are trained."""

    def __init__(self, method: Srntt) -> None:
        """Take the method with both networks."""
        self.network: nn.Module = method.network.texture
        self._upscale = method.upscale

    def upscale(self, lr: Images) -> Images:
        """Restore a batch."""
        return self._upscale(lr)


class Transfer:
    """An SRNTT in training."""

    def __init__(self, network: SRNTT, content: Regression, texture: Restorer) -> None:
        """Take the trainings of its two parts, which follow each other."""
        self.network, self.content, self.texture = network, content, texture
        self.step = 0

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.content.steps + self.texture.steps

    @property
    def batch(self) -> int:
        """Images of the next step, of all processes together."""
        return self._now.batch

    @property
    def _now(self) -> Regression:
        """The training of the next step."""
        return self.content if self.step < self.content.steps else self.texture

    def advance(self, real: Images) -> Told:
        """Make a step with this process's HR images (B, 3, H, W), [0, 1]; return the losses."""
        now = self._now
        if now is self.texture:
            self.network.content.requires_grad_(requires_grad=False)
        elif self.step % 2 and self.texture.factor > FACTOR:
            real = resize.quantise(resize.downsample(real, FACTOR))
        told = now.advance(real)
        self.step += 1
        return told

    def samples(self) -> Images:
        """Return images of the last step, as `Regression.samples`."""
        return self._now.samples()

    def adopt(self, kept: Mapping[str, Mapping[str, Tensor]], step: int) -> None:
        """Go on from what `networks` returned at a step, with all else as at the beginning."""
        self.network.load_state_dict(dict(kept["network"]))
        self._set(step)

    def networks(self) -> dict[str, nn.Module]:
        """Return what is kept."""
        return {"network": self.network} if self.step else {}

    def state(self) -> dict[str, Any]:
        """Return everything a checkpoint needs."""
        content, texture = self.content.state(), self.texture.state()
        return {
            "step": self.step,
            **{f"content_{name}": value for name, value in content.items() if name != "step"},
            **{name: value for name, value in texture.items() if name != "step"},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on where a state was; without those of the optimisers, with new ones."""
        own = {name: value for name, value in state.items() if not name.startswith("content_")}
        of_content = {
            name.removeprefix("content_"): value for name, value in state.items() if name.startswith("content_")
        }
        self.content.load({"step": 0, **of_content})
        self.texture.load(own)
        self._set(state["step"])

    def _set(self, step: int) -> None:
        self.step = step
        self.content.step = min(step, self.content.steps)
        self.texture.step = step - self.content.step


def begin(  # noqa: PLR0913 - what is trained, on what, how
    task: Task,
    card: Card,
    discriminator: nn.Module,
    vgg16: nn.Module,
    recipe: RestorerRecipe,
    *,
    device: torch.device,
    share: Share,
) -> Transfer:
    """Return an SRNTT at its beginning; references are chosen among training images of the card, as when it is used.

    Its convolutions begin as torch's: as the authors' do, of N(0, 0.02), with normalisations that change nothing, a
    network passes next to nothing on. Raises `MissingWeights` without its VGG, and as `Restorer`.
    """
    network = srntt_network(task)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    network, textures = network.to(device), load_vgg(task, device)
    settings = chosen(SETTINGS, task)
    candidates = reference_images.of_card(card, settings.candidates).to(device)
    method = Srntt(network, textures, Nearest(textures, candidates, task.factor), task)
    fewer = replace(recipe, images=round(settings.shown * recipe.images))
    by_pixels = replace(recipe, perceptual=0.0, adversarial=0.0, crop=None)
    return Transfer(
        network,
        Regression(Content(network), by_pixels, factor=FACTOR, device=device, share=share),
        Restorer(Texture(method), discriminator, vgg16, fewer, factor=task.factor, device=device, share=share),
    )
