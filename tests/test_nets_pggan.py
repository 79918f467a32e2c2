"""PGGAN against the published sizes and costs, the textbook form of its arithmetic, and mGANprior's identities."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

from bench.spec import BenchError
from methods.formats import stylegan_pggan
from methods.nets.pggan import PGGAN, doubled_conv
from methods.nets.stylegan2_layers import config_f

TABLE = {4: 12, 8: 10, 16: 6}


def small(seed=0) -> PGGAN:
    """A 16 px generator whose biases are not zero."""
    torch.manual_seed(seed)
    network = PGGAN(size=16, channels=TABLE, z_dim=7).requires_grad_(requires_grad=False)
    for name, value in network.named_parameters():
        if name.endswith("bias"):
            value.normal_(std=0.3)
    return network


def macs(function, *inputs) -> int:
    with FlopCounterMode(display=False) as counter:
        function(*inputs)
    return counter.get_total_flops() // 2


def textbook(network, z) -> Tensor:
    """Pixel norm, nearest enlargement, convolution, bias, leaky ReLU, as the paper and the published code have it."""
    x = z[..., None, None]
    for k, layer in enumerate(network.layers):
        x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
        if k and k % 2 == 0:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        weight = layer.weight * math.sqrt(2 / layer.weight[0].numel())
        x = F.leaky_relu(F.conv2d(x, weight, layer.bias, padding=1 if k else 3), 0.2)
    x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    return F.conv2d(x, network.to_rgb.weight / math.sqrt(x.shape[1]), network.to_rgb.bias)


@pytest.mark.parametrize(
    ("size", "parameters", "gmacs"), [(256, 23_044_310, (1.615, None)), (1024, 23_079_116, (1.615, 41.1))]
)
def test_generator_has_the_published_size_and_cost(size, parameters, gmacs):
    with torch.device("meta"):
        network = PGGAN(size=size)
        z = torch.zeros(1, network.z_dim)
    table = config_f(size, 1)
    others = sum(3 * width + 3 for width in table.values()) - (3 * table[size] + 3)
    dropped = others + 1  # the RGB layers of smaller images, and the level of detail
    assert sum(p.numel() for p in network.parameters()) + dropped == parameters
    features = network.prefix(z, 6)
    assert features.shape == (1, 512, 16, 16), "mGANprior composes 512 features of 16 px at layer 6"
    # Of the 9 multiplications an enlarged pixel that the published code makes, ours makes 4.
    saved = {r: 5 * r**2 * table[r // 2] * table[r] for r in table if r > 4}
    prefix = macs(network.prefix, z, 6) + sum(saved[r] for r in saved if r <= 16)
    assert prefix / 1e9 == pytest.approx(gmacs[0], abs=0.0006)
    suffix = macs(network.suffix, features, 6) + sum(saved[r] for r in saved if r > 16)
    assert gmacs[1] is None or suffix / 1e9 == pytest.approx(gmacs[1], abs=0.06)
    assert network.suffix(features, 6).shape == (1, 3, size, size)


def test_widths_behind_the_layers_are_the_published_table():
    with torch.device("meta"):
        widths = PGGAN(size=1024).widths
    assert widths == [512] * 8 + [256, 256, 128, 128, 64, 64, 32, 32, 16, 16]


def test_doubling_convolution_is_nearest_enlargement_then_convolution():
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 5, 4).double(), torch.randn(6, 3, 3, 3).double()
    expected = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)
    torch.testing.assert_close(doubled_conv(x, weight), expected, rtol=0, atol=1e-12)


def test_generator_equals_the_textbook():
    network = small().double()
    z = torch.randn(3, 7).double()
    torch.testing.assert_close(network(z), textbook(network, z), rtol=0, atol=1e-12)


def test_cut_anywhere_is_the_whole():
    network = small()
    z = torch.randn(2, 7)
    for layers in range(7):
        features = network.prefix(z, layers)
        assert features.shape[1] == (network.widths[layers - 1] if layers else 7), "alpha would not fit the features"
        assert (network.suffix(features, layers) == network(z)).all()
    for layers in (-1, 7):
        with pytest.raises(ValueError, match=f"not {layers}"):
            network.prefix(z, layers)


def test_mganpriors_identities():
    network = small()
    z, alpha = torch.randn(4, 7), torch.rand(4, 10)
    features = network.prefix(z, 4)
    images = network.suffix((features * alpha[..., None, None]).sum(0, keepdim=True), 4)
    order = torch.tensor([2, 0, 3, 1])
    permuted = (network.prefix(z[order], 4) * alpha[order][..., None, None]).sum(0, keepdim=True)
    torch.testing.assert_close(network.suffix(permuted, 4), images, msg="codes with their alphas have no order")
    one = network.suffix(network.prefix(z[:1], 4) * torch.ones(1, 10, 1, 1), 4)
    torch.testing.assert_close(one, network(z[:1]), msg="one code with alpha 1 is plain PGGAN")
    torch.testing.assert_close(network(5 * z), network(z), rtol=0, atol=1e-5)


def test_codes_and_alphas_have_the_right_gradients():
    network = small().double()
    z, alpha = torch.randn(2, 7).double().requires_grad_(), torch.rand(2, 10).double().requires_grad_()

    def image(z, alpha):
        return network.suffix((network.prefix(z, 4) * alpha[..., None, None]).sum(0, keepdim=True), 4).mean((2, 3))

    assert torch.autograd.gradcheck(image, (z, alpha))


def test_batch_dtype_and_layout_do_not_matter():
    network = small()
    z = torch.randn(3, 7)
    images = network(z)
    for i in range(3):
        torch.testing.assert_close(network(z[i : i + 1])[0], images[i], rtol=0, atol=1e-5)
    torch.testing.assert_close(small().to(memory_format=torch.channels_last)(z), images, rtol=0, atol=1e-5)
    half = small().bfloat16()(z.bfloat16())
    assert half.dtype == torch.bfloat16
    assert (half - images).abs().mean() < 0.03 * images.abs().max()


def published(network, weight, bias) -> dict[str, Tensor]:
    """Our network's state dict in a published layout, with what those files hold beside it."""
    names = {f"layers.{k}": f"layer{k}" for k in range(6)} | {"to_rgb": "output2"}
    kinds = {"weight": weight, "bias": bias}
    entries = {"lod": torch.zeros(()), f"output0.{weight}": torch.rand(3, 12, 1, 1), f"output1.{bias}": torch.rand(3)}
    for name, value in network.state_dict().items():
        layer, _, kind = name.rpartition(".")
        entries[f"{names[layer]}.{kinds[kind]}"] = value
    return entries


@pytest.mark.parametrize("layout", ["genforce pggan", "mganprior pggan"])
def test_published_layouts_give_the_same_image(layout):
    network = small()
    entries = published(network, *(("weight", "bias") if "genforce" in layout else ("conv.weight", "wscale.bias")))
    assert stylegan_pggan.layout_of(entries) == layout
    z = torch.randn(2, 7)
    for checkpoint in (entries, {"generator_smooth": entries, "generator": {}}, {"models": {"generator": entries}}):
        loaded = stylegan_pggan.pggan(checkpoint)
        assert loaded.widths == network.widths
        assert (loaded(z) == network(z)).all()


def test_what_is_wrong_with_a_file_is_said():
    entries = published(small(), "weight", "bias")
    with pytest.raises(BenchError, match="Is it the file of another network"):
        stylegan_pggan.pggan({"conv1.weight": torch.zeros(1)})
    with pytest.raises(BenchError, match=r"no entry 'layer0\.style'"):
        stylegan_pggan.pggan(entries | {"layer0.style": torch.zeros(1)})
    with pytest.raises(BenchError, match="not of a stylegan"):
        stylegan_pggan.stylegan(entries)
    with pytest.raises(BenchError, match="Is the file complete"):
        stylegan_pggan.pggan({name: value for name, value in entries.items() if not name.startswith("layer3")})
    with pytest.raises(BenchError, match=r"lack entries of 'layers\.2\.'.*Is the file complete"):
        stylegan_pggan.pggan({name: value for name, value in entries.items() if not name.startswith("layer2")})
