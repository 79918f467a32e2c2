"""GLEAN against the released network's sizes, costs and stored outputs, and each switch against what it should do."""

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.spec import BenchError
from methods.formats import glean as glean_format
from methods.formats.glean_names import from_mmagic
from methods.nets import stylegan
from methods.nets.glean import FULL, GLEAN, LIGHT, Switches, dead_macs
from methods.nets.rrdbnet import Trunk
from methods.nets.stylegan2 import StyleGAN2Synthesis
from methods.nets.stylegan2_layers import config_f

from .conftest import SHARED

TABLE = {4: 10, 8: 8, 16: 8, 32: 6, 64: 4}
GOLDEN = SHARED / "golden" / "glean_8_64.pt"
FUSION_SKIP = {4: 13_908, 8: 27_816, 16: 41_724, 32: 55_632, 64: 69_540, 128: 76_536}
MAPPING = 2_101_248
VARIANTS = {
    "full": FULL,
    "light": LIGHT,
    "no encoder features": Switches(encoder_features="none"),
    "encoder features up to 8": Switches(encoder_features=8),
    "single latent": Switches(latents="single"),
    "learned latents": Switches(latents="learned"),
    "no bank": Switches(bank_features="none"),
    "bank up to 32": Switches(bank_features=32),
    "no decoder": Switches(decoder=False),
    "latents only": Switches(decoder=False, encoder_features="none"),
    "coarse encoder features": Switches(encoder_features="coarse"),
    "coarse bank features": Switches(bank_features="coarse"),
    "light without decoder": Switches(decoder=False, encoder_features="finest", latents="learned"),
}


def small(switches=FULL, in_size=16, seed=0) -> GLEAN:
    """16 -> 64 px, a few thousand weights, noise gains and latents not zero."""
    torch.manual_seed(seed)
    trunk, bank = Trunk(channels=6, blocks=1, growth=4), StyleGAN2Synthesis(size=64, channels=TABLE, style_dim=12)
    network = GLEAN(trunk=trunk, bank=bank, in_size=in_size, switches=switches)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(("noise_gain", "bias", "latents")):
                value.add_(torch.randn_like(value), alpha=0.3)
    return network


def lr(batch=2, size=16) -> Tensor:
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(5)) * 2 - 1


def paper_network(in_size, out_size, switches=FULL) -> GLEAN:
    with torch.device("meta"):
        bank = StyleGAN2Synthesis(size=out_size, channels=config_f(out_size))
        return GLEAN(trunk=Trunk(), bank=bank, in_size=in_size, switches=switches)


def gmacs(network) -> float:
    with FlopCounterMode(display=False) as counter:
        network(next(network.parameters()).new_zeros(1, 3, network.in_size, network.in_size))
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize(
    ("in_size", "out_size", "total", "trainable", "cost"),
    [
        (32, 256, 162_479_861, 132_445_523, 167.44),
        (16, 256, 171_903_649, 141_869_311, 160.53),
        (32, 512, 171_628_090, 141_351_507, 230.87),
        (64, 1024, 175_516_723, 145_146_663, 352.24),
        (128, 1024, 174_196_615, 143_826_555, 552.25),
        (16, 1024, 189_645_707, 159_275_647, 298.34),
    ],
)
@pytest.mark.slow
def test_size_and_cost_are_the_released_networks(in_size, out_size, total, trainable, cost):
    network = paper_network(in_size, out_size)
    counted = [p.numel() for p in network.parameters() if p.requires_grad]
    assert sum(counted) == trainable - FUSION_SKIP[in_size]
    everything = sum(p.numel() for p in network.parameters())
    assert everything == total - FUSION_SKIP[in_size] - MAPPING, "what has no effect, we do not have"
    assert gmacs(network) == pytest.approx(cost, abs=0.012), "without dead branches; demodulation adds 0.003"


@pytest.mark.skipif(not GOLDEN.exists(), reason="the stored output of the released code is not here")
def test_output_is_that_of_the_released_code():
    with torch.serialization.safe_globals([torch.torch_version.TorchVersion]):
        golden = torch.load(GOLDEN, weights_only=True)
    with torch.device("meta"):
        bank = StyleGAN2Synthesis(size=64, channels=golden["config"]["channels"], style_dim=32)
        network = GLEAN(trunk=Trunk(channels=32, blocks=2, growth=32), bank=bank, in_size=8)
    network.load_state_dict(from_mmagic(golden["state_dict"]), assign=True)
    seen = {}
    names = {"encoder.head": "encoder.0", "encoder.stages.0": "encoder.1", "encoder.stages.1": "encoder.2"}
    names |= {"fusion.0": "fusion_out.0", "fusion.1": "fusion_out.1", "bank.layers.0": "generator.conv1"}
    names |= {f"bank.layers.{k + 1}": f"generator.convs.{k}" for k in range(8)} | {"decoder.last": "decoder.3"}
    for ours, theirs in names.items():
        keep = lambda _module, _args, output, theirs=theirs: seen.update({theirs: output.clone()})  # noqa: E731
        network.get_submodule(ours).register_forward_hook(keep)
    with torch.no_grad():
        output = network(golden["input"])
    for name, value in seen.items():
        expected = golden["taps"][name]
        error = (value - expected).abs().max() / expected.abs().max()
        assert error < 1e-5, f"{name} is off by {error:.1e} of its range"
    assert (output - golden["output"]).abs().max() < 1e-5 * golden["output"].abs().max()
    assert len(seen) == 15


@torch.no_grad()
@pytest.mark.parametrize("switches", [FULL, Switches(decoder=False)], ids=["decoder", "no decoder"])
def test_forward_pass_is_the_written_formula(switches):
    """Eq. 1 to 4 as `methods.nets.glean` states them, once more, without the network's own forward passes."""

    def leaky(x):
        return torch.where(x > 0, x, 0.2 * x)

    network = small(switches).double()
    x, encoder, bank = lr().double(), network.encoder, network.bank
    f = {16: leaky(encoder.head[0](encoder.trunk(x)))}  # Eq. 1
    for size, stage in zip((8, 4), encoder.stages, strict=False):
        f[size] = leaky(stage[2](leaky(stage[0](f[2 * size]))))
    last = encoder.stages[2]
    c = last[3](leaky(last[0](f[4])).flatten(1)).view(2, 10, 12)  # Eq. 2
    noise = [layer.noise for layer in bank.layers]
    g = {4: bank.start(c, noise)}  # Eq. 3: f at 4, 8, 16 px goes in before the bank enlarges to 8, 16, 32
    for index, size in enumerate((8, 16, 32, 64), 1):
        into = g[size // 2]
        if size // 2 in f:
            into = network.fusion[str(index - 1)](torch.cat([into, f[size // 2]], 1))
        g[size] = bank.stage(index, into, c, noise)
    if network.decoder is None:
        wanted = bank.image([g[size] for size in (4, 8, 16, 32, 64)], c)
    else:
        d = f[16]  # Eq. 4: from 32 px on with the bank's feature of the same size
        for size, block in zip((16, 32), network.decoder.blocks, strict=True):
            d = torch.nn.functional.pixel_shuffle(block(d if size == 16 else torch.cat([d, g[size]], 1)), 2)
        first, _, second = network.decoder.last
        wanted = second(leaky(first(torch.cat([d, g[64]], 1))))
    torch.testing.assert_close(network(x), wanted, rtol=0, atol=1e-9)


def test_a_stranger_among_the_names_is_an_error():
    assert from_mmagic({"fusion_skip.0.bias": torch.zeros(3)}) == {}
    with pytest.raises(BenchError, match=r"vgg\.mean"):
        from_mmagic({"vgg.mean": torch.zeros(3)})


@pytest.mark.parametrize("switches", VARIANTS.values(), ids=VARIANTS)
def test_each_variant_uses_its_input_and_all_it_trains(switches):
    network = small(switches)
    image = lr().requires_grad_()
    output = network(image)
    assert output.shape == (2, 3, 64, 64)
    output.square().sum().backward()
    assert image.grad.abs().sum() > 0, "the output does not depend on the LR image"
    # The last latent of the released network serves the RGB path only, but it is a row of a used matrix.
    idle = [name for name, p in network.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert idle == []


def test_switches_remove_what_they_name():
    def parts(switches):
        return {name.split(".")[0] for name, p in small(switches).named_parameters() if p.requires_grad}

    assert parts(FULL) == {"encoder", "fusion", "decoder"}
    assert parts(LIGHT) == {"encoder", "fusion", "decoder", "latents"}
    assert parts(Switches(decoder=False)) == {"encoder", "fusion"}
    assert parts(Switches(bank_features="none")) == {"encoder", "decoder"}
    fused = {name: list(small(switches).fusion) for name, switches in VARIANTS.items()}
    assert fused["full"] == ["0", "1", "2"]
    assert fused["light"] == ["2"]
    assert fused["encoder features up to 8"] == ["0", "1"]
    assert fused["coarse encoder features"] == ["0", "1"], "of 4, 8, 16 px the coarser half, rounded up"
    assert small(VARIANTS["coarse bank features"]).decoder.features == (32,)
    assert fused["no encoder features"] == []
    assert len(small(LIGHT).encoder.stages) == 0, "f_0 needs no stage of stride 2"
    assert small(Switches(bank_features=32)).decoder.features == (32,)
    assert small().decoder.features == (32, 64)


@pytest.mark.parametrize(("in_size", "coarse"), [(8, (4,)), (16, (4, 8)), (32, (4, 8)), (64, (4, 8, 16))])
def test_coarse_features_are_those_of_the_paper_and_of_the_shipped_weights(in_size, coarse):
    """Figure 7 passes 4 to 16 px of the five resolutions of 64 px; the files of `mini` were trained at 8 px with 4."""
    bank = StyleGAN2Synthesis(size=128, channels=dict.fromkeys((4, 8, 16, 32, 64, 128), 4), style_dim=4)
    trunk = Trunk(channels=4, blocks=1, growth=2)
    switches = Switches(encoder_features="coarse", decoder=False)
    network = GLEAN(trunk=trunk, bank=bank, in_size=in_size, switches=switches)
    assert tuple(4 << int(stage) for stage in network.fusion) == coarse


def test_the_bank_is_run_only_as_far_as_it_is_used():
    costs = [gmacs(small(Switches(bank_features=r))) for r in ("none", 32, "all")]
    assert costs == sorted(set(costs)), "each resolution of the bank should add to the cost"
    assert gmacs(small(LIGHT)) < costs[-1]
    ran = []
    network = small(Switches(bank_features=32))
    for k, layer in enumerate(network.bank.layers):
        layer.register_forward_hook(lambda *_, k=k: ran.append(k))
    for rgb in network.bank.to_rgb:
        rgb.register_forward_hook(lambda *_: ran.append("rgb"))
    network(lr())
    assert ran == list(range(7)), "4, 8, 16, 32 px: seven layers, no RGB"


def test_without_decoder_the_bank_paints():
    network = small(VARIANTS["latents only"])
    with torch.no_grad():
        w = network.encoder(lr())[1]
        torch.testing.assert_close(network(lr()), network.bank(w))
        single = small(Switches(decoder=False, encoder_features="none", latents="single"))
        w = single.encoder(lr())[1]
        assert w.shape == (2, 1, 12)
        torch.testing.assert_close(single(lr()), single.bank(w.expand(-1, 10, -1)))


@pytest.mark.parametrize("switches", VARIANTS.values(), ids=VARIANTS)
def test_a_stylegan_bank_serves_as_well(switches):
    torch.manual_seed(0)
    bank = stylegan.StyleGANSynthesis(size=64, channels=TABLE, style_dim=12)
    network = GLEAN(trunk=Trunk(channels=6, blocks=1, growth=4), bank=bank, in_size=16, switches=switches)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(("noise_gain", "bias", "latents")):
                value.add_(torch.randn_like(value), alpha=0.3)
    image = lr().requires_grad_()
    network(image).square().sum().backward()
    assert image.grad.abs().sum() > 0, "the output does not depend on the LR image"
    assert dead_macs(network) == 0, "StyleGAN has no RGB path"


def test_a_stylegan_bank_alone_paints_as_the_generator_does():
    torch.manual_seed(0)
    bank = stylegan.StyleGANSynthesis(size=64, channels=TABLE, style_dim=12)
    switches = Switches(decoder=False, encoder_features="none")
    network = GLEAN(trunk=Trunk(channels=6, blocks=1, growth=4), bank=bank, in_size=16, switches=switches)
    with torch.no_grad():
        w = network.encoder(lr())[1]
        torch.testing.assert_close(network(lr()), bank(w))


@pytest.mark.parametrize("in_size", [1, 2, 4, 8, 32])
def test_other_input_sizes(in_size):
    network = small(in_size=in_size)
    with torch.no_grad():
        assert network(lr(1, in_size)).shape == (1, 3, 64, 64)
    assert list(network.fusion) == [str(i) for i in range(max(1, in_size.bit_length() - 2))]


def test_two_pixels_are_enlarged_bilinearly():
    network, four = small(in_size=2), small(in_size=4)
    four.load_state_dict(network.state_dict())
    image = torch.tensor([-1.0, 1.0]).expand(1, 3, 2, 2)
    wide = torch.tensor([-1.0, -0.5, 0.5, 1.0]).expand(1, 3, 4, 4)
    with torch.no_grad():
        torch.testing.assert_close(network(image), four(wide))


def test_wrong_sizes_and_meaningless_switches_are_refused():
    for in_size in (0, 12, 128):
        with pytest.raises(ValueError, match=f"not {in_size} px"):
            small(in_size=in_size)
    with pytest.raises(ValueError, match="not depend on the LR"):
        small(Switches(decoder=False, encoder_features="none", latents="learned"))
    with pytest.raises(ValueError, match=r"expected \(B, 3, 16, 16\)"):
        small()(lr(1, 8))


def test_the_bank_stays_frozen_and_deterministic():
    network = small().train()
    assert not any(p.requires_grad for p in network.bank.parameters())
    before = {name: value.clone() for name, value in network.bank.state_dict().items()}
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(lr()).square().mean().backward()
    optimiser.step()
    assert all((before[name] == value).all() for name, value in network.bank.state_dict().items())
    with torch.no_grad():
        assert (network(lr()) == network.eval()(lr())).all(), "noise should be the stored one, in training too"


@torch.no_grad()
def test_batch_dtype_and_layout_do_not_matter():
    network, images = small(), lr(3)
    output = network(images)
    size = float(output.abs().max())
    for i in range(3):
        torch.testing.assert_close(network(images[i : i + 1])[0], output[i], rtol=0, atol=1e-5 * size)
    last = small().to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, output, rtol=0, atol=1e-5 * size)
    exact = small().double()(images.double())
    torch.testing.assert_close(output.double(), exact, rtol=0, atol=1e-5 * size)
    half = small().bfloat16()(images.bfloat16())
    assert half.dtype == torch.bfloat16
    assert (half - output).abs().mean() < 0.02 * size


@torch.no_grad()
@pytest.mark.parametrize("rows", [1, 7, 32])
@pytest.mark.parametrize("switches", [FULL, Switches(bank_features="none")], ids=["bank", "no bank"])
def test_strips_of_the_last_block_do_not_show(monkeypatch, switches, rows):
    network, heights = small(switches).double(), []
    network.decoder.last.register_forward_hook(lambda _module, args, _output: heights.append(args[0].shape[2]))
    whole = network(lr().double())
    channels = network.decoder.last[0].in_channels
    monkeypatch.setattr("methods.nets.glean_parts.STRIP", rows * 2 * channels * 64)
    torch.testing.assert_close(network(lr().double()), whole, rtol=0, atol=1e-12)
    strips = {1: [3, 4, *[5] * 60, 4, 3], 7: [9, *[11] * 7, 10, 3], 32: [34, 34]}
    assert heights == [64, *strips[rows]]


def test_meta_network_takes_loaded_tensors():
    network = small()
    with torch.device("meta"):
        empty = small()
    empty.load_state_dict(network.state_dict(), assign=True)
    with torch.no_grad():
        assert (empty(lr()) == network(lr())).all(), "something is neither in the state dict nor made on the fly"
    assert not any(p.requires_grad for p in empty.bank.parameters()), "loading should not thaw the bank"


def test_at_full_size_the_first_feature_goes_to_the_decoder_alone_beside_the_bank_s_last():
    """Denoising, inpainting, colourisation: no stage of the bank takes a feature as large as its images."""
    network = small(in_size=64)
    assert set(network.fusion) == {"0", "1", "2", "3"}, "f at 4 to 32 px is merged, that at 64 px is not"
    assert network.decoder.features == (64,)
    assert not len(network.decoder.blocks), "nothing is enlarged"
    image = network(lr(size=64))
    assert image.shape == (2, 3, 64, 64)
    with torch.no_grad():
        network.bank.noise_maps = lambda *_: [None] * network.bank.latents
        for name, value in network.fusion.named_parameters():
            value.zero_() if "weight" in name else value.add_(1)
    assert not torch.allclose(network(lr(size=64)), image), "the bank's feature does not reach the image"


def test_the_weights_of_full_size_are_read_again():
    network = small(in_size=64)
    again = glean_format.glean(network.state_dict(), in_size=64)
    assert torch.equal(again(lr(size=64)), network(lr(size=64)))
