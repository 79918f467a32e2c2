"""What a new user of training meets first."""

import re
import shlex

import pytest

from bench.spec import MissingWeights, Task
from methods.training import __main__ as training
from methods.training import ingredients, queue
from methods.weights import catalogue

from ..conftest import ROOT


def test_a_missing_perceptual_network_is_trainings_own(monkeypatch):
    """A training of GLEAN said that `the vgg16 of mganprior` was missing."""
    monkeypatch.setattr(catalogue, "locate", lambda _: None)
    with pytest.raises(MissingWeights, match=r"perceptual loss of training needs VGG16 .*--vgg16, or get it") as error:
        ingredients._vgg16(Task("mini", "face", 16, 128, preset="mini"))
    assert "mganprior" not in str(error.value)


def test_the_first_examples_of_training_have_something_to_do():
    """The first one answered `nothing to do`: what it would train is shipped. So were others, once they were."""
    examples = re.findall(
        r"^    python -m bench train (.*?)  +#", (ROOT / "docs" / "training.md").read_text(), re.MULTILINE
    )
    for example in (each for each in examples if "--missing" not in each and "--report" not in each):
        told = training.parser().parse_args(shlex.split(example))
        settings = queue.TrainingSettings(
            device=told.device, seed=told.seed, runs=told.runs, out=told.out, pool=told.pool, vgg16=told.vgg16
        )
        assert any(queue.unfinished(training._items(told), settings)), example
