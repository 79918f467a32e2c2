"""DFDNet and SRNTT as methods: what they look at beside the input, and what they must not."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from bench import reference_images, resize, scenes
from bench.images import data
from bench.spec import BenchError, MissingImages, Task
from methods import dfdnet, specs
from methods.dfdnet import Dfdnet
from methods.formats.vgg_textures import vgg_textures
from methods.nets.dfdnet import PARTS
from methods.nets.srntt import SRNTT, ContentExtractor, TextureTransfer
from methods.presets.dfdnet import DFDNET
from methods.presets.srntt import SRNTT as SETTINGS
from methods.srntt import Nearest, Srntt, SrnttOracle, SrnttOther
from methods.training import start

CPU = torch.device("cpu")
TASK = Task("mini", "face", 16, 128, preset="mini")
CANDIDATES = scenes.render("face", torch.arange(1000, 1006), 128)


class Known:
    """A reference that the test chooses."""

    def __init__(self, images) -> None:
        self.images = images

    def of(self, lr):
        return self.images.expand(len(lr), -1, -1, -1)


@pytest.fixture(scope="module")
def vgg():
    """The first layers of a VGG, random, in their true sizes."""
    draw = torch.Generator().manual_seed(0)
    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128)}
    state = {}
    for number, (outputs, inputs) in shapes.items():
        state[f"features.{number}.weight"] = (
            torch.randn(outputs, inputs, 3, 3, generator=draw) * (2 / 9 / inputs) ** 0.5
        )
        state[f"features.{number}.bias"] = torch.zeros(outputs)
    return vgg_textures(state)


@pytest.fixture
def network() -> SRNTT:
    """A small network that passes on what it gets."""
    torch.manual_seed(0)
    made = SRNTT(ContentExtractor(channels=4, blocks=4), TextureTransfer(channels=4, blocks=4))
    for layer in made.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return made


@pytest.fixture
def lr():
    return resize.quantise(resize.downsample(scenes.render("face", torch.arange(3000, 3002), 128), 16))


def test_each_input_gets_the_candidate_that_it_was_made_of(vgg):
    for factor in (4, 16):
        lr = resize.quantise(resize.downsample(CANDIDATES.flip(0), factor))
        assert torch.equal(Nearest(vgg, CANDIDATES, factor).of(lr), CANDIDATES.flip(0)), "not the most similar one"


@torch.no_grad()
def test_the_reference_changes_the_result(vgg, network, lr):
    one, other = (Srntt(network, vgg, Known(image[None]), TASK).upscale(lr) for image in CANDIDATES[:2])
    assert one.shape == (2, 3, 128, 128)
    assert (one - other).abs().max() > 1e-3, "the reference is not looked at"


@torch.no_grad()
def test_sixteen_times_is_four_times_twice_with_the_reference_as_large_as_the_result(vgg, network, lr):
    shown = CANDIDATES[:1]
    small = resize.quantise(resize.downsample(shown.double(), 4))
    half = Srntt(network, vgg, Known(small), replace(TASK, factor=4, hr_size=32)).upscale(lr)
    whole = Srntt(network, vgg, Known(shown), replace(TASK, factor=4)).upscale(half)
    assert torch.equal(Srntt(network, vgg, Known(shown), TASK).upscale(lr), whole)


def test_inputs_without_a_patch_are_refused_in_a_sentence(vgg, network):
    with pytest.raises(BenchError, match="matches patches of 3 px, and the inputs have 2"):
        Srntt(network, vgg, Known(CANDIDATES), replace(TASK, hr_size=32))


def rows(vgg, network) -> dict[str, object]:
    """Each way of choosing references, with the network of the others."""
    kinds = (Srntt, SrnttOther, SrnttOracle)
    return {kind.spec.name: kind(network, vgg, kind.references_of(vgg, TASK, CPU), TASK) for kind in kinds}


@pytest.fixture
def few(monkeypatch) -> None:
    monkeypatch.setitem(SETTINGS, "mini", replace(SETTINGS["mini"], candidates=2))


@torch.no_grad()
@pytest.mark.usefixtures("few")
def test_a_poisoned_truth_changes_nothing_but_the_oracle(vgg, network, monkeypatch):
    lr = next(iter(data.batches(reference_images.cards.card("mini", "face"), 16, 1))).lr
    before = {name: method.upscale(lr) for name, method in rows(vgg, network).items()}
    read = data.read
    monkeypatch.setattr(data, "read", lambda *words, **more: 255 - read(*words, **more))
    after = {name: method.upscale(lr) for name, method in rows(vgg, network).items()}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"srntt.oracle"}, "a method has looked at the answer, or the oracle has not"


@torch.no_grad()
@pytest.mark.usefixtures("few")
def test_poisoned_training_images_change_what_is_given_them_alone(vgg, network, monkeypatch):
    lr = next(iter(data.batches(reference_images.cards.card("mini", "face"), 16, 1))).lr
    before = {name: method.upscale(lr) for name, method in rows(vgg, network).items()}
    of_card = reference_images.of_card
    monkeypatch.setattr(reference_images, "of_card", lambda *words: 1 - of_card(*words))
    after = {name: method.upscale(lr) for name, method in rows(vgg, network).items()}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"srntt", "srntt.other-category"}, "its references are not those of its card"


def test_a_method_that_is_given_no_images_reads_none(monkeypatch):
    """DFDNet's dictionaries were made when it was trained."""

    def poison(*_, **__):
        raise MissingImages("asked for")

    for name in ("of_card", "training"):
        monkeypatch.setattr(reference_images, name, poison)
    monkeypatch.setattr(data, "read", poison)
    assert Dfdnet.load(TASK, torch.device("meta")).places.shape == (4, 4)


@pytest.fixture
def small(monkeypatch) -> Dfdnet:
    """A DFDNet with random weights around the discriminator that comes with the suite."""
    monkeypatch.setitem(DFDNET, "mini", replace(DFDNET["mini"], channels=4, width=4, centres=3, images=6))
    torch.manual_seed(0)
    levels = dfdnet.extractor(TASK, CPU)
    found = dfdnet.dictionary(levels, CANDIDATES, dfdnet.boxes(TASK, 128), centres=3, rounds=5)
    return Dfdnet(dfdnet.dfdnet_network(TASK, found), TASK)


@torch.no_grad()
def test_a_dictionary_holds_features_of_the_training_images_at_each_level(small):
    swaps = {part: small.network.components.get_submodule(part) for part in PARTS}
    sides = {part: [tuple(swap.centres.shape) for swap in each] for part, each in swaps.items()}
    assert sides["mouth"] == [(3, 4, 13, 13), (3, 4, 6, 6), (3, 4, 3, 3), (3, 4, 2, 2)]
    one = dfdnet.dictionary(small.network.extractor, CANDIDATES[:1], small.places, centres=3, rounds=5)["nose"][0]
    box = small.places[PARTS.index("nose")].tolist()
    features = small.network.extractor(CANDIDATES[:1] * 2 - 1)[0]
    crop = features[:, :, box[1] // 2 : box[3] // 2, box[0] // 2 : box[2] // 2]
    assert torch.allclose(one, nn.functional.interpolate(crop, (6, 6), mode="bilinear")), "features of another place"


@torch.no_grad()
def test_k_means_begins_with_patches_from_all_of_the_list():
    points = torch.arange(7.0).view(7, 1, 1, 1)
    assert dfdnet._centres(points, 4, 0).flatten().tolist() == [0, 1, 3, 5], "the last images have no part in it"
    assert dfdnet._centres(points, 9, 0).flatten().tolist() == list(range(7))


def test_k_means_finds_the_centres_of_groups_that_lie_apart():
    groups = torch.tensor([0.0, 10.0, 20.0]).repeat_interleave(4).view(-1, 1, 1, 1).expand(-1, 2, 2, 2)
    noise = torch.tensor([-1.0, 1.0, -1.0, 1.0]).repeat(3).view(-1, 1, 1, 1)
    found = dfdnet._centres(groups + noise, 3, 10)
    assert torch.equal(found[:, 0, 0, 0].sort().values, torch.tensor([0.0, 10.0, 20.0]))


@torch.no_grad()
def test_dfdnet_restores_in_its_range_and_looks_at_the_boxes_of_the_card(small, lr):
    sr = small.upscale(lr)
    assert sr.shape == (2, 3, 128, 128)
    assert 0 <= sr.min() <= sr.max() <= 1
    small.places = small.places + 8
    assert not torch.equal(small.upscale(lr), sr), "the boxes change nothing"


@torch.no_grad()
def test_dfdnet_takes_each_image_s_own_boxes_where_a_table_has_them(small, lr):
    before = small.upscale(lr)
    own = torch.stack([small.places, small.places + 8])
    small.located = SimpleNamespace(of=lambda _: own)
    after = small.upscale(lr)
    assert torch.allclose(after[0], before[0], atol=1e-5), "an image has the boxes of another"
    assert not torch.allclose(after[1], before[1], atol=1e-5), "the table changes nothing"


@torch.no_grad()
@pytest.mark.usefixtures("small")
def test_the_training_of_dfdnet_has_no_boxes_of_test_images(lr, monkeypatch):
    """Its images are none of them, and it would end with the first step."""

    def of_test_images(*_):
        raise BenchError("asked for")

    monkeypatch.setattr(reference_images.Located, "of_task", of_test_images)
    assert start.untrained("dfdnet", TASK).upscale(lr).shape == (2, 3, 128, 128)
    with pytest.raises(BenchError, match="asked for"):
        Dfdnet.load(TASK, torch.device("meta"))


def test_what_is_said_of_them():
    assert not specs.DFDNET.needs_reference, "its dictionaries are weights"
    assert [spec.needs_reference for spec in (specs.SRNTT, specs.SRNTT_OTHER, specs.SRNTT_ORACLE)] == [
        "training", "training", "truth",
    ]  # fmt: skip
    assert "cat" in specs.DFDNET.refuses(replace(TASK, category="cat"))


def test_an_oracle_is_not_checked_with_inputs_that_are_made_up(bench):
    """Each would have been told as a fault of its own."""
    status, _, err = bench("check", "srntt.oracle")
    assert status == 2
    assert "is shown the true image of its input, and check makes inputs up" in " ".join(err.split())
