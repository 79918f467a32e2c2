"""Wide 3x3 convolutions on a CPU by Winograd's minimal filtering, F(4x4, 3x3).

A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, Eq. 12 and Sec. 4.3: each tile of
4x4 outputs comes from 6x6 inputs d as Y = A^T [(G g G^T) * (B^T d B)] A, * elementwise. Summed over the input channels
it is 36 products of matrices (tiles, inputs) @ (inputs, outputs), with 36 multiplications a tile in the place of 144.
The transforms are written as one product each, with the Kronecker square of the 6x6 matrix: memory is what they cost.

The result differs from that of the direct convolution by about 1e-5 of its range (the direct one is off by 2e-6).
The transformed weights take four times the memory of the weights. So nothing here is on unless `accelerate` is called.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

LEAST_CHANNELS = 256  # on both sides: below, the transforms take what the products save
LEAST_TILES = 64  # of an image, 32x32 px: below, it takes longer to read the transformed weights than to use them
STRIP = 256  # tiles at a time: enough for the products, few enough that the transformed tiles stay in the cache

B_T = torch.tensor(
    [
        [4.0, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
G = torch.tensor([[6.0, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
A_T = torch.tensor([[1.0, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])


class WinogradConv2d(nn.Conv2d):
    """A 3x3 convolution that takes the fast way where it is one, and otherwise is that of torch."""

    _kernels: Tensor | None = None  # a plain attribute: neither moved nor saved with the module
    _made_from: tuple[int, int | None] | None = None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name for it
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        height, width = input.shape[2:]
        here = input.device.type == "cpu" and input.dtype == self.weight.dtype == torch.float32
        whole = height % 4 == 0 and width % 4 == 0 and height * width >= 16 * LEAST_TILES
        if torch.is_grad_enabled() or not (here and whole):
            return super().forward(input)
        return convolve(input, self._transformed(), self.bias)

    def _transformed(self) -> Tensor:
        """Return the transformed weights, made anew when the weights were replaced or written to."""
        now = (self.weight.data_ptr(), None if self.weight.is_inference() else self.weight._version)  # noqa: SLF001
        if self._kernels is None or self._made_from != now:
            self._kernels, self._made_from = transform(self.weight.detach()), now
        return self._kernels


Network = TypeVar("Network", bound=nn.Module)


def fastest(network: Network) -> Network:
    """Return a network as it is fastest where it is: in channels_last, on a CPU with `accelerate`."""
    device = next(network.parameters()).device.type
    if device != "meta":
        network = network.to(memory_format=torch.channels_last)
    if device == "cpu":
        accelerate(network)
    return network


def accelerate(network: nn.Module) -> int:
    """Let the wide 3x3 convolutions of a network in memory compute by Winograd; return how many there are.

    It is used in inference, in float32 on the CPU. Parameters, their names and the state dict stay as they are.
    """
    found = 0
    for layer in network.modules():
        if type(layer) is nn.Conv2d and _suits(layer):
            layer.__class__ = WinogradConv2d  # as torch's parametrizations do: hooks and parameters stay in place
            found += 1
    return found


def _suits(layer: nn.Conv2d) -> bool:
    form = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, layer.padding_mode)
    wide = min(layer.in_channels, layer.out_channels) >= LEAST_CHANNELS
    return wide and form == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")


def transform(weight: Tensor) -> Tensor:
    """Return G g G^T of weights (outputs, inputs, 3, 3): (36, inputs, outputs)."""
    outputs, inputs = weight.shape[:2]
    kernels = torch.kron(G, G) @ weight.permute(2, 3, 1, 0).reshape(9, -1)
    return kernels.view(36, inputs, outputs)


def convolve(x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve (B, inputs, H, W), float32, with transformed weights: (B, outputs, H, W) in channels_last.

    H and W are multiples of 4. Tiles are worked on by strips, some of their rows at a time. There is no gradient.
    """
    batch, inputs, height, width = x.shape
    outputs = kernels.shape[2]
    b_t, a_t = torch.kron(B_T, B_T), torch.kron(A_T, A_T)
    across = width // 4
    y = x.new_empty(batch, height, width, outputs)
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))  # (B, H + 2, W + 2, inputs)
    step = 4 * max(1, STRIP // across)
    for image, result in zip(padded, y, strict=True):
        for top in range(0, height, step):
            strip = result[top : top + step].unflatten(0, (-1, 4)).unflatten(2, (-1, 4))
            rows = len(strip)  # strip: (rows, 4, across, 4, outputs)
            tiles = image[top : top + 4 * rows + 2].unfold(0, 6, 4).unfold(1, 6, 4)  # (rows, across, inputs, 6, 6)
            d = (b_t @ tiles.permute(3, 4, 0, 1, 2).reshape(36, -1)).view(36, rows * across, inputs)
            m = a_t @ torch.bmm(d, kernels).view(36, -1)  # (16, rows * across * outputs)
            strip.copy_(m.view(4, 4, rows, across, outputs).permute(2, 0, 3, 1, 4))
            if bias is not None:
                strip.add_(bias)
    return y.permute(0, 3, 1, 2)
