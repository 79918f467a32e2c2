"""DFDNet as its authors publish it, small: their names and torch's spectral norm, and the pass step by step."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, leaky_relu
from torch.nn.utils import spectral_norm

from methods.nets.dfdnet import PARTS, DFDNet

CHANNELS, WIDTH, SIDE = (4, 5, 6, 6), 3, 64
SHORT = dict(zip(PARTS, ("le", "re", "no", "mo"), strict=True))
BOXES = torch.tensor([[[8, 10, 27, 29], [34, 12, 52, 30], [22, 24, 41, 43], [17, 38, 49, 70]]])


class Pyramid(nn.Module):
    """Stands in for VGG19: features of 1/2 to 1/16 of the side, of few channels."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, *CHANNELS)
        self.layers = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], 4, 2, 1) for i in range(4))

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found


def normal(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    return spectral_norm(nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation))


def of_two(inputs: int, outputs: int, dilation: int = 1, layer=normal) -> nn.Sequential:
    return nn.Sequential(layer(inputs, outputs, dilation), nn.LeakyReLU(0.2), layer(outputs, outputs, dilation))


def plain(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)


def up_block(inputs: int, outputs: int) -> nn.Module:
    block = nn.Module()
    blur = nn.Module()
    blur.register_buffer("weight", torch.ones(inputs, 1, 3, 3))
    blur.register_buffer("weight_flip", torch.ones(inputs, 1, 3, 3))
    block.conv1 = nn.Sequential(blur, normal(inputs, outputs), nn.LeakyReLU(0.2))
    block.convup = nn.Sequential(nn.Identity(), normal(outputs, outputs), nn.LeakyReLU(0.2))
    block.ScaleModel1, block.ShiftModel1 = of_two(inputs, outputs), of_two(inputs, outputs)
    return block


def published() -> nn.Module:
    """The authors' network without VGG19, in eval mode."""
    torch.manual_seed(0)
    net = nn.Module()
    for short in SHORT.values():
        for side, width in zip((256, 128, 64, 32), CHANNELS, strict=True):
            net.add_module(f"{short}_{side}", of_two(width, width))
    net.MSDilate = nn.Module()
    for number, dilation in enumerate((4, 3, 2, 1), 1):
        net.MSDilate.add_module(f"conv{number}", of_two(CHANNELS[3], CHANNELS[3], dilation))
    net.MSDilate.convi = normal(4 * CHANNELS[3], CHANNELS[3])
    widths = (*CHANNELS[::-1], WIDTH)
    for number in range(4):
        net.add_module(f"up{number}", up_block(widths[number], widths[number + 1]))
        net.add_module(f"to_rgb{number}", of_two(widths[number + 1], 3))
    residual = [nn.Module(), nn.Module()]
    for each in residual:
        each.Model = of_two(WIDTH, WIDTH, layer=plain)
    net.up4 = nn.Sequential(normal(WIDTH, WIDTH), nn.LeakyReLU(0.2), *residual, plain(WIDTH, 3), nn.Tanh())
    draw(net)
    return net.eval()


def draw(net: nn.Module) -> None:
    """Weights with which each layer shows in the image, and norms after a few steps of their iteration."""
    for name, value in net.named_parameters():
        nn.init.normal_(value, std=0.3 if name.endswith("bias") else value[0].numel() ** -0.5)
    for layer in net.modules():
        if hasattr(layer, "weight_u"):
            for _ in range(3):  # each call in training mode is a step of the iteration
                layer(torch.zeros(1, layer.in_channels, 3, 3))
    for number in range(4):  # or what comes from below, scaled by little four times, would not be seen in the image
        nn.init.constant_(getattr(net, f"up{number}").ScaleModel1[2].bias, 8.0)


def dictionary() -> dict[str, list[Tensor]]:
    numbers = torch.Generator().manual_seed(1)
    sides = {"left_eye": (10, 5, 3, 2), "right_eye": (9, 5, 3, 2), "nose": (6, 4, 2, 2), "mouth": (14, 7, 4, 2)}
    return {
        part: [torch.randn(3, width, side, side, generator=numbers) for width, side in zip(CHANNELS, own, strict=True)]
        for part, own in sides.items()
    }


def entries(centres: dict[str, list[Tensor]]) -> dict[str, Tensor]:
    """A dictionary in the names of our network."""
    return {f"components.{part}.{i}.centres": value for part, own in centres.items() for i, value in enumerate(own)}


def small() -> DFDNet:
    """Our network with the same sizes, weights large enough for each layer to show."""
    torch.manual_seed(0)
    net = DFDNet(extractor=Pyramid(), dictionary=dictionary(), width=WIDTH)
    for name, value in net.named_parameters():
        fan = value[0].numel() if value.dim() > 1 else 1
        nn.init.normal_(value, std=0.3 if name.endswith("bias") else fan**-0.5)
    return net.eval()


def naive_adain(content: Tensor, style: Tensor) -> Tensor:
    deviations = [(x.flatten(2).var(2) + 1e-5).sqrt()[..., None, None] for x in (content, style)]
    means = [x.flatten(2).mean(2)[..., None, None] for x in (content, style)]
    return (content - means[0]) / deviations[0] * deviations[1] + means[1]


def naive_index(centres: Tensor, crop: Tensor) -> int:
    """Of one crop (1, C, h, w): every centre adapted to it, the inner product as a convolution."""
    return int(conv2d(crop, naive_adain(centres, crop)).flatten().argmax())


def updated(net: nn.Module, feature: Tensor, level: int, centres: dict[str, list[Tensor]], boxes: Tensor) -> Tensor:
    result = feature.clone()
    for part, (left, top, right, bottom) in zip(PARTS, boxes.clamp(0, SIDE).tolist(), strict=True):
        stride = 2 << level
        rows, columns = slice(top // stride, bottom // stride), slice(left // stride, right // stride)
        crop, own = feature[:, :, rows, columns], centres[part][level]
        patch = interpolate(crop, own.shape[2:], mode="bilinear")
        best = naive_adain(own, patch)[naive_index(own, patch)][None]
        swap = interpolate(best, crop.shape[2:])
        result[:, :, rows, columns] = crop + getattr(net, f"{SHORT[part]}_{256 >> level}")(swap - crop) * swap
    return result


def image(net: nn.Module, features: list[Tensor], centres: dict[str, list[Tensor]], boxes: Tensor) -> Tensor:
    """The published pass for one image: features of one image, boxes (4, 4)."""
    guides = [updated(net, feature, level, centres, boxes) for level, feature in enumerate(features)]
    dilate = net.MSDilate
    x = torch.cat([getattr(dilate, f"conv{n}")(features[3]) for n in (1, 2, 3, 4)], 1)
    x = dilate.convi(x) + features[3]
    binomial = torch.tensor([1.0, 2.0, 1.0])
    for number in range(4):
        block, guide = getattr(net, f"up{number}"), guides[3 - number]
        kernel = (torch.outer(binomial, binomial) / 16).to(x).expand(x.shape[1], 1, 3, 3)
        x = conv2d(x, kernel, padding=1, groups=x.shape[1])
        x = leaky_relu(leaky_relu(block.conv1[1](x), 0.2), 0.2)
        x = x * block.ScaleModel1(guide) + torch.sigmoid(block.ShiftModel1(guide))
        x = leaky_relu(block.convup[1](interpolate(x, scale_factor=2, mode="bilinear")), 0.2)
    last = net.up4
    x = leaky_relu(last[0](x), 0.2)
    for block in (last[2], last[3]):
        x = x + block.Model(x)
    return torch.tanh(last[4](x))
