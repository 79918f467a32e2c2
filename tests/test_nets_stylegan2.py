"""StyleGAN2 against the published sizes and costs, and against the textbook form of its arithmetic."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.utils.flop_counter import FlopCounterMode

from methods.formats.mmagic_names import discriminator_from_mmagic, generator_from_mmagic
from methods.nets.stylegan2 import StyledConv, StyleGAN2, mix, truncate
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.nets.stylegan2_layers import config_f, double

TABLE = {4: 16, 8: 12, 16: 8, 32: 8}


def small(seed=0, dtype=torch.float32) -> StyleGAN2:
    """A 32 px generator whose biases and noise gains are not zero."""
    torch.manual_seed(seed)
    generator = StyleGAN2(size=32, channels=TABLE, style_dim=10, mapping_layers=3).to(dtype)
    with torch.no_grad():
        for name, value in generator.named_parameters():
            if name.endswith(("bias", "noise_gain")):
                value.add_(torch.randn_like(value), alpha=10 if "mapping" in name else 0.3)
    return generator


def macs(network, *inputs) -> int:
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops() // 2


def upfirdn(x, *, up, down, pad, gain) -> Tensor:
    """Zeros between the samples, padding, FIR, every `down`-th sample: the textbook definition."""
    batch, channels, height, width = x.shape
    wide = x.new_zeros(batch, channels, height, up, width, up)
    wide[:, :, :, 0, :, 0] = x
    padded = F.pad(wide.reshape(batch, channels, height * up, width * up), pad * 2)
    taps = torch.tensor([1.0, 3, 3, 1], dtype=x.dtype) / 8
    rows = sum(t * padded[:, :, i : padded.shape[2] - 3 + i] for i, t in enumerate(taps))
    both = sum(t * rows[..., i : rows.shape[3] - 3 + i] for i, t in enumerate(taps))
    return both[:, :, ::down, ::down] * gain


def textbook(layer, x, latent, noise) -> Tensor:
    """Weights per sample, Eq. 1 and 3 of the paper, then noise, bias, activation."""
    kernels = layer.weight.transpose(0, 1) if layer.up else layer.weight  # (out, in, 3, 3)
    style = latent @ layer.style.weight.T / math.sqrt(latent.shape[1]) + layer.style.bias
    outputs = []
    for sample, s in zip(x, style, strict=True):
        weight = kernels / math.sqrt(kernels[0].numel()) * s[None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if layer.up:
            y = F.conv_transpose2d(sample[None], weight.transpose(0, 1), stride=2)
            outputs.append(upfirdn(y, up=1, down=1, pad=(1, 1), gain=4))
        else:
            outputs.append(F.conv2d(sample[None], weight, padding=1))
    y = torch.cat(outputs) + layer.noise_gain * noise + layer.bias[:, None, None]
    return F.leaky_relu(y, 0.2) * math.sqrt(2)


@pytest.mark.parametrize(
    ("size", "parameters", "gmacs"), [(256, 30_034_338, 45.37), (512, 30_276_583, 60.20), (1024, 30_370_060, 75.39)]
)
def test_generator_has_the_published_size_and_cost(size, parameters, gmacs):
    with torch.device("meta"):
        generator = StyleGAN2(size=size)
        z = torch.zeros(1, generator.z_dim)
    assert sum(p.numel() for p in generator.parameters()) == parameters
    # The published code filters the RGB on the output's grid, zeros included; ours counts on the input's.
    saved = 16 * 3 * (size**2 - 4**2)
    assert (macs(generator, z) + saved) / 1e9 == pytest.approx(gmacs, abs=0.016), "0.003 of it is demodulation"
    buffers = sum(b.numel() for b in generator.buffers())
    assert buffers == {256: 174_928, 512: 699_248, 1024: 2_796_432}[size] - 16 * (2 * (size.bit_length() - 3)), (
        "the stored noise maps; the published files keep two FIR kernels a stage beside them"
    )


@pytest.mark.parametrize(
    ("size", "parameters", "gmacs"), [(256, 28_864_129, 47.02), (512, 28_982_849, 62.62), (1024, 29_012_513, 78.77)]
)
def test_discriminator_has_the_published_size_and_cost(size, parameters, gmacs):
    with torch.device("meta"):
        discriminator = StyleGAN2Discriminator(size=size)
        images = torch.zeros(1, 3, size, size)
    assert sum(p.numel() for p in discriminator.parameters()) == parameters
    # The published code blurs the skip at every pixel, (R - 1)^2 of them, ours at those of stride 2.
    saved = sum(16 * width * ((r - 1) ** 2 - (r // 2) ** 2) for r, width in config_f(size).items() if r > 4)
    assert (macs(discriminator, images) + saved) / 1e9 == pytest.approx(gmacs, abs=0.006)


def test_the_other_width_and_wrong_sizes():
    with torch.device("meta"):
        assert sum(p.numel() for p in StyleGAN2(size=1024, channel_multiplier=1).parameters()) == 24_900_764
    assert config_f(256) == {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}
    with pytest.raises(ValueError, match="not 96 px"):
        StyleGAN2(size=96)


@pytest.mark.parametrize("up", [False, True])
def test_styled_convolution_equals_weights_per_sample(up):
    torch.manual_seed(1)
    layer = StyledConv(7, 5, style_dim=6, resolution=16 if up else 8, up=up).double()
    with torch.no_grad():
        layer.bias.normal_()
        layer.noise_gain.fill_(0.7)
    x, latent = torch.randn(3, 7, 8, 8).double(), torch.randn(3, 6).double()
    expected = textbook(layer, x, latent, layer.noise)
    torch.testing.assert_close(layer(x, latent, layer.noise), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(layer(x, latent, None), textbook(layer, x, latent, 0 * layer.noise), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [4, 8], ids=["image is scaled", "weights are scaled"])
@pytest.mark.parametrize("up", [False, True])
def test_styled_convolution_of_one_sample_equals_built_weights(up, size):
    torch.manual_seed(1)
    layer = StyledConv(7, 5, style_dim=6, resolution=2 * size if up else size, up=up).double()
    with torch.no_grad():
        layer.bias.normal_()
        layer.noise_gain.fill_(0.7)
    x, latent = torch.randn(1, 7, size, size).double(), torch.randn(1, 6).double()
    assert (x.numel() > layer.weight.numel()) == (size == 8), "each of the two ways should be taken"
    expected = textbook(layer, x, latent, layer.noise)
    torch.testing.assert_close(layer(x, latent, layer.noise), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(layer(x, latent, None), textbook(layer, x, latent, 0 * layer.noise), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("batch", "size"), [(2, 4), (1, 8)], ids=["image is scaled", "weights are scaled"])
@pytest.mark.slow
def test_styled_convolution_has_the_right_gradients(batch, size):
    layer = StyledConv(3, 4, style_dim=2, resolution=2 * size, up=True).double()
    x = torch.randn(batch, 3, size, size).double().requires_grad_()
    latent = torch.randn(batch, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, latent: layer(x, latent, layer.noise), (x, latent))
    ours = torch.autograd.grad(layer(x, latent, layer.noise).square().sum(), layer.weight)
    theirs = torch.autograd.grad(textbook(layer, x, latent, layer.noise).square().sum(), layer.weight)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


def test_rgb_is_summed_over_stages_with_the_next_layers_latent():
    generator = small(dtype=torch.float64)
    synthesis = generator.synthesis
    w = torch.randn(2, synthesis.latents, 10).double()
    image = 0
    x = synthesis.constant.expand(2, -1, -1, -1)
    for k, layer in enumerate(synthesis.layers):
        x = textbook(layer, x, w[:, k], layer.noise)
        if k % 2 == 0:
            rgb = synthesis.to_rgb[k // 2]
            style = w[:, k + 1] @ rgb.style.weight.T / math.sqrt(10) + rgb.style.bias
            y = torch.einsum("bi,oi,bihw->bohw", style, rgb.weight[..., 0, 0] / math.sqrt(x.shape[1]), x)
            image = y + rgb.bias[:, None, None] + (0 if k == 0 else upfirdn(image, up=2, down=1, pad=(2, 1), gain=4))
    torch.testing.assert_close(synthesis(w), image, rtol=0, atol=1e-11)


def test_doubling_is_the_filtered_enlargement_and_keeps_a_constant():
    image = torch.rand(2, 3, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(double(image), upfirdn(image, up=2, down=1, pad=(2, 1), gain=4))
    torch.testing.assert_close(double(torch.ones(1, 1, 6, 6))[..., 2:-2, 2:-2], torch.ones(1, 1, 8, 8))


def test_discriminator_equals_the_textbook():
    torch.manual_seed(3)
    d = StyleGAN2Discriminator(size=16, channels=TABLE).double()
    with torch.no_grad():
        for name, value in d.named_parameters():
            value.add_(torch.randn_like(value), alpha=0.3 * name.endswith("bias"))

    def act(x, bias):
        return F.leaky_relu(x + bias.view(-1, *[1] * (x.dim() - 2)), 0.2) * math.sqrt(2)

    def equal(weight):
        return weight / math.sqrt(weight[0].numel())

    images = torch.randn(8, 3, 16, 16).double()
    x = act(F.conv2d(images, equal(d.first.weight)), d.first.bias)
    for block in d.blocks:
        y = act(F.conv2d(x, equal(block.conv1.weight), padding=1), block.conv1.bias)
        y = upfirdn(y, up=1, down=1, pad=(2, 2), gain=1)
        y = act(F.conv2d(y, equal(block.conv2.weight), stride=2), block.conv2.bias)
        skip = F.conv2d(upfirdn(x, up=1, down=1, pad=(1, 1), gain=1), equal(block.skip), stride=2)
        x = (y + skip) / math.sqrt(2)
    means = [(x[i::2].var(0, correction=0) + 1e-8).sqrt().mean() for i in range(2)]  # groups of every second image
    spread = torch.stack(means * 4).view(8, 1, 1, 1).expand(-1, -1, 4, 4)
    x = act(F.conv2d(torch.cat([x, spread], 1), equal(d.last.weight), padding=1), d.last.bias).flatten(1)
    x = act(x @ equal(d.hidden.weight).T, d.hidden.bias)
    torch.testing.assert_close(d(images), x @ equal(d.score.weight).T + d.score.bias, rtol=0, atol=1e-11)


def test_discriminator_says_which_batches_it_takes():
    d = StyleGAN2Discriminator(size=8, channels=TABLE)
    assert d(torch.zeros(3, 3, 8, 8)).shape == (3, 1)
    with pytest.raises(ValueError, match="not 6"):
        d(torch.zeros(6, 3, 8, 8))


def test_mapping_ignores_the_length_of_z():
    mapping = small().mapping
    z = torch.randn(4, 10)
    w = mapping(z)
    assert w.shape == (4, 8, 10)
    assert (w == w[:, :1]).all(), "each layer gets the same w"
    torch.testing.assert_close(mapping(7 * z), w)


def test_truncation_and_mixing():
    generator = small()
    mean = generator.mean_latent(64, generator=torch.Generator().manual_seed(0))
    w = generator.mapping(torch.randn(2, 10))
    torch.testing.assert_close(truncate(w, mean, 1.0), w)
    images = generator.synthesis(truncate(w, mean, 0.0))
    torch.testing.assert_close(images[0], images[1])
    mixed = mix(w[:1], w[1:], 3)
    assert (mixed[:, :3] == w[0, :3]).all()
    assert (mixed[:, 3:] == w[1, 3:]).all()
    again = generator.mean_latent(64, generator=torch.Generator().manual_seed(0))
    assert (mean == again).all(), "the mean latent follows from the seed"


def test_noise_comes_from_where_it_is_asked():
    generator = small()
    w = generator.mapping(torch.randn(1, 10)).expand(2, -1, -1)
    stored, none, random = (generator.synthesis(w, noise=kind) for kind in ("stored", "none", "random"))
    torch.testing.assert_close(stored[0], stored[1])
    assert (none - stored).abs().max() > 0.1
    assert (random[0] - random[1]).abs().max() > 0.1, "each image gets its own random noise"
    given = [layer.noise for layer in generator.synthesis.layers]
    torch.testing.assert_close(generator.synthesis(w, noise=given), stored)
    z = torch.ones(1, 10)
    torch.testing.assert_close(generator(z, noise=given), generator.synthesis(generator.mapping(z)))


def test_scaling_a_weight_is_undone_by_demodulation_only():
    generator = small()
    w = generator.mapping(torch.randn(1, 10))
    before = generator.synthesis(w)
    with torch.no_grad():
        generator.synthesis.layers[2].weight *= 2
    torch.testing.assert_close(generator.synthesis(w), before, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        generator.synthesis.to_rgb[0].weight *= 2
    assert (generator.synthesis(w) - before).abs().max() > 1e-2


@torch.no_grad()
def test_batch_dtype_and_layout_do_not_matter():
    generator = small()
    w = generator.mapping(torch.randn(3, 10)).contiguous()
    images = generator.synthesis(w)
    size = float(images.abs().max())
    for i in range(3):
        torch.testing.assert_close(generator.synthesis(w[i : i + 1])[0], images[i], rtol=0, atol=1e-5 * size)
    last = small().to(memory_format=torch.channels_last).synthesis(w)
    torch.testing.assert_close(last, images, rtol=0, atol=1e-5 * size)
    half = small().bfloat16().synthesis(w.bfloat16())
    assert half.dtype == torch.bfloat16
    assert (half - images).abs().mean() < 0.02 * size
    exact = small().double().synthesis(w.double())
    torch.testing.assert_close(images.double(), exact, rtol=0, atol=1e-5 * size)


def test_meta_network_takes_loaded_tensors():
    generator = small()
    with torch.device("meta"):
        empty = StyleGAN2(size=32, channels=TABLE, style_dim=10, mapping_layers=3)
    empty.load_state_dict(generator.state_dict(), assign=True)
    z = torch.randn(1, 10)
    assert (empty(z) == generator(z)).all(), "something is neither in the state dict nor made on the fly"


def test_published_names_fill_both_networks():
    theirs = {"constant_input.input": (1, 16, 4, 4), "injected_noise_0": (1, 1, 4, 4), "injected_noise_1": (1, 1, 8, 8)}
    theirs |= {
        "injected_noise_2": (1, 1, 8, 8),
        "convs.0.conv.blur.kernel": (4, 4),
        "to_rgbs.0.upsample.kernel": (4, 4),
    }
    for name, inputs, outputs in (("conv1", 16, 16), ("convs.0", 16, 12), ("convs.1", 12, 12)):
        theirs |= {f"{name}.conv.weight_orig": (1, outputs, inputs, 3, 3), f"{name}.noise_injector.weight": (1,)}
        theirs |= {
            f"{name}.conv.style_modulation.linear.weight_orig": (inputs, 10),
            f"{name}.activate.bias": (outputs,),
        }
        theirs |= {f"{name}.conv.style_modulation.bias": (inputs,)}
    for name, inputs in (("to_rgb1", 16), ("to_rgbs.0", 12)):
        theirs |= {f"{name}.conv.weight_orig": (1, 3, inputs, 1, 1), f"{name}.bias": (1, 3, 1, 1)}
        theirs |= {f"{name}.conv.style_modulation.linear.weight_orig": (inputs, 10)}
        theirs |= {f"{name}.conv.style_modulation.bias": (inputs,)}
    for k in (1, 2):
        theirs |= {f"style_mapping.{k}.linear.weight_orig": (10, 10), f"style_mapping.{k}.bias": (10,)}
    entries = {name: torch.rand(shape) for name, shape in theirs.items()}
    generator = StyleGAN2(size=8, channels=TABLE, style_dim=10, mapping_layers=2)
    generator.load_state_dict(generator_from_mmagic(entries))
    assert (generator.synthesis.layers[2].weight == entries["convs.1.conv.weight_orig"][0]).all()
    up = entries["convs.0.conv.weight_orig"][0].transpose(0, 1)
    assert (generator.synthesis.layers[1].weight == up).all(), "up-sampling weights are (in, out, k, k) with us"
    assert (generator.mapping.layers[0].bias == entries["style_mapping.1.bias"]).all()

    theirs = {"convs.0.0.conv.weight_orig": (12, 3, 1, 1), "convs.0.1.bias": (12,), "final_linear.1.bias": (1,)}
    theirs |= {"convs.1.conv1.0.conv.weight_orig": (12, 12, 3, 3), "convs.1.conv1.1.bias": (12,)}
    theirs |= {"convs.1.conv2.1.conv.weight_orig": (16, 12, 3, 3), "convs.1.conv2.2.bias": (16,)}
    theirs |= {"convs.1.skip.0.kernel": (4, 4), "convs.1.skip.1.conv.weight_orig": (16, 12, 1, 1)}
    theirs |= {"final_conv.0.conv.weight_orig": (16, 17, 3, 3), "final_conv.1.bias": (16,)}
    theirs |= {"final_linear.0.linear.weight_orig": (16, 256), "final_linear.0.bias": (16,)}
    theirs |= {"final_linear.1.linear.weight_orig": (1, 16)}
    discriminator = StyleGAN2Discriminator(size=8, channels=TABLE)
    discriminator.load_state_dict(discriminator_from_mmagic({k: torch.rand(v) for k, v in theirs.items()}))
