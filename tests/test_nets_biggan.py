"""BigGAN against numbers of the public code: sizes, costs, names, and images and features for known weights."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.spec import BenchError
from methods.formats import biggan as biggan_format
from methods.formats import own_files, unpickle
from methods.nets.biggan import BigGAN, BigGANDiscriminator
from methods.nets.biggan_layers import Attention, Spectral

SMALL = {"channels": 8, "classes": 5}
INSTANCE_NORMS = {128: 14_784, 256: 17_856}  # of the public generator: frozen, and without use
GENERATOR = {128: (70_448_772, 21.33), 256: (82_126_404, 73.45)}  # parameters, GMACs
DISCRIMINATOR = {128: (87_982_370, 11.10), 256: (99_225_890, 37.62)}
FEATURES = {
    128: [(96, 64, 64), (96, 64, 64), (192, 32, 32), (384, 16, 16), (768, 8, 8), (1536, 4, 4), (1536, 4, 4), (1536,)],
    256: [
        (96, 128, 128),
        *((192, 64, 64), (192, 64, 64)),
        *((384, 32, 32), (768, 16, 16), (768, 8, 8), (1536, 4, 4), (1536, 4, 4), (1536,)),
    ],
}
# What the public code makes of `known` weights: mean, deviation and two pixels of the images, logits, mean absolute
# features.
KNOWN = {
    128: (
        (0.2035, 0.6026, 0.4268, 0.8066),
        (-5.8045, -12.4034),
        (0.1718, 0.1741, 0.1109, 0.2219, 0.4967, 0.8536, 0.564, 9.0233),
    ),
    256: (
        (-0.0442, 0.3486, 0.1705, -0.5359),
        (-6.5315, -5.0334),
        (0.2228, 0.0955, 0.1087, 0.2025, 0.496, 0.5132, 0.853, 0.5444, 8.7111),
    ),
}


def known(network) -> nn.Module:
    """Give a network weights that are the same on every machine."""
    state = network.state_dict()
    for index, name in enumerate(sorted(state)):
        numbers = torch.arange(state[name].numel(), dtype=torch.float64)
        wave = torch.sin(numbers * (1.3 + 0.01 * index) + index).float().view(state[name].shape)
        state[name].copy_(1 + wave / 2 if name.endswith("stored_var") else wave)
    return network.eval().requires_grad_(requires_grad=False)


def latents(generator, number=2) -> tuple[Tensor, Tensor]:
    z = torch.sin(torch.arange(number * generator.z_dim, dtype=torch.float32)).view(number, -1) * 0.3
    return z, torch.tensor([1, 4, 0])[:number]


@pytest.fixture(scope="module", params=[128, 256])
def networks(request) -> tuple[int, nn.Module, nn.Module]:
    generator = known(BigGAN(size=request.param, embedding=4, **SMALL))
    return request.param, generator, known(BigGANDiscriminator(size=request.param, **SMALL))


def test_images_and_features_are_those_of_the_public_code(networks):
    size, generator, discriminator = networks
    z, y = latents(generator)
    images = generator(z, y)
    picture, logits, features = KNOWN[size]
    got = [images.mean(), images.std(), images[1, 2, 5, 7], images[0, 0, 60, 31]]
    assert [float(each) for each in got] == pytest.approx(picture, abs=2e-4), "another generator"
    got = [float(each.abs().mean()) for each in discriminator.features(images)]
    assert got == pytest.approx(features, rel=2e-3), "other features"
    assert discriminator(images, y).flatten().tolist() == pytest.approx(logits, rel=2e-3), "another logit"


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.slow
def test_sizes_and_costs_are_those_of_the_public_code(size):
    with torch.device("meta"):
        generator, discriminator = BigGAN(size=size), BigGANDiscriminator(size=size)
        z, y = torch.empty(1, generator.z_dim), torch.zeros(1, dtype=torch.long)
    counts = [sum(p.numel() for p in network.parameters()) for network in (generator, discriminator)]
    assert counts == [GENERATOR[size][0] - INSTANCE_NORMS[size], DISCRIMINATOR[size][0]]
    with FlopCounterMode(display=False) as forward:
        images = generator(z, y)
    with FlopCounterMode(display=False) as scored:
        features = discriminator.features(images)
    assert forward.get_total_flops() / 2e9 == pytest.approx(GENERATOR[size][1], abs=0.01)
    assert scored.get_total_flops() / 2e9 == pytest.approx(DISCRIMINATOR[size][1], abs=0.01)
    assert [tuple(each.shape[1:]) for each in features] == FEATURES[size]
    assert (generator.chunk, generator.z_dim) == {128: (20, 120), 256: (17, 119)}[size], "z is cut into equal chunks"


def test_each_block_gets_its_own_chunk_of_z(networks):
    _, generator, _ = networks
    z, y = latents(generator, 1)
    seen = []
    hooks = [stage[0].register_forward_hook(lambda *got: seen.append(got[2])) for stage in generator.blocks]
    last = generator.blocks[-1][0].register_forward_pre_hook(lambda _, got: seen.append(got[1]))
    generator(z, y)
    z[:, -generator.chunk :] += 1
    generator(z, y)
    for hook in (*hooks, last):
        hook.remove()
    before, after = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    equal = [torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    assert equal == [True] * (len(hooks) - 1) + [False] * 2, "the last chunk must reach the last block alone"


def test_an_image_does_not_depend_on_its_neighbours(networks):
    _, generator, discriminator = networks
    z, y = latents(generator, 3)
    together, alone = generator(z, y), generator(z[1:2], y[1:2])
    assert torch.allclose(together[1:2], alone, atol=1e-5), "batch norm must use its stored statistics"
    assert together.abs().max() <= 1, "the output is a tanh"
    features, single = discriminator.features(together), discriminator.features(alone)
    assert all(torch.allclose(a[1:2], b, rtol=1e-3, atol=1e-4) for a, b in zip(features, single, strict=True))


def test_only_the_last_block_comes_rectified(networks):
    _, generator, discriminator = networks
    *blocks, last, pooled = discriminator.features(generator(*latents(generator)))
    assert last.min() >= 0, "the public ReLU before the sum works in place"
    assert all(each.min() < 0 for each in blocks)
    assert torch.equal(pooled, last.sum((2, 3)))


def test_spectral_norm_follows_the_weight_and_keeps_its_vector():
    torch.manual_seed(0)
    layer = Spectral(6, 4, 3, 3)
    matrix = layer.weight.detach().flatten(1)
    layer.u0.copy_(torch.linalg.svd(matrix).U[:, :1].T)
    before = layer.u0.clone()
    assert torch.linalg.matrix_norm(layer.normed().flatten(1), 2).item() == pytest.approx(1, abs=1e-5)
    once = layer(torch.ones(1, 4, 5, 5))
    with torch.no_grad():
        layer.weight.mul_(2)
    assert torch.allclose(layer(torch.ones(1, 4, 5, 5)), once, atol=1e-5), "twice the weight is twice the norm"
    assert torch.equal(layer.u0, before), "the stored vector must not be updated"
    layer.normed().square().sum().backward()
    along = (layer.weight.grad * layer.weight).sum()
    assert along.abs() < 1e-4, "the norm must have a gradient: no step along the weight itself changes the result"


def test_attention_starts_as_the_identity():
    x = torch.randn(2, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Attention(8)(x), x)


def test_a_size_of_no_biggan_is_an_error():
    with pytest.raises(ValueError, match="128 or 256 px, not 512"):
        BigGAN(size=512, channels=8)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_public_files_are_read(networks, prefix, tmp_path):
    size, *pair = networks
    for network, read in zip(pair, (biggan_format.generator, biggan_format.discriminator), strict=True):
        state = network.state_dict()
        theirs = state | {name.replace("u0", "sv0"): torch.ones(1) for name in state if name.endswith("u0")}
        theirs |= {"blocks.0.0.in1.weight": torch.ones(128), "blocks.0.0.in2.bias": torch.ones(128)}
        torch.save({prefix + name: value.double() for name, value in theirs.items()}, tmp_path / "file.pth")
        found = read(unpickle.load(tmp_path / "file.pth"))
        assert found.size == size
        assert found.state_dict().keys() == state.keys()
        assert all(torch.equal(value, state[name]) for name, value in found.state_dict().items())
    again = tmp_path / "ours.safetensors"
    again.write_bytes(own_files.safetensors(pair[1]))
    assert biggan_format.discriminator(unpickle.load(again)).size == size, "our own files must be read too"


def test_the_names_are_the_public_ones(networks):
    _, generator, discriminator = networks
    names = {
        *("shared.weight", "linear.weight", "linear.bias", "linear.u0", "blocks.0.0.conv1.u0", "blocks.0.0.conv2.bias"),
        *("blocks.0.0.conv_sc.weight", "blocks.0.0.bn1.stored_mean", "blocks.0.0.bn2.gain.weight", "blocks.3.1.gamma"),
        *("blocks.3.1.theta.weight", "output_layer.0.gain", "output_layer.0.stored_var", "output_layer.2.weight"),
    }
    assert names <= generator.state_dict().keys()
    attention = {128: "blocks.0.1.o.weight", 256: "blocks.1.1.o.weight"}[discriminator.size]
    assert {attention, "embed.u0", "linear.weight"} <= discriminator.state_dict().keys()


def test_other_files_are_refused_by_name(networks):
    _, generator, discriminator = networks
    with pytest.raises(BenchError, match=r"not the weights of a BigGAN generator: there is no 'shared\.weight'"):
        biggan_format.generator(discriminator.state_dict())
    with pytest.raises(BenchError, match="not the weights of a BigGAN discriminator"):
        biggan_format.discriminator(generator.state_dict())
    cut = {name: value for name, value in generator.state_dict().items() if name != "blocks.3.1.gamma"}
    with pytest.raises(BenchError, match=r"1 missing: blocks\.3\.1\.gamma"):
        biggan_format.generator(cut)
    state = generator.state_dict()
    more = state | {"blocks.9.0.conv1.weight": torch.ones(1, 1, 3, 3)}
    with pytest.raises(BenchError, match=r"lack entries of 'blocks\.[56]\.'"):
        biggan_format.generator(more)
