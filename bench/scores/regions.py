"""Metrics of an image with an edit (bench/images/retouching.py), of which it is known where it is.

Outside of the edit a result is compared with the image as it was. Inside, with the picture that is drawn with the edit,
where there is one. Along the border it is asked whether a seam is left. Without an edit all is outside.
"""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d

from bench.scores import metric_networks
from bench.scores.metric import Metric, Pair
from bench.scores.pixels import at_least, pixels

_LPIPS_LEAST = 31  # pixels, as of LPIPS
_FLOOR = 1.0  # squared 8-bit levels, added to both energies: where the truth is flat, rounding is no seam


def psnr(pair: Pair, *, inside: bool) -> Tensor:
    """Return the PSNR in dB of the pixels inside or outside of the mask, (N,); where all are equal it is infinite."""
    squared = (pixels(pair.sr) - pixels(pair.hr, like=pair.sr)).square().mean(1, keepdim=True)
    weight = _mask(pair) if inside else 1 - _mask(pair)
    mse = (squared * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))
    return 10 * torch.log10(255**2 / mse.cpu())


def lpips(pair: Pair, *, inside: bool) -> Tensor:
    """Return LPIPS-Alex v0.1, (N,), whose maps of distances are averaged inside or outside of the mask.

    A place of a map counts by the share of its pixels that lie there. As features see far around their place, all
    other pixels are made true first: their faults are none of the part's. Raises as `metrics.lpips`.
    """
    part = _mask(pair) if inside else 1 - _mask(pair)
    sr, hr = at_least(_LPIPS_LEAST, "LPIPS-Alex", pixels(pair.sr)), pixels(pair.hr, like=pair.sr)
    images = ((hr + (sr - hr) * part).div_(127.5).sub_(1).float(), hr.div(127.5).sub_(1).float(), part.float())
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        values = [_lpips(*each) for each in zip(*(image.split(1) for image in images), strict=True)]
    return torch.stack(values).double().cpu()


def _lpips(sr: Tensor, hr: Tensor, part: Tensor) -> Tensor:
    """Return the distance of two images (1, 3, H, W) in [-1, 1] where `part` (1, 1, H, W) is 1."""
    network = metric_networks.lpips_alex(sr.device)
    total = torch.zeros((), device=sr.device)
    for first, second, head in zip(network.features(sr), network.features(hr), network.heads, strict=True):
        distance = conv2d((first - second).square_(), head)
        weight = adaptive_avg_pool2d(part, (distance.shape[-2], distance.shape[-1]))
        total = total + (distance * weight).sum() / weight.sum()
    return total


def seam(pair: Pair) -> Tensor:
    """Return by how many dB the gradients across the mask's border have more energy than the truth's, (N,); 0: no more.

    E(I) is the mean, over all neighbours of which one lies inside and one outside, of the squared difference of their
    8-bit values; what is returned is max(0, 10 log10((E(sr) + 1) / (E(hr) + 1))). NaN without a border.
    """
    mask = _mask(pair)
    of_sr, of_hr = _energy(pixels(pair.sr), mask), _energy(pixels(pair.hr, like=pair.sr), mask)
    return (10 * torch.log10((of_sr + _FLOOR) / (of_hr + _FLOOR))).clamp(min=0).cpu()


def _energy(images: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared difference across the border of a mask, (N,)."""
    total = count = torch.zeros(len(images), dtype=torch.float64, device=images.device)
    for along in (-2, -1):
        border = mask.diff(dim=along).abs()
        total = total + (images.diff(dim=along).square().mean(1, keepdim=True) * border).sum((1, 2, 3))
        count = count + border.sum((1, 2, 3))
    return total / count


def _mask(pair: Pair) -> Tensor:
    """Return 1 where an edit was and 0 elsewhere, (N, 1, H, W) float64, on the device of the results."""
    if pair.mask is None:
        return torch.zeros_like(pair.sr[:, :1], dtype=torch.float64)
    return pair.mask.to(pair.sr.device, torch.float64)


COLUMNS = (
    Metric(
        "lpips_outside",
        "LPIPS outside",
        lambda: "lpips[alex,0.1,crop0,outside the edit,all else true]",
        False,
        4,
        lambda p: lpips(p, inside=False),
        span=1,
        window=_LPIPS_LEAST,
        packages=("lpips", "torchvision"),
        region="outside",
    ),
    Metric(
        "psnr_outside",
        "PSNR outside",
        lambda: "psnr[rgb,u8,crop0,mean,outside the edit]",
        True,
        2,
        lambda p: psnr(p, inside=False),
        region="outside",
    ),
    Metric(
        "lpips_inside",
        "LPIPS inside, against the true edit",
        lambda: "lpips[alex,0.1,crop0,inside the edit,as drawn,all else true]",
        False,
        4,
        lambda p: lpips(p, inside=True),
        span=1,
        window=_LPIPS_LEAST,
        packages=("lpips", "torchvision"),
        region="inside",
    ),
    Metric(
        "psnr_inside",
        "PSNR inside, against the true edit",
        lambda: "psnr[rgb,u8,crop0,mean,inside the edit,as drawn]",
        True,
        2,
        lambda p: psnr(p, inside=True),
        region="inside",
    ),
    Metric(
        "seam",
        "Seam",
        lambda: "seam[rgb,u8,energy across the border of the edit,dB over the truth,at least 0]",
        False,
        2,
        seam,
        region="border",
    ),
)
