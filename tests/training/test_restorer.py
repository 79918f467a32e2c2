"""The training of networks that restore in one pass: what is trained, what stays, and that it learns."""

import math

import pytest
import torch

from bench import resize
from bench.spec import Task
from methods import esrgan_plus, glean, srgan
from methods.nets.rrdbnet import RRDBNet, Trunk
from methods.nets.srresnet import MSRResNet
from methods.nets.stylegan2 import StyleGAN2Synthesis
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.nets.vgg16 import Vgg16
from methods.presets.restorer import RestorerRecipe, restorer_recipes
from methods.training import loop, regression, restorer, run
from methods.training.share import Share

from .test_bank import CPU

CHANNELS = {4: 4, 8: 4, 16: 4, 32: 4}
TASK = Task("mini", "face", 4, 32, preset="mini")
RECIPE = RestorerRecipe(images=80, batch=4, rate=1e-3, critic_rate=1e-3, crop=16)


def networks(name="glean", *, frozen=True) -> srgan.Srgan | esrgan_plus.EsrganPlus | glean.Glean:
    torch.manual_seed(0)
    if name == "srgan":
        return srgan.Srgan(MSRResNet(factor=4, channels=8, blocks=1))
    if name == "esrgan_plus":
        return esrgan_plus.EsrganPlus(RRDBNet(factor=4, channels=8, blocks=1, growth=4))
    bank = StyleGAN2Synthesis(size=32, channels=CHANNELS, style_dim=8)
    network = glean.GLEAN(trunk=Trunk(channels=4, blocks=1, growth=2), bank=bank, in_size=8)
    network.bank.requires_grad_(requires_grad=not frozen)
    return glean.Glean(network)


def started(name="glean", recipe=RECIPE, *, frozen=True, share=Share()) -> restorer.Restorer:  # noqa: B008 - it is frozen
    method = networks(name, frozen=frozen)
    torch.manual_seed(1)
    vgg = Vgg16(layer=3).requires_grad_(requires_grad=False)
    return restorer.Restorer(
        method, StyleGAN2Discriminator(size=32, channels=CHANNELS), vgg, recipe, factor=4, device=CPU, share=share
    )


def test_a_recorded_step_is_of_one_size_alone():
    """SRNTT's extractor has images of two sizes in turn: a GPU would play a step of the one with those of the other."""
    training, kinds = started("esrgan_plus"), dict[object, set[tuple[torch.Size, ...]]]()

    class Noting:
        def run(self, kind, act, *inputs):
            kinds.setdefault(kind, set()).add(tuple(each.shape for each in inputs))
            return {}

    training._recorded = Noting()
    for side in (32, 64, 32, 64):
        training.advance(torch.rand(4, 3, side, side))
    assert [len(shapes) for shapes in kinds.values()] == [1, 1]


class Smooth:
    """Pictures of one wave each."""

    def batch(self, step, count):
        draw = torch.Generator().manual_seed(step)
        axis = torch.linspace(0, 1, 32)
        phase, pace = torch.rand(2, count, 3, 1, 1, generator=draw)
        return 0.5 + 0.4 * torch.sin(6.28 * (phase + pace * axis[:, None] + (1 - pace) * axis))


@pytest.mark.parametrize("name", ["glean", "esrgan_plus", "srgan"])
def test_what_asks_for_a_gradient_is_trained_and_the_bank_is_not(name):
    training = started(name)
    before = {key: value.clone() for key, value in training.network.state_dict().items()}
    critic = {key: value.clone() for key, value in training.discriminator.state_dict().items()}
    for step in range(3):
        values = training.advance(Smooth().batch(step, 4))
        assert all(math.isfinite(value) for value in values.values()), values
    after = training.network.state_dict()
    # Latent L - 1 and the bank's RGB have no part in the image, and so no gradient.
    same = {key for key in before if torch.equal(before[key], after[key])}
    assert all(key.startswith("bank.") for key in same), "a part of the network does not learn"
    assert all(key in same for key in before if key.startswith("bank.")), "a frozen bank has changed"
    assert not any(torch.equal(critic[key], value) for key, value in training.discriminator.state_dict().items())
    assert all(parameter.requires_grad for parameter in training.discriminator.parameters())


def test_by_the_squared_error_alone_all_of_a_network_is_trained():
    """One step of Adam by hand: the gradient of the squared error in [-1, 1] and nothing else."""
    method, same = networks("esrgan_plus"), networks("esrgan_plus")
    training = regression.Regression(method, RECIPE.of_pixels(), factor=4, device=CPU, share=Share())
    hr = Smooth().batch(0, 16)
    values = training.advance(hr)
    sr = same.upscale(resize.quantise(resize.downsample(hr, 4)))
    loss = ((sr * 2 - 1) - (hr * 2 - 1)).square().mean()
    loss.backward()
    optimiser = torch.optim.Adam(same.network.parameters(), lr=RECIPE.rate, betas=(0.9, 0.99))
    optimiser.step()
    assert values == {"pixel": pytest.approx(loss.item(), rel=1e-4)}
    for name, value in same.network.state_dict().items():
        torch.testing.assert_close(training.network.state_dict()[name], value, rtol=0, atol=2e-4, msg=name)
    again = regression.Regression(networks("esrgan_plus"), RECIPE.of_pixels(), factor=4, device=CPU, share=Share())
    again.load(training.state())
    assert (again.step, again.steps) == (1, 20), "as many steps as with all losses"
    assert again.optimiser.state_dict()["state"], "a checkpoint without the state of Adam"


def test_an_unfrozen_bank_is_trained():
    training = started(frozen=False)
    before = training.network.bank.layers[2].weight.clone()
    training.advance(Smooth().batch(0, 4))
    assert not torch.equal(before, training.network.bank.layers[2].weight)


@pytest.mark.slow
def test_it_learns_to_restore():
    recipe = RestorerRecipe(images=400, batch=4, rate=6e-3, critic_rate=1e-3, perceptual=1e-3, adversarial=1e-4)
    training, feed = started("esrgan_plus", recipe), Smooth()
    held = feed.batch(10_000, 8)
    lr = resize.quantise(resize.downsample(held, 4))

    def error():
        with torch.no_grad():
            return (training.method.upscale(lr) - held).square().mean().item()

    first = error()
    for step in range(training.steps):
        training.advance(feed.batch(step, training.batch))
    assert error() < first / 4, "100 steps of training do not bring the images nearer to the originals"


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(tmp_path):
    stopped = started()
    for step in range(7):
        stopped.advance(Smooth().batch(step, 4))
    run.Run(tmp_path / "parts").save(stopped.state())
    ends = []
    for name in ("whole", "parts"):
        training = started()
        assert loop.train(training, Smooth(), run.Run(tmp_path / name), name)
        ends.append(torch.cat([value.flatten() for value in training.network.state_dict().values()]))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=1e-6)
    assert (tmp_path / "parts" / "samples.png").is_file()


def test_the_rate_falls_to_its_last_value_along_a_cosine():
    training = started()
    rates = []
    for step in (0, training.steps // 2, training.steps):
        training.step = step
        training._set_rates()
        rates.append(training.optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, (1e-3 + 1e-7) / 2, 1e-7])


def test_what_went_astray_at_the_rate_of_the_others_has_its_own():
    found = {
        name: restorer_recipes("face", name)["mini"].rate for name in ("glean.tasks", "esrgan_plus.tasks", "glean")
    }
    assert found == {"glean.tasks": 2e-3, "esrgan_plus.tasks": 5e-4, "glean": 2e-3}


def test_the_published_recipe_is_that_of_the_paper():
    face, cat = (restorer_recipes(name, "glean")["paper"] for name in ("face", "cat"))
    assert (face.images // face.batch, face.batch, cat.images // cat.batch, cat.batch) == (300_000, 8, 300_000, 16)
    assert (face.rate, face.critic_rate, face.perceptual, face.adversarial, face.crop) == (1e-4, 1e-4, 1e-2, 1e-2, None)


def test_a_carried_state_goes_on(tmp_path):
    """Network and discriminator come from the small file; a checkpoint that lacks one of them is not taken."""
    training = started()
    training.advance(Smooth().batch(0, 4))
    run.Run(tmp_path).save(training.state())
    (tmp_path / "checkpoint.pt").unlink()
    there = started()
    run.Run(tmp_path).load(there.load)
    assert there.step == 1
    for name in ("network", "discriminator"):
        for key, value in getattr(training, name).state_dict().items():
            torch.testing.assert_close(getattr(there, name).state_dict()[key], value, rtol=2e-3, atol=1e-4)
    assert all(math.isfinite(value) for value in there.advance(Smooth().batch(1, 4)).values())
    with pytest.raises(KeyError, match="discriminator"):
        started().load({name: value for name, value in training.state().items() if name != "discriminator"})
