"""How a foreign LR image was probably made: by which of the down-samplings that people use, told by its pixels."""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from bench.resize import check_pair, downsample, eight_bit, quantise
from bench.spec import Images

_OURS = "MATLAB bicubic"
_NEAR = 1.0  # mean grey levels; MATLAB's rounding between its two passes over a uint8 image alone is 0.15 to 0.3
_TIE = 1e-3
# ITU-R BT.601: RGB in [0, 1] to Y in [0, 1], Cb and Cr in [-0.5, 0.5]; and the two usual scalings of these to 8 bit.
_YCBCR = ((0.299, 0.587, 0.114), (-0.299 / 1.772, -0.587 / 1.772, 0.5), (0.5, -0.587 / 1.402, -0.114 / 1.402))
_YCBCR_RANGES = {
    "MATLAB rgb2ycbcr": ((219, 224, 224), (16, 128, 128)),
    "full range, as in OpenCV": ((255, 255, 255), (0, 128, 128)),
}


def _by_pil(hr: Tensor, factor: int, kernel: str) -> Tensor:
    size = (hr.shape[-1] // factor, hr.shape[-2] // factor)
    pixels = eight_bit(hr).movedim(-3, -1).numpy()
    made = [np.asarray(Image.fromarray(each).resize(size, Image.Resampling[kernel])) for each in pixels]
    return torch.tensor(np.stack(made)).movedim(-1, -3) / 255


def _by_ycbcr(hr: Tensor, factor: int) -> dict[str, Tensor]:
    """Down-sample in YCbCr, rounding to 8 bit at each step, and return to RGB; or keep the luminance alone, as grey."""
    made = {}
    for name, (span, shift) in _YCBCR_RANGES.items():
        forward = torch.tensor(_YCBCR, dtype=hr.dtype) * torch.tensor(span)[:, None] / 255
        zero = torch.tensor(shift, dtype=hr.dtype)[:, None, None] / 255
        ycbcr = quantise(torch.einsum("ij,njhw->nihw", forward, hr) + zero).double()
        small = quantise(downsample(ycbcr, factor)).double()
        made[f"{_OURS} in 8-bit YCbCr ({name})"] = torch.einsum("ij,njhw->nihw", forward.inverse(), small - zero)
        made[f"{_OURS} of the luminance alone ({name})"] = small[:, :1].expand_as(small)
    return made


def _candidates(hr: Tensor, factor: int) -> dict[str, Tensor]:
    """Return the LR that each known down-sampling makes of 8-bit (N, 3, H, W) float64 images."""
    size = (hr.shape[-2] // factor, hr.shape[-1] // factor)
    centre = factor // 2
    return {
        _OURS: downsample(hr, factor),
        **_by_ycbcr(hr, factor),
        "OpenCV INTER_CUBIC (= torch bicubic without antialias)": interpolate(hr, size, mode="bicubic"),
        "OpenCV INTER_LINEAR (= torch bilinear without antialias)": interpolate(hr, size, mode="bilinear"),
        "OpenCV INTER_AREA (= PIL BOX, average pooling)": avg_pool2d(hr, factor),
        "OpenCV INTER_NEAREST (= torch nearest)": hr[..., ::factor, ::factor],
        "PIL NEAREST (= torch nearest-exact)": hr[..., centre::factor, centre::factor],
        "torch bicubic with antialias": interpolate(hr, size, mode="bicubic", antialias=True),
        **{f"PIL {kernel}": _by_pil(hr, factor, kernel) for kernel in ("BICUBIC", "LANCZOS", "BILINEAR")},
    }


def _levels(one: Images, other: Images) -> float:
    """Return the mean absolute difference in grey levels."""
    return float(255 * (one - other).abs().mean(dtype=torch.float64))


@dataclass(frozen=True, slots=True)
class Likely:
    """The known down-samplings that come nearest to a foreign LR; distances are mean absolute grey levels."""

    names: tuple[str, ...]
    """Those that are equally near."""
    order: str
    """What is to be said of the order of the channels, or ""."""
    distance: float
    ours: float
    """To the LR that the suite makes."""
    known: int
    """How many down-samplings were tried."""

    @property
    def found(self) -> bool:
        """Whether one of them is near enough to have made it."""
        return self.distance <= _NEAR

    @property
    def is_ours(self) -> bool:
        """Whether the suite would have made the same, but for rounding."""
        return self.found and _OURS in self.names and not self.order

    @property
    def in_words(self) -> str:
        """By what it was made, in a few words and without figures."""
        if self.is_ours:
            return f"as by {_OURS}"
        return f"probably by {' or '.join(self.names)}{self.order}" if self.found else "by no known down-sampling"


def likely(lr: Images, hr: Images, factor: int) -> Likely:
    """Return by what a foreign LR was probably made from the HR: (3, H, W) or (N, 3, H, W) images of 8-bit values."""
    check_pair(lr, hr, factor)
    lr, hr = (quantise(each.detach().cpu()).reshape(-1, *each.shape[-3:]) for each in (lr, hr))
    made = {name: quantise(each) for name, each in _candidates(hr.double(), factor).items()}
    rgb, bgr = ({name: _levels(each, found) for name, each in made.items()} for found in (lr, lr.flip(-3)))
    swapped = min(bgr.values()) < min(rgb.values())
    distances, order = (bgr, " with the channels in BGR order") if swapped else (rgb, "")
    best = min(distances.values())
    closest = tuple(name for name, distance in distances.items() if distance <= best + _TIE)
    return Likely(closest, order, best, rgb[_OURS], len(made))


def diagnose(lr: Images, hr: Images, factor: int) -> str:
    """Say how a foreign LR was probably made from the HR, as `likely`, and what to do about it."""
    found = likely(lr, hr, factor)
    if not found.found:
        return (
            f"None of the {found.known} known down-samplings made this LR: the closest, {found.names[0]}{found.order}, "
            f"is {found.distance:.2f} grey levels away on average, {_OURS} {found.ours:.2f}. Check that LR and HR are "
            "the same images in the same order, and that the LR has neither noise nor JPEG compression."
        )
    if found.is_ours:
        return f"The LR agrees with {_OURS}, to {found.ours:.2f} grey levels on average; use it as it is."
    return (
        f"The LR was probably made by {' or '.join(found.names)}{found.order}: {found.distance:.2f} grey levels from "
        f"it on average, {found.ours:.2f} from {_OURS}, which the suite uses. Make it anew from the HR with "
        f"imresize(hr, 1/{factor}) of MATLAB, with `downsample` and `quantise` of bench.resize, or let the suite make "
        "it."
    )
