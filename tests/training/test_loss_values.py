"""The losses of training, on numbers small enough to be worked out by hand: every sign, factor and term counts.

s(x) = 1 / (1 + exp(-x)), softplus(x) = log(1 + exp(x)): s(2) = 0.8807971, softplus(2) = 2.1269280, softplus(-2) =
0.1269280, softplus(0) = 0.6931472. The derivative of softplus(x) is s(x), that of softplus(-x) is -s(-x).
"""

import pytest
import torch
from torch import nn

from bench.spec import Task
from methods.presets.restorer import RestorerRecipe
from methods.search import mganprior
from methods.training import ingredients, losses, queue, restorer
from methods.training.bank import bank
from methods.training.items import Item
from methods.training.share import Share

from .test_bank import CPU, feed, tiny

FACE = Task("mini", "face", 16, 128, preset="mini")


class Flat(nn.Module):
    """A method and its network at once: every restored value is the parameter."""

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.75))

    @property
    def network(self):
        return self

    def upscale(self, lr):
        return self.value * torch.ones(len(lr), 3, 16, 16)


class Judge(nn.Module):
    """The logit is weight times the mean of the image, plus bias: 2 m + 1 at the beginning."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.tensor(value)) for value in (2.0, 1.0))

    def forward(self, images):
        return images.mean((1, 2, 3))[:, None] * self.weight + self.bias


class Squares(nn.Module):
    """In the place of VGG16: the feature of x is 3 x^2. It keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        return 3 * images.square()


def started(method, *, crop=None, **weights) -> restorer.Restorer:
    """A restorer before its first step, whose step is the gradient itself."""
    recipe = RestorerRecipe(images=100, batch=2, rate=1.0, critic_rate=1.0, crop=crop, **weights)
    training = restorer.Restorer(method, Judge(), Squares(), recipe, factor=4, device=CPU, share=Share())
    training.optimiser = torch.optim.SGD(training.trained)
    training.d_optimiser = torch.optim.SGD(training.discriminator.parameters())
    return training


def test_the_restorers_three_losses_and_the_step_down_their_sum():
    # HR is 0.25 everywhere, the restored image v = 0.75.
    #   pixel, in [-1, 1]: (2 v - 2 * 0.25)^2 = 4 (v - 0.25)^2 = 1;            d/dv = 8 * 0.5 = 4
    #   perceptual, in [0, 1]: (3 * 0.5625 - 3 * 0.0625)^2 = 1.5^2 = 2.25;     d/dv = 2 * 1.5 * 6 v = 13.5
    #   adversarial, in [-1, 1]: logit 2 (2 v - 1) + 1 = 2, softplus(-2) = 0.1269280; d/dv = -s(-2) * 4 = -0.4768117
    #   their sum: d/dv = 4 + 0.01 * 13.5 - 0.01 * 0.4768117 = 4.1302319
    # The discriminator, of the same restored image: fake logit 2, real logit 2 * (-0.5) + 1 = 0.
    #   softplus(2) + softplus(-0) = 2.8200752
    #   d/dweight = s(2) * 0.5 - s(0) * (-0.5) = 0.6903985;  d/dbias = s(2) - s(0) = 0.3807971
    training = started(Flat())
    values = training.advance(torch.full((2, 3, 16, 16), 0.25))
    wanted = {"pixel": 1.0, "perceptual": 2.25, "adversarial": 0.1269280, "d": 2.8200752}
    assert values == pytest.approx(wanted, abs=1e-6)
    assert training.network.value.item() == pytest.approx(0.75 - 4.1302319, abs=1e-5)
    judge = training.discriminator
    assert [judge.weight.item(), judge.bias.item()] == pytest.approx([2 - 0.6903985, 1 - 0.3807971], abs=1e-6)


def test_each_weight_is_of_its_own_term():
    # As above: 4 + 0.5 * 13.5 + 0.25 * (-0.4768117) = 10.6307971
    training = started(Flat(), perceptual=0.5, adversarial=0.25)
    training.advance(torch.full((2, 3, 16, 16), 0.25))
    assert training.network.value.item() == pytest.approx(0.75 - 10.6307971, abs=1e-5)


def test_the_part_that_is_compared_is_the_same_of_both_images():
    ramp = (torch.arange(16 * 16).view(16, 16) / 256).expand(2, 3, 16, 16)

    class Perfect(Flat):
        def upscale(self, lr):
            return ramp + 0 * self.value

    training = started(Perfect(), crop=4)
    found = [training.advance(ramp)["perceptual"] for _ in range(5)]
    assert found == [0.0] * 5, "the features are of another place of the one image than of the other"
    seen = training.vgg.seen
    assert {tuple(each.shape) for each in seen} == {(2, 3, 4, 4)}
    assert len({each[0, 0, 0, 0].item() for each in seen}) > 1, "the place is the same in each step"


def test_training_compares_conv4_3_before_its_relu_and_mganprior_relu3_3(tmp_path):
    widths = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256), 14: (256, 256)}
    widths |= {17: (512, 256), 19: (512, 512), 21: (512, 512)}
    state = {f"features.{layer}.weight": torch.zeros(*shape, 3, 3) for layer, shape in widths.items()}
    state |= {f"features.{layer}.bias": torch.zeros(shape[0]) for layer, shape in widths.items()}
    torch.save(state, tmp_path / "vgg16.pt")
    settings = queue.TrainingSettings(device=CPU, runs=tmp_path, pool=8, vgg16=tmp_path / "vgg16.pt")
    features = ingredients.start(Item("esrgan_plus", FACE), settings, Share()).vgg.features
    assert (len(features) - 1, type(features[-1])) == (21, nn.Conv2d)
    searched = mganprior.Mganprior.load(Task("paper", "face", 16, 1024), torch.device("meta")).vgg16.features
    assert (len(searched) - 1, type(searched[-1])) == (15, nn.ReLU)


def test_logistic_losses():
    # Real logits 0 and 2: (softplus(0) + softplus(-2)) / 2 = 0.4100376. Fake ones 0 and -2: the same.
    high, low = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [-2.0]])
    assert losses.generator_loss(high).item() == pytest.approx(0.4100376, abs=1e-6)
    assert losses.discriminator_loss(high, low).item() == pytest.approx(0.8200752, abs=1e-6)
    # The other way round: (softplus(0) + softplus(2)) / 2 = 1.4100376, twice.
    assert losses.discriminator_loss(low, high).item() == pytest.approx(2.8200752, abs=1e-6)


def test_r1():
    # The logit is half the sum of squares, so its gradient is the image: (1 + 4 + 9 + 0) / 2 images, no half, no root.
    images = torch.tensor([[1.0, 2.0], [3.0, 0.0]]).view(2, 1, 1, 2).requires_grad_()
    penalty = losses.r1_penalty(images, images.square().sum((1, 2, 3))[:, None] / 2)
    assert penalty.item() == 7
    (slope,) = torch.autograd.grad(penalty, images)
    assert slope.flatten().tolist() == [1, 2, 3, 0], "the penalty has no gradient, or another"


@pytest.mark.parametrize(("latents", "squared"), [(1, 18), (2, 9), (4, 4.5)])
def test_path_lengths(latents, squared):
    # Four numbers of w, in 1, 2 or 4 latents; the pixels of a 2 x 2 image are these times 1, 2, 3, 4; y = 2, 2, 2, 1.
    # J^T y = 2, 4, 6, 4, over sqrt(2 * 2): 1, 2, 3, 2, whose squares add up to 18.
    # They are summed in a latent, and the latents averaged: 18, (5 + 13) / 2 = 9, (1 + 4 + 9 + 4) / 4 = 4.5.
    w = torch.ones(1, latents, 4 // latents, requires_grad=True)
    images = (w.flatten() * torch.tensor([1.0, 2.0, 3.0, 4.0])).view(1, 1, 2, 2)
    directions = torch.tensor([2.0, 2.0, 2.0, 1.0]).view(1, 1, 2, 2)
    assert losses.path_lengths(images, w, directions).tolist() == pytest.approx([squared**0.5])


def test_a_banks_penalties_have_their_weights(monkeypatch):
    # R1: gamma 0.1 / 2, 16 times as it comes every 16th step, a quarter at half of the final side: 0.2.
    # Path lengths: 2, 8 times: 16.
    stepped = []

    def stepping(losses, *_):
        ((loss, told),) = losses
        stepped.append(loss.item())
        return dict(told)

    monkeypatch.setattr(bank, "descend", stepping)
    training = tiny()
    values = {name: value.item() for name, value in training.advance(feed().batch(0, 8)).items()}
    assert stepped == pytest.approx([values["d"] + 0.2 * values["r1"], values["g"], 16 * values["path"]], rel=1e-5)
    assert values["r1"] > 0 < values["path"]
    stepped.clear()
    values = {name: value.item() for name, value in training.advance(feed().batch(1, 8)).items()}
    assert stepped == pytest.approx([values["d"], values["g"]]), "both are lazy"
