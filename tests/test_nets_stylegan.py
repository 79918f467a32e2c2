"""StyleGAN against the published sizes and costs, and against the textbook form of its arithmetic; published files."""

import math
import re

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

from bench.spec import BenchError
from methods.formats import stylegan2 as stylegan2_format
from methods.formats import stylegan_pggan
from methods.nets import stylegan2
from methods.nets.stylegan import StyleGAN, blur
from methods.nets.stylegan2 import mix, truncate
from methods.nets.stylegan2_layers import config_f

TABLE = {4: 7, 8: 7, 16: 6, 32: 6, 64: 5, 128: 4}
WIDTHS = TABLE | dict.fromkeys((256, 512, 1024), 4)
BEYOND_OURS = {
    "synthesis.lod": (),
    "synthesis.layer2.blur.kernel": (7, 1, 3, 3),
    "synthesis.output0.weight": (3, 7, 1, 1),
}


def genforce(seed=0, stages=6) -> dict[str, Tensor]:
    """Random weights of a StyleGAN, of 128 px with its six stages, as GenForce names and keeps them."""
    torch.manual_seed(seed)
    last, width = f"synthesis.output{stages - 1}", WIDTHS[4 << stages - 1]
    entries = {name: torch.rand(shape) for name, shape in BEYOND_OURS.items()}
    entries |= {"synthesis.layer0.const": torch.randn(1, 7, 4, 4), "truncation.w_avg": torch.randn(6)}
    entries |= {f"{last}.weight": torch.randn(3, width, 1, 1), f"{last}.bias": torch.randn(3)}
    for k in range(3):
        entries |= {f"mapping.dense{k}.weight": 100 * torch.randn(6, 6), f"mapping.dense{k}.bias": 30 * torch.randn(6)}
    for k in range(2 * stages):
        width, side, layer = WIDTHS[4 << k // 2], 4 << k // 2, f"synthesis.layer{k}"
        if k:
            entries[f"{layer}.weight"] = torch.randn(width, WIDTHS[max(4, side // 2)] if k % 2 == 0 else width, 3, 3)
        entries |= {f"{layer}.bias": torch.randn(width), f"{layer}.apply_noise.weight": torch.randn(width)}
        entries |= {f"{layer}.apply_noise.noise": torch.randn(1, 1, side, side)}
        entries |= {f"{layer}.style.weight": torch.randn(2 * width, 6), f"{layer}.style.bias": torch.randn(2 * width)}
    return entries


def pulse(entries, stages=6) -> dict[str, Tensor]:
    """The same in the names of PULSE's two files, which have no noise maps."""
    names = {
        "layer0.const": "blocks.4x4.const",
        "layer0": "blocks.4x4",
        "layer1": "blocks.4x4.conv",
        f"output{stages - 1}": "torgb",
    }
    for k in range(2, 2 * stages):
        names[f"layer{k}"] = f"blocks.{4 << k // 2}x{4 << k // 2}.{'conv1' if k % 2 else 'conv0_up'}"
    for k in range(2 * stages):
        block = f"blocks.{4 << k // 2}x{4 << k // 2}.epi{k % 2 + 1}"
        names |= {f"layer{k}.apply_noise": f"{block}.noise", f"layer{k}.style": f"{block}.style_mod.lin"}
    theirs = {"blocks.8x8.conv0_up.intermediate.kernel": torch.ones(1, 1, 3, 3)}
    for name, value in entries.items():
        layer, _, kind = name.removeprefix("synthesis.").rpartition(".")
        if name not in BEYOND_OURS and not name.endswith(("w_avg", "apply_noise.noise", "const")):
            theirs[f"{names.get(layer, layer.removeprefix('mapping.'))}.{kind}"] = value
    return theirs | {"blocks.4x4.const": entries["synthesis.layer0.const"]}


def textbook_mapping(entries, z) -> Tensor:
    w = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for k in range(3):
        weight, bias = (entries[f"mapping.dense{k}.{kind}"] * 0.01 for kind in ("weight", "bias"))
        w = F.leaky_relu(w @ weight.T * math.sqrt(2 / 6) + bias, 0.2)
    return w[:, None].expand(-1, 12, -1)


def textbook(entries, w, maps, *, epsilon=1e-8) -> Tensor:
    """The published arithmetic on the published file: fused up-sampling from 128 px, Eq. 1 written out."""
    for k in range(12):
        p = {name.split(".", 2)[2]: value for name, value in entries.items() if name.startswith(f"synthesis.layer{k}.")}
        if k == 0:
            x = p["const"].expand(len(w), -1, -1, -1)
        else:
            weight = p["weight"] * math.sqrt(2 / p["weight"][0].numel())
            if k == 10:
                v = F.pad(weight, (1, 1, 1, 1)).transpose(0, 1)
                v = v[:, :, 1:, 1:] + v[:, :, :-1, 1:] + v[:, :, 1:, :-1] + v[:, :, :-1, :-1]
                x = F.conv_transpose2d(x, v, stride=2, padding=1)
            else:
                x = F.interpolate(x, scale_factor=2, mode="nearest") if k % 2 == 0 else x
                x = F.conv2d(x, weight, padding=1)
            if k % 2 == 0:
                rows = F.pad(x, (0, 0, 1, 1))
                rows = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
                both = F.pad(rows, (1, 1))
                x = (both[..., :-2] + 2 * both[..., 1:-1] + both[..., 2:]) / 4
        x = x + p["apply_noise.weight"][:, None, None] * maps[k] + p["bias"][:, None, None]
        x = F.leaky_relu(x, 0.2)
        x = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + epsilon).sqrt()
        y = w[:, k] @ p["style.weight"].T / math.sqrt(6) + p["style.bias"]
        y = y.view(len(w), 2, -1, 1, 1)
        x = x * (y[:, 0] + 1) + y[:, 1]
    return F.conv2d(x, entries["synthesis.output5.weight"] / math.sqrt(4), entries["synthesis.output5.bias"])


def stored(entries) -> list[Tensor]:
    return [entries[f"synthesis.layer{k}.apply_noise.noise"] for k in range(12)]


@pytest.mark.parametrize(
    ("size", "parameters", "synthesis", "gmacs"),
    [(256, 26_086_229, 23_977_667, 22.85), (1024, 26_219_627, 24_110_771, 32.24)],
)
def test_generator_has_the_published_size_and_cost(size, parameters, synthesis, gmacs):
    with torch.device("meta"):
        network = StyleGAN(size=size)
        z = torch.zeros(1, network.z_dim)
    table = config_f(size, 1)
    assert sum(p.numel() for p in network.synthesis.parameters()) == synthesis
    assert sum(p.numel() for p in network.mapping.parameters()) == 2_101_248
    others = sum(3 * width + 3 for width in table.values()) - (3 * table[size] + 3)
    assert sum(p.numel() for p in network.parameters()) + others == parameters, "GenForce keeps every RGB layer"
    with FlopCounterMode(display=False) as counter:
        images = network(z)
    assert images.shape == (1, 3, size, size)
    # Below 128 px the published code makes 9 multiplications for each enlarged pixel, ours 4.
    saved = sum(5 * r**2 * table[r // 2] * table[r] for r in table if 4 < r < 128)
    assert (counter.get_total_flops() // 2 + saved) / 1e9 == pytest.approx(gmacs, abs=0.01)


@pytest.mark.parametrize(("size", "latents"), [(256, 14), (1024, 18)])
def test_latents_and_noise_maps_are_two_a_resolution(size, latents):
    with torch.device("meta"):
        synthesis = StyleGAN(size=size).synthesis
    sides = [noise.shape[-1] for noise in synthesis.noise_maps("stored", 1)]
    assert sides == [2 ** (k // 2 + 2) for k in range(latents)]
    assert synthesis.latents == latents


def test_blur_keeps_a_constant_and_spreads_a_point():
    assert (blur(torch.ones(1, 2, 4, 4))[..., 1:-1, 1:-1] == 1).all()
    point = F.pad(torch.ones(1, 1, 1, 1), (1, 1, 1, 1))
    assert (blur(point)[0, 0] * 16 == torch.tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]])).all()


def test_genforces_file_gives_the_textbooks_image():
    entries = {name: value.double() for name, value in genforce().items()}
    assert stylegan_pggan.layout_of(entries) == "genforce stylegan"
    network = stylegan_pggan.stylegan({"models": {"generator_smooth": entries, "generator": {}}}).double()
    assert (network.synthesis.size, network.synthesis.channels) == (128, TABLE)
    z = torch.randn(2, 6).double()
    w = textbook_mapping(entries, z)
    torch.testing.assert_close(network.mapping(z), w, rtol=0, atol=1e-6)  # the file became float32
    images = textbook(entries, w, stored(entries))
    assert (network.synthesis(w) - images).abs().max() < 2e-5 * images.abs().max()
    assert (network(z) - images).abs().max() < 2e-5 * images.abs().max()


def test_pulses_files_give_the_textbooks_image():
    entries = genforce()
    theirs = pulse(entries)
    assert stylegan_pggan.layout_of(theirs) == "pulse stylegan"
    network = stylegan_pggan.stylegan(theirs)
    z = torch.randn(1, 6)
    w = textbook_mapping(entries, z)
    maps = [torch.randn_like(each) for each in stored(entries)]
    images = textbook(entries, w, maps, epsilon=1e-5)
    assert (network.synthesis(w, noise=maps) - images).abs().max() < 1e-4 * images.abs().max()
    without = network.synthesis(w, noise="none")
    torch.testing.assert_close(
        network.synthesis(w), without, msg="the file has no noise maps: the stored ones are zero"
    )
    synthesis = {name: value for name, value in theirs.items() if not name.startswith("dense")}
    with pytest.raises(BenchError, match="a file of its own"):
        stylegan_pggan.stylegan(synthesis)


def test_genforces_stylegan2_gives_the_same_image():
    torch.manual_seed(0)
    network = stylegan2.StyleGAN2(size=16, channels={4: 7, 8: 6, 16: 5}, style_dim=4, mapping_layers=2)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(("bias", "noise_gain")):
                value.add_(torch.randn_like(value))
    entries = {"synthesis.upsample.kernel": torch.ones(1, 1, 4, 4), "truncation.w_avg": torch.randn(4)}
    for name, value in network.state_dict().items():
        theirs = name.replace("constant", "early_layer.const").replace("noise_gain", "noise_strength")
        theirs = re.sub(
            r"mapping\.layers\.", "mapping.dense", re.sub(r"synthesis\.layers\.", "synthesis.layer", theirs)
        )
        theirs = theirs.replace("to_rgb.", "output")
        doubling = re.fullmatch(
            r"synthesis\.layers\.[13]\.weight", name
        )  # (in, out, 3, 3) with us, there (out, in, 3, 3)
        kept = value.transpose(0, 1).flip(2, 3) if doubling else value
        kept = kept - 1 if name.endswith("style.bias") else kept
        entries[theirs] = kept.squeeze() if name.endswith("noise_gain") else kept
    loaded = stylegan2_format.generator({"generator_smooth": entries})
    z = torch.randn(2, 4)
    torch.testing.assert_close(loaded(z), network(z), rtol=1e-4, atol=1e-4)


def test_an_incomplete_file_is_refused():
    entries = genforce()
    for part in (
        "synthesis.layer3.weight",
        "synthesis.layer5",
        "mapping.dense1",
        "synthesis.layer6.style",
        "synthesis.layer2.apply_noise.noise",
    ):
        rest = {name: value for name, value in entries.items() if not name.startswith(part)}
        with pytest.raises(BenchError, match="Is the file complete"):
            stylegan_pggan.stylegan(rest)
    with pytest.raises(BenchError, match="not of a pggan"):
        stylegan_pggan.pggan(entries)


def test_noise_comes_from_where_it_is_asked():
    entries = genforce()
    network = stylegan_pggan.stylegan(entries)
    w = network.mapping(torch.randn(1, 6)).expand(2, -1, -1)
    kept, none, random = (network.synthesis(w, noise=kind) for kind in ("stored", "none", "random"))
    torch.testing.assert_close(kept[0], kept[1])
    assert (none - kept).abs().max() > 0.1
    assert (random[0] - random[1]).abs().max() > 0.1, "each image gets its own random noise"
    torch.testing.assert_close(network.synthesis(w, noise=stored(entries)), kept)


def test_mapping_truncation_and_mixing():
    entries = genforce()
    network = stylegan_pggan.stylegan(entries)
    z = torch.randn(2, 6)
    w = network.mapping(z)
    torch.testing.assert_close(network.mapping(7 * z), w, msg="the length of z must not matter")
    images = network.synthesis(truncate(w, entries["truncation.w_avg"], 0.0))
    torch.testing.assert_close(images[0], images[1], msg="psi 0 is one image")
    fine = network.synthesis(mix(w[:1], w[1:], 11))
    assert (fine - network.synthesis(w[:1])).abs().max() > 1e-3, "the last layer has a latent of its own"


def test_scale_of_a_convolution_is_undone_by_the_instance_norm():
    network = stylegan_pggan.stylegan(genforce())
    w = network.mapping(torch.randn(1, 6))
    epilogue = network.synthesis.epilogues[3]
    x = torch.randn(1, 7, 8, 8)
    before = epilogue(x, w[:, 3], None)
    with torch.no_grad():
        epilogue.bias *= 2
    torch.testing.assert_close(epilogue(2 * x, w[:, 3], None), before, rtol=1e-4, atol=1e-4)
    flat = (before - before.mean((2, 3), keepdim=True)).square().mean((2, 3)).sqrt()
    scale = epilogue.style(w[:, 3])[:, :7] + 1
    torch.testing.assert_close(flat, scale.abs(), rtol=1e-4, atol=1e-4)


def test_latents_have_the_right_gradients():
    network = StyleGAN(size=8, channels={4: 3, 8: 2}, style_dim=3, mapping_layers=1).double().requires_grad_(False)
    w = torch.randn(2, 4, 3).double().requires_grad_()
    maps = [torch.randn(1, 1, 4 << k // 2, 4 << k // 2).double().requires_grad_() for k in range(4)]
    for epilogue in network.synthesis.epilogues:
        epilogue.noise_gain.normal_()
    assert torch.autograd.gradcheck(lambda w, *maps: network.synthesis(w, noise=maps).mean((2, 3)), (w, *maps))


@torch.no_grad()
def test_batch_dtype_and_layout_do_not_matter():
    network = stylegan_pggan.stylegan(genforce())
    w = network.mapping(torch.randn(3, 6)).contiguous()
    images = network.synthesis(w)
    size = float(images.abs().max())
    for i in range(3):
        torch.testing.assert_close(network.synthesis(w[i : i + 1])[0], images[i], rtol=0, atol=1e-4 * size)
    last = stylegan_pggan.stylegan(genforce()).to(memory_format=torch.channels_last).synthesis(w)
    torch.testing.assert_close(last, images, rtol=0, atol=1e-4 * size)
    half = stylegan_pggan.stylegan(genforce()).bfloat16().synthesis(w.bfloat16())
    assert half.dtype == torch.bfloat16
    assert (half - images).abs().mean() < 0.02 * size
