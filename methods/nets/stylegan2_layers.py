"""What generator and discriminator of StyleGAN2 share: widths, the FIR filter, the equalised linear layer.

T. Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020. The FIR [1, 3, 3, 1] is no part of
any state dict.
"""

import math

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.constants import constant

SQRT2 = math.sqrt(2)
_TAPS = (0.125, 0.375, 0.375, 0.125)
_FIR = tuple(a * b for a in _TAPS for b in _TAPS)


def config_f(size: int, channel_multiplier: int = 2) -> dict[int, int]:
    """Return the width at each resolution from 4 to `size`: min(512, 16384 * channel_multiplier / resolution)."""
    if size < 4 or size & (size - 1):  # noqa: PLR2004 - the constant input is 4x4
        raise ValueError(f"these generators make images of 4, 8, 16, ... px, not {size} px.")
    return {2**k: min(512, 2**14 * channel_multiplier // 2**k) for k in range(2, size.bit_length())}


def blur(x: Tensor, *, padding: int, stride: int = 1, bias: Tensor | None = None) -> Tensor:
    """Filter every channel with the FIR [1, 3, 3, 1] x [1, 3, 3, 1] / 64, and add a bias to each."""
    if stride > 1 and x.dtype is torch.bfloat16 and x.requires_grad and x.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):  # its gradient in bfloat16 takes a CPU twenty times as long
            return blur(x.float(), padding=padding, stride=stride, bias=bias).to(x.dtype)
    if bias is None and x.requires_grad and torch.is_grad_enabled():
        return _filtered(x, stride, padding, False)
    return F.conv2d(x, _fir(x), bias, stride=stride, padding=padding, groups=x.shape[1])


def blur_back(x: Tensor, *, padding: int) -> Tensor:
    """Apply the transpose of `blur` without a stride, its gradient: (B, C, H, W) grows by 3 - 2 `padding` px."""
    return F.conv_transpose2d(x, _fir(x), padding=padding, groups=x.shape[1])


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, up: bool) -> Tensor:
    """Convolve (B, I, H, W) with (O, I, 3, 3), or, to twice the size, zeros between the pixels, with (I, O, 3, 3)."""
    if up:
        return blur(F.conv_transpose2d(x, weight, stride=2), padding=1, bias=bias)
    return F.conv2d(x, weight, bias, padding=1)


def built(weight: Tensor, style: Tensor, factor: Tensor, *, up: bool) -> Tensor:
    """Return the weights of `convolve` times style (I,) and demodulation (O,) of a sample, rounded once."""
    scale = torch.outer(style.to(factor), factor) if up else torch.outer(factor, style.to(factor))
    return (weight * scale[..., None, None]).to(weight.dtype)


def double(image: Tensor) -> Tensor:
    """Up-sample (B, C, H, W) to (B, C, 2H, 2W): zeros between the pixels, then the FIR with gain 4."""
    if image.requires_grad and torch.is_grad_enabled():
        return _filtered(image, 2, 1, True) * 4
    return F.conv_transpose2d(image, _fir(image) * 4, stride=2, padding=1, groups=image.shape[1])


class _Filter(torch.autograd.Function):
    """The FIR on every channel, or its transpose, each of which is the other's gradient, however often.

    The second derivative of torch's own convolution goes through the channels one by one: hundreds of small operations.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, stride: int, padding: int, transposed: bool) -> Tensor:  # noqa: FBT001
        """Filter (B, C, H, W)."""
        ctx.told = stride, padding, not transposed  # type: ignore[attr-defined]
        convolve = F.conv_transpose2d if transposed else F.conv2d
        return convolve(x, _fir(x), stride=stride, padding=padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """Filter the gradient the other way."""
        return _filtered(gradients[0], *ctx.told), None, None, None  # type: ignore[attr-defined]


def _filtered(x: Tensor, stride: int, padding: int, transposed: bool) -> Tensor:  # noqa: FBT001
    filtered: Tensor = _Filter.apply(x, stride, padding, transposed)
    return filtered


def _fir(x: Tensor) -> Tensor:
    return constant(_FIR, x.dtype, x.device).view(4, 4).expand(x.shape[1], 1, 4, 4)


class EqualLinear(nn.Module):
    """A linear layer with equalised learning rate: y = (weight * rate / sqrt(fan in)) x + bias * rate."""

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        """Draw the weights from N(0, 1 / rate^2) and set the bias."""
        super().__init__()
        self.rate = rate
        self.gain = rate / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        return F.linear(x * self.gain, self.weight, self.bias * self.rate)
