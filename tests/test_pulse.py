"""PULSE against figures measured on its released code, and on a tiny bank: recovery, seeds, batches, NaN, cost."""

import gc
import math
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

from bench import resize
from bench.cost.count import count
from bench.spec import BenchError, MissingWeights, Task
from methods.nets import pggan
from methods.nets.stylegan import StyleGAN
from methods.nets.stylegan2 import StyleGAN2
from methods.presets.pulse import PULSE, PulseSettings
from methods.search import optimise, pulse
from methods.search.pulse import geocross, learning_rate, norm, project_to_sphere
from methods.search.pulse_terms import gaussian_fit, reflecting_matrix
from methods.weights import load

CPU, META = torch.device("cpu"), torch.device("meta")
TASK = Task("paper", "face", 4, 16)
QUICK = PulseSettings(steps=4, fit_samples=1000)
PAGE = resource.getpagesize()
MISSED = "did not downscale to the input within 0.002"


def tiny(kind=StyleGAN2, size=16) -> StyleGAN | StyleGAN2:
    """A frozen random bank whose images have a deviation of about 0.2 in [0, 1], with noise that shows."""
    torch.manual_seed(0)
    channels = {2**k: 8 for k in range(2, size.bit_length())}
    bank = kind(size=size, channels=channels, style_dim=16, mapping_layers=2)
    synthesis = bank.synthesis
    for layer in synthesis.layers if kind is StyleGAN2 else synthesis.epilogues:
        layer.noise_gain.data.fill_(0.05)
        layer.bias.data.normal_(0, 0.3)
    with torch.no_grad():
        spread = bank(torch.randn(64, 16)).std()
    for each in synthesis.to_rgb if kind is StyleGAN2 else [synthesis.to_rgb]:
        each.weight.data.mul_(0.4 / spread)
    return bank.requires_grad_(requires_grad=False)


def made(bank, count, seed=5) -> tuple[Tensor, Tensor]:
    """Images of the bank, and their LR."""
    z = torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        hr = (bank(z) + 1) / 2
    return hr, resize.downsample(hr, TASK.factor)


def psnr(sr, hr) -> Tensor:
    return -10 * (sr - hr).square().mean((1, 2, 3)).log10()


@pytest.fixture(autouse=True)
def _as_the_suite_does() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # which these sizes are fastest with
    with torch.no_grad():
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def bank() -> StyleGAN2:
    return tiny()


def test_geocross_is_the_released_one():
    torch.manual_seed(0)
    raw, v = torch.randn(1, 18, 512), torch.randn(512)
    e = torch.eye(512)
    rows = {
        "all the same": (v.expand(18, 512), 0.0),
        "half e1, half e2": (torch.cat([e[:1].expand(9, 512), e[1:2].expand(9, 512)]), 78.9568),
        "half v, half -v": (torch.cat([v.expand(9, 512), -v.expand(9, 512)]), 315.83),
        "N(0, I)": (raw[0], 149.47),
        "v, 2v, ... 18v: the norm tells too": (torch.outer(torch.arange(1.0, 19), v), 38.66),
    }
    found = geocross(torch.stack([each for each, _ in rows.values()]))
    assert found.shape == (5,), "a value for each image, not one for the batch"
    for name, value, (_, wanted) in zip(rows, found.tolist(), rows.values(), strict=True):
        assert value == pytest.approx(wanted, abs=1e-6 if wanted == 0 else 0.005), name
    assert geocross(torch.randn(2, 1, 512)).tolist() == [0, 0], "one latent has no other to be drawn to"


def test_geocross_draws_latents_together_and_has_a_gradient_where_they_are_one():
    w = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0))
    w[0, 1] = w[0, 0]
    w.requires_grad_()
    with torch.enable_grad():
        before = geocross(w)
        (slope,) = torch.autograd.grad(before.sum(), w)
    assert slope.isfinite().all(), "the angle of a latent with itself must not give NaN"
    assert geocross(w - 0.01 * slope) < before


def test_the_schedules_are_the_released_ones():
    wanted = {0: 0.1, 9: 0.28, 45: 1.0, 81: 0.28, 89: 0.12, 90: 0.1, 99: 0.0109}
    drop = [learning_rate(step, 100, "linear1cycledrop") for step in range(100)]
    assert {step: round(drop[step], 6) for step in wanted} == wanted
    assert [step for step, factor in enumerate(drop) if factor >= 1] == [45], "there is one peak"
    cycle = [learning_rate(step, 100, "linear1cycle") for step in (0, 25, 50, 75, 99)]
    assert cycle == pytest.approx([0.1, 0.55, 1.0, 0.55, 0.118])
    assert {learning_rate(step, 100, "fixed") for step in range(100)} == {1.0}


def test_a_slice_is_brought_to_its_radius_and_to_no_other():
    draw = torch.Generator().manual_seed(0)
    for shape in ((3, 14, 16), (2, 1, 4, 4)):
        start, moved = torch.randn(2, *shape, generator=draw)
        before = moved.clone()
        radius = norm(start)
        assert radius.shape == (*shape[:2], *(1 for _ in shape[2:]))
        torch.testing.assert_close(radius.flatten(2)[..., 0], start.flatten(2).norm(dim=2))
        found = project_to_sphere(moved, radius)
        torch.testing.assert_close(norm(found), radius, rtol=1e-5, atol=0)
        assert F.cosine_similarity(found.flatten(2), moved.flatten(2), dim=2).min() > 1 - 1e-6, "its direction changed"
        assert torch.equal(moved, before)


def test_the_original_down_scaler_is_the_released_one():
    half = [-0.001709, -0.0109863, -0.0183105, -0.0119629, 0.0227051, 0.0974121, 0.1818848, 0.2409668]
    taps = torch.tensor(half + half[::-1], dtype=torch.float64)
    matrix = reflecting_matrix(32, 4)
    torch.testing.assert_close(matrix[4, 10:26], taps, rtol=0, atol=1e-6)
    hr = torch.rand(2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    padded = F.pad(hr, (6, 6, 6, 6), mode="reflect").flatten(0, 1)[:, None]
    wanted = F.conv2d(padded, torch.outer(taps, taps)[None, None], stride=4).view(2, 3, 8, 8)
    torch.testing.assert_close(matrix @ hr @ matrix.mT, wanted, rtol=0, atol=1e-5)
    for factor in (4, 8, 16, 32):
        rows = reflecting_matrix(64, factor).sum(1)
        torch.testing.assert_close(rows, torch.ones_like(rows), msg="a constant image does not stay what it is")
    ramp = reflecting_matrix(64, 16) @ torch.linspace(0, 1, 64, dtype=torch.float64)
    assert ramp.tolist() == pytest.approx([0.110716, 0.371878, 0.628122, 0.889284], abs=1e-6)


def test_only_at_the_border_is_the_original_down_scaler_another():
    ours, theirs = resize.matrix(64, 4), reflecting_matrix(64, 4)
    assert torch.equal(ours[2:-2], theirs[2:-2])
    assert (ours - theirs)[[0, -1]].abs().amax(1).min() > 0.01
    bank = tiny()
    assert torch.equal(pulse.Pulse(bank, TASK, QUICK)._down.double(), resize.matrix(16, 4).float().double())
    assert torch.equal(pulse.PulseReflect(bank, TASK, QUICK)._down, reflecting_matrix(16, 4).float())


@pytest.mark.parametrize("kind", [StyleGAN, StyleGAN2])
def test_the_fit_is_of_what_enters_the_last_activation_of_the_mapping_network(kind):
    mapping = tiny(kind).mapping
    samples = 2**14 + 100  # more than one chunk
    seen = []
    handle = mapping.layers[-1].register_forward_hook(lambda _, __, out: seen.append(out))
    mean, deviation = gaussian_fit(mapping, width=16, samples=samples, device=CPU)
    handle.remove()
    entered = torch.cat(seen) * math.sqrt(2)  # the gain behind the activation
    assert entered.shape == (samples, 16)
    torch.testing.assert_close(mean, entered.mean(0), rtol=0, atol=1e-5, msg="leaky(5) does not undo leaky(0.2)")
    torch.testing.assert_close(deviation, entered.std(0), rtol=1e-5, atol=0)
    w = mapping(torch.randn(500, 16))[:, 0]
    drawn = F.leaky_relu(torch.randn(500, 16) * deviation + mean, 0.2)
    assert drawn.std() == pytest.approx(w.std().item(), rel=0.1), "latents of the fit must be as wide as the mapping's"
    again = gaussian_fit(mapping, width=16, samples=samples, device=CPU)
    assert torch.equal(again[0], mean), "the fit has its own seed"


@pytest.mark.parametrize(("kind", "maps"), [(StyleGAN, 6), (StyleGAN2, 5)])
def test_what_is_searched_and_what_stays(kind, maps):
    bank = tiny(kind)
    method = pulse.Pulse(bank, TASK, replace(QUICK, steps=6, searched_maps=3))
    lr, seen = made(bank, 1)[1], []
    keep = lambda _, args, kwargs: seen.append([args[0].clone(), *(each.clone() for each in kwargs["noise"])])  # noqa: E731
    bank.synthesis.register_forward_pre_hook(keep, with_kwargs=True)
    method.upscale(lr)
    assert len(seen) == 6
    assert len(seen[0]) == 1 + maps, "the bank takes another number of noise maps"
    assert seen[0][0].shape == (1, 6, 16), "2 log2(R) - 2 latents"
    for index, each in enumerate(zip(*(step[1:] for step in seen), strict=True)):
        moved = not torch.equal(each[0], each[-1])
        assert moved == (index < 3), f"noise map {index} of {maps}: the first three are searched, no other"
        torch.testing.assert_close(norm(each[-1]), norm(each[0]), rtol=1e-5, atol=0)
        assert (each[0].abs().max() == 0) == (index == maps - 1), "the last map is zero, no other"
    before = [(F.leaky_relu(step[0], 5.0) - method._mean) / method._deviation for step in seen]
    assert not torch.equal(before[0], before[-1]), "the latents are searched"
    for step in before[1:]:
        torch.testing.assert_close(norm(step), norm(before[0]), rtol=1e-4, atol=0, msg="the latents left their sphere")


def test_the_numbers_are_the_released_ones():
    paper = PULSE["paper"]
    assert (paper.steps, paper.learning_rate, paper.schedule) == (100, 0.4, "linear1cycledrop")
    assert (paper.error_weight, paper.geocross_weight, paper.epsilon) == (100, 0.05, 2e-3)
    assert (paper.searched_maps, paper.fit_samples) == (5, 1_000_000)
    assert replace(PULSE["mini"], fit_samples=paper.fit_samples) == paper, "mini differs in what no image shows, alone"


@pytest.mark.parametrize(("hr_size", "latents"), [(256, 14), (1024, 18)])
def test_the_paper_profile_searches_stylegan_in_its_published_size(hr_size, latents):
    method = pulse.Pulse.load(Task("paper", "face", 16, hr_size), META)
    assert isinstance(method.bank, StyleGAN)
    assert method.bank.synthesis.latents == len(method.bank.synthesis.epilogues) == latents
    assert method.settings == PULSE["paper"]
    assert method.remark.startswith("100 steps, StyleGAN, ")
    mini = pulse.PulseReflect.load(Task("mini", "face", 16, 128, preset="mini"), META)
    assert isinstance(mini.bank, StyleGAN2)
    assert mini.settings == PULSE["mini"]
    assert "StyleGAN2" in mini.remark
    assert "100,000 samples, original down-scaler" in mini.remark


@pytest.mark.slow
def test_an_image_of_the_bank_is_found_again(bank):
    hr, lr = made(bank, 2)
    released = pulse.Pulse(bank, TASK, PulseSettings(fit_samples=1000))
    at_gate = psnr(released.upscale(lr), hr)
    assert [effort.note for effort in released.efforts] == ["", ""]
    assert [(effort.g_forward, effort.g_backward) for effort in released.efforts] == [(100, 100)] * 2
    released.steps = 1
    start = psnr(released.upscale(lr), hr)
    assert at_gate.min() > 24, "the released settings stop at an error of 2e-3, 27 dB in LR"
    assert (at_gate - start).min() > 3
    near = PulseSettings(steps=60, epsilon=1e-5, geocross_weight=0.005, fit_samples=1000)
    found = pulse.Pulse(bank, TASK, near).upscale(lr)
    assert psnr(found, hr).min() > 29
    assert psnr(resize.downsample(found, 4), lr).min() > 34


def test_images_do_not_see_each_other_and_a_seed_is_a_seed(bank, threads):
    _, lr = made(bank, 3)
    method = pulse.Pulse(bank, TASK, QUICK)
    together = method.upscale(lr)
    assert together.shape == (3, 3, 16, 16)
    assert together.dtype == torch.float32
    assert torch.equal(method.upscale(lr.flip(0)).flip(0), together), "the order of the images tells"
    for index in range(3):
        assert torch.equal(method.upscale(lr[index : index + 1])[0], together[index]), "the batch tells"
    first = method.upscale(lr[:1])
    torch.manual_seed(1)
    assert torch.equal(pulse.Pulse(bank, TASK, QUICK).upscale(lr[:1]), first), "the same seed gives another image"
    other = pulse.Pulse(bank, replace(TASK, seed=1), QUICK).upscale(lr[:1])
    assert (other - first).abs().max() > 0.01, "seeds 0 and 1 give the same image"


def test_a_nan_stays_with_its_image(bank, threads):
    _, lr = made(bank, 3)
    method = pulse.Pulse(bank, TASK, QUICK)
    whole = method.upscale(lr)
    lr[1, 0, 2, 2] = torch.nan
    sr = method.upscale(lr)
    assert torch.equal(sr[[0, 2]], whole[[0, 2]]), "a broken image changed its neighbours"
    assert sr[1].isnan().all()
    assert [effort.note for effort in method.efforts] == [MISSED, "the loss was NaN or infinite in step 0", MISSED]
    assert [effort.g_forward for effort in method.efforts] == [4, 1, 4], "a broken image is not searched on"


@pytest.mark.slow
def test_each_image_is_judged_by_itself_and_none_is_dropped(bank):
    _, lr = made(bank, 2)
    lr[1] = torch.eye(4) * 3  # what no image of the bank down-samples to
    method = pulse.Pulse(bank, TASK, replace(QUICK, steps=40))
    sr = method.upscale(lr)
    assert [effort.note for effort in method.efforts] == ["", MISSED]
    assert sr.isfinite().all()


def test_the_loss_draws_to_the_input_until_it_is_near_enough(bank):
    method = pulse.Pulse(bank, TASK, QUICK)
    _, lr = made(bank, 1)
    latent = torch.randn(1, 6, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    maps = [each.requires_grad_() for each in method._maps(optimise.generators(lr, 0), CPU)]
    w = F.leaky_relu(latent * method._deviation + method._mean, 0.2)
    image = (bank.synthesis(w, noise=maps) + 1) / 2
    near = resize.downsample(image, 4) + 0.9 * 2e-3**0.5
    for target, error in ((near, 2e-3), (near + 1, (1 + 0.9 * 2e-3**0.5) ** 2)):
        with torch.enable_grad():
            step = method._step(target, latent, maps, 0)
            slope, of_map = torch.autograd.grad(step.loss.sum(), (latent, maps[0]), allow_unused=True)
            v = latent * method._deviation + method._mean
            (cross,) = torch.autograd.grad(0.05 * geocross(F.leaky_relu(v, 0.2)).sum(), latent)
        assert step.loss.item() == pytest.approx(100 * error + 0.05 * geocross(w).item(), rel=1e-4)
        assert torch.allclose(slope, cross, atol=1e-6) == (error == 2e-3), "within epsilon only GEOCROSS has a gradient"
        assert (of_map is None) == (error == 2e-3), "a pass back through the network that finds zeros alone"


@pytest.mark.parametrize(("variant", "wanted"), [(pulse.Pulse, 1.0), (pulse.PulseBest, 2.0)])
def test_last_or_best(bank, monkeypatch, variant, wanted):
    last, best = torch.full((2, 1, 3, 16, 16), 1.0)
    found = optimise.Found(last, best * 2, torch.zeros(1), torch.zeros(1), torch.tensor([-1]), 4)
    monkeypatch.setattr(optimise, "optimise", lambda *_, **__: found)
    assert torch.all(variant(bank, TASK, QUICK).upscale(torch.rand(1, 3, 4, 4)) == wanted)


@pytest.mark.parametrize("kind", [StyleGAN, StyleGAN2])
def test_the_gradient_of_a_single_image_is_right(kind):
    """torch's instance norm gives a wrong one if the gradient is in channels_last and the image is not."""
    bank = tiny(kind)
    method = pulse.Pulse(bank, TASK, QUICK)
    lr = made(bank, 1)[1]
    sources = optimise.generators(lr, 0)
    latent = optimise.normal(sources, 6, 16, device=CPU)
    maps = method._maps(sources, CPU)
    slopes = []
    for images in (1, 2):
        several = latent.expand(images, -1, -1).clone().requires_grad_()
        with torch.enable_grad():
            step = method._step(lr, several, [each.expand(images, -1, -1, -1) for each in maps], 0)
            slopes.append(torch.autograd.grad(step.loss.sum(), several)[0][0])
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-3, atol=1e-3 * slopes[1].abs().max().item())


@pytest.mark.slow
def test_nothing_is_kept_from_step_to_step_or_image_to_image(bank):
    _, lr = made(bank, 2)
    method = pulse.Pulse(bank, TASK, replace(QUICK, steps=5))
    counts = []
    handle = bank.synthesis.register_forward_pre_hook(lambda *_: counts.append(tensors()))
    gc.collect()
    gc.disable()  # so that nothing is kept alive by cycles either
    sr = method.upscale(lr)
    gc.enable()
    handle.remove()
    assert counts[3:5] == [counts[2]] * 2, "tensors pile up in the steps"  # the best image is another from step 2 on
    assert counts[9] <= counts[4] + 5, "more than what was found for the first image is still there in the second"
    assert not sr.requires_grad
    assert all(parameter.grad is None for parameter in bank.parameters()), "the frozen bank has gradients"


@pytest.mark.slow
def test_memory_does_not_grow_over_100_images(bank, threads):
    method = pulse.Pulse(bank, TASK, replace(QUICK, steps=2))
    lr, held = made(bank, 100)[1], []
    for batch, some in enumerate(lr.split(4)):
        method.upscale(some)
        if batch in {4, 24}:
            gc.collect()
            held.append((tensors(), int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20))
    (before, mib_before), (after, mib_after) = held
    assert before == after, "tensors of searches that are over are still there"
    assert mib_after - mib_before < 8, f"{mib_after - mib_before:.1f} MiB more after 80 images more"


def tensors() -> int:
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (1, 1, 4, 4)], ids=["lr", "grey"])
def test_images_that_do_not_fit_are_named(shape):
    with pytest.raises(BenchError, match=r"from 4 to 16 px, got LR images of shape"):
        pulse.Pulse(tiny(), TASK, QUICK).upscale(torch.rand(shape))


def test_a_bank_that_does_not_fit_is_named():
    with pytest.raises(BenchError, match="the bank makes images of 8 px, the task asks for 16"):
        pulse.Pulse(tiny(size=8), TASK, QUICK)


def test_a_pggan_is_refused():
    with pytest.raises(BenchError, match="not the weights of a StyleGAN2 generator"):
        pulse._read(pggan.PGGAN(size=16, channels=dict.fromkeys((4, 8, 16), 3), z_dim=4).state_dict(), TASK)


def test_variants_are_named_and_use_the_bank_of_pulse(monkeypatch):
    asked = []
    monkeypatch.setattr(load, "bank", lambda method, *_, **__: asked.append(method) or tiny())
    for variant in (pulse.Pulse, pulse.PulseBest, pulse.PulseReflect):
        assert variant.load(Task("mini", "face", 4, 16, preset="mini"), CPU).bank.synthesis.size == 16
    assert asked == ["pulse"] * 3
    specs = [variant.spec for variant in (pulse.Pulse, pulse.PulseBest, pulse.PulseReflect)]
    assert [spec.name for spec in specs] == ["pulse", "pulse.best", "pulse.original-downscaler"]
    assert len({spec.title for spec in specs}) == 3
    assert all(spec.seeded and spec.searches for spec in specs)


def test_a_bank_that_is_not_here_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(MissingWeights):
        pulse.Pulse.load(Task("paper", "face", 16, 1024), CPU)


@pytest.mark.parametrize("task", [Task("paper", "face", 16, 256), Task("mini", "face", 16, 128, preset="mini")])
def test_the_cost_is_that_of_all_steps(task):
    found = count(pulse.Pulse, task)
    synthesis = pulse.Pulse.load(task, META).bank.synthesis
    w = torch.empty(1, synthesis.latents, synthesis.style_dim, device=META)
    with FlopCounterMode(display=False) as counter:
        synthesis(w)
    forward = counter.get_total_flops() // 2
    assert found.parts["bank"].macs == 100 * forward, "a forward pass a step, and no other"
    # Backwards, StyleGAN for its input alone; StyleGAN2 at one image also for the weights it builds.
    low, high = (2, 2.03) if task.profile == "paper" else (2.5, 3.1)
    assert low * 100 * forward < found.macs < high * 100 * forward
    assert found.trainable == 0
    assert found.remark.startswith("100 steps")
