"""Winograd's convolution against the direct one, and what it must leave alone."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from methods.nets.winograd import WinogradConv2d, accelerate, convolve, transform


@pytest.fixture
def conv() -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(256, 260, 3, padding=1)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("batch", "height", "width"), [(1, 4, 4), (3, 8, 12), (1, 72, 64), (1, 4, 1040)])
def test_result_is_that_of_the_direct_convolution(batch, height, width, layout):
    torch.manual_seed(1)
    weight, bias = torch.randn(6, 5, 3, 3), torch.randn(6)
    x = torch.randn(batch, 5, height, width).to(memory_format=layout)
    exact = F.conv2d(x.double(), weight.double(), bias.double(), padding=1)
    kernels = transform(weight)
    assert kernels.shape == (36, 5, 6)
    scale = float(exact.abs().max())
    torch.testing.assert_close(convolve(x, kernels, bias).double(), exact, rtol=0, atol=1e-5 * scale)
    without = exact - bias.double()[:, None, None]
    torch.testing.assert_close(convolve(x, kernels, None).double(), without, rtol=0, atol=1e-5 * scale)


@torch.no_grad()
def test_wide_layers_stay_accurate(conv):
    x = torch.randn(1, 256, 32, 36)
    exact = F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=1)
    error = (convolve(x, transform(conv.weight.detach()), conv.bias) - exact).abs().max() / exact.abs().max()
    assert error < 3e-5


def test_only_wide_plain_3x3_convolutions_are_taken(conv):
    others = [
        nn.Conv2d(256, 256, 3, stride=2, padding=1),
        nn.Conv2d(256, 256, 3),
        nn.Conv2d(256, 256, 3, padding=2, dilation=2),
        nn.Conv2d(256, 256, 1),
        nn.Conv2d(256, 255, 3, padding=1),
        nn.Conv2d(255, 256, 3, padding=1),
        nn.Conv2d(256, 256, 3, padding=1, groups=2),
        nn.Conv2d(256, 256, 3, padding=1, padding_mode="reflect"),
    ]
    network = nn.Sequential(conv, *others)
    assert accelerate(network) == 1
    assert isinstance(conv, WinogradConv2d)
    assert all(type(layer) is nn.Conv2d for layer in others)
    assert accelerate(network) == 0, "twice is once"


def test_state_dict_is_the_same_before_and_after_use(conv):
    before = copy.deepcopy(conv.state_dict())
    accelerate(conv)
    with torch.inference_mode():
        conv(torch.randn(1, 256, 32, 32))
    assert conv._kernels is not None, "the fast way was not taken"
    after = conv.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert [name for name, _ in conv.named_parameters()] == ["weight", "bias"]
    assert not list(conv.buffers())


@pytest.mark.parametrize(
    ("size", "dtype"), [((28, 32), torch.float32), ((32, 34), torch.float32), ((32, 32), torch.float64)]
)
def test_elsewhere_it_is_the_ordinary_convolution(conv, size, dtype):
    conv = conv.to(dtype)
    x = torch.randn(1, 256, *size, dtype=dtype)
    with torch.no_grad():
        expected = conv(x)
        accelerate(conv)
        assert torch.equal(conv(x), expected)
    assert conv._kernels is None


def test_gradients_and_meta_tensors_take_the_ordinary_way(conv):
    accelerate(conv)
    x = torch.randn(1, 256, 32, 32, requires_grad=True)
    conv(x).sum().backward()
    assert x.grad is not None
    assert conv.weight.grad is not None
    with torch.no_grad():
        assert conv.to("meta")(x.detach().to("meta")).shape == (1, 260, 32, 32)
    assert conv._kernels is None


@torch.no_grad()
@pytest.mark.parametrize("change", ["in place", "copied", "assigned", "round trip"])
def test_changed_weights_are_noticed(conv, change):
    accelerate(conv)
    x = torch.randn(1, 256, 32, 32)
    stale = conv(x)
    doubled = {name: 2 * value for name, value in conv.state_dict().items()}
    if change == "in place":
        conv.weight.mul_(2)
        conv.bias.mul_(2)
    elif change == "round trip":
        conv.double()
        conv.weight.mul_(2)
        conv.bias.mul_(2)
        conv.float()
    else:
        conv.load_state_dict(doubled, assign=change == "assigned")
    torch.testing.assert_close(conv(x), 2 * stale)
