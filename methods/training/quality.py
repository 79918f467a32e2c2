"""How far generated images are from real ones: FID and KID on features of the AlexNet that comes with the suite.

FID: M. Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017, Eq. 6. KID: M. Binkowski et al.,
"Demystifying MMD GANs", ICLR 2018, Sec. 4: the unbiased squared MMD with the kernel (x y / d + 1)^3. The features are
those behind the last convolution (torchvision's `features.10` and ReLU), averaged over the image: 256 numbers. So the
figures compare our files with each other, not with published FID, which is of Inception features.
"""

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench.scores.metric_networks import ALEXNET, SHIPPED, verified
from bench.spec import Images

_LAYERS = ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1))  # number, stride, padding
_POOLED = (0, 3)  # layers followed by max pooling, 3x3 of stride 2
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


@torch.no_grad()
def features(images: Images) -> Tensor:
    """Return the features of images in [0, 1], (N, 3, H, W) of at least 63 px: (N, 256) float64."""
    verified(SHIPPED / ALEXNET)
    weights = load_file(SHIPPED / ALEXNET, device=str(images.device))
    mean, std = (torch.tensor(value, device=images.device).view(3, 1, 1) for value in (_MEAN, _STD))
    x = (images.clamp(0, 1) - mean) / std
    for number, stride, padding in _LAYERS:
        x = F.conv2d(x, weights[f"features.{number}.weight"], weights[f"features.{number}.bias"], stride, padding)
        x = F.relu(x)
        x = F.max_pool2d(x, 3, 2) if number in _POOLED else x
    return x.mean((2, 3)).double()


def fid(a: Tensor, b: Tensor) -> float:
    """Return the Frechet distance of the normal distributions fitted to two sets of features (N, D)."""
    root = _root(a.T.cov())
    cross = torch.linalg.eigvalsh(root @ b.T.cov() @ root).clamp(min=0).sqrt().sum()
    between = (a.mean(0) - b.mean(0)).square().sum()
    return float(between + a.T.cov().trace() + b.T.cov().trace() - 2 * cross)


def _root(matrix: Tensor) -> Tensor:
    """Return the square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def kid(a: Tensor, b: Tensor) -> float:
    """Return the unbiased squared maximum mean discrepancy of two sets of features (N, D), over all pairs."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: Tensor) -> Tensor:
        values = kernel(x, x)
        return (values.sum() - values.trace()) / (len(x) * (len(x) - 1))

    return float(within(a) + within(b) - 2 * kernel(a, b).mean())
