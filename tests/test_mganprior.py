"""mGANprior: the mixture of codes, the loss, the search; and that images searched together do not see each other."""

import weakref
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench import resize
from bench.cost.count import count
from bench.spec import BenchError, MissingWeights, Task
from methods.nets import pggan, stylegan, stylegan2
from methods.nets.vgg16 import Vgg16
from methods.presets.mganprior import MGANPRIOR, MganpriorSettings
from methods.search import mganprior, optimise
from methods.search.mganprior import Mganprior, MganpriorBilinear
from methods.search.mganprior_terms import mixed, width

PAPER, MINI = MGANPRIOR["paper"], MGANPRIOR["mini"]
CPU = torch.device("cpu")
TASK = Task("mini", "face", 4, 32, preset="mini")
SHORT = MganpriorSettings(steps=5, codes=3, layer=4, learning_rate=0.1, perceptual_weight=0)
WIDTHS = {4: 12, 8: 10, 16: 8, 32: 6}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """These networks are too small to share out, and waiting for another thread takes longer than their work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw(*shape, seed=1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=["pggan", "stylegan2"])
def bank(request) -> pggan.PGGAN | stylegan2.StyleGAN2:
    return made(request.param)


def made(kind) -> pggan.PGGAN | stylegan2.StyleGAN2:
    """A bank of 32 px whose noise maps count; its images are about [-1, 1]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind == "pggan":
            network = pggan.PGGAN(size=32, channels=WIDTHS, z_dim=16)
        else:
            network = stylegan2.StyleGAN2(size=32, channels=WIDTHS, style_dim=16, mapping_layers=2)
            for layer in network.synthesis.layers:
                layer.noise_gain.data.fill_(0.1)
            for layer in network.synthesis.to_rgb:
                layer.weight.data.mul_(0.4)
    return network.requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def vgg16() -> Vgg16:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Vgg16(layer=2).requires_grad_(requires_grad=False)


def restored(bank, lr, settings=SHORT, task=TASK, adapter=Mganprior, **networks) -> tuple[Tensor, Mganprior]:
    method = adapter(bank, task, settings, **networks)
    with torch.no_grad():
        return method.upscale(lr), method


def psnr(one, other) -> float:
    return -10 * (one - other).square().mean().log10().item()


def inputs(count, seed=2) -> Tensor:
    """LR images of the task, in [0, 1]."""
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


# The mixture.


@pytest.mark.parametrize("layer", [2, 4, 6, 8])
def test_one_code_with_weight_one_is_the_generator_itself(bank, layer):
    z = draw(2, 1, 16)
    alpha = torch.ones(2, 1, width(bank, layer))
    difference = (mixed(bank, z, alpha, layer) - bank(z[:, 0])).abs().max()
    assert difference < 1e-5, "the two halves of the bank do not make the whole"


def test_the_order_of_the_codes_does_not_matter(bank):
    z, alpha = draw(2, 5, 16), draw(2, 5, 10, seed=3)
    order = torch.tensor([3, 0, 4, 2, 1])
    difference = mixed(bank, z, alpha, 4) - mixed(bank, z[:, order], alpha[:, order], 4)
    assert difference.abs().max() < 1e-4, "a code must go with its own weights, and none before another"
    assert (mixed(bank, z, alpha, 4) - mixed(bank, z[:, order], alpha, 4)).abs().max() > 1e-2, "alpha must count"


def test_equal_codes_are_one_code():
    bank = made("stylegan2")
    z = draw(2, 1, 16)
    alpha = torch.full((2, 4, 10), 1 / 4)
    difference = mixed(bank, z.expand(-1, 4, -1), alpha, 4) - bank(z[:, 0])
    assert difference.abs().max() < 1e-5, "StyleGAN2's features are left too weak, or its RGB or latent is not a mean"


def test_in_a_pggan_features_are_divided_by_the_codes_once_more():
    bank = made("pggan")
    z, alpha = draw(2, 3, 16), draw(2, 3, 10, seed=3)
    features = [bank.prefix(z[:, n], 4) * alpha[:, n, :, None, None] for n in range(3)]
    wanted = bank.suffix((features[0] + features[1] + features[2]) / 3, 4)
    assert (mixed(bank, z, alpha, 4) - wanted).abs().max() < 1e-5, "not the mixture of the released code"


def test_the_length_of_a_pggans_codes_does_not_matter():
    bank = made("pggan")
    z, alpha = draw(1, 3, 16), torch.full((1, 3, 10), 1 / 3)
    assert (mixed(bank, z, alpha, 4) - mixed(bank, 5 * z, alpha, 4)).abs().max() < 1e-5


def test_the_published_cut_is_512_channels_at_16_px():
    task = Task("paper", "face", 16, 1024)
    with torch.device("meta"):
        bank = mganprior._build(task)
        assert isinstance(bank, pggan.PGGAN), "the released bank"
        assert width(bank, PAPER.layer) == 512
        assert bank.prefix(torch.empty(30, 512), PAPER.layer).shape == (30, 512, 16, 16)
    others = 1 + 3 * (4 * 512 + 256 + 128 + 64 + 32) + 8 * 3
    counted = sum(value.numel() for value in bank.parameters())
    assert counted == 23_079_116 - others, "the released file less `lod` and the RGB layers that served the growing"
    assert (PAPER.steps, PAPER.codes, PAPER.learning_rate, PAPER.perceptual_weight) == (2000, 30, 1.0, 0.001)


@pytest.mark.parametrize(("kind", "layer"), [("pggan", 0), ("pggan", 9), ("stylegan2", 3), ("stylegan2", 10)])
def test_a_layer_that_is_none_is_refused(kind, layer):
    with pytest.raises(BenchError, match=f"cannot mix behind layer {layer} of a generator of 32 px; choose one of"):
        Mganprior(made(kind), TASK, replace(SHORT, layer=layer))


# The loss.


def test_the_original_down_scaler_takes_the_middle_of_each_block():
    task = Task("mini", "face", 16, 32, preset="mini")
    method = MganpriorBilinear(made("pggan"), task, SHORT)
    for row, column, wanted in ((7, 7, 0.25), (8, 7, 0.25), (0, 0, 0.0), (6, 7, 0.0)):
        image = torch.zeros(1, 3, 32, 32)
        image[:, :, 16 + row, column] = 1
        small = method._shrunk(image)
        assert small.shape == (1, 3, 2, 2)
        assert torch.allclose(small[:, :, 1, 0], torch.tensor(wanted)), "not the mean of the centre 2x2"
        assert small.sum() == 3 * small[0, 0, 1, 0], "a block reaches into another"


@pytest.mark.slow
def test_the_benchmarks_down_scaler_is_the_default(vgg16):
    image = draw(2, 3, 32, 32)
    for adapter, zero in ((Mganprior, True), (MganpriorBilinear, False)):
        loss = adapter(made("pggan"), TASK, SHORT, vgg16=vgg16).loss(resize.downsample(image, 4))(image)
        assert loss.shape == (2,)
        assert bool((loss == 0).all()) is zero, "the loss of an image that is right is 0, with M alone"


@pytest.mark.slow
def test_the_loss_is_the_published_sum_for_each_image(vgg16):
    method = Mganprior(made("pggan"), TASK, replace(SHORT, perceptual_weight=0.5), vgg16=vgg16)
    image, target = draw(2, 3, 32, 32), draw(2, 3, 8, 8, seed=3)
    small = resize.downsample(image, 4)
    large = [(each / 2 + 0.5).repeat_interleave(32, -1).repeat_interleave(32, -2) for each in (small, target)]
    one, other = (vgg16(each) for each in large)
    assert one.shape[-1] == 256, "both are compared at 256 px"
    for index, loss in enumerate(method.loss(target)(image)):
        wanted = torch.nn.functional.mse_loss(small[index], target[index])
        wanted += 0.5 * torch.nn.functional.l1_loss(one[index], other[index])
        assert abs(loss - wanted) < 1e-5 * wanted


# The search.


@pytest.mark.slow
def test_an_image_of_the_bank_is_found_again_from_its_lr():
    bank = made("stylegan2")
    hr = (bank(draw(2, 16, seed=8)) + 1) / 2
    lr = resize.downsample(hr, 4)
    settings = replace(SHORT, steps=150, codes=8, learning_rate=4.0)
    first, sr = (restored(bank, lr, replace(settings, steps=steps))[0] for steps in (1, 150))
    for index in range(2):
        assert psnr(resize.downsample(sr[index], 4), lr[index]) > 25, "the input is not met"
        assert psnr(sr[index], hr[index]) > max(23, psnr(first[index], hr[index]) + 5), "the image is not found"


@pytest.mark.parametrize("adapter", [Mganprior, MganpriorBilinear])
def test_images_searched_together_are_those_searched_alone(bank, adapter):
    lr = inputs(3)
    together, method = restored(bank, lr, adapter=adapter)
    assert together.shape == (3, 3, 32, 32)
    assert len(method.efforts) == 3
    turned = restored(bank, lr.flip(0), adapter=adapter)[0].flip(0)
    alone = torch.cat([restored(bank, each, adapter=adapter)[0] for each in lr.split(1)])
    assert (together - alone).abs().max() < 1e-4, "an image's result depends on those beside it"
    assert (together - turned).abs().max() < 1e-4, "an image's result depends on its place in the batch"


@pytest.mark.slow
def test_an_image_is_searched_alone_with_the_perceptual_loss_too(vgg16):
    settings = replace(SHORT, steps=2, perceptual_weight=1.0)
    bank, lr = made("pggan"), inputs(2)
    together = restored(bank, lr, settings, vgg16=vgg16)[0]
    alone = restored(bank, lr[1:], settings, vgg16=vgg16)[0]
    assert (together[1:] - alone).abs().max() < 1e-4
    without = restored(bank, lr, settings)[0]
    assert (together - without).abs().max() > 1e-3, "the perceptual loss has no effect"


def test_the_result_is_the_image_after_the_last_step():
    bank, lr = made("pggan"), inputs(1)
    sr, method = restored(bank, lr, replace(SHORT, steps=2, learning_rate=0.5))
    z = optimise.normal(optimise.generators(lr, 0), 3, 16, device=CPU).requires_grad_()
    alpha = torch.full((1, 3, 10), 1 / 3, requires_grad=True)
    for _ in range(2):
        error = (resize.downsample(mixed(bank, z, alpha, 4), 4) - (lr * 2 - 1)).square().mean()
        slopes = torch.autograd.grad(error, (z, alpha))
        z, alpha = (each - 0.5 * slope for each, slope in zip((z, alpha), slopes, strict=True))
    assert (sr - (mixed(bank, z, alpha, 4) + 1) / 2).abs().max() < 1e-4, "not two steps of gradient descent"
    assert (method.efforts[0].g_forward, method.efforts[0].g_backward) == (3, 2), "two steps and the last image"


def test_random_numbers_come_from_the_seed_and_the_image(bank):
    lr = inputs(1)
    first, again, other = (restored(bank, lr, task=replace(TASK, seed=seed))[0] for seed in (0, 0, 1))
    assert torch.equal(first, again), "seed 0 is a seed"
    assert (first - other).abs().max() > 1e-2, "another seed must draw other codes"


def test_an_image_that_breaks_leaves_the_others_alone(bank):
    lr = inputs(3)
    good = restored(bank, lr)[0]
    broken = lr.clone()
    broken[1, 0, 0, 0] = torch.nan
    sr, method = restored(bank, broken)
    assert (sr[[0, 2]] - good[[0, 2]]).abs().max() < 1e-4, "one image's NaN got into another"
    assert sr[1].isnan().all(), "an image whose search broke off must not look like a result"
    assert [effort.note for effort in method.efforts] == ["", "the loss was NaN or infinite in step 0", ""]


def test_a_last_step_into_nowhere_is_told():
    sr, method = restored(made("stylegan2"), 1e6 * inputs(1), replace(SHORT, steps=1, learning_rate=1e38))
    assert not sr.isfinite().all()
    assert method.efforts[0].note == "the last step led to NaN or infinity"


class Holder:
    """What autograd keeps of one tensor for the way back."""

    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("adapter", [Mganprior, MganpriorBilinear])
def test_no_step_keeps_the_graph_of_another(bank, adapter, monkeypatch):
    # Torch keeps the hooks by thread, so the searches run in this one.
    monkeypatch.setattr(optimise, "each", lambda items, search, _: [search(item) for item in items])
    live, peaks = weakref.WeakSet(), []

    def pack(value):
        holder = Holder(value)
        live.add(holder)
        peaks[-1] = max(peaks[-1], len(live))
        return holder

    for steps in (2, 6):
        peaks.append(0)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda holder: holder.value):
            sr, _ = restored(bank, inputs(2), replace(SHORT, steps=steps), adapter=adapter)
        assert not sr.requires_grad, "the result holds the graph of its making"
        assert len(live) == 0, "a graph outlives the search"
    assert 0 < peaks[0] == peaks[1], "memory grows with the steps"
    assert all(value.grad is None for value in bank.parameters()), "gradients of frozen weights are work for nothing"


def test_a_bank_that_is_not_frozen_gets_frozen():
    bank = made("pggan").requires_grad_()
    restored(bank, inputs(1), replace(SHORT, steps=1))
    assert all(value.grad is None for value in bank.parameters()), "gradients of weights pile up from image to image"


@pytest.mark.parametrize("side", [4, 16])
def test_an_input_that_does_not_fit_is_refused(bank, side):
    with pytest.raises(BenchError, match=rf"mGANprior at 4x, to 32 px, takes LR images of 8 px, not .*{side}, {side}"):
        restored(bank, torch.rand(1, 3, side, side))


def test_a_bank_that_does_not_fit_is_refused(bank):
    with pytest.raises(BenchError, match="the bank makes images of 32 px, the task asks for 64"):
        Mganprior(bank, Task("mini", "face", 4, 64, preset="mini"), SHORT)
    other = stylegan.StyleGAN(size=32, channels=WIDTHS, style_dim=16, mapping_layers=1)
    with pytest.raises(BenchError, match="of this network"):
        mganprior._read(other.state_dict())


# Loading, costs, and what the tables say.


class Shorter(Mganprior):
    """What is counted, run: no loop is left for the counter to multiply."""

    loops = ()

    @classmethod
    def load(cls, task, device):
        method = super().load(task, device)
        method.steps = 3
        return method


class Shortened(Shorter):
    loops = ("steps",)


@pytest.mark.parametrize(
    "task", [Task("mini", "face", 16, 128, preset="mini"), Task("paper", "cat", 16, 256)], ids=["mini", "paper"]
)
def test_the_costs_hold_every_step(task):
    counted, run = count(Shortened, task), count(Shorter, task)
    assert counted.parts == run.parts, "the costs of the steps are not what they cost"


def test_the_costs_are_those_of_codes_layers_and_steps():
    # A 3x3 convolution is 9 MACs a pair of channels and pixel, an enlarging one 16 on its input grid.
    code = 512**2 * (16 * 16 + 9 * 16 + 16 * 16 + 9 * 64 + 16 * 64 + 9 * 256)
    rest = 3 * 64 * 256**2
    for inputs_, outputs, side in ((512, 512, 16), (512, 256, 32), (256, 128, 64), (128, 64, 128)):
        rest += inputs_ * outputs * 16 * side**2 + outputs**2 * 9 * 4 * side**2
    down = 3 * (16 * 256 * 256 + 16 * 256 * 16)
    vgg = 9 * 256**2 * (3 * 64 + 64**2 + (64 * 128 + 128**2) / 4 + (128 * 256 + 2 * 256**2) / 16)
    there = PAPER.codes * code + rest + vgg
    wanted = (2 * PAPER.steps + 1) * there + 2 * PAPER.steps * down
    assert count(Mganprior, Task("paper", "cat", 16, 256)).macs == wanted


def test_weights_that_are_not_here_are_asked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(
        MissingWeights, match=r"the bank of mganprior for face, 16x, 1024 px \(pggan_celebahq1024\.pth\)"
    ):
        Mganprior.load(Task("paper", "face", 16, 1024), CPU)


def test_the_remark_says_what_was_done():
    released = Mganprior.load(Task("paper", "face", 16, 1024), torch.device("meta")).remark
    assert "2000 steps" in released
    assert "30 codes mixed in a PGGAN" in released
    assert "benchmark down-scaler" in released
    assert "trained on" not in released, "what its file was trained on is told by the file that is used"
    assert "perceptual" not in released
    mini = Mganprior.load(Task("mini", "face", 16, 128, preset="mini"), torch.device("meta")).remark
    assert f"{MINI.steps} steps at rate {MINI.learning_rate:g}" in mini
    assert "a StyleGAN2" in mini
    assert "no perceptual loss" in mini, "what is left out must be declared"
    assert (
        "original bilinear"
        in MganpriorBilinear.load(Task("mini", "face", 16, 128, preset="mini"), torch.device("meta")).remark
    )
