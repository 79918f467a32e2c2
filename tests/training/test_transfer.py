"""The trainings of DFDNet and SRNTT: what is trained when, what is kept, and that it comes back as it was."""

import shutil
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from bench.spec import BadFile, BenchError, Task
from methods.dfdnet import Dfdnet
from methods.formats import dfdnet as dfdnet_format
from methods.formats import srntt as srntt_format
from methods.formats import unpickle
from methods.nets.dfdnet_parts import CriticLevels
from methods.presets.dfdnet import DFDNET
from methods.presets.srntt import SRNTT
from methods.training import ingredients, queue
from methods.training.items import Item
from methods.training.share import Share
from methods.training.start import untrained

from ..conftest import ROOT
from .test_bank import CPU
from .test_queue import FACE

TASK = Task("mini", "face", 16, 128, preset="mini")
TEXTURES = ROOT / "methods" / "weights" / "mini" / "vgg16_textures.safetensors"


@pytest.fixture
def begun(settings, monkeypatch) -> queue.TrainingSettings:
    """A bank of a few steps to begin with, and networks of a few channels."""
    monkeypatch.setitem(DFDNET, "mini", replace(DFDNET["mini"], channels=2, width=2, centres=2, images=4))
    monkeypatch.setitem(SRNTT, "mini", replace(SRNTT["mini"], channels=2, blocks=4, candidates=2))
    shutil.copy(TEXTURES, settings.runs.parent / "mini")
    assert queue.train(FACE, settings)
    return settings


@pytest.mark.slow
def test_an_srntt_is_trained_in_two_parts_and_written_whole(begun):
    item = Item("srntt", TASK)
    training = ingredients.start(item, begun, Share())
    before = [{name: value.clone() for name, value in training.network.state_dict().items()}]
    assert training.steps == 3, "the transfer sees a third of the images that the extractor does, rounded up to a step"
    for step in range(3):
        assert training.step == step
        training.advance(torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(step)))
        before.append({name: value.clone() for name, value in training.network.state_dict().items()})

    def changed(first, second) -> set[str]:
        return {name.split(".")[0] for name in before[0] if not torch.equal(before[first][name], before[second][name])}

    assert changed(0, 2) == {"content"}, "the texture transfer is trained behind an extractor that is not ready"
    assert changed(2, 3) == {"texture"}, "the extractor does not stay as it is"
    assert not any("running" in name and not torch.equal(before[0][name], before[3][name]) for name in before[0])


@pytest.mark.slow
def test_an_srntt_goes_on_where_its_state_was(begun):
    item, images = Item("srntt", TASK), torch.rand(2, 3, 128, 128)
    one = ingredients.start(item, begun, Share())
    for _ in range(3):
        one.advance(images)
    other = ingredients.start(item, begun, Share())
    other.advance(1 - images)
    other.load(deepcopy(one.state()))
    assert (other.step, other.content.step, other.texture.step) == (3, 2, 1)
    for training in (one, other):
        training.advance(images)
    first, second = (training.network.state_dict() for training in (one, other))
    assert all(torch.allclose(first[name], second[name], atol=1e-6) for name in first), "another training goes on"


@pytest.mark.slow
def test_the_file_of_an_srntt_holds_both_networks(begun):
    item = Item("srntt", TASK)
    assert queue.train(item, begun)
    path = begun.folder(item) / item.file("network")
    network = srntt_format.srntt(unpickle.load(path))
    assert (network.content.channels, len(network.texture.fusions)) == (2, 3)
    assert not list(queue.unfinished([item], begun)), "it would be trained again and again"


@pytest.mark.slow
def test_the_file_of_a_dfdnet_leaves_out_its_extractor_and_comes_back_with_it(begun):
    item = Item("dfdnet", TASK)
    assert queue.train(item, begun)
    path = begun.folder(item) / item.file("network")
    names = load_file(path).keys()
    assert [name for name in names if name.startswith("extractor.")] == ["extractor.sha256"], "twice in git"
    method = Dfdnet.load(TASK, CPU)
    assert method.upscale(torch.rand(1, 3, 8, 8)).shape == (1, 3, 128, 128)
    other = CriticLevels(ingredients._judges(item, begun)[0], channels=2)
    with torch.no_grad():
        next(iter(other.parameters())).add_(1)
    with pytest.raises(BadFile, match="were trained around another extractor"):
        dfdnet_format.dfdnet(unpickle.load(path), extractor=other)


@pytest.mark.slow
def test_sizes_of_their_own_make_another_training(begun, monkeypatch):
    for what, presets, key in (("dfdnet", DFDNET, "centres"), ("srntt", SRNTT, "candidates")):
        item = Item(what, TASK)
        before = ingredients.key(item, begun).facts()
        monkeypatch.setitem(presets, "mini", replace(presets["mini"], **{key: 1}))
        assert ingredients.key(item, begun).facts()["recipe"] != before["recipe"], (
            "it goes on with networks of other sizes"
        )


def test_the_published_dfdnet_is_not_trained():
    with pytest.raises(BenchError, match="is the published network, which is not trained here"):
        untrained("dfdnet", Task("paper", "face", 16, 1024, preset="paper"))
