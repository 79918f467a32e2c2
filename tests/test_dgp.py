"""DGP: the selection, the stages, the loss, what moves and what stays, for StyleGAN2 and BigGAN."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it
from torch.utils.flop_counter import FlopCounterMode

from bench import resize
from bench.cost.count import count
from bench.spec import BenchError, MissingWeights, Task
from methods.formats import own_files
from methods.nets import biggan, stylegan2
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.presets.dgp import DGP, DGP_BIGGAN, DgpSettings
from methods.search import dgp, dgp_shared, optimise
from methods.weights import load

CPU = torch.device("cpu")
TASK = Task("mini", "face", 4, 16, preset="mini")
BIG = Task("mini", "cat", 16, 128, preset="mini")
SHORT = replace(DGP["paper"], draws=6, steps=5)


def random_stylegan2(size=16) -> tuple[stylegan2.StyleGAN2, StyleGAN2Discriminator]:
    """A generator whose images are about [-1, 1], and a discriminator."""
    torch.manual_seed(3)
    channels = dict.fromkeys((4, 8, 16, 32, 64, 128), 8)
    bank = stylegan2.StyleGAN2(size=size, channels=channels, style_dim=8, mapping_layers=2)
    for layer in bank.synthesis.to_rgb:
        layer.weight.data.mul_(0.2)
    return bank, StyleGAN2Discriminator(size=size, channels=channels)


def port(settings=SHORT, task=TASK) -> dgp.Dgp:
    return dgp.Dgp(*random_stylegan2(task.hr_size), task, settings)


def original(settings=replace(SHORT, draws=2), task=BIG) -> dgp.DgpBiggan:  # noqa: B008 - frozen
    torch.manual_seed(4)
    bank = biggan.BigGAN(size=128, channels=8, embedding=4, classes=5)
    return dgp.DgpBiggan(bank, biggan.BigGANDiscriminator(size=128, channels=8, classes=5), task, settings)


@pytest.fixture(params=[port, original], ids=["stylegan2", "biggan"])
def method(request) -> dgp.Dgp | dgp.DgpBiggan:
    return request.param()


def inputs(method, number=3) -> Tensor:
    side = method.task.lr_size
    return torch.rand(number, 3, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def restored(method, lr) -> Tensor:
    return method.upscale(lr)


def watched(method) -> list[tuple[Tensor, dict[str, Tensor], Tensor]]:
    """Keep what `images` is called with and what it makes in the search, in its order."""
    made, plain = [], method.images

    def images(code, own):
        found = plain(code, own)
        if own:
            kept = {name: value.detach().clone() for name, value in own.items()}
            made.append((code[0].detach().clone(), kept, found.detach().clone()))
        return found

    method.images = images
    return made


def moved(before, after) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize(
    ("groups", "numbers"), [(7, (2, 3, 4, 5, 7)), (6, (2, 3, 4, 5, 6)), (9, (2, 3, 4, 6, 9)), (2, (2, 2, 2, 2, 2))]
)
def test_groups_open_as_published(groups, numbers):
    assert dgp_shared.opened(groups) == numbers


def test_the_paper_settings_are_the_published_ones():
    assert (
        DgpSettings(
            draws=500,
            spread=0.3,
            steps=1000,
            z_rates=(2e-3, 1e-3, 2e-5, 1e-5, 1e-5),
            weight_rates=(5e-5, 5e-5, 2e-5, 1e-5, 1e-5),
            feature_weights=(1, 1, 1, 1, 1),
            error_weights=(1, 1, 1, 1, 1),
            prior_weight=0.02,
        )
        == DGP_BIGGAN["paper"]
    )
    whole = port(DGP["paper"])
    assert [whole.stage(step) for step in (0, 199, 200, 999)] == [0, 0, 1, 4], "five stages of 200 steps"
    assert whole.rates(0) == pytest.approx([2e-3, 2e-3, 2e-3, 0]), "z, two open groups, one that is not"


def test_features_are_those_the_logit_is_made_of():
    _, discriminator = random_stylegan2()
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        found = dgp.stylegan2_features(discriminator, images)
        kept = [each.clone() for each in found]
        shapes = [tuple(each.shape[1:]) for each in found]
        logits = discriminator.score(found[-1])
        alone = torch.cat([discriminator(image) for image in images.split(1)])
        again = dgp.stylegan2_features(discriminator, images[1:2])
    assert shapes == [(8, 16, 16), (8, 8, 8), (8, 4, 4), (8, 4, 4), (8,)], "first, each block, last, dense"
    assert torch.allclose(logits, alone, atol=1e-5), "the features are not those of the discriminator on one image"
    assert all(torch.equal(a, b) for a, b in zip(kept, found, strict=True)), "a later layer changed a feature in place"
    assert all(torch.allclose(a[1:2], b, atol=1e-5) for a, b in zip(found, again, strict=True)), "neighbours matter"


def test_a_target_against_itself_costs_the_prior_alone(method):
    with torch.no_grad():
        z, *_ = method.codes(torch.Generator().manual_seed(0), 2, CPU)
        images = torch.rand(2, 3, *[method.task.hr_size] * 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
        target = method.seen(images)
        loss = method.loss(images, z, target, method.features(target), 0)
    assert torch.allclose(loss, 0.02 * z.square().mean(1) / 2, atol=1e-7)


def test_degradation_is_the_benchmarks_then_bilinear(method):
    factor = method.task.factor
    images = torch.rand(1, 3, *[method.task.hr_size] * 2, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(resize.downsample(images, factor), scale_factor=factor, mode="bilinear")
    assert torch.equal(method.seen(images), wanted)


@pytest.mark.slow
def test_groups_open_from_coarse_to_fine_and_all_else_stays(method):
    made = watched(method)
    before = {name: value.clone() for name, value in method.bank.state_dict().items()}
    start = {name: value.clone() for name, value in method.tuned.named_parameters()}
    restored(method, inputs(method, 1))
    numbers = dgp_shared.opened(len(method.groups))
    for step, (_, own, _) in enumerate(made):  # with five steps, a stage is one step
        open_groups = method.groups[: numbers[step - 1]] if step else []
        wanted = {name for group in open_groups for name in group}
        assert moved(own, start) <= wanted, f"before step {step} weights have moved that were closed"
        if step:
            assert all(moved(own, start) & set(group) for group in open_groups), "an open group has not moved"
    tuned = {name for group in method.groups for name in group}
    assert not any(name.startswith(("output_layer", "shared")) for name in tuned), "BigGAN's output never moves"
    after = method.bank.state_dict()
    assert moved(before, after) == set(), "the bank must be as it was, bit by bit"


@pytest.mark.slow
def test_the_result_is_the_image_before_the_last_change(method):
    method.settings = replace(method.settings, z_rates=(1.0,) * 5, weight_rates=(1.0,) * 5)  # too high to get better
    made, losses, plain = watched(method), [], method.loss

    def loss(*given):
        losses.append(plain(*given))
        return losses[-1]

    method.loss = loss
    result = restored(method, inputs(method, 1))
    assert len(made) == method.steps
    assert losses[-1] > min(losses), "this test is for a last step that is not the best"
    assert torch.equal(result, (made[-1][2] + 1) / 2)


def test_groups_cover_what_moves():
    faces, imagenet = port(task=Task("mini", "x", 16, 128, preset="mini")), original()
    assert len(faces.groups) == len(imagenet.groups) == 6
    assert set(faces.groups[0]) >= {"constant", "layers.0.weight", "to_rgb.0.weight"}
    assert {name.split(".")[1] for name in faces.groups[5]} == {"9", "10", "5"}, "the layers and RGB of 128 px"
    assert sum(map(len, faces.groups)) == len(list(faces.bank.synthesis.parameters()))
    assert set(imagenet.groups[0]) == {"linear.weight", "linear.bias"}
    assert all(name.startswith("blocks.3.") for name in imagenet.groups[4])


@pytest.mark.slow
def test_the_steps_are_those_of_a_plain_loop(method):
    """The published loop, written out: one Adam of all groups, its state carried from stage to stage."""
    method.steps = 5
    lr = inputs(method, 1)
    target = F.interpolate(lr * 2 - 1, scale_factor=method.task.factor, mode="bilinear")
    with torch.no_grad():
        wanted = method.features(target)
        z, *rest = method.select(wanted, optimise.generators(lr, 0)[0])
    own = {name: value.clone().requires_grad_() for name, value in method.tuned.named_parameters()}
    z.requires_grad_()
    adams = [torch.optim.Adam([z], lr=0.0, betas=(0.0, 0.999))]
    adams += [torch.optim.Adam([own[name] for name in group], lr=0.0, betas=(0.0, 0.999)) for group in method.groups]
    for stage in range(5):
        rates = [0.002, 0.001, 2e-5, 1e-5, 1e-5][stage], [2e-3, 2e-3, 8e-4, 4e-4, 4e-4][stage]
        image = method.images((z, *rest), own)
        seen = method.seen(image)
        loss = (seen - target).square().mean() + 0.01 * z.square().mean()
        pairs = list(zip(method.features(seen), wanted, strict=True))
        for a, b in pairs[-8:] if method.bank is method.tuned else pairs[1:]:
            loss = loss + (a - b).abs().mean()
        loss.backward()
        for index, adam in enumerate(adams):
            adam.param_groups[0]["lr"] = rates[0] if index == 0 else rates[1] * (index <= (2, 3, 4, 5, 6)[stage])
            adam.step()
            adam.zero_grad()
    result = restored(method, lr)
    assert torch.allclose(result, (image.detach() + 1) / 2, atol=1e-4)


@pytest.mark.slow
def test_the_draw_whose_coarse_features_are_nearest_is_selected(method):
    method.draws = 6
    with torch.no_grad():
        codes = method.codes(torch.Generator().manual_seed(5), 6, CPU)
        one, other = (tuple(each[index : index + 1] for each in codes) for index in (4, 1))
        near, far = (method.features(method.seen(method.images(code, {}))) for code in (one, other))
        found = method.select([*far[:-3], *near[-3:]], torch.Generator().manual_seed(5))
    assert all(torch.equal(a, b) for a, b in zip(found, one, strict=True)), "another draw was nearer"


def test_draws_have_the_published_spread():
    z, y = original().codes(torch.Generator().manual_seed(0), 400, CPU)
    assert z.std().item() == pytest.approx(0.3, rel=0.02)
    assert sorted(set(y.tolist())) == [0, 1, 2, 3, 4], "an unknown class is drawn with each z"


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
@torch.no_grad()
def test_a_latent_of_the_port_is_drawn_to_the_mean(share):
    """Without, the search begins with images at the rim of what the bank knows."""
    method = port(replace(SHORT, truncation=share))
    (z,) = method.codes(torch.Generator().manual_seed(5), 2, CPU)
    w = method.bank.mapping(z)
    assert (w - method._mean).abs().mean() > 0.1
    wanted = method.bank.synthesis(share * w + (1 - share) * method._mean)
    torch.testing.assert_close(method.images((z,), {}), wanted)


@pytest.mark.slow
def test_without_draws_z_starts_at_zero(method):
    method.draws = 0
    made = watched(method)
    restored(method, inputs(method, 1))
    assert not made[0][0].any()
    assert method.efforts[0].g_forward == method.steps


@pytest.mark.parametrize("make", [port, original], ids=["stylegan2", "biggan"])
@pytest.mark.slow
def test_images_do_not_know_their_neighbours(make, threads):
    method = make(replace(SHORT, draws=2, steps=2))
    lr = inputs(method, 2)
    together = restored(method, lr)
    alone = torch.cat([restored(method, each) for each in lr.flip(0).split(1)]).flip(0)
    assert torch.equal(together, alone), "an image depends on its neighbours, or on what came before it"


def test_one_search_does_not_run_with_the_weights_of_another():
    method = port()
    catalogue = [{name: value + shift for name, value in method.tuned.named_parameters()} for shift in (0.0, 0.5)]
    w = torch.randn(1, method.bank.synthesis.latents, 8, generator=torch.Generator().manual_seed(0))
    wanted = [method.run(own, w) for own in catalogue]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda index: method.run(catalogue[index % 2], w), range(40)))
    assert all(torch.allclose(each, wanted[index % 2], atol=1e-5) for index, each in enumerate(found))


def test_a_search_begins_with_the_pretrained_weights_while_another_runs():
    method = port(replace(SHORT, draws=0, steps=2))
    lr = inputs(method, 1)
    wanted = restored(method, lr)
    moving = [name for group in method.groups for name in group]
    theirs = {name: value + 0.5 for name, value in method.tuned.named_parameters() if name in moving}
    with torch.nn.utils.stateless._reparametrize_module(method.tuned, theirs):  # as another search does for a moment
        assert torch.equal(restored(method, lr), wanted), "a search began with the weights of another"


def test_the_same_input_gives_the_same_result_again():
    method = port()
    assert torch.equal(restored(method, inputs(method)), restored(method, inputs(method)))


def test_seeds_matter_and_zero_is_one_of_them():
    lr = inputs(port(), 1)
    results = [restored(port(task=replace(TASK, seed=seed)), lr) for seed in (0, 0, 1)]
    assert torch.equal(results[0], results[1]), "seed 0 is a seed"
    assert not torch.allclose(results[0], results[2], atol=1e-3)


@pytest.mark.slow
def test_a_broken_image_stays_alone(method, threads):
    method.steps = 2
    lr = inputs(method, 2)
    whole = restored(method, lr)
    lr[0, 0, 0, 0] = torch.nan
    result = restored(method, lr)
    assert result[0].isnan().all()
    assert torch.equal(result[1], whole[1]), "a NaN has touched the other image"
    assert [effort.note for effort in method.efforts] == ["the loss was NaN or infinite in step 0", ""]
    passes = method.efforts[1].g_forward, method.efforts[1].g_backward
    assert passes == (method.draws + method.steps, method.steps), "draws and steps"


@pytest.mark.slow
def test_an_image_of_the_bank_is_recovered():
    method = port(replace(DGP["paper"], draws=50, steps=200))
    with torch.no_grad():
        code = method.codes(torch.Generator().manual_seed(9), 1, CPU)
        hr = (method.images(code, {}) + 1) / 2
        lr = resize.downsample(hr, 4)
        sr = method.upscale(lr)
    psnr, plain = (-10 * (each - hr).square().mean().log10() for each in (sr, resize.upsample(lr, 4)))
    agreed = -10 * (resize.downsample(sr, 4) - lr).square().mean().log10()
    assert agreed > 45, f"it agrees with its input to {agreed:.1f} dB only"
    assert psnr > 40 > plain + 5, f"{psnr:.1f} dB, bicubic {plain:.1f}"


def test_nothing_is_kept_from_step_to_step():
    method, kept = port(), []
    plain = method.images

    def images(code, own):
        found = plain(code, own)
        kept.append(weakref.ref(found))
        return found

    method.images = images
    restored(method, inputs(method, 2))
    gc.collect()
    assert [ref() for ref in kept if ref() is not None] == [], "images, and so their graphs, outlive their step"


@pytest.mark.parametrize(("adapter", "task"), [(dgp.Dgp, TASK), (dgp.DgpBiggan, BIG)])
@pytest.mark.slow
def test_every_draw_and_step_is_counted(adapter, task, monkeypatch):
    for numbers in (DGP, DGP_BIGGAN):
        monkeypatch.setitem(numbers, "mini", replace(numbers["mini"], draws=3, steps=3))
    method = adapter.load(task, torch.device("meta"))
    with FlopCounterMode(display=False) as all_of_it:
        restored(method, torch.empty(1, 3, task.lr_size, task.lr_size, device="meta"))
    found = count(adapter, task)
    assert found.macs == all_of_it.get_total_flops() // 2, "what is counted is not what is done"
    assert "3 draws, 3 steps" in found.remark
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        method.images(method.codes(torch.Generator(), 1, torch.device("meta")), {})
    # To 1 %: BigGAN's spectral norms are made once for all draws that are made together.
    assert found.parts["bank"].macs == pytest.approx((3 + 3) * forward.get_total_flops() / 2, rel=0.01)


def test_networks_that_do_not_fit_are_told():
    bank, discriminator = random_stylegan2()
    with pytest.raises(BenchError, match="a bank for 16 px and a discriminator for 16; the task asks for 32"):
        dgp.Dgp(bank, discriminator, Task("mini", "face", 4, 32, preset="mini"), SHORT)
    with pytest.raises(BenchError, match="a bank for 16 px and a discriminator for 32; "):
        dgp.Dgp(bank, random_stylegan2(32)[1], TASK, SHORT)
    with pytest.raises(BenchError, match=r"LR images of shape \(3, 8, 8\), not 3 x 4\^2"):
        port().upscale(torch.zeros(1, 3, 8, 8))
    with pytest.raises(BenchError, match="128 or 256 px, not 512"):
        dgp.DgpBiggan.load(Task("paper", "cat", 16, 512), torch.device("meta"))


def test_weights_that_are_not_here_are_asked_for_by_name():
    with pytest.raises(MissingWeights, match=r"stylegan2_cat_config_f_256_official"):
        dgp.Dgp.load(Task("paper", "cat", 16, 256), CPU)
    with pytest.raises(MissingWeights, match=r"G_ema_256\.pth"):
        dgp.DgpBiggan.load(Task("paper", "cat", 16, 256), CPU)


@pytest.mark.parametrize("make", [port, original], ids=["stylegan2", "biggan"])
def test_files_of_both_networks_are_loaded(make, monkeypatch, tmp_path):
    wanted = make()

    def find(name, task, *, part, **_):
        assert (name, task) == (wanted.spec.name, wanted.task)
        network = wanted.bank if part == "bank" else wanted.discriminator
        path = tmp_path / f"{part}.safetensors"
        path.write_bytes(own_files.safetensors(network))
        return path

    monkeypatch.setattr(load, "find", find)
    found = type(wanted).load(wanted.task, CPU)
    assert found.settings.steps == 50, "the preset mini has settings of its own"
    assert moved(wanted.bank.state_dict(), found.bank.state_dict()) == set()
    assert moved(wanted.discriminator.state_dict(), found.discriminator.state_dict()) == set()
    assert not any(p.requires_grad for p in (*found.bank.parameters(), *found.discriminator.parameters()))
