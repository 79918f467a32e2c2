"""methods/nets/rrdbnet.py: counts and costs of the published networks, and identities that pin the forward pass."""

from dataclasses import FrozenInstanceError
from math import sqrt

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from methods.nets.rrdbnet import FACTORS, DenseBlock, RRDBNet, Shape, Trunk, macs, match

SMALL = {"channels": 8, "blocks": 2, "growth": 4}
GLEAN = {(16, 16): 160_584_296_016, (64, 16): 352_580_000_000}  # its multiply-adds, by LR size and factor


def on_meta(**sizes) -> RRDBNet:
    with torch.device("meta"):
        return RRDBNet(**sizes)


def parameters(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def counted(network, lr_size) -> int:
    """Multiply-adds by torch's own counter, which counts each as two operations."""
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, lr_size, lr_size, device="meta"))
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"factor": 4}, 16_697_987),
        ({"factor": 2}, 16_703_171),
        ({"factor": 1}, 16_723_907),
        ({"factor": 16}, 16_771_843),
        ({"factor": 4, "blocks": 1}, 870_659),
        ({"factor": 4, "channels": 32, "growth": 16}, 4_178_755),
        ({"factor": 4, "channels": 96}, 25_153_155),
        ({"factor": 4, "channels": 128, "growth": 64}, 66_757_891),
        ({"factor": 16, "channels": 96, "growth": 48}, 37_723_779),
        ({"factor": 16, "channels": 256, "blocks": 24, "growth": 128}, 279_647_491),
    ],
)
@pytest.mark.slow
def test_parameters_are_the_published_networks(sizes, expected):
    assert parameters(on_meta(**sizes)) == expected, "a layer is missing, added or of another width"


def test_names_and_number_of_tensors():
    names = on_meta(factor=4).state_dict().keys()
    assert len(names) == 702
    ours = {name.split(".")[0] for name in names if not name.startswith("trunk.")}
    assert ours == {"conv_up1", "conv_up2", "conv_hr", "conv_last"}
    assert {name.split(".")[1] for name in names if name.startswith("trunk.")} == {"conv_first", "body", "conv_body"}
    assert "trunk.body.22.rdb3.conv5.weight" in names


@pytest.mark.parametrize(
    ("lr_size", "factor", "width", "giga"),
    [
        (64, 4, (64, 23, 32), 73.43),
        (64, 16, (64, 23, 32), 159.68),
        (16, 16, (64, 23, 32), 9.98),
        (32, 8, (64, 23, 32), 22.67),
        (128, 8, (64, 23, 32), 362.72),
        (32, 32, (64, 23, 32), 108.93),
        (16, 64, (64, 23, 32), 96.24),
        (64, 16, (96, 23, 48), 357.93),
        (16, 16, (256, 24, 128), 161.26),
        (32, 16, (96, 47, 96), 231.02),
    ],
)
def test_macs_are_the_ones_counted_before(lr_size, factor, width, giga):
    channels, blocks, growth = width
    cost = macs(lr_size=lr_size, factor=factor, channels=channels, blocks=blocks, growth=growth)
    assert round(cost / 1e9, 2) == giga


@pytest.mark.parametrize("factor", FACTORS)
def test_macs_agree_with_the_counter_of_torch(factor):
    sizes = {"channels": 24, "blocks": 3, "growth": 10}
    assert counted(on_meta(factor=factor, **sizes), 8) == macs(lr_size=8, factor=factor, **sizes)


@pytest.mark.slow
def test_macs_of_the_full_network_agree_with_the_counter_of_torch():
    full = {"channels": 64, "blocks": 23, "growth": 32}
    assert counted(on_meta(factor=16), 64) == macs(lr_size=64, factor=16, **full)


@pytest.mark.parametrize("factor", FACTORS)
def test_output_is_the_input_times_the_factor(factor):
    lr = torch.empty(2, 3, 8, 12, device="meta")
    assert on_meta(factor=factor, **SMALL)(lr).shape == (2, 3, 8 * factor, 12 * factor)


@pytest.mark.parametrize("factor", [0, 3, 128])
def test_other_factors_are_refused(factor):
    with pytest.raises(ValueError, match=f"not by {factor}"):
        RRDBNet(factor=factor)


def zero(layer) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


@torch.no_grad()
def test_dense_blocks_that_add_nothing_leave_a_factor_of_six_fifths():
    trunk = Trunk(channels=8, blocks=3, growth=4).double()
    for block in trunk.modules():
        if isinstance(block, DenseBlock):
            zero(block.conv5)
    x = torch.rand(2, 8, 5, 6, dtype=torch.float64)
    assert torch.allclose(trunk.body(x), 1.2**3 * x, rtol=1e-14), "each RRDB is then 0.2 x + x"


@torch.no_grad()
def test_dense_block_is_the_written_formula():
    block = DenseBlock(channels=6, growth=3).double()
    x = torch.randn(2, 6, 5, 7, dtype=torch.float64)
    before = x.clone()
    leaky = nn.LeakyReLU(0.2)
    x1 = leaky(block.conv1(x))
    x2 = leaky(block.conv2(torch.cat((x, x1), 1)))
    x3 = leaky(block.conv3(torch.cat((x, x1, x2), 1)))
    x4 = leaky(block.conv4(torch.cat((x, x1, x2, x3), 1)))
    expected = block.conv5(torch.cat((x, x1, x2, x3, x4), 1)) * 0.2 + x
    assert torch.allclose(block(x), expected, rtol=1e-13, atol=1e-15)
    assert torch.equal(x, before), "an activation in place reached the input"


@torch.no_grad()
def test_trunk_without_its_last_convolution_is_the_first():
    trunk = Trunk(channels=8, blocks=1, growth=4)
    zero(trunk.conv_body)
    x = torch.rand(1, 3, 4, 5)
    assert torch.equal(trunk(x), trunk.conv_first(x)), "the long skip starts after conv_first"


@torch.no_grad()
def test_enlargement_is_nearest_neighbour():
    network = RRDBNet(factor=8, **SMALL)
    for layer in [network.get_submodule(f"conv_up{stage}") for stage in (1, 2, 3)] + [network.conv_hr]:
        zero(layer)
        nn.init.dirac_(layer.weight)
    zero(network.conv_last)
    nn.init.dirac_(network.conv_last.weight)
    lr = torch.rand(1, 3, 4, 4)
    features = network.trunk(lr)[:, :3]
    expected = torch.where(features < 0, features * 0.2**4, features)  # three stages and conv_hr: four activations
    expected = expected.repeat_interleave(8, -1).repeat_interleave(8, -2)
    assert torch.allclose(network(lr), expected, rtol=1e-5, atol=1e-7)


def test_dense_blocks_start_at_a_tenth_of_kaiming():
    torch.manual_seed(0)
    trunk = Trunk(blocks=4)
    conv1 = torch.cat([block.rdb1.conv1.weight.flatten() for block in trunk.body])
    assert 0.1 * sqrt(2 / (9 * 64)) == pytest.approx(0.005893, abs=1e-6)
    assert conv1.std().item() == pytest.approx(0.005893, rel=0.01)
    assert not any(block.rdb2.conv5.bias.any() for block in trunk.body), "biases of dense blocks start at 0"
    assert trunk.conv_body.weight.abs().max().item() == pytest.approx(1 / sqrt(9 * 64), rel=0.01), (
        "the others as torch has it"
    )


def test_gradients_are_those_of_the_forward_pass():
    torch.manual_seed(0)
    network = RRDBNet(factor=4, channels=3, blocks=1, growth=2).double()
    lr = torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, (lr,), fast_mode=True), "an activation in place spoilt the backward pass"


@torch.no_grad()
def test_bfloat16_and_channels_last_give_the_same_image():
    torch.manual_seed(0)
    network = RRDBNet(factor=8, **SMALL)
    lr = torch.rand(2, 3, 8, 8)
    sr = network(lr)
    assert torch.allclose(network.to(memory_format=torch.channels_last)(lr), sr, atol=1e-6)
    half = network.bfloat16()(lr.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), sr, atol=0.03)


@pytest.mark.parametrize(
    ("lr_size", "factor", "width", "giga"),
    [
        (64, 16, (96, 23, 48), 357.93),
        (16, 16, (256, 23, 128), 158.32),
    ],
)
def test_esrgan_plus_of_the_paper_tasks(lr_size, factor, width, giga):
    found = match(target_macs=GLEAN[lr_size, factor], lr_size=lr_size, factor=factor)
    assert (found.channels, found.blocks, found.growth) == width
    assert round(found.macs / 1e9, 2) == giga


@given(
    st.integers(2_000_000_000, 2_000_000_000_000), st.sampled_from([(16, 16), (64, 16), (32, 8), (128, 8), (16, 64)])
)
@settings(max_examples=40, deadline=None)
def test_match_finds_the_depth_nearest_to_esrgan(target, task):
    lr_size, factor = task
    assume(target > macs(lr_size=lr_size, factor=factor, channels=8, blocks=23, growth=4))
    found = match(target_macs=target, lr_size=lr_size, factor=factor)

    def cost(channels, blocks):
        return macs(lr_size=lr_size, factor=factor, channels=channels, blocks=blocks, growth=channels // 2)

    assert (found.channels % 8, found.growth) == (0, found.channels // 2)
    assert found.macs == cost(found.channels, found.blocks)
    assert abs(found.macs - target) <= 0.05 * target
    rank = (abs(found.blocks - 23), abs(found.macs - target))
    for channels in range(8, found.channels + 64, 8):
        for blocks in range(max(1, 23 - rank[0]), 24 + rank[0]):
            distance = abs(cost(channels, blocks) - target)
            if distance <= 0.05 * target:
                assert (abs(blocks - 23), distance) >= rank, "another size is as deep as ESRGAN, or costs nearer"


def test_other_wishes_give_another_size():
    small = {"target_macs": 700_000_000, "lr_size": 8, "factor": 16}
    found = match(**small, wanted=Shape(blocks=1, multiple=4, growth=4))
    assert (found.channels, found.blocks, found.growth) == (44, 1, 11)
    assert match(**small).blocks != 1


def test_match_refuses_what_it_cannot_reach():
    with pytest.raises(ValueError, match="within 5%; the smallest, 8 channels and 1 block, has"):
        match(target_macs=1_000_000, lr_size=64, factor=16)


def test_a_size_is_a_fact():
    with pytest.raises(FrozenInstanceError):
        match(target_macs=10**11, lr_size=16, factor=16).channels = 1


@pytest.mark.slow
def test_the_network_of_the_size_found_has_its_cost():
    size = match(target_macs=GLEAN[16, 16], lr_size=16, factor=16)
    with torch.device("meta"):
        network = RRDBNet(factor=16, channels=size.channels, blocks=size.blocks, growth=size.growth)
    assert parameters(network) == 268_143_619
    assert counted(network, 16) == size.macs
