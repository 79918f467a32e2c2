"""The metrics: functions `(sr, hr) -> (N,)`, one value per image and never a pooled one, float64 on the CPU.

They take `Images` as they come back from 8-bit PNG files. Values are brought to the 8-bit grid before anything is
computed, so the `u8` of a protocol holds for whatever is passed in. Images are taken one by one: a value does not
depend on the batch its image was in.
"""

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from bench import degradation
from bench.cache import Cache
from bench.errors import UnknownName
from bench.images import degraded
from bench.scores import components, faces, from_pyiqa, kid, metric_networks, regions
from bench.scores.metric import Metric
from bench.scores.pixels import at_least, each, pixels, shape
from bench.scores.ssim import WINDOW, ssim
from bench.scores.vgg_metrics import LEAST, dists, lpips_vgg
from bench.spec import Images

_TRUTHS: Cache[list[Tensor]] = Cache(128 * 2**20, lambda features: sum(each.nbytes for each in features))
"""AlexNet's features of ground truths."""
_HELD = 2**18
"""Pixels of the largest truth whose features are held: of 1024 px they take 43 MB, and three of them are no help."""
_LPIPS_LEAST = 31  # pixels; below it AlexNet's second pooling has nothing left to pool
_ROUNDING = 1e-20  # a mean squared error of images in [0, 1] below this is the arithmetic's, not the image's


def psnr(sr: Images, hr: Images, crop: int = 0) -> Tensor:
    """Return the PSNR of RGB in dB; identical images have +inf.

    `crop` border pixels are left out on each side. Raises ValueError for anything but two equal batches of `Images`.
    """
    mse = pixels(sr, crop).sub_(pixels(hr, crop, like=sr)).square_().mean(dim=(1, 2, 3)).cpu()
    return 10 * torch.log10(255**2 / mse)


def lpips(sr: Images, hr: Images) -> Tensor:
    """Return LPIPS-Alex v0.1 (Zhang et al. 2018) of package `lpips`, computed on the device of `sr`.

    Raises ValueError as `psnr`, `TooSmall` below 31 px and `MissingWeights` if the AlexNet file is damaged.
    """
    images = at_least(_LPIPS_LEAST, "LPIPS-Alex", pixels(sr)), pixels(hr, like=sr)
    # TF32, cuDNN's default for convolutions, keeps ten bits of each factor
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        return each(_lpips, *(image.div_(127.5).sub_(1).float() for image in images))


def _lpips(sr: Tensor, hr: Tensor) -> Tensor:
    """Return the distance of two images (1, 3, H, W) in [-1, 1], Eq. 1; every method is held against the same truth."""
    network = metric_networks.lpips_alex(sr.device)
    if hr[0, 0].numel() > _HELD:
        truth: Iterable[Tensor] = network.features(hr)
    else:
        key = hashlib.sha256(hr.cpu().numpy().tobytes()).digest(), hr.shape, str(hr.device)
        truth = _TRUTHS.get(key, lambda: list(network.features(hr)))
    layers = zip(network.features(sr), truth, network.heads, strict=True)
    distances: list[Tensor] = [conv2d((a - b).square_(), head).mean() for a, b, head in layers]
    return torch.stack(distances).sum()


def lr_consistency(sr: Images, lr: Images, factor: int, how: tuple[str, ...] = degradation.PLAIN) -> Tensor:
    """Return the PSNR in dB between M·SR·Mᵀ, which is not rounded, and LR: how well a result explains its input.

    Where something else was done to the truth (`how`, bench/degradation.py), the same is done to the result.
    """
    values = pixels(sr).cpu().div_(255)
    down = torch.stack([degraded.degraded(image, how, factor) for image in values])
    given = pixels(lr).cpu() / 255
    if down.shape != given.shape:
        raise ValueError(f"SR {shape(sr)} shrunk by {factor} gives {shape(down)}, but LR is {shape(lr)}.")
    mse = ((down - given) ** 2).mean(dim=(1, 2, 3))
    return -10 * torch.log10(mse.where(mse > _ROUNDING, 0))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR", lambda: "psnr[rgb,u8,crop0,mean]", True, 2, lambda p: psnr(p.sr, p.hr)),
        Metric(
            "psnr_crop",
            "PSNR, cropped",
            lambda: "psnr[rgb,u8,crop=factor,mean]",
            True,
            2,
            lambda p: psnr(p.sr, p.hr, p.factor),
            cropped=True,
        ),
        Metric(
            "ssim",
            "SSIM",
            lambda: "ssim[rgb,u8,gauss11,crop0,mean]",
            True,
            4,
            lambda p: ssim(p.sr, p.hr),
            span=2,
            window=WINDOW,
        ),
        Metric(
            "ssim_crop",
            "SSIM, cropped",
            lambda: "ssim[rgb,u8,gauss11,crop=factor,mean]",
            True,
            4,
            lambda p: ssim(p.sr, p.hr, p.factor),
            span=2,
            window=WINDOW,
            cropped=True,
        ),
        Metric(
            "lpips",
            "LPIPS",
            lambda: "lpips[alex,0.1,crop0]",
            False,
            4,
            lambda p: lpips(p.sr, p.hr),
            span=1,
            exact=0.0,
            window=_LPIPS_LEAST,
            packages=("lpips", "torchvision"),
        ),
        Metric(
            "lpips_vgg",
            "LPIPS-VGG",
            lambda: "lpips[vgg,0.1,crop0]",
            False,
            4,
            lambda p: lpips_vgg(p.sr, p.hr),
            exact=0.0,
            window=LEAST,
            packages=("lpips",),
            lacks=lambda _: metric_networks.lacks_vgg16(),
        ),
        Metric(
            "dists",
            "DISTS",
            lambda: "dists[vgg16,whole]",
            False,
            4,
            lambda p: dists(p.sr, p.hr),
            span=2,
            exact=0.0,
            window=LEAST,
            lacks=lambda _: metric_networks.lacks_vgg16(),
        ),
        components.on_components(faces.FFHQ),
        components.on_rest(faces.FFHQ),
        faces.whole(),
        faces.aligned(faces.FFHQ),
        *regions.COLUMNS,
        Metric(
            "kid",
            "KID (AlexNet)",
            lambda: "kid[alexnet,conv5 mean,poly3,unbiased,u8,interval jackknife]",
            False,
            4,
            lambda p: kid.seen(p.sr, p.hr),
            window=kid.WINDOW,
            pooled=kid.shares,
            images=kid.LEAST,
            rough_below=kid.ENOUGH,
        ),
        Metric(
            "lr_psnr",
            "LR-PSNR",
            lambda: "lr_psnr[rgb,matlab-bicubic,float,crop0,mean]",
            True,
            2,
            lambda p: lr_consistency(p.sr, p.lr, p.factor, p.how),
            through=True,
            needs_hr=False,
        ),
    )
}
"""Every metric of the suite's own, by name."""


def find(name: str) -> Metric:
    """Return a metric by name, ours or one of pyiqa (`pyiqa:musiq`).

    Raises `UnknownName`, or `BenchError` if pyiqa is not installed.
    """
    if name.startswith(from_pyiqa.PREFIX):
        return from_pyiqa.metric(name)
    if name not in METRICS:
        raise UnknownName("metric", name, METRICS)
    return METRICS[name]


def known(name: str) -> bool:
    """Return whether a name is that of a metric, as far as can be said without pyiqa."""
    return name in METRICS or name.startswith(from_pyiqa.PREFIX)


def columns(names: Iterable[str]) -> list[Metric]:
    """Return the metrics of some names, in their order."""
    return [find(name) for name in names]
