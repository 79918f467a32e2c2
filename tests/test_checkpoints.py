"""Every published layout, written here from the fact sheets name by name, gives the network it was saved from.

Those of GLEAN's variants, StyleGAN, PGGAN, SRResNet and ESRGAN have tests of their own; here they are told apart.
"""

from collections.abc import Iterator, ValuesView

import pytest
import torch
from torch import Tensor, nn

from bench.spec import BenchError
from methods.formats import checkpoints, own_files, stylegan_pggan, unpickle
from methods.formats import esrgan as esrgan_format
from methods.formats import glean as glean_format
from methods.formats import srresnet as srresnet_format
from methods.formats import stylegan2 as stylegan2_format
from methods.nets import pggan, stylegan
from methods.nets.glean import GLEAN
from methods.nets.rrdbnet import RRDBNet, Trunk
from methods.nets.srresnet import MSRResNet
from methods.nets.stylegan2 import StyledConv, StyleGAN2, StyleGAN2Synthesis
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator

from .conftest import SHARED
from .test_formats_srresnet import mmagic as mmagic_srresnet
from .test_nets_stylegan import genforce as genforce_stylegan

CHANNELS = {4: 12, 8: 12, 16: 8, 32: 6}
FIR = torch.ones(4, 4)


def randomised(network, seed=0) -> nn.Module:
    """Give every entry a value of its own: zeros at the start would hide a name that goes to the wrong place."""
    draw = torch.Generator().manual_seed(seed)
    for value in network.state_dict().values():
        value.copy_(torch.randn(value.shape, generator=draw) * 0.5 + 0.1)
    return network.eval()


def generator(channels=CHANNELS) -> StyleGAN2:
    return randomised(StyleGAN2(size=max(channels), channels=channels, style_dim=16, mapping_layers=3))


def discriminator(channels=CHANNELS) -> StyleGAN2Discriminator:
    return randomised(StyleGAN2Discriminator(size=max(channels), channels=channels))


def layers(g) -> Iterator[tuple[int, StyledConv, bool]]:
    """The styled convolutions with the index of their pair: (None, first), (0, up), (0, plain), (1, up) ..."""
    yield from ((k, layer, k % 2 == 1) for k, layer in enumerate(g.synthesis.layers))


def kernel(layer) -> Tensor:
    """A styled convolution's weight as everybody stores it, (out, in, 3, 3)."""
    return layer.weight.transpose(0, 1) if layer.up else layer.weight


def mmagic(g) -> dict[str, Tensor]:
    out = {"constant_input.input": g.synthesis.constant}
    for j, layer in enumerate(g.mapping.layers, start=1):
        out |= {f"style_mapping.{j}.bias": layer.bias, f"style_mapping.{j}.linear.weight_orig": layer.weight}
    for k, layer, up in layers(g):
        at = f"convs.{k - 1}" if k else "conv1"
        out |= {
            f"injected_noise_{k}": layer.noise, f"{at}.conv.weight_orig": kernel(layer)[None],
            f"{at}.conv.style_modulation.bias": layer.style.bias,
            f"{at}.conv.style_modulation.linear.weight_orig": layer.style.weight,
            f"{at}.noise_injector.weight": layer.noise_gain, f"{at}.activate.bias": layer.bias,
        }  # fmt: skip
        if up:
            out[f"{at}.conv.blur.kernel"] = FIR
    for k, rgb in enumerate(g.synthesis.to_rgb):
        at = f"to_rgbs.{k - 1}" if k else "to_rgb1"
        out |= {
            f"{at}.bias": rgb.bias.view(1, 3, 1, 1), f"{at}.conv.weight_orig": rgb.weight[None],
            f"{at}.conv.style_modulation.bias": rgb.style.bias,
            f"{at}.conv.style_modulation.linear.weight_orig": rgb.style.weight,
        }  # fmt: skip
        if k:
            out[f"{at}.upsample.kernel"] = FIR
    return out


def rosinality(g) -> dict[str, Tensor]:
    out = {"input.input": g.synthesis.constant}
    for j, layer in enumerate(g.mapping.layers, start=1):
        out |= {f"style.{j}.weight": layer.weight, f"style.{j}.bias": layer.bias}
    for k, layer, up in layers(g):
        at = f"convs.{k - 1}" if k else "conv1"
        out |= {
            f"noises.noise_{k}": layer.noise, f"{at}.conv.weight": kernel(layer)[None],
            f"{at}.conv.modulation.weight": layer.style.weight, f"{at}.conv.modulation.bias": layer.style.bias,
            f"{at}.noise.weight": layer.noise_gain, f"{at}.activate.bias": layer.bias,
        }  # fmt: skip
        if up:
            out[f"{at}.conv.blur.kernel"] = FIR
    for k, rgb in enumerate(g.synthesis.to_rgb):
        at = f"to_rgbs.{k - 1}" if k else "to_rgb1"
        out |= {
            f"{at}.conv.weight": rgb.weight[None], f"{at}.conv.modulation.weight": rgb.style.weight,
            f"{at}.conv.modulation.bias": rgb.style.bias, f"{at}.bias": rgb.bias.view(1, 3, 1, 1),
        }  # fmt: skip
    return out


def basicsr(g) -> dict[str, Tensor]:
    out = {"constant_input.weight": g.synthesis.constant}
    for j, layer in enumerate(g.mapping.layers, start=1):
        out |= {f"style_mlp.{j}.weight": layer.weight, f"style_mlp.{j}.bias": layer.bias}
    for k, layer, _ in layers(g):
        at = f"style_convs.{k - 1}" if k else "style_conv1"
        out |= {
            f"noises.noise{k}": layer.noise, f"{at}.modulated_conv.weight": kernel(layer)[None],
            f"{at}.modulated_conv.modulation.weight": layer.style.weight,
            f"{at}.modulated_conv.modulation.bias": layer.style.bias,
            f"{at}.weight": layer.noise_gain, f"{at}.activate.bias": layer.bias,
        }  # fmt: skip
    for k, rgb in enumerate(g.synthesis.to_rgb):
        at = f"to_rgbs.{k - 1}" if k else "to_rgb1"
        out |= {
            f"{at}.modulated_conv.weight": rgb.weight[None], f"{at}.bias": rgb.bias.view(1, 3, 1, 1),
            f"{at}.modulated_conv.modulation.weight": rgb.style.weight,
            f"{at}.modulated_conv.modulation.bias": rgb.style.bias,
        }  # fmt: skip
    return out


def nvidia(g) -> dict[str, Tensor]:
    out = {"synthesis.b4.const": g.synthesis.constant[0], "mapping.w_avg": torch.zeros(16)}
    for j, layer in enumerate(g.mapping.layers):
        out |= {f"mapping.fc{j}.weight": layer.weight, f"mapping.fc{j}.bias": layer.bias}
    places = [(resolution, which) for resolution in g.synthesis.channels for which in (0, 1)][1:]
    for (resolution, which), layer in zip(places, g.synthesis.layers, strict=True):
        at = f"synthesis.b{resolution}.conv{which}"
        out |= {
            f"{at}.weight": kernel(layer), f"{at}.bias": layer.bias, f"{at}.affine.weight": layer.style.weight,
            f"{at}.affine.bias": layer.style.bias, f"{at}.noise_strength": layer.noise_gain[0],
            f"{at}.noise_const": layer.noise[0, 0], f"{at}.resample_filter": FIR,
        }  # fmt: skip
    for resolution, rgb in zip(g.synthesis.channels, g.synthesis.to_rgb, strict=True):
        at = f"synthesis.b{resolution}.torgb"
        out |= {
            f"{at}.weight": rgb.weight, f"{at}.bias": rgb.bias, f"{at}.affine.weight": rgb.style.weight,
            f"{at}.affine.bias": rgb.style.bias, f"synthesis.b{resolution}.resample_filter": FIR,
        }  # fmt: skip
    return out


def genforce(g) -> dict[str, Tensor]:
    out = {"synthesis.early_layer.const": g.synthesis.constant, "truncation.w_avg": torch.zeros(16)}
    for j, layer in enumerate(g.mapping.layers):
        out |= {f"mapping.dense{j}.weight": layer.weight, f"mapping.dense{j}.bias": layer.bias}
    for k, layer, up in layers(g):
        at = f"synthesis.layer{k}"
        out |= {
            f"{at}.weight": kernel(layer).flip(2, 3) if up else kernel(layer), f"{at}.bias": layer.bias,
            f"{at}.style.weight": layer.style.weight, f"{at}.style.bias": layer.style.bias - 1,
            f"{at}.noise_strength": layer.noise_gain[0], f"{at}.noise": layer.noise, f"{at}.filter.kernel": FIR,
        }  # fmt: skip
    for k, rgb in enumerate(g.synthesis.to_rgb):
        at = f"synthesis.output{k}"
        out |= {
            f"{at}.weight": rgb.weight, f"{at}.bias": rgb.bias, f"{at}.style.weight": rgb.style.weight,
            f"{at}.style.bias": rgb.style.bias - 1,
        }  # fmt: skip
    return out


def prefixed(state, prefix) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}


CONTAINERS = {
    "mmagic": lambda s: {"meta": {"epoch": 1}, "state_dict": prefixed(s, "generator_ema.") | prefixed(s, "generator.")},
    "rosinality": lambda s: {"g_ema": s, "latent_avg": torch.zeros(16), "ada_aug_p": 0.0},
    "basicsr": lambda s: {"params_ema": s, "latent_avg": torch.zeros(16)},
    "nvidia": lambda s: {"G_ema": s, "D": {}, "init_kwargs": {}},
    "genforce": lambda s: {"models": {"generator_smooth": s, "discriminator": {}}},
}
LAYOUTS = {f.__name__: f for f in (mmagic, rosinality, basicsr, nvidia, genforce)} | {"ours": lambda g: g.state_dict()}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("layout", list(LAYOUTS))
@torch.inference_mode()
def test_a_generator_comes_back_from_every_layout(layout, wrapped):
    saved = generator()
    state = LAYOUTS[layout](saved)
    if wrapped:
        state = CONTAINERS.get(layout, lambda s: {"params": s})(state)
    loaded = stylegan2_format.generator(state)
    assert (loaded.synthesis.size, loaded.synthesis.channels, loaded.z_dim) == (32, CHANNELS, 16)
    z = torch.randn(2, 16, generator=torch.Generator().manual_seed(3))
    for noise in ("stored", "none"):
        expected = saved.synthesis(saved.mapping(z), noise=noise)
        found = loaded.synthesis(loaded.mapping(z), noise=noise)
        assert (found - expected).abs().max() <= 2e-5 * expected.abs().max(), "an entry went to the wrong place"


def d_mmagic(d) -> dict[str, Tensor]:
    return {
        name.replace(".weight", ".conv.weight_orig" if "linear" not in name else ".linear.weight_orig"): value
        for name, value in d_rosinality(d).items()
        if "kernel" not in name
    }


def d_rosinality(d, body="convs") -> dict[str, Tensor]:
    out = {f"{body}.0.0.weight": d.first.weight, f"{body}.0.1.bias": d.first.bias}
    for i, block in enumerate(d.blocks, start=1):
        at = f"{body}.{i}"
        out |= {
            f"{at}.conv1.0.weight": block.conv1.weight, f"{at}.conv1.1.bias": block.conv1.bias,
            f"{at}.conv2.0.kernel": FIR, f"{at}.conv2.1.weight": block.conv2.weight,
            f"{at}.conv2.2.bias": block.conv2.bias, f"{at}.skip.0.kernel": FIR, f"{at}.skip.1.weight": block.skip,
        }  # fmt: skip
    return out | {
        "final_conv.0.weight": d.last.weight, "final_conv.1.bias": d.last.bias,
        "final_linear.0.weight": d.hidden.weight, "final_linear.0.bias": d.hidden.bias,
        "final_linear.1.weight": d.score.weight, "final_linear.1.bias": d.score.bias,
    }  # fmt: skip


def d_basicsr(d) -> dict[str, Tensor]:
    return d_rosinality(d, "conv_body")


def d_nvidia(d) -> dict[str, Tensor]:
    size = 4 << len(d.blocks)
    out = {f"b{size}.fromrgb.weight": d.first.weight, f"b{size}.fromrgb.bias": d.first.bias}
    for resolution, block in zip((size >> k for k in range(len(d.blocks))), d.blocks, strict=True):
        at = f"b{resolution}"
        out |= {
            f"{at}.conv0.weight": block.conv1.weight, f"{at}.conv0.bias": block.conv1.bias,
            f"{at}.conv1.weight": block.conv2.weight, f"{at}.conv1.bias": block.conv2.bias,
            f"{at}.skip.weight": block.skip, f"{at}.resample_filter": FIR,
        }  # fmt: skip
    return out | {
        "b4.conv.weight": d.last.weight, "b4.conv.bias": d.last.bias, "b4.fc.weight": d.hidden.weight,
        "b4.fc.bias": d.hidden.bias, "b4.out.weight": d.score.weight, "b4.out.bias": d.score.bias,
    }  # fmt: skip


D_LAYOUTS = {
    "mmagic": lambda d: {"state_dict": prefixed(d_mmagic(d), "discriminator.")},
    "rosinality": lambda d: {"g_ema": {}, "d": d_rosinality(d)},
    "basicsr": lambda d: {"params": d_basicsr(d)},
    "nvidia": lambda d: {"D": d_nvidia(d)},
    "ours": lambda d: d.state_dict(),
}


@pytest.mark.parametrize("layout", list(D_LAYOUTS))
@torch.inference_mode()
def test_a_discriminator_comes_back_from_every_layout(layout):
    saved = discriminator()
    loaded = stylegan2_format.discriminator(D_LAYOUTS[layout](saved))
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    expected = saved(images)
    assert (loaded(images) - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.skipif(not (SHARED / "golden").is_dir(), reason="needs ../shared/golden")
@pytest.mark.parametrize("prefix", ["", "generator."])
@torch.inference_mode()
def test_the_golden_glean_with_all_sizes_read_off_its_weights(prefix):
    with torch.serialization.safe_globals([torch.torch_version.TorchVersion]):
        golden = torch.load(SHARED / "golden" / "glean_8_64.pt", weights_only=True)
    extra = {"discriminator.convs.0.1.bias": torch.zeros(3)} if prefix else {}
    network = glean_format.glean({"state_dict": prefixed(golden["state_dict"], prefix) | extra})
    assert (network.in_size, network.bank.size) == (8, 64)
    error = (network(golden["input"]) - golden["output"]).abs().max()
    assert error <= 1e-4 * golden["output"].abs().max()
    assert not any(parameter.requires_grad for parameter in network.bank.parameters()), "the bank is frozen"


def glean_state(channels=CHANNELS, in_size=8) -> tuple[GLEAN, dict[str, Tensor]]:
    """A tiny GLEAN, 8 -> 32 unless it is told otherwise, in mmagic's names."""
    bank = StyleGAN2Synthesis(size=max(channels), channels=channels, style_dim=16)
    network = randomised(GLEAN(trunk=Trunk(channels=8, blocks=2, growth=4), bank=bank, in_size=in_size))
    g = generator(channels)
    g.synthesis.load_state_dict(network.bank.state_dict())
    state = prefixed(mmagic(g), "generator.")
    for name, value in network.encoder.trunk.state_dict().items():
        state[f"encoder.0.0.{name}"] = value
    for name, value in network.encoder.head.state_dict().items():
        state["encoder.0.1." + name.removeprefix("0.")] = value
    for name, value in network.encoder.stages.state_dict().items():
        index, rest = name.split(".", 1)
        state[f"encoder.{int(index) + 1}.{rest}"] = value
    for name, value in network.fusion.state_dict().items():
        state[f"fusion_out.{name}"] = value
        state[f"fusion_skip.{name}"] = torch.zeros(3)
    for name, value in network.decoder.blocks.state_dict().items():
        index, kind = name.split(".")
        state[f"decoder.{index}.upsample_conv.{kind}"] = value
    for name, value in network.decoder.last.state_dict().items():
        state[f"decoder.{len(network.decoder.blocks)}.{name}"] = value
    return network, state


@torch.inference_mode()
def test_a_glean_of_other_sizes_comes_back():
    network, state = glean_state()
    lr = torch.rand(2, 3, 8, 8) * 2 - 1
    loaded = glean_format.glean(state)
    assert torch.allclose(loaded(lr), network(lr), atol=1e-5)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.pop("fusion_out.1.bias"), "1 missing: fusion.1.bias"),
        (lambda s: s.pop("encoder.2.3.weight"), "1 missing: encoder.stages.1.3.weight"),
        (lambda s: s.update({"decoder.0.upsample_conv.bias": torch.zeros(3)}), r"decoder.blocks.0.bias is \(3,\), not"),
        (lambda s: s.update({"encoder.9.0.weight": torch.zeros(3)}), "left over: encoder.stages.8.0.weight"),
        (lambda s: s.update({"nonsense": torch.zeros(3)}), "'nonsense'"),
        (lambda s: s.clear() or s.update({"a": torch.zeros(1)}), "not the weights of a GLEAN"),
        (lambda s: s.clear(), "not the weights of a GLEAN"),
    ],
)
def test_weights_that_do_not_fit_say_which(spoil, words):
    _, state = glean_state()
    spoil(state)
    with pytest.raises(BenchError, match=words):
        glean_format.glean(state)


@pytest.mark.parametrize("function", [stylegan2_format.generator, stylegan2_format.discriminator])
def test_the_file_of_another_network_is_refused(function):
    with pytest.raises(BenchError, match="layout we know"):
        function(RRDBNet(factor=4, channels=8, blocks=1, growth=4).state_dict())


def stylegan_generator() -> stylegan.StyleGAN:
    return randomised(stylegan.StyleGAN(size=32, channels=CHANNELS, style_dim=16, mapping_layers=3))


def pggan_generator(channels=CHANNELS) -> pggan.PGGAN:
    return randomised(pggan.PGGAN(size=max(channels), channels=channels, z_dim=16))


def mganprior(g, weight="conv.weight", bias="wscale.bias") -> dict[str, Tensor]:
    """A PGGAN generator in mGANprior's names; the RGB layers of smaller images are left out."""
    last = f"output{len(g.layers) // 2 - 1}"
    at = {name: f"layer{name.split('.')[1]}" if name.startswith("layers") else last for name in g.state_dict()}
    kinds = {"weight": weight, "bias": bias}
    return {f"{at[name]}.{kinds[name.rpartition('.')[2]]}": value for name, value in g.state_dict().items()}


OURS = {
    "glean": (lambda: glean_state()[0], glean_format.glean),
    "stylegan2 generator": (generator, stylegan2_format.generator),
    "stylegan2 discriminator": (discriminator, stylegan2_format.discriminator),
    "stylegan": (stylegan_generator, stylegan_pggan.stylegan),
    "pggan": (pggan_generator, stylegan_pggan.pggan),
    "rrdbnet": (lambda: randomised(RRDBNet(factor=4, channels=8, blocks=1, growth=4)), esrgan_format.rrdbnet),
    "srresnet": (lambda: randomised(MSRResNet(factor=8, channels=8, blocks=2)), srresnet_format.srresnet),
    "srresnet, mmagic's form": (
        lambda: randomised(MSRResNet(factor=4, channels=8, blocks=2, activated_stages=False)),
        srresnet_format.srresnet,
    ),
}
FOREIGN = {
    "glean": (lambda: glean_state()[1], GLEAN),
    "stylegan2 generator": (lambda: LAYOUTS["nvidia"](generator()), StyleGAN2),
    "stylegan2 discriminator": (lambda: D_LAYOUTS["rosinality"](discriminator()), StyleGAN2Discriminator),
    "stylegan": (lambda: {"generator_smooth": genforce_stylegan(), "generator": {}}, stylegan.StyleGAN),
    "pggan": (lambda: mganprior(pggan_generator()), pggan.PGGAN),
    "rrdbnet": (lambda: {"params": RRDBNet(factor=4, channels=8, blocks=1, growth=4).state_dict()}, RRDBNet),
    "srresnet": (lambda: {"params": MSRResNet(factor=4, channels=8, blocks=1).state_dict()}, MSRResNet),
    "srgan": (lambda: {"state_dict": mmagic_srresnet(MSRResNet(factor=4, channels=8, blocks=1))}, MSRResNet),
}


def values_of(network) -> ValuesView[Tensor]:
    return network.state_dict().values()


@pytest.mark.parametrize(("state", "kind"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_converted_is_told_by_its_names_and_loads_again(state, kind, tmp_path):
    network = checkpoints.any_network(state())
    (tmp_path / "ours.safetensors").write_bytes(own_files.safetensors(network))
    again = checkpoints.any_network(unpickle.load(tmp_path / "ours.safetensors"))
    assert type(network) is type(again) is kind, "the file of one network was taken for another's"
    found = again.state_dict()
    assert found.keys() == network.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize(("make", "load"), OURS.values(), ids=OURS)
def test_our_own_names_load_and_are_told_apart(make, load):
    saved = make()
    for loaded in (load(saved.state_dict()), checkpoints.any_network(saved.state_dict())):
        assert type(loaded) is type(saved)
        assert not loaded.training, "it would not be ready to use"
        assert all(map(torch.equal, values_of(loaded), values_of(saved)))


@pytest.mark.parametrize(("make", "load"), OURS.values(), ids=OURS)
def test_every_network_is_single_precision_whatever_the_file_is(make, load):
    state = make().state_dict()
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        file = {name: value.to(dtype) for name, value in state.items()}
        loaded = load(file)
        assert {value.dtype for value in values_of(loaded)} == {torch.float32}, f"from {dtype}"
        assert all(map(torch.equal, values_of(loaded), (value.float() for value in file.values())))


@pytest.mark.parametrize(("make", "load"), OURS.values(), ids=OURS)
def test_tensors_in_single_precision_are_shared(make, load):
    state = make().state_dict()
    loaded = load(state).state_dict()
    copied = [name for name, value in state.items() if loaded[name].data_ptr() != value.data_ptr()]
    assert copied == [], "loading would need the memory of the network twice"


@pytest.mark.parametrize("name", ["stylegan", "stylegan2 generator"])
def test_a_layout_with_other_values_is_converted_in_single_precision(name):
    theirs = genforce_stylegan() if name == "stylegan" else genforce(generator())
    half = {name: value.half() for name, value in theirs.items()}
    exact = checkpoints.any_network({name: value.float() for name, value in half.items()})
    found = checkpoints.any_network(half)
    assert all(map(torch.equal, values_of(found), values_of(exact))), "values were rounded a second time"


def test_the_weights_of_something_else_are_no_network_of_ours():
    with pytest.raises(BenchError, match=r"(?s)a GLEAN, a StyleGAN.*MSRResNet.*first entries are: fc\.weight"):
        checkpoints.any_network({"fc.weight": torch.zeros(3, 3)})


def test_a_file_of_a_known_kind_that_is_cut_says_what_it_lacks():
    state = pggan_generator().state_dict()
    state.pop("layers.3.bias")
    with pytest.raises(BenchError, match=r"fit the network pggan\.PGGAN.*1 missing: layers\.3\.bias"):
        checkpoints.any_network(state)


def test_rrdbnet_comes_back():
    saved = RRDBNet(factor=8, channels=8, blocks=2, growth=4).eval()
    lr = torch.rand(1, 3, 4, 4)
    with torch.inference_mode():
        assert torch.equal(esrgan_format.rrdbnet(saved.state_dict())(lr), saved(lr))


def test_a_network_is_loaded_without_drawing_random_weights():
    state = LAYOUTS["mmagic"](generator())
    before = torch.random.get_rng_state()
    stylegan2_format.generator(state)
    assert torch.equal(torch.random.get_rng_state(), before), "seconds of random numbers would be drawn and thrown away"
