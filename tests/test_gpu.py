"""On a GPU: the values of a CPU in float64, and trainings that are played back end where ordinary ones do."""

import warnings
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bench import resize
from bench.scores import metrics
from bench.scores.ssim import ssim
from bench.spec import Task
from methods import esrgan_plus, glean, srgan
from methods.nets.stylegan import StyleGANSynthesis
from methods.nets.stylegan2 import StyleGAN2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.presets.bank import BankRecipe, BankStage
from methods.presets.restorer import RestorerRecipe
from methods.training import lanes, losses, recorded
from methods.training.bank.bank import BankTraining
from methods.training.items import Item
from methods.training.share import Share

from .training.test_bank import TINY
from .training.test_restorer import Smooth, started

pytestmark = pytest.mark.gpu
GPU = torch.device("cuda")
TASK = Task("mini", "face", 16, 128, preset="mini")
CHANNELS = {4: 8, 8: 8, 16: 4, 32: 4}
BANK = BankRecipe(
    stages=(BankStage(16, 400, 8), BankStage(32, 400, 8)), gamma=0.1, half_life=50, half_precision=False, adaptive=True
)


@pytest.fixture(autouse=True)
def exact(monkeypatch) -> None:
    """Convolutions of float32 in float32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def agree(network: nn.Module, *inputs: Tensor) -> None:
    """A network in float64 gives the same there as here."""
    network = network.double().eval()
    with torch.no_grad():
        here = network(*inputs)
        there = network.to(GPU)(*(each.to(GPU) for each in inputs)).cpu()
    torch.testing.assert_close(there, here, rtol=0, atol=1e-10 * here.abs().max().item())


@pytest.mark.parametrize("build", [glean.glean_network, esrgan_plus.esrgan_network, srgan.srgan_network])
@pytest.mark.parametrize("factor", [8, 16, 64])
def test_restorers(build, factor):
    torch.manual_seed(0)
    agree(build(replace(TASK, factor=factor)), torch.rand(2, 3, 128 // factor, 128 // factor).double())


@pytest.mark.parametrize("count", [1, 4])
def test_generators_and_the_discriminator(count):
    torch.manual_seed(0)
    bank = StyleGAN2(size=32, channels=CHANNELS, style_dim=8, mapping_layers=2)
    agree(bank, torch.randn(count, 8).double())
    agree(StyleGANSynthesis(size=32, channels=CHANNELS, style_dim=8), torch.randn(count, 8, 8).double())
    agree(StyleGAN2Discriminator(size=32, channels=CHANNELS), torch.randn(count, 3, 32, 32).double())


def test_penalties_with_their_second_derivatives():
    """R1 and path lengths go through convolutions twice."""
    torch.manual_seed(0)
    bank = StyleGAN2(size=32, channels=CHANNELS, style_dim=8, mapping_layers=2).double()
    critic = StyleGAN2Discriminator(size=32, channels=CHANNELS).double()
    z, real = torch.randn(4, 8).double(), torch.randn(4, 3, 32, 32).double()

    def gradients(device):
        generator, judge = (each.to(device) for each in (bank, critic))
        images = real.to(device).requires_grad_()
        w = generator.mapping(z.to(device))
        lengths = losses.path_lengths(generator.synthesis(w, noise="none"), w, real.to(device))
        (losses.r1_penalty(images, judge(images)) + lengths.square().mean()).backward()
        found = [p.grad.cpu() for each in (generator, judge) for p in each.parameters() if p.grad is not None]
        for each in (generator, judge):
            each.zero_grad(set_to_none=True)
        return torch.cat([each.flatten() for each in found])

    here, there = gradients(torch.device("cpu")), gradients(GPU)
    torch.testing.assert_close(there, here, rtol=0, atol=1e-9 * here.abs().max().item())


@pytest.mark.parametrize("name", ["psnr", "ssim", "lpips", "lr_psnr"])
def test_metrics(name):
    draw = torch.Generator().manual_seed(0)
    hr = resize.quantise(torch.rand(2, 3, 64, 64, generator=draw))
    sr = resize.quantise((hr + 0.1 * torch.randn(hr.shape, generator=draw)).clamp(0, 1))
    measure = {"psnr": metrics.psnr, "ssim": ssim, "lpips": metrics.lpips}.get(
        name, lambda sr, hr: metrics.lr_consistency(sr, resize.quantise(resize.downsample(hr, 4)), 4)
    )
    here, there = measure(sr, hr), measure(sr.to(GPU), hr.to(GPU)).cpu()
    torch.testing.assert_close(there, here, rtol=0, atol=1e-5 if name == "lpips" else 1e-9)


def weights(training, names) -> Tensor:
    return torch.cat([v.flatten().float().cpu() for n in names for v in getattr(training, n).state_dict().values()])


def in_turn(begin, images, names, monkeypatch, steps) -> tuple[Tensor, Tensor, Tensor]:
    """Weights at the beginning, after ordinary steps, and after steps that are played back."""
    ends = []
    for ordinary in (10**6, 2):
        monkeypatch.setattr(recorded, "_ORDINARY", ordinary)
        training = begin()
        ends.append(weights(training, names))
        for step in range(steps):
            told = training.advance(images(step))
        assert all(value.isfinite().all() for value in told.values())
        ends.append(weights(training, names))
    return ends[0], ends[1], ends[3]


def test_a_bank_is_trained_by_steps_that_are_played_back(monkeypatch):
    """With growth, both penalties, augmentation and noise; random numbers and the average's decay included."""
    images = [torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(s)).to(GPU) for s in range(8)]

    def begin():
        torch.manual_seed(0)
        training = BankTraining(BANK, TINY, GPU, share=Share())
        training.probability.fill_(0.3)
        return training

    first, ordinary, played = in_turn(
        begin, lambda step: images[step % 8], ("generator", "average", "discriminator"), monkeypatch, 45
    )
    assert (ordinary - first[: len(ordinary)]).abs().mean() > 20 * (played - ordinary).abs().mean()
    assert (played - ordinary).abs().mean() < 2e-3


def test_a_bank_in_parts_is_trained_without_a_recording():
    """Path lengths of several parts draw from copies of their random numbers, which no recording knows."""
    training = BankTraining(BANK, TINY, GPU, share=Share(at_once=4))
    for _ in range(20):
        told = training.advance(torch.rand(8, 3, 32, 32, device=GPU))
    assert all(value.isfinite().all() for value in told.values())


@pytest.mark.parametrize("name", ["glean", "esrgan_plus", "srgan"])
def test_a_restorer_is_trained_by_steps_that_are_played_back(name, monkeypatch):
    """The place that VGG16 looks at and the learning rate differ from step to step."""
    monkeypatch.setattr("tests.training.test_restorer.CPU", GPU)
    recipe = RestorerRecipe(images=160, batch=4, rate=1e-3, critic_rate=1e-3, crop=16)
    first, ordinary, played = in_turn(
        lambda: started(name, recipe), lambda step: Smooth().batch(step, 4), ("network",), monkeypatch, 30
    )
    assert (ordinary - first).abs().mean() > 20 * (played - ordinary).abs().mean()


def test_trainings_side_by_side_end_as_one_after_another(monkeypatch):
    """Streams do not read what another is writing, and the steps of each are in their order."""
    monkeypatch.setattr("tests.training.test_restorer.CPU", GPU)
    recipe = RestorerRecipe(images=240, batch=4, rate=1e-3, critic_rate=1e-3, crop=16)

    def course(training):
        for step in range(60):
            training.advance(Smooth().batch(step, 4))
            yield
        return True

    def begin():
        return [started(name, recipe) for name in ("glean", "esrgan_plus", "srgan")]

    together, alone = begin(), begin()
    items = [Item(name, TASK) for name in ("glean", "esrgan_plus", "srgan")]
    jobs = [lanes.Job(item, lambda _, t=t: course(t)) for item, t in zip(items, together, strict=True)]
    assert sorted(ended for _, ended in lanes.side_by_side(jobs, GPU, 3, 600)) == [True] * 3
    for one, other in zip(alone, together, strict=True):
        first = weights(one, ("network",))
        for _ in course(one):
            pass
        torch.cuda.synchronize()
        end = weights(one, ("network",))
        assert (end - first).abs().mean() > 20 * (weights(other, ("network",)) - end).abs().mean()


def test_no_step_waits_for_the_device(monkeypatch):
    """`set_sync_debug_mode` makes every wait an error."""
    monkeypatch.setattr("tests.training.test_restorer.CPU", GPU)
    training, images = started(), [Smooth().batch(step, 4).to(GPU) for step in range(6)]
    for step in range(4):
        training.advance(images[step])
    torch.cuda.set_sync_debug_mode("error")
    try:
        with warnings.catch_warnings(action="ignore"):
            training.advance(images[4])
    finally:
        torch.cuda.set_sync_debug_mode("default")
