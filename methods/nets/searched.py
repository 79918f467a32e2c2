"""Layers for the search of one image: their weights are fixed, and they make few passes over memory.

At 1024 px a pass over a layer's values takes a third of the time of its convolution, and the gradient of the weights,
which the plain formulas want where the style is built into them, four times as long as that of the image. Here the work
beside the convolutions goes block by block, each of which stays in the cache of a core, and the gradients of style and
demodulation come from values that are there anyway. Values and gradients are those of the plain formulas to rounding;
the gradients have no gradients themselves.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.stylegan2_layers import blur_back, built, convolve

WORTH_IT = 2**19
"""Values of an image from which on `Styled` is faster: fewer stay in the cache between two plain operations."""
_SLOPE = 0.2
_BLOCK = 2**16
"""Values: a few blocks of that fit the second-level cache."""


def is_searched(x: Tensor, *fixed: Tensor) -> bool:
    """Whether these layers serve: gradients are wanted, but none of what is fixed, and all is computed in one type."""
    return torch.is_grad_enabled() and not any(each.requires_grad or each.dtype is not x.dtype for each in fixed)


def _rows(image: Tensor) -> Tensor:
    """Return (1, C, H, W) as (H W, C): the same memory if it is channels_last."""
    return image.contiguous(memory_format=torch.channels_last)[0].permute(1, 2, 0).view(-1, image.shape[1])


def _blocks(rows: Tensor) -> Iterator[slice]:
    """Yield the parts of (N, C) that are worked on at once."""
    step = max(1, _BLOCK // rows.shape[1]) if rows.device.type == "cpu" else len(rows)  # a GPU takes all at once
    return (slice(first, first + step) for first in range(0, len(rows), step))


class Styled(torch.autograd.Function):
    """StyleGAN2's modulated convolution, demodulated, with noise, bias and leaky ReLU.

    Let r be the gradient of x * style, the convolution's input. That of x is r * style, that of the style the sum of
    x * r over the pixels; that of the demodulation is the sum of the convolution's result times its gradient, divided
    by the demodulation, and the result is what the activation got, less noise and bias.
    """

    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917 - torch wants each by itself, in order
        ctx: FunctionCtx,
        x: Tensor,
        style: Tensor,
        factor: Tensor,
        noise: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        up: bool,  # noqa: FBT001
    ) -> Tensor:
        """Map (1, I, H, W), style (I,), demodulation (O,), noise (1, 1, R, R) and bias (O,) to (1, O, R, R)."""
        y = convolve(x, built(weight, style, factor, up=up), bias, up=up)
        y = y.contiguous(memory_format=torch.channels_last)
        found, drawn = _rows(y), None if noise is None else noise.reshape(-1, 1)
        for block in _blocks(found):
            if drawn is not None:
                found[block] += drawn[block]
            F.leaky_relu_(found[block], _SLOPE)
        ctx.save_for_backward(x, style, factor, noise, weight, bias, y)  # type: ignore[arg-type] # None is in order
        ctx.up = up  # type: ignore[attr-defined]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the gradients of image, style, demodulation and noise."""
        x, style, factor, noise, weight, bias, y = ctx.saved_tensors  # type: ignore[attr-defined]
        up: bool = ctx.up  # type: ignore[attr-defined]
        inner = torch.empty_like(y)
        by_factor = _before(gradients[0], y, noise, bias, inner) / factor
        by_noise = inner.sum(1, keepdim=True) if ctx.needs_input_grad[3] else None  # type: ignore[attr-defined]
        scaled = built(weight, torch.ones_like(style), factor, up=up)
        by_x = _transposed(inner, scaled, up=up).contiguous(memory_format=torch.channels_last)
        by_style, given, found = torch.zeros_like(style), _rows(x), _rows(by_x)
        for block in _blocks(found):
            by_style += (given[block] * found[block]).sum(0)
            found[block] *= style
        return by_x, by_style, by_factor, by_noise, None, None, None


def _transposed(image: Tensor, weight: Tensor, *, up: bool) -> Tensor:
    """Return the transpose of `convolve` without a bias."""
    if up:
        return F.conv2d(blur_back(image, padding=1), weight, stride=2)
    return F.conv_transpose2d(image, weight, padding=1)


def _before(gradient: Tensor, y: Tensor, noise: Tensor | None, bias: Tensor, inner: Tensor) -> Tensor:
    """Write the gradient of what the activation got; return the sum of that times the convolution's result, (O,)."""
    total = torch.zeros_like(bias)
    drawn = None if noise is None else noise.reshape(-1, 1)
    given, found, out = _rows(gradient), _rows(y), _rows(inner)
    for block in _blocks(found):
        torch.ops.aten.leaky_relu_backward.grad_input(given[block], found[block], _SLOPE, True, grad_input=out[block])
        result = F.leaky_relu(found[block], 1 / _SLOPE).sub_(bias)  # undone
        if drawn is not None:
            result -= drawn[block]
        total += result.mul_(out[block]).sum(0)
    return total


class Normed(torch.autograd.Function):
    """What follows StyleGAN's convolutions: noise, bias, leaky ReLU, instance norm, style (CVPR 2019, Eq. 1)."""

    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917 - torch wants each by itself, in order
        ctx: FunctionCtx,
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        noise: Tensor | None,
        gain: Tensor,
        bias: Tensor,
        epsilon: float,
    ) -> Tensor:
        """Map (1, C, R, R) to the same; noise is (1, 1, R, R), its gain, bias, scale and shift (C,)."""
        active = torch.empty_like(x, memory_format=torch.channels_last)
        given, found = _rows(x), _rows(active)
        drawn = None if noise is None else noise.reshape(-1, 1)
        means, variances, counts = list[Tensor](), list[Tensor](), list[int]()
        for block in _blocks(found):
            torch.add(given[block], bias, out=found[block])
            if drawn is not None:
                found[block].addcmul_(drawn[block], gain)
            F.leaky_relu_(found[block], _SLOPE)
            means.append(found[block].mean(0))
            variances.append(found[block].sub(means[-1]).square_().mean(0))  # var_mean takes ten times as long
            counts.append(len(found[block]))
        mean, deviation = _together(means, variances, counts, epsilon)
        y = torch.empty_like(active)
        out, factor = _rows(y), scale * deviation
        for block in _blocks(found):
            torch.addcmul(shift, found[block].sub(mean), factor, out=out[block])
        ctx.save_for_backward(active, scale, gain, mean, deviation)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the gradients of image, scale, shift and noise."""
        active, scale, gain, mean, deviation = ctx.saved_tensors  # type: ignore[attr-defined]
        by_x = torch.empty_like(active)
        given, found, out = _rows(gradients[0]), _rows(active), _rows(by_x)
        by_shift, by_scale = torch.zeros_like(mean), torch.zeros_like(mean)
        for block in _blocks(found):
            by_shift += given[block].sum(0)
            by_scale += found[block].sub(mean).mul_(given[block]).sum(0)
        by_scale *= deviation
        slope, level = by_scale * deviation / len(found), by_shift / len(found)
        for block in _blocks(found):
            inner = torch.addcmul(given[block] - level, found[block] - mean, slope, value=-1).mul_(scale * deviation)
            torch.ops.aten.leaky_relu_backward.grad_input(inner, found[block], _SLOPE, True, grad_input=out[block])
        wanted = ctx.needs_input_grad[3]  # type: ignore[attr-defined]
        by_noise = (out @ gain).view(1, 1, *active.shape[2:]) if wanted else None
        return by_x, by_scale, by_shift, by_noise, None, None, None


def _together(means: list[Tensor], variances: list[Tensor], counts: list[int], epsilon: float) -> tuple[Tensor, Tensor]:
    """Return the mean and 1 / the deviation of all blocks' rows, (C,) each."""
    shares = [count / sum(counts) for count in counts]  # numbers: a GPU would be waited for to get a tensor of them
    mean = torch.stack([each * share for each, share in zip(means, shares, strict=True)]).sum(0)
    variance = torch.stack(
        [(each + (at - mean).square()) * share for each, at, share in zip(variances, means, shares, strict=True)]
    )
    return mean, torch.rsqrt(variance.sum(0) + epsilon)
