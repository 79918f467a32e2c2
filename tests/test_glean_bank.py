"""Which bank a GLEAN is made around: the kind that the card or the preset says, its file, and the networks' names."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from bench import cards
from bench.spec import BadFile, MissingWeights, Task
from methods.glean import Glean, glean_network
from methods.nets.stylegan import StyleGANSynthesis
from methods.nets.stylegan2 import StyleGAN2Synthesis
from methods.presets.sizes import SIZES
from methods.training.items import Item
from methods.training.start import untrained
from methods.weights import glean_bank, load, trained

from .test_nets_stylegan import genforce
from .training.test_bank import CPU, TINY

CAR = Task("paper", "car", 16, 512, bank="stylegan")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of weights with GenForce's StyleGAN of cars, of few channels."""
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(SIZES, "paper", TINY)
    torch.save({"generator_smooth": genforce(stages=8)}, tmp_path / "stylegan_car512.pth")
    return tmp_path


def test_a_card_says_the_kind_and_the_task_knows_it(tmp_path):
    (tmp_path / "cat").mkdir()
    card = 'title = "Cat"\nhr_size = 64\nreader = "folder"\nsource = "cat"\ntest_set = ""\ntrain_set = ""\n'
    (tmp_path / "cat.toml").write_text(f'{card}bank = "stylegan"\n')
    assert cards.card(str(tmp_path), "cat").task(8).bank == "stylegan"
    assert cards.card("mini", "cat").task(8).bank == "", "a card that says nothing leaves it to the preset"
    (tmp_path / "cat.toml").write_text(f'{card}bank = "pggan"\n')
    with pytest.raises(BadFile, match="bank"):
        cards.card(str(tmp_path), "cat")


def test_the_kind_decides_which_generator_is_built():
    assert SIZES["paper"].bank == "stylegan2"
    with torch.device("meta"):
        assert isinstance(glean_network(CAR).bank, StyleGANSynthesis)
        for task in (replace(CAR, bank=""), replace(CAR, bank="stylegan2")):
            assert isinstance(glean_network(task).bank, StyleGAN2Synthesis)


def test_a_glean_is_trained_around_the_stylegan_of_genforce_and_loads_again(here):
    assert glean_bank.find("glean", CAR).name == "stylegan_car512.pth"
    begun = untrained("glean", CAR)
    assert isinstance(begun.network.bank, StyleGANSynthesis)
    assert not any(parameter.requires_grad for parameter in begun.network.bank.parameters()), "the bank must be frozen"
    item = Item("glean", CAR)
    assert (item.label, item.file("network")) == ("glean.stylegan car 16x", "glean.stylegan_car_16x_512.safetensors")
    save_file(begun.network.state_dict(), here / item.file("network"))
    lr = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(Glean.load(CAR, CPU).upscale(lr), begun.upscale(lr), atol=5e-3), "another network"
    with pytest.raises(MissingWeights):
        Glean.load(replace(CAR, bank="stylegan2"), CPU)
    assert trained.locate("glean", replace(CAR, bank="")) is None, "it would be taken for one around a StyleGAN2"


def test_a_kind_without_weights_is_told_in_a_sentence(here):
    with pytest.raises(MissingWeights, match=r"no bank of glean\.stylegan for this category, 16x and 256 px"):
        glean_bank.load("glean", replace(CAR, category="cat", hr_size=256), CPU)
    with pytest.raises(MissingWeights, match=r"stylegan_tower256\.pth\) is not on this machine"):
        glean_bank.load("glean", replace(CAR, category="tower", hr_size=256), CPU)
    with pytest.raises(MissingWeights, match=r"`python -m bench train glean --factor 16 --category NAME"):
        load.find("glean", CAR)
    assert here.is_dir()


@pytest.mark.parametrize("task", [Task("mini", "car", 16, 128, preset="mini"), Task("paper", "cat", 16, 256)])
def test_no_training_is_named_that_would_find_no_bank(task):
    with pytest.raises(MissingWeights, match="none can be trained, as there is no StyleGAN for it") as error:
        load.find("glean", replace(task, bank="stylegan"))
    assert "python -m bench train" not in str(error.value)


@pytest.mark.parametrize(
    ("method", "changes", "name"),
    [
        ("glean", {}, "glean.stylegan"),
        ("glean", {"bank": "stylegan2"}, "glean"),
        ("glean", {"mixture": "grey"}, "glean.grey.stylegan"),
        ("glean.no-bank", {}, "glean.no-bank.stylegan"),
        ("glean.biggan", {}, "glean.biggan"),
        ("esrgan_plus", {"mixture": "grey"}, "esrgan_plus.grey"),
    ],
)
def test_only_what_is_made_around_another_kind_has_another_name(method, changes, name):
    assert load.named(method, replace(CAR, **changes)) == name
