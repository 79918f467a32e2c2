"""KID: how far a set of images is from another, on features of the AlexNet that comes with the suite.

M. Binkowski et al., "Demystifying MMD GANs", ICLR 2018, Sec. 4: the unbiased squared MMD, kernel (x y / d + 1)^3. The
features are those behind the last convolution (torchvision's `features.10` and ReLU), averaged over the image: 256
numbers. So the figures compare with each other, not with published KID, which is of Inception features.
"""

from functools import cache

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.scores.metric_networks import ALEXNET, SHIPPED, verified
from bench.scores.pixels import at_least, pixels
from bench.spec import Images

LEAST = 50
"""Images, below which nothing is said of a set."""
ENOUGH = 500
"""Images, below which a figure is rough."""
WINDOW = 63
"""Pixels; below it AlexNet's poolings leave nothing to the last convolution."""
_LAYERS = ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1))  # number, stride, padding
_POOLED = (0, 3)  # layers followed by max pooling, 3x3 of stride 2
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


@cache
def _alexnet(device: torch.device) -> dict[str, Tensor]:
    verified(SHIPPED / ALEXNET)
    return load_file(SHIPPED / ALEXNET, device=str(device))


@torch.no_grad()
def features(images: Images) -> Tensor:
    """Return the features of images in [0, 1], (N, 3, H, W) of at least 63 px: (N, 256) float64."""
    weights = _alexnet(images.device)
    mean, std = (torch.tensor(value, device=images.device).view(3, 1, 1) for value in (_MEAN, _STD))
    x = (images.clamp(0, 1) - mean) / std
    for number, stride, padding in _LAYERS:
        x = F.conv2d(x, weights[f"features.{number}.weight"], weights[f"features.{number}.bias"], stride, padding)
        x = F.relu(x)
        x = F.max_pool2d(x, 3, 2) if number in _POOLED else x
    return x.mean((2, 3)).double()


def seen(sr: Images, hr: Images) -> Tensor:
    """Return the features of pairs of images, (N, 2, 256) float64 on the CPU; of each the same in any batch.

    Raises ValueError for anything but two equal batches of `Images`, `TooSmall` below 63 px and `MissingWeights` if the
    AlexNet file is damaged.
    """
    images = at_least(WINDOW, "KID", pixels(sr)), pixels(hr, like=sr)
    # TF32, cuDNN's default for convolutions, keeps ten bits of each factor
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        both = [torch.cat([features((one / 255).float()) for one in batch.split(1)]) for batch in images]
    return torch.stack(both, dim=1).cpu()


def kid(a: Tensor, b: Tensor) -> float:
    """Return the unbiased squared maximum mean discrepancy of two sets of features (N, D), (M, D), over all pairs."""
    return float(_within(a).mean() + _within(b).mean() - 2 * _kernel(a, b).mean())


def shares(pairs: Tensor) -> Tensor:
    """Return what each image adds to the KID of N results and their ground truth: (N,), whose mean is the KID.

    `pairs` are their features (N, 2, D), N at least 2. To first order, leaving an image out changes the KID by twice
    the deviation of its share from the mean, divided by N: the KID is a mean over pairs of images.
    """
    a, b = pairs.unbind(1)
    between = _kernel(a, b)
    return _within(a) + _within(b) - between.mean(0) - between.mean(1)


def _within(x: Tensor) -> Tensor:
    """Return the mean kernel of each of a set's features (N, D) with the others: (N,)."""
    values = _kernel(x, x)
    return (values.sum(1) - values.diagonal()) / (len(x) - 1)


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
