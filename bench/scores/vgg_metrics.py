"""LPIPS-VGG and DISTS: two distances of VGG16's features; the user puts torchvision's file of its weights in place.

LPIPS: R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, Eq. 1, with
the heads (v0.1) of package `lpips`. DISTS: K. Ding et al., "Image quality assessment: unifying structure and texture
similarity", TPAMI 2020, Eq. 3 to 7, with the weights that its authors trained; whole images, which are not resized.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, relu

from bench.scores import metric_networks
from bench.scores.pixels import at_least, each, pixels
from bench.spec import Images

LEAST = 16
"""Pixels; below it the fourth pooling has nothing left to pool."""
_CONVOLUTIONS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""torchvision's numbers, stage by stage; between two stages lies a pooling."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
_NO_ZERO = 1e-10  # added to the norm of a feature vector, as in package lpips
_NO_ROOT_OF_ZERO = 1e-12  # and under the root of DISTS's pooling
_C = 1e-6  # c1 and c2 of DISTS, Eq. 4 and 5


def lpips_vgg(sr: Images, hr: Images) -> Tensor:
    """Return LPIPS-VGG v0.1, computed on the device of `sr`.

    Raises ValueError for anything but two equal batches of `Images`, `TooSmall` below 16 px and `MissingWeights`.
    """
    heads = metric_networks.lpips_vgg_heads(sr.device)

    def distance(s: Tensor, h: Tensor) -> Tensor:
        first, second = (
            [m / (m.square().sum(1, keepdim=True).sqrt() + _NO_ZERO) for m in _stages(image, _max_pool)]
            for image in (s, h)
        )
        layers = zip(heads, first, second, strict=True)
        return torch.stack([(head * (a - b).square()).sum(1).mean() for head, a, b in layers]).sum()

    return _measured("LPIPS-VGG", distance, sr, hr)


def dists(sr: Images, hr: Images) -> Tensor:
    """Return DISTS, 0 for identical images, computed on the device of `sr`. Raises as `lpips_vgg`."""
    alpha, beta = metric_networks.dists_weights(sr.device)

    def distance(s: Tensor, h: Tensor) -> Tensor:
        first, second = ([image, *_stages(image, _l2_pool)] for image in (s, h))
        terms = [_unlikeness(a.double(), b.double()) for a, b in zip(first, second, strict=True)]
        texture, structure = (torch.cat(term) for term in zip(*terms, strict=True))
        return (alpha * texture + beta * structure).sum() / (alpha.sum() + beta.sum())

    return _measured("DISTS", distance, sr, hr)


def _measured(name: str, distance: Callable[[Tensor, Tensor], Tensor], sr: Images, hr: Images) -> Tensor:
    """Return the distances of a batch, whose images are given in [0, 1]."""
    images = at_least(LEAST, name, pixels(sr)), pixels(hr, like=sr)
    # TF32, cuDNN's default for convolutions, keeps ten bits of each factor
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        return each(distance, *((image / 255).float() for image in images))


def _stages(image: Tensor, pool: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Return what the last ReLU of each of VGG16's five stages gives of an image (1, 3, H, W) in [0, 1]."""
    weights = metric_networks.vgg16(image.device)
    mean, std = (torch.tensor(value, device=image.device).view(3, 1, 1) for value in (_MEAN, _STD))
    x, found = (image - mean) / std, list[Tensor]()
    for numbers in _CONVOLUTIONS:
        x = pool(x) if found else x
        for number in numbers:
            weight, bias = (weights[f"features.{number}.{part}"] for part in ("weight", "bias"))
            x = relu(conv2d(x, weight, bias, padding=1))
        found.append(x)
    return found


def _max_pool(x: Tensor) -> Tensor:
    """Return the largest of each 2 x 2 values: VGG16's own pooling."""
    return max_pool2d(x, 2)


def _l2_pool(x: Tensor) -> Tensor:
    """Return the root of the mean square under a 3 x 3 Hann window, at every other place: DISTS, Eq. 2."""
    side = torch.tensor([0.25, 0.5, 0.25], device=x.device)
    window = torch.outer(side, side).expand(x.shape[1], 1, 3, 3)
    pooled = conv2d(x.square(), window, stride=2, padding=1, groups=x.shape[1])
    return (pooled + _NO_ROOT_OF_ZERO).sqrt()


def _unlikeness(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return 1 minus the likeness of texture and of structure (C,) of features (1, C, H, W): DISTS, Eq. 4 and 5."""
    mean_x, mean_y = (features.mean((2, 3), keepdim=True) for features in (x, y))
    var_x, var_y = (x - mean_x).square().mean((0, 2, 3)), (y - mean_y).square().mean((0, 2, 3))
    cov = ((x - mean_x) * (y - mean_y)).mean((0, 2, 3))
    texture = (2 * mean_x * mean_y + _C) / (mean_x.square() + mean_y.square() + _C)
    return 1 - texture.flatten(), 1 - (2 * cov + _C) / (var_x + var_y + _C)
