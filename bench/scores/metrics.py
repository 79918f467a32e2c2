"""The metrics: functions `(sr, hr) -> (N,)`, one value per image and never a pooled one, float64 on the CPU.

They take `Images` as they come back from 8-bit PNG files. Values are brought to the 8-bit grid before anything is
computed, so the `u8` of a protocol holds for whatever is passed in. Images are taken one by one: a value does not
depend on the batch its image was in.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from bench import resize
from bench.scores import metric_networks
from bench.spec import Card, Images, TooSmall

_WINDOW = 11  # pixels; SSIM, Wang et al. 2004
_SIGMA = 1.5
_LPIPS_LEAST = 31  # pixels; below it AlexNet's second pooling has nothing left to pool
_ROUNDING = 1e-20  # a mean squared error of images in [0, 1] below this is the arithmetic's, not the image's
_FACE = 112  # pixels; what every ArcFace network takes


def psnr(sr: Images, hr: Images, crop: int = 0) -> Tensor:
    """Return the PSNR of RGB in dB; identical images have +inf.

    `crop` border pixels are left out on each side. Raises ValueError for anything but two equal batches of `Images`.
    """
    mse = ((_pixels(sr, crop) - _pixels(hr, crop, like=sr)) ** 2).mean(dim=(1, 2, 3)).cpu()
    return 10 * torch.log10(255**2 / mse)


def ssim(sr: Images, hr: Images, crop: int = 0) -> Tensor:
    """Return the SSIM, mean of the three channels, of Wang et al. 2004: Gaussian window 11 px, sigma 1.5.

    Only windows that lie wholly inside the image count (skimage's `gaussian_weights=True, sigma=1.5, win_size=11,
    use_sample_covariance=False`). Raises ValueError as `psnr`, `TooSmall` below 11 px.
    """
    return _each(_ssim, _at_least(_WINDOW, "SSIM", _pixels(sr, crop)), _pixels(hr, crop, like=sr))


def lpips(sr: Images, hr: Images) -> Tensor:
    """Return LPIPS-Alex v0.1 (Zhang et al. 2018) of package `lpips`, computed on the device of `sr`.

    Raises ValueError as `psnr`, `TooSmall` below 31 px and `MissingWeights` if the AlexNet file is damaged.
    """
    pixels = _at_least(_LPIPS_LEAST, "LPIPS-Alex", _pixels(sr)), _pixels(hr, like=sr)
    network = metric_networks.lpips_alex(sr.device)
    # TF32, cuDNN's default for convolutions, keeps ten bits of each factor
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        return _each(lambda s, h: network(s, h).mean(), *((image / 127.5 - 1).float() for image in pixels))


def arcface(sr: Images, hr: Images, provider: str = "CPUExecutionProvider") -> Tensor:
    """Return the cosine of ArcFace embeddings (Deng et al. 2019) of whole aligned faces, in [-1, 1]; no detector.

    Faces are resized to 112 px by the suite's own operator. `provider` is onnxruntime's name of where the network runs;
    it is never silently replaced. Raises ValueError as `psnr` and what `networks.arcface_embedding` raises.
    """
    faces = [resize.resize(pixels, _FACE, _FACE).clamp(0, 255) for pixels in (_pixels(sr), _pixels(hr, like=sr))]

    def cosine(s: Tensor, h: Tensor) -> Tensor:
        first, second = metric_networks.arcface_embedding(torch.cat((s, h)), provider)
        return torch.cosine_similarity(first, second, dim=0)

    return _each(cosine, *faces)


def lr_consistency(sr: Images, lr: Images, factor: int) -> Tensor:
    """Return the PSNR in dB between M·SR·Mᵀ, which is not rounded, and LR: how well a result explains its input."""
    down = resize.downsample(_pixels(sr).cpu() / 255, factor)
    given = _pixels(lr).cpu() / 255
    if down.shape != given.shape:
        raise ValueError(f"SR {_shape(sr)} shrunk by {factor} gives {_shape(down)}, but LR is {_shape(lr)}.")
    mse = ((down - given) ** 2).mean(dim=(1, 2, 3))
    return -10 * torch.log10(mse.where(mse > _ROUNDING, 0))


def _each(value: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor) -> Tensor:
    pairs = zip(first.split(1), second.split(1), strict=True)
    return torch.stack([value(a, b) for a, b in pairs]).double().cpu()


def _pixels(images: Tensor, crop: int = 0, like: Tensor | None = None) -> Tensor:
    """Return the 8-bit values, 0 to 255, in float64; the one place where input is checked."""
    if images.ndim != 4 or images.shape[1] != 3 or not images.numel():  # noqa: PLR2004 - (N, 3, H, W)
        raise ValueError(f"a metric takes images (N, 3, H, W), N at least 1, not {_shape(images)}.")
    if images.dtype != torch.float32:
        raise ValueError(f"a metric takes float32 images in [0, 1], not {images.dtype}: divide 8-bit values by 255.")
    low, high = images.min().item(), images.max().item()
    if not 0 <= low <= high <= 1:  # NaN fails too
        raise ValueError(
            f"a metric takes images in [0, 1], not [{low:g}, {high:g}]: clamp, or undo a range of [-1, 1]."
        )
    if like is not None and (like.shape != images.shape or like.device != images.device):
        raise ValueError(f"SR {_shape(like)} on {like.device} and HR {_shape(images)} on {images.device} do not match.")
    height, width = images.shape[-2:]
    if crop < 0 or 2 * crop >= min(height, width):
        raise TooSmall(f"a border crop of {crop} px leaves nothing of an image of {height} x {width} px.")
    return (images[..., crop : height - crop, crop : width - crop].double() * 255).round()


def _shape(images: Tensor) -> str:
    return f"({', '.join(map(str, images.shape))})"


def _at_least(least: int, name: str, images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    if min(height, width) < least:
        raise TooSmall(
            f"{name} needs images of at least {least} px, not {height} x {width}; leave it out for this size."
        )
    return images


def _ssim(first: Tensor, second: Tensor) -> Tensor:
    offsets = torch.arange(_WINDOW, dtype=torch.float64, device=first.device) - _WINDOW // 2
    window = torch.softmax(-(offsets**2) / (2 * _SIGMA**2), dim=0)

    def blur(image: Tensor) -> Tensor:
        return conv2d(conv2d(image, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))

    x, y = first.transpose(0, 1), second.transpose(0, 1)  # the channels as a batch
    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y, cov = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2, blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    return (similarity / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean()


@dataclass(frozen=True, slots=True)
class Pair:
    """What a metric may look at: a batch of results, the ground truth, and the input of the method."""

    sr: Images
    hr: Images
    """(N, 3, 0, 0) if there is none; then only metrics that do not need it are asked."""
    lr: Images
    factor: int


@dataclass(frozen=True, slots=True)
class Metric:
    """One column of a table."""

    name: str
    title: str
    protocol: Callable[[], str]
    """How the number is made, in the manner of sacreBLEU: numbers of different protocols are never compared.
    A function, because ArcFace's depends on the network that is found."""
    higher_is_better: bool
    digits: int
    """Decimals as printed."""
    function: Callable[[Pair], Tensor]
    categories: tuple[str, ...] | None = None
    """None: every category."""
    span: float = math.inf
    """The largest difference that two values can have."""
    exact: float = math.nan
    """The value that the ground truth itself has and next to nothing else; NaN if there is none."""
    window: int = 1
    """The smallest side it can be computed on."""
    needs_hr: bool = True
    """False if it looks at the result and the input alone."""
    cropped: bool = False
    """True if a border of `factor` pixels is left out first."""
    packages: tuple[str, ...] = ()
    """The packages besides torch whose version a value depends on."""

    @property
    def margin(self) -> float:
        """Half a unit of the last printed digit."""
        return 0.5 * 10.0**-self.digits

    def refuses(self, hr_size: int, factor: int) -> str | None:
        """Return why images of a size cannot be measured, or None if they can."""
        least = self.window + 2 * factor * self.cropped
        if hr_size >= least:
            return None
        return f"{self.name} at {factor}x takes images of at least {least} px, not {hr_size}: take a larger --hr-size"

    def applies(self, category: str) -> bool:
        """Return whether the metric means anything for this category."""
        return self.categories is None or category in self.categories

    def measures(self, card: Card) -> bool:
        """Return whether it means anything for a card's category, and has what it looks at."""
        return self.applies(card.category) and (card.has_hr or not self.needs_hr)


def _arcface_protocol() -> str:
    path = metric_networks.arcface_file()
    name = path.stem.removeprefix("arcface_")
    return f"arcface[{name},sha {metric_networks.verified(path)[:8]},whole,{_FACE}]"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR", lambda: "psnr[rgb,u8,crop0,mean]", True, 2, lambda p: psnr(p.sr, p.hr)),
        Metric(
            "psnr_crop",
            "PSNR",
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
            window=_WINDOW,
        ),
        Metric(
            "ssim_crop",
            "SSIM",
            lambda: "ssim[rgb,u8,gauss11,crop=factor,mean]",
            True,
            4,
            lambda p: ssim(p.sr, p.hr, p.factor),
            span=2,
            window=_WINDOW,
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
            "arcface",
            "ArcFace",
            _arcface_protocol,
            True,
            4,
            lambda p: arcface(p.sr, p.hr),
            ("face",),
            span=2,
            packages=("insightface", "onnxruntime"),
        ),
        Metric(
            "lr_psnr",
            "LR-PSNR",
            lambda: "lr_psnr[rgb,matlab-bicubic,float,crop0,mean]",
            True,
            2,
            lambda p: lr_consistency(p.sr, p.lr, p.factor),
            needs_hr=False,
        ),
    )
}
"""Every metric there is, by name."""
