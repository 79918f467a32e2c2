"""Training with degraded inputs: what is drawn, on what it depends, and whose weights are whose."""

from dataclasses import replace

import pytest
import torch

from bench import degradation, resize
from bench.images.degraded import degraded
from bench.spec import MissingWeights, Task
from methods.presets.mixtures import MIXTURES, Mixture, parted
from methods.presets.programme import PROGRAMMES
from methods.training.degrading import degrade
from methods.training.share import Share
from methods.weights import load

from .test_restorer import RECIPE, Smooth, started

HR = Smooth().batch(0, 8)


@pytest.mark.parametrize("name", MIXTURES)
def test_every_list_of_a_mixture_can_be_applied_where_it_is_trained(name):
    """A spelling mistake or a list without `down` would end a training in the middle."""
    (factor,) = {
        factor
        for part in PROGRAMMES["mini"]
        for factor in part.factors
        if any(method.endswith(f".{name}") for method in part.methods)
    }
    mixture = MIXTURES[name]
    for index in range(len(mixture.lists)):
        for share in (0.0, 0.999):
            numbers = [(index + 0.5) / len(mixture.lists), *[share] * (mixture.numbers - 1)]
            assert not degradation.fits(mixture.drawn(numbers), factor)


def test_numbers_are_drawn_between_their_limits_and_every_list_is():
    mixture = Mixture((("down",), ("blur 2 to 12", "down", "noise 10")))
    assert mixture.drawn([0.49, 0.5, 0.5, 0.5]) == ("down",)
    assert mixture.drawn([0.51, 0.0, 0.5, 0.5]) == ("blur 2", "down", "noise 10")
    assert mixture.drawn([0.99, 0.5, 0.5, 0.5]) == ("blur 7", "down", "noise 10")


def test_without_a_mixture_images_are_made_small_as_ever():
    assert torch.equal(degrade(HR, None, 4, Share(), 3), resize.quantise(resize.downsample(HR, 4)))


def test_what_is_drawn_depends_on_the_step_and_the_place_but_not_on_the_number_of_processes():
    """Else a training in four processes would not be that in one, and all images of a step would be alike."""
    mixture = MIXTURES["blind"]
    alone = degrade(HR, mixture, 4, Share(), 3)
    for rank in (0, 1):
        share = Share(rank=rank, ranks=2)
        assert torch.equal(degrade(share.of(HR), mixture, 4, share, 3), alone[rank::2])
    same = HR[:1].expand(8, -1, -1, -1)
    assert len({image.numpy().tobytes() for image in degrade(same, mixture, 4, Share(), 3)}) > 2
    assert not torch.equal(degrade(HR, mixture, 4, Share(), 4), alone)
    assert not torch.equal(degrade(HR, mixture, 4, Share(seed=1), 3), alone)


def test_an_input_is_what_the_operators_of_tables_make():
    """A network trained with other operators than it is measured with would be measured on what it never saw."""
    made = degrade(HR, Mixture((("grey",),)), 1, Share(), 0)
    wanted = torch.stack([degraded(image.double(), ("grey",), 1) for image in HR])
    assert torch.equal(made, resize.quantise(wanted).float())


def test_a_training_gets_the_degraded_images():
    training = started("esrgan_plus", replace(RECIPE, mixture=Mixture((("down", "noise 200"),))))
    seen = []
    training.method.upscale = lambda lr, real=training.method.upscale: seen.append(lr) or real(lr)
    training.advance(HR[:4])
    assert torch.equal(seen[0], degrade(HR[:4], training.recipe.mixture, 4, Share(), 0))
    assert not torch.equal(seen[0], resize.quantise(resize.downsample(HR[:4], 4)))
    training.samples()
    assert torch.equal(seen[0], seen[-1]), "samples show other inputs than those of the step"


def test_a_name_is_parted_at_a_mixture_alone():
    assert parted("glean.tasks") == ("glean", MIXTURES["tasks"])
    assert parted("glean.no-decoder") == ("glean.no-decoder", None)
    assert parted("bank") == ("bank", None)


def test_a_task_of_a_mixture_takes_the_weights_of_that_mixture():
    """Weights for super-resolution would be taken for those of another task."""
    task = Task("mini", "face", 16, 128, preset="mini")
    assert load.find("glean", task).name == "glean_face_16x_128.safetensors"
    whole = replace(task, factor=1, mixture="tasks")
    assert load.find("glean", whole).name == "glean.tasks_face_1x_128.safetensors"
    with pytest.raises(MissingWeights, match=r"train glean\.tasks --factor 1 --category NAME"):
        load.find("glean", replace(whole, category="car"))
    with pytest.raises(MissingWeights, match="no mixture 'taks'; did you mean tasks"):
        load.find("glean", replace(task, mixture="taks"))
    assert load.find("glean", replace(task, mixture="tasks"), part="bank") == load.find("glean", task, part="bank")
