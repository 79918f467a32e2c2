"""SSIM, of Wang et al. 2004, strip by strip."""

from functools import cache

import torch
from torch import Tensor

from bench.scores.pixels import at_least, each, pixels
from bench.spec import Images

WINDOW = 11  # pixels
_SIGMA = 1.5
_GAUSSIAN = torch.softmax(
    -((torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2) ** 2) / (2 * _SIGMA**2), 0
).tolist()
_STRIP = 2**14  # pixels of a channel; with its products and means it fits the cache of a core


def ssim(sr: Images, hr: Images, crop: int = 0) -> Tensor:
    """Return the SSIM, mean of the three channels, of Wang et al. 2004: Gaussian window 11 px, sigma 1.5.

    Only windows that lie wholly inside the image count (skimage's `gaussian_weights=True, sigma=1.5, win_size=11,
    use_sample_covariance=False`). Raises ValueError as `metrics.psnr`, `TooSmall` below 11 px.
    """
    return each(_ssim, at_least(WINDOW, "SSIM", pixels(sr, crop)), pixels(hr, crop, like=sr))


def _ssim(first: Tensor, second: Tensor) -> Tensor:
    """Return the SSIM of two images (1, 3, H, W), strip by strip: what a strip needs stays in a core's cache."""
    height, width = first.shape[-2:]
    rows = max(1, _STRIP // width)
    sums = [
        _similarity(first[0, :, top : top + rows + WINDOW - 1], second[0, :, top : top + rows + WINDOW - 1]).sum()
        for top in range(0, height - WINDOW + 1, rows)
    ]
    return torch.stack(sums).sum() / (3 * (height - WINDOW + 1) * (width - WINDOW + 1))


def _similarity(x: Tensor, y: Tensor) -> Tensor:
    """Return the similarity of the windows of (3, H, W): (3, H - 10, W - 10).

    Of the two variances only the sum counts. In place, as the rest of a strip is in the cache.
    """
    mean_x, mean_y, xy, squared = map(_blurred, (x, y, x * y, (x * x).addcmul_(y, y)))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    means = mean_x * mean_y
    squares = mean_x.square_().add_(mean_y.square_())
    variances = squared.sub_(squares).add_(c2)
    similarity = xy.sub_(means).mul_(2).add_(c2).mul_(means.mul_(2).add_(c1))
    return similarity.div_(variances.mul_(squares.add_(c1)))


def _blurred(maps: Tensor) -> Tensor:
    """Return the mean of each window of (3, H, W), weighted by a Gaussian, in columns and then in rows.

    In columns as a product with a band matrix, which is dense enough for the few rows of a strip to be the faster way.
    """
    columns = torch.matmul(_band(maps.shape[-2] - WINDOW + 1).to(maps.device), maps)
    length = maps.shape[-1] - WINDOW + 1
    blurred: Tensor = columns.narrow(-1, 0, length) * _GAUSSIAN[0]
    for offset, weight in enumerate(_GAUSSIAN[1:], start=1):
        blurred.add_(columns.narrow(-1, offset, length), alpha=weight)
    return blurred


@cache
def _band(rows: int) -> Tensor:
    """Return (rows, rows + 10): each row the Gaussian, one further to the right."""
    band = torch.zeros(rows, rows + WINDOW - 1, dtype=torch.float64)
    for row in range(rows):
        band[row, row : row + WINDOW] = torch.tensor(_GAUSSIAN, dtype=torch.float64)
    return band
