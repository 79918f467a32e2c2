"""methods/nets/srresnet.py: counts of the published networks, and identities that pin the forward pass."""

from math import sqrt

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate, leaky_relu, pixel_shuffle
from torch.utils.flop_counter import FlopCounterMode

from methods.nets.srresnet import FACTORS, LINEAR, MSRResNet, ResidualBlock

SMALL = {"channels": 8, "blocks": 2}


def on_meta(**sizes) -> MSRResNet:
    with torch.device("meta"):
        return MSRResNet(**sizes)


@pytest.mark.parametrize(("factor", "expected"), [(2, 1_369_859), (3, 1_554_499), (4, 1_517_571), (16, 1_812_995)])
def test_parameters_are_the_published_networks(factor, expected):
    network = on_meta(factor=factor)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_names_and_number_of_tensors():
    names = on_meta(factor=4).state_dict().keys()
    assert len(names) == 74
    assert {name.split(".")[0] for name in names} == {
        *("conv_first", "body", "upconv1", "upconv2", "conv_hr", "conv_last")
    }
    assert "body.15.conv2.weight" in names


def test_the_weights_of_one_form_do_not_load_into_the_other():
    activated, linear = MSRResNet(factor=2, **SMALL), MSRResNet(factor=2, **SMALL, activated_stages=False)
    assert linear.state_dict().keys() - activated.state_dict().keys() == {LINEAR}
    with pytest.raises(RuntimeError, match=LINEAR):
        activated.load_state_dict(linear.state_dict())
    with pytest.raises(RuntimeError, match=LINEAR):
        linear.load_state_dict(activated.state_dict())


def test_macs_of_x4():
    with FlopCounterMode(display=False) as counter:
        on_meta(factor=4)(torch.empty(1, 3, 16, 16, device="meta"))
    wide, rgb = 9 * 64 * 64, 9 * 3 * 64
    expected = 16**2 * (rgb + 32 * wide + 4 * wide + 4 * 4 * wide + 16 * (wide + rgb))
    assert counter.get_total_flops() == 2 * expected, "a convolution works at another size than published"


@pytest.mark.parametrize("factor", FACTORS)
def test_output_is_the_input_times_the_factor(factor):
    lr = torch.empty(2, 3, 8, 12, device="meta")
    assert on_meta(factor=factor, **SMALL)(lr).shape == (2, 3, 8 * factor, 12 * factor)


@pytest.mark.parametrize("factor", [1, 6, 128])
def test_other_factors_are_refused(factor):
    with pytest.raises(ValueError, match=f"not by {factor}"):
        MSRResNet(factor=factor)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
@torch.no_grad()
def test_base_is_bilinear(factor):
    network = MSRResNet(factor=factor, **SMALL)
    nn.init.zeros_(network.conv_last.weight)
    lr = torch.rand(2, 3, 5, 6)
    base = interpolate(lr, scale_factor=factor, mode="bilinear", align_corners=False)
    assert torch.equal(network(lr), base), "with a zero last convolution, nothing is added to the base"


@pytest.mark.parametrize("slope", [0.1, 1.0], ids=["BasicSR's", "mmagic's"])
@torch.no_grad()
def test_forward_pass_is_the_written_formula(slope):
    """mmagic's form has no LeakyReLU behind the pixel shuffles: one of slope 1."""
    torch.manual_seed(0)
    network = MSRResNet(factor=4, channels=4, blocks=1, activated_stages=slope < 1).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)  # so that the activations see both signs, and no term is negligible
    lr = torch.rand(2, 3, 5, 6, dtype=torch.float64)
    x = leaky_relu(network.conv_first(lr), 0.1)
    block = network.body[0]
    x = x + block.conv2(block.conv1(x).relu())
    x = leaky_relu(pixel_shuffle(network.upconv1(x), 2), slope)
    x = leaky_relu(pixel_shuffle(network.upconv2(x), 2), slope)
    x = network.conv_last(leaky_relu(network.conv_hr(x), 0.1))
    expected = x + interpolate(lr, scale_factor=4, mode="bilinear", align_corners=False)
    assert torch.allclose(network(lr), expected, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_residual_block_leaves_its_input_alone():
    x = torch.randn(1, 4, 5, 5)
    before = x.clone()
    ResidualBlock(channels=4)(x)
    assert torch.equal(x, before), "an activation in place reached the input"


def test_all_convolutions_start_at_a_tenth_of_kaiming():
    torch.manual_seed(0)
    network = MSRResNet(factor=4)
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d):
            expected = 0.1 * sqrt(2 / (9 * layer.in_channels))
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.08), name
            assert not layer.bias.any(), name


def test_gradients_are_those_of_the_forward_pass():
    torch.manual_seed(0)
    network = MSRResNet(factor=4, channels=3, blocks=1).double()
    lr = torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, (lr,), fast_mode=True), "an activation in place spoilt the backward pass"


@torch.no_grad()
def test_bfloat16_and_channels_last_give_the_same_image():
    torch.manual_seed(0)
    network = MSRResNet(factor=8, **SMALL)
    lr = torch.rand(2, 3, 8, 8)
    sr = network(lr)
    assert torch.allclose(network.to(memory_format=torch.channels_last)(lr), sr, atol=1e-6)
    half = network.bfloat16()(lr.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), sr, atol=0.02)
