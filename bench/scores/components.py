"""LPIPS of a part of a face: on eyes, nose and mouth, or on all the rest.

R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018: Eq. 1 takes the
mean of the distances over all places of a layer. Here each layer's map of distances is brought to the size of the
image, bilinearly, as package `lpips` does with `spatial=True`, and the mean is taken over the pixels of the part. As
features see far around their place, everything outside the part is made true first: its faults are none of the part's.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from bench.components import boxes
from bench.scores import metric_networks
from bench.scores.metric import Metric
from bench.scores.pixels import at_least, each, pixels
from bench.spec import FaceBox, Images

LEAST = 31  # pixels; below it AlexNet's second pooling has nothing left to pool


def lpips_within(sr: Images, hr: Images, part: Tensor) -> Tensor:
    """Return the mean distance (N,) on the pixels where `part` (H, W) is true, all others being as in `hr`.

    Raises ValueError as `psnr` or for a part without pixels, `TooSmall` below 31 px, and what
    `metric_networks.lpips_alex` raises.
    """
    if part.shape != sr.shape[-2:] or part.dtype is not torch.bool or not part.any():
        raise ValueError(f"a part of images {tuple(sr.shape)} is some pixels (H, W), not {tuple(part.shape)}.")
    network = metric_networks.lpips_alex(sr.device)
    inside = part.to(sr.device)

    def distance(first: Tensor, second: Tensor) -> Tensor:
        mended = torch.where(inside, first, second)
        layers = zip(network.features(mended), network.features(second), network.heads, strict=True)
        maps = (F.conv2d((a - b).square(), head) for a, b, head in layers)
        whole = sum(F.interpolate(found, part.shape, mode="bilinear", align_corners=False)[0, 0] for found in maps)
        return torch.as_tensor(whole)[inside].mean()

    images = at_least(LEAST, "LPIPS-Alex", pixels(sr)), pixels(hr, like=sr)
    # TF32, cuDNN's default for convolutions, keeps ten bits of each factor
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        return each(distance, *(image.div_(127.5).sub_(1).float() for image in images))


def part_of(box: FaceBox, size: int, *, rest: bool) -> Tensor:
    """Return which pixels of images of `size` px are of eyes, nose and mouth, or which are not: (size, size)."""
    inside = torch.zeros(size, size, dtype=torch.bool)
    for found in boxes(box, size).values():
        inside[found.top : found.bottom, found.left : found.right] = True
    return ~inside if rest else inside


def on_components(box: FaceBox) -> Metric:
    """Return the column of LPIPS on eyes, nose and mouth of faces that are aligned in a square of the images."""
    return _column("lpips_components", "LPIPS, components", box, rest=False)


def on_rest(box: FaceBox) -> Metric:
    """Return the column of LPIPS on everything else."""
    return _column("lpips_rest", "LPIPS, rest", box, rest=True)


def _column(name: str, title: str, box: FaceBox, *, rest: bool) -> Metric:
    where = " ".join(f"{share:g}" for share in box)
    return Metric(
        name,
        title,
        lambda: f"lpips[alex,0.1,spatial,others true,{'without ' if rest else ''}eyes nose mouth in {where}]",
        False,
        4,
        lambda p: lpips_within(p.sr, p.hr, part_of(box, p.hr.shape[-1], rest=rest)),
        ("face",),
        span=1,
        exact=0.0,
        window=LEAST,
        packages=("lpips", "torchvision"),
        located=on_rest if rest else on_components,
        box=box,
    )
