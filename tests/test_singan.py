"""SinGAN: the released tables and numbers, its resampling, its training, and that images do not touch each other."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench import contract, resize
from bench.cost.count import count
from bench.spec import BenchError, Task
from methods.nets.singan import SinGANDiscriminator, SinGANGenerator, width
from methods.presets.singan import SINGAN, SinganSchedule, SinganSettings
from methods.search import singan, singan_resize
from methods.search.singan import SinGan
from methods.search.singan_training import Networks, Pyramid, Scale, initialise, penalty

CPU = torch.device("cpu")
SHORT = SinganSettings(SinganSchedule(epochs=2, steps=1, channels=8))


def task(lr_size, factor=4, seed=0) -> Task:
    return Task("mini", "face", factor, lr_size * factor, seed, preset="mini")


def sources(count, seed=0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed + index) for index in range(count)]


def noise(*size, seed=0) -> Tensor:
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("factor", "count"), [(4, 6), (8, 9), (16, 12), (32, 15), (64, 18)])
def test_an_enlargement_is_repeated_until_the_factor_is_reached(factor, count):
    found, step = singan.stages(factor)
    assert found == count, "the released code takes another number of passes"
    assert step**found == pytest.approx(factor), "the passes do not add up to the factor"
    assert step == pytest.approx(1.259921, abs=1e-6)


@pytest.mark.parametrize(
    ("side", "sides"),
    [
        (64, [18, 23, 28, 34, 42, 52, 64]),
        (32, [18, 22, 27, 32]),
        (128, [18, 23, 28, 35, 44, 54, 67, 83, 103, 128]),
        (19, [18, 19]),
        (18, [18]),
        (16, [16]),
        (2, [2]),
        (1, [1]),
    ],
)
def test_the_pyramid_has_the_released_sizes_and_one_scale_below_them(side, sides):
    assert singan.shape(side, side, 16)[0] == [(each, each) for each in sides]
    assert singan.shape(side, 2 * side, 16)[0][-1] == (side, 2 * side), "the last scale must be the image itself"


def test_the_ratio_and_the_widths_are_the_released_ones():
    assert singan.shape(64, 64, 16)[1] == pytest.approx(1 / 1.23543, abs=1e-5)
    assert [width(scale) for scale in range(10)] == [32] * 4 + [64] * 4 + [128] * 2
    assert width(30) == 128, "the networks grow without end"


@pytest.mark.parametrize(
    ("channels", "of_g", "of_d"), [(32, 29763, 29185), (64, 114819, 113665), (128, 450819, 448513)]
)
def test_the_networks_have_the_released_parameters(channels, of_g, of_d):
    for network, published in ((SinGANGenerator, of_g), (SinGANDiscriminator, of_d)):
        found = sum(p.numel() for p in network(images=1, channels=channels).parameters())
        assert found == published, f"{network.__name__} is not the released one"
        assert sum(p.numel() for p in network(images=3, channels=channels).parameters()) == 3 * published


def test_shapes_of_the_networks():
    generator, judge = SinGANGenerator(images=2, channels=4), SinGANDiscriminator(images=2, channels=4)
    assert generator.stack(torch.rand(1, 6, 28, 28)).shape == (1, 6, 18, 18), "five valid convolutions cut off 5 px"
    assert generator(torch.rand(2, 3, 7, 9), torch.rand(2, 3, 7, 9)).shape == (2, 3, 7, 9)
    assert judge(torch.rand(3, 2, 3, 18, 20)).shape == (3, 2, 8, 10), "the released discriminator is not padded"
    assert judge(torch.rand(3, 2, 3, 2, 2)).shape == (3, 2, 2, 2), "small images have no patch unless padded"


def test_the_initial_values_are_the_released_ones():
    network = SinGANGenerator(images=2, channels=64)
    initialise(network.stack, sources(2))
    convolutions = [module for module in network.stack if isinstance(module, nn.Conv2d)]
    assert convolutions[1].weight.std().item() == pytest.approx(0.02, rel=0.02)
    limit = (9 * 64) ** -0.5
    assert limit * 0.9 < convolutions[1].bias.abs().max() <= limit, "torch's own start is kept for the biases"
    scales = torch.cat([m.weight for m in network.stack if isinstance(m, nn.BatchNorm2d)])
    assert scales.mean().item() == pytest.approx(1, abs=0.005)
    assert scales.std().item() == pytest.approx(0.02, rel=0.2)
    assert not torch.equal(*convolutions[1].weight.chunk(2)), "two images must not start from the same values"


def test_side_by_side_networks_compute_what_each_would_alone():
    together = Networks(8, torch.empty(2, 3, 1, 1), sources(2))
    pictures = noise(2, 3, 20, 20) * 2 - 1
    for index in range(2):
        alone = Networks(8, torch.empty(1, 3, 1, 1), sources(1, seed=index))
        one = pictures[index, None]
        assert torch.allclose(together.generator(pictures, pictures)[index], alone.generator(one, one)[0], atol=1e-6)
        scores = together.discriminator(torch.stack([pictures, -pictures]))
        assert torch.allclose(scores[:, index], alone.discriminator(torch.stack([one, -one]))[:, 0], atol=1e-6)


def test_the_norm_of_the_discriminator_is_batch_normalisation_of_one_image():
    judge = SinGANDiscriminator(images=1, channels=8)
    picture = noise(1, 1, 3, 20, 20)
    other = nn.Sequential(
        *(nn.BatchNorm2d(8) if isinstance(m, nn.InstanceNorm2d) else m for m in judge.stack)
    )  # in training, as the released one always is
    assert torch.allclose(judge(torch.cat([picture, -picture]))[:1], other(picture[:, 0]), atol=1e-5)


def test_the_penalty_is_one_number_a_pixel_and_zero_for_a_gradient_of_norm_one():
    pictures = noise(1, 3, 6, 7).requires_grad_()
    assert penalty(SinGANDiscriminator(images=1, channels=4)(pictures[None])[0], pictures).shape == (1, 6, 7)
    slope = torch.tensor([2 / 3, 1 / 3, 2 / 3])[:, None, None]
    assert penalty((slope * pictures).sum(1), pictures).abs().max() < 1e-12
    assert penalty((3 * slope * pictures).sum(1), pictures) == pytest.approx(4, rel=1e-5), "(3 - 1) squared"


def test_truncation_is_that_of_an_8_bit_cast():
    values = torch.tensor([0.5, -0.2, 0.999, 1.0, -1.0, 1.5, -3.0])
    assert singan_resize.truncate(values).tolist() == [191, 102, 254, 255, 0, 255, 0]
    assert singan_resize.truncate(torch.tensor(torch.nan)).isnan(), "a NaN must not become black"


@pytest.mark.parametrize(("n_in", "n_out"), [(4, 16), (16, 4), (32, 64), (8, 1), (5, 5), (1, 4)])
def test_where_the_scale_is_the_ratio_of_the_sizes_the_matrix_is_the_benchmarks(n_in, n_out):
    ours = singan_resize.weights(n_in, n_out, n_out / n_in)
    assert np.abs(ours - resize.resize_matrix(n_in, n_out).numpy()).max() < 1e-12


def by_definition(signal, n_out, scale) -> list[float]:
    """MATLAB's imresize of one row, in loops: Keys' kernel, widened by 1/scale when shrinking, border mirrored."""

    def kernel(x):
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0

    n, made = len(signal), []
    for index in range(1, n_out + 1):
        centre = index / scale + 0.5 * (1 - 1 / scale)
        total = weight = 0.0
        for pixel in range(int(centre - 2 / min(scale, 1)) - 3, int(centre + 2 / min(scale, 1)) + 4):
            value = kernel((centre - pixel) * min(scale, 1))
            at = (pixel - 1) % (2 * n)
            total += value * signal[at if at < n else 2 * n - 1 - at]
            weight += value
        made.append(total / weight)
    return made


@pytest.mark.parametrize(("n_in", "scale"), [(8, 2 ** (1 / 3)), (64, 0.80943), (18, 1.23543), (64, 18 / 64), (2, 1.26)])
def test_an_exact_scale_is_resized_by_the_published_definition(n_in, scale):
    signal = np.random.default_rng(0).random(n_in)
    n_out = singan_resize.out_size(n_in, scale)
    weights = singan_resize.weights(n_in, n_out, scale)
    assert np.allclose(weights @ signal, by_definition(signal, n_out, scale), atol=1e-12)
    assert np.allclose(weights.sum(1), 1), "a constant image must stay as it is"
    assert np.array_equal(weights[:-1], singan_resize.weights(n_in, n_out - 1, scale)), "cutting is making fewer pixels"


def test_resizing_truncates_what_goes_in_and_clamps_what_comes_out():
    image = torch.full((1, 3, 4, 4), 0.5)
    assert singan_resize.resize(image, 1.26).shape == (1, 3, 6, 6), "sizes are rounded up"
    assert singan_resize.resize(image, 1.26) == pytest.approx(191 / 255 * 2 - 1, abs=1e-6)
    edge = torch.tensor([-1.0, -1.0, 1.0, 1.0]).expand(1, 3, 4, 4)
    made = singan_resize.resize(edge, 4.0)
    assert made.min() == -1 and made.max() == 1, "bicubic overshoots and is cut off"  # noqa: PT018
    assert ((made + 1) / 2 * 255 % 1 > 0.01).any(), "the result itself is not on the 8-bit grid"
    with pytest.raises(BenchError, match="to 0 by a scale"):
        singan_resize.weights(4, 0, 1.0)


def pyramid(image, factor, *, amplitude=0.0) -> Pyramid:
    """A pyramid whose finest generator adds nothing."""
    found = singan.untrained(image, factor, sources(len(image)))
    generator = SinGANGenerator(images=len(image), channels=4).eval()
    for parameter in generator.stack.tail.parameters():
        nn.init.zeros_(parameter)
    found.scales = [Scale(generator, torch.full((len(image), 1, 1, 1), amplitude), torch.zeros_like(image))]
    return found


def test_without_noise_and_tail_it_is_bicubic_again_and_again():
    image = noise(1, 3, 8, 6) * 2 - 1
    wanted = singan_resize.resize(image, 1.0)
    sizes = []
    for _ in range(12):
        wanted = singan_resize.resize(wanted, 2 ** (1 / 3))
        sizes.append(wanted.shape[-2])
    found = singan.enlarge(pyramid(image, 16), 16)
    assert found.shape == (1, 3, 128, 96)
    assert torch.allclose(found, wanted[..., :128, :96], atol=1e-6)
    assert sizes == [11, 14, 18, 23, 29, 37, 47, 60, 76, 96, 121, 153]


def test_the_released_sizes_of_an_enlargement():
    sizes = [64]
    for _ in range(12):
        sizes.append(singan_resize.out_size(sizes[-1], singan.stages(16)[1]))
    assert sizes[1:] == [81, 103, 130, 164, 207, 261, 329, 415, 523, 659, 831, 1047]


@pytest.mark.parametrize(("lr_size", "factor"), [(2, 64), (4, 32), (8, 16), (16, 4), (32, 4), (64, 4)], ids=str)
def test_images_of_any_size_are_restored(lr_size, factor):
    brief = SinganSettings(SinganSchedule(epochs=1, steps=1, channels=4))
    sr = SinGan(task(lr_size, factor), brief).upscale(noise(1, 3, lr_size, lr_size))
    assert sr.shape == (1, 3, lr_size * factor, lr_size * factor)
    assert sr.isfinite().all()


def test_an_image_is_restored_as_if_alone_in_any_order(threads):
    lr = noise(3, 3, 8, 8)
    method = SinGan(task(8), SHORT)
    batch = method.upscale(lr)
    for index in range(3):
        assert torch.equal(method.upscale(lr[index, None])[0], batch[index]), "the images beside it changed an image"
    assert torch.equal(method.upscale(lr.flip(0)).flip(0), batch), "the order changed an image"


def test_side_by_side_training_is_that_of_each_image_up_to_rounding():
    # In float64: what is left of rounding is too small to be made a grey level by the truncation.
    lr = noise(3, 3, 8, 8).double()
    alone = SinGan(task(8), SHORT).upscale(lr)
    two = SinGan(task(8), SinganSettings(SHORT.schedule, together=2)).upscale(lr)
    assert (two - alone).abs().max() < 1e-4, "losses, networks or random numbers of two images are mixed"


def test_a_periodic_texture_is_recovered():
    y, x = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    waves = torch.sin(2 * torch.pi * x / 6) * torch.sin(2 * torch.pi * y / 6)
    lr = resize.quantise(0.5 + 0.3 * waves.expand(1, 3, 16, 16).double())
    trained, begun = (SinGan(task(16, 4), settings).upscale(lr) for settings in (SINGAN["mini"], SHORT))
    consistency = psnr(resize.downsample(trained, 4), lr)
    assert consistency > 20, "the texture of the LR image is not in the result"
    assert consistency > 3 + psnr(lr.mean((2, 3), keepdim=True).expand_as(lr), lr), "it is no better than no texture"
    assert consistency > 3 + psnr(resize.downsample(begun, 4), lr), "it is no better than before the training"


def psnr(sr, lr) -> float:
    return -10 * (sr.clamp(0, 1) - lr).square().mean().log10().item()


def test_the_seed_decides_and_zero_is_one():
    lr = noise(1, 3, 8, 8)
    zero, again, one = (SinGan(task(8, seed=seed), SHORT).upscale(lr) for seed in (0, 0, 1))
    assert torch.equal(zero, again)
    assert (zero - one).abs().max() > 1e-3, "the seed has no effect"


@pytest.mark.parametrize("together", [1, 3])
def test_a_broken_image_breaks_no_other_and_says_so(together, threads):
    lr = noise(3, 3, 8, 8)
    method = SinGan(task(8), SinganSettings(SHORT.schedule, together=together))
    good = method.upscale(lr)
    lr[1, 0, 3, 3] = torch.nan
    made = method.upscale(lr)
    assert torch.allclose(made[[0, 2]], good[[0, 2]], atol=1e-6)
    assert made[1].isnan().any()
    assert [bool(effort.note) for effort in method.efforts] == [False, True, False]
    outcomes = contract.attempt(method, task(8), lr)
    assert outcomes[1].image is None and "diverged" in outcomes[1].reason  # noqa: PT018 - one thing: it failed, why


def test_an_effort_is_every_pass_of_the_generator():
    method = SinGan(task(32, 4), SinganSettings(SinganSchedule(epochs=2, steps=3, channels=4)))
    seen = {"forward": 0, "backward": 0}
    inner = SinGANGenerator.forward

    def counted(self, noisy, previous):
        made = inner(self, noisy, previous)
        seen["forward"] += 1
        if made.requires_grad:
            made.register_hook(lambda _: seen.__setitem__("backward", seen["backward"] + 1))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SinGANGenerator, "forward", counted)
        method.upscale(noise(1, 3, 32, 32))
    assert (method.efforts[0].g_forward, method.efforts[0].g_backward) == (seen["forward"], seen["backward"])


@pytest.mark.slow
def test_the_cost_is_of_the_whole_training_and_all_enlargements():
    profile = "mini"
    found = count(SinGan, Task(profile, "face", 4, 32, preset=profile))
    epochs = SinGan.load(Task(profile, "face", 4, 32, preset=profile), CPU).epochs
    once, more = (count(limited(profile, turns), Task(profile, "face", 4, 32, preset=profile)).macs for turns in (1, 3))
    assert found.macs == once + (epochs - 1) * (more - once) // 2
    assert f"1 scale of {epochs} epochs" in found.remark


def limited(profile, epochs) -> type[SinGan]:
    """SinGAN with so many epochs, all of them run when the cost is counted."""

    class Limited(SinGan):
        loops = ()

        @classmethod
        def load(cls, task, device):
            method = super().load(task, device)
            method.epochs = epochs
            return method

    return Limited


def test_every_step_of_the_generator_follows_the_discriminator():
    real = noise(1, 3, 8, 8)
    networks = Networks(4, real, sources(1))
    schedule = SinganSchedule(reconstruction=0.0)
    networks.prepare(schedule)
    for _ in range(2):
        before = networks.generator.stack.tail.weight.clone()
        judged = networks.discriminator.stack.tail.weight.clone()
        networks.generate(real, real, real, real, real, schedule)
        assert not torch.equal(networks.generator.stack.tail.weight, before), "no adversarial gradient reaches it"
        assert torch.equal(networks.discriminator.stack.tail.weight, judged), "its step changes the discriminator"


def test_the_macs_of_a_step_are_those_of_its_convolutions():
    # An 8 px image, 18 with its padding; both networks; 18 - 2 = 16, 14, 12, 10, 8 px of output.
    channels = SINGAN["paper"].schedule.channels
    hidden = channels * channels * 9 * (14**2 + 12**2 + 10**2)
    first, g_tail, d_tail = 3 * channels * 9 * 16**2, 3 * channels * 9 * 8**2, channels * 9 * 8**2
    g, d = first + hidden + g_tail, first + hidden + d_tail
    real = torch.empty(1, 3, 8, 8, device="meta")
    networks = Networks(channels, real, sources(1))
    networks.prepare(SinganSchedule())
    with FlopCounterMode(display=False) as counter:
        networks.generate(real, real, real, real, real, SinganSchedule())
    # Forward; by the weights and, past the first convolution, by the inputs; the discriminator by its inputs only.
    assert counter.get_total_flops() / 2 == 2 * (3 * g - first) + 2 * d


def test_the_penalty_draws_the_gradient_to_length_one():
    """With the other sign the discriminator would be rewarded for steepness."""
    networks = Networks(8, torch.empty(1, 3, 1, 1), sources(1))
    networks.prepare(SinganSchedule(epochs=1, steps=1, channels=8))
    real, fake = (noise(1, 3, 20, 20, seed=seed) * 2 - 1 for seed in (1, 2))
    mix = torch.full((1, 1, 1, 1), 0.5)

    def steepness():
        mixture = (real + fake).div(2).requires_grad_()
        return penalty(networks.discriminator(mixture[None]), mixture).mean().item()

    before = steepness()
    for _ in range(20):
        networks.judge(fake, fake, real, mix, 1000)
    assert steepness() < 0.9 * before


def test_the_discriminator_learns_to_tell_and_the_generator_to_fool():
    networks = Networks(8, torch.empty(1, 3, 1, 1), sources(1))
    schedule = SinganSchedule(epochs=1, steps=1, channels=8, reconstruction=0.0)
    networks.prepare(schedule)
    real, fake = (noise(1, 3, 20, 20, seed=seed) * 2 - 1 for seed in (1, 2))

    @torch.no_grad()
    def scores():
        return [networks.discriminator(each[None]).mean().item() for each in (real, networks.generator(fake, fake))]

    before = scores()
    for _ in range(20):
        networks.judge(fake, fake, real, torch.zeros(1, 1, 1, 1), 0.0)
    told = scores()
    assert told[0] - told[1] > before[0] - before[1], "the discriminator takes the generated for real"
    for _ in range(20):
        networks.generate(fake, fake, fake, fake, real, schedule)
    assert scores()[1] > told[1], "the generator betrays itself"


def test_each_enlargement_gets_new_noise_as_strong_as_in_training():
    calls = []

    def recorded(noisy, previous):
        calls.append(noisy - previous)
        return previous

    pyramid = singan.untrained(noise(1, 3, 18, 18) * 2 - 1, 4, sources(1))
    pyramid.scales.append(Scale(recorded, torch.full((1, 1, 1, 1), 0.3), torch.zeros(1, 3, 18, 18)))
    singan.enlarge(pyramid, 4)
    assert len(calls) == 6
    for added in calls:
        assert added.std().item() == pytest.approx(0.3, rel=0.1), "the noise has another strength, or is left out"
    assert torch.allclose(calls[0][:, 0], calls[0][:, 2], atol=1e-6), "the first noise is grey"
    assert not torch.allclose(calls[1][:, 0], calls[1][:, 2], atol=1e-3)
    assert not torch.allclose(calls[1][..., :20, :20], calls[2][..., :20, :20], atol=1e-3), "the noise is not new"
