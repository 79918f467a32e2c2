"""The adapters of GLEAN, its ablations, ESRGAN+ and SRGAN: ranges, sizes, what they ask for."""

import pytest
import torch

import methods
from bench import cards
from bench.cost.count import count
from bench.spec import BenchError, MissingWeights, Task, UnknownName
from methods import esrgan_plus, glean
from methods.nets import winograd
from methods.nets.glean import GLEAN, Switches
from methods.presets.sizes import SIZES

CPU = torch.device("cpu")
TASK = Task("mini", "face", 16, 128, preset="mini")


class Constant(torch.nn.Module):
    """Gives what it got at one pixel, everywhere; keeps it."""

    def forward(self, lr):
        self.seen = lr
        return lr.mean((2, 3), keepdim=True).expand(-1, -1, 128, 128)


@pytest.mark.parametrize(
    ("adapter", "inside"), [(glean.Glean, (-1.0, 1.0)), (esrgan_plus.EsrganPlus, (0.0, 1.0))], ids=["glean", "esrgan"]
)
def test_each_network_works_in_its_own_range(adapter, inside):
    network = Constant()
    for outer, inner in zip((0.0, 1.0), inside, strict=True):
        sr = adapter(network).upscale(torch.full((2, 3, 8, 8), outer))
        assert torch.all(network.seen == inner), "the network gets images in another range than it was trained in"
        assert torch.all(sr == outer), "what comes back is not in [0, 1]"


def test_what_comes_back_is_what_the_network_made():
    """Were it the bicubic enlargement, tables of numbers would look plausible."""
    made = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1

    class Made(torch.nn.Module):
        def forward(self, lr):
            return made

    torch.testing.assert_close(glean.Glean(Made()).upscale(torch.rand(2, 3, 8, 8)), (made + 1) / 2)


@pytest.mark.usefixtures("random_weights")
def test_wide_convolutions_are_accelerated_on_a_cpu(monkeypatch):
    monkeypatch.setattr(winograd, "LEAST_CHANNELS", 48)
    layers = [type(layer) for layer in glean.Glean.load(TASK, CPU).network.modules()]
    assert winograd.WinogradConv2d in layers, "GLEAN takes half as long again"


@pytest.mark.parametrize("variant", [glean.Glean, *glean.ABLATIONS], ids=lambda v: v.spec.name)
@pytest.mark.usefixtures("random_weights")
def test_a_variant_loads_its_own_network(variant):
    loaded = variant.load(TASK, CPU).network
    assert isinstance(loaded, GLEAN)
    wanted = glean.glean_network(TASK, variant.switches)
    assert {name: p.shape for name, p in loaded.named_parameters()} == {
        n: p.shape for n, p in wanted.named_parameters()
    }
    assert not any(p.requires_grad for p in loaded.bank.parameters()), "the bank must be frozen"


def test_the_ablations_of_the_paper_differ_in_what_they_are_about():
    switches = {variant.spec.name.partition(".")[2]: variant.switches for variant in glean.ABLATIONS}
    assert switches["latent-only"] == Switches(encoder_features="none", decoder=False)
    assert switches["coarse-encoder"] == Switches(encoder_features="coarse", decoder=False)
    assert switches["no-decoder"] == Switches(decoder=False)
    assert switches["no-bank"] == Switches(bank_features="none")
    assert switches["coarse-bank"] == Switches(bank_features="coarse")
    assert len({variant.spec.title for variant in glean.ABLATIONS}) == len(glean.ABLATIONS) == 8


def test_weights_that_are_not_here_are_asked_for_by_name():
    with pytest.raises(MissingWeights, match=r"glean_cat_16x_20210527-68912543\.pth"):
        glean.Glean.load(Task("paper", "cat", 16, 256), CPU)
    with pytest.raises(MissingWeights, match=r"knows no network of glean\.no-bank"):
        methods.find("glean.no-bank").load(Task("paper", "cat", 16, 256), CPU)


def test_a_task_of_no_glean_is_an_error_of_the_task():
    with pytest.raises(BenchError, match=r"not 96 px\. \(category cat, 8x\)"):
        glean.glean_network(Task("paper", "cat", 8, 96))


@pytest.mark.parametrize("hr_size", [256, 512, 1024])
def test_the_paper_profile_has_the_published_widths(hr_size):
    published = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
    channels = SIZES["paper"].bank_channels(hr_size)
    assert channels == {size: width for size, width in published.items() if size <= hr_size}


def test_a_preset_that_does_not_exist_is_named():
    with pytest.raises(UnknownName, match="no preset 'papers'; did you mean paper"):
        glean.glean_network(Task("photos", "cat", 16, 256, preset="papers"))


def test_photographs_have_the_published_networks(photos):
    assert cards.card(str(photos), "face").task(16).preset == "paper"


@pytest.mark.parametrize(
    "task",
    [
        Task("paper", "face", 16, 1024),
        Task("paper", "cat", 64, 256),
        Task("mini", "face", 8, 128, preset="mini"),
        Task("portraits", "face", 8, 128, preset="portraits"),
        Task("portraits", "face", 16, 128, preset="portraits"),
    ],
)
@pytest.mark.slow
def test_esrgan_plus_costs_what_glean_costs(task):
    esrgan_plus._glean_macs.cache_clear()  # tests of training give presets other sizes
    costs = [count(method, task).macs for method in (glean.Glean, esrgan_plus.EsrganPlus, esrgan_plus.EsrganMse)]
    assert 0.95 < costs[1] / costs[0] < 1.05
    assert costs[2] == costs[1], "the bound of distortion is that of another network"
