"""Identity of faces: the cosine of ArcFace embeddings, of the whole image or of the part that these networks know.

J. Deng et al., "ArcFace: additive angular margin loss for deep face recognition", CVPR 2019. No face is detected: the
images of a data set are aligned in one way, and its card says where in them the faces are.
"""

import math

import torch
from torch import Tensor

from bench import resize
from bench.scores import metric_networks
from bench.scores.metric import Metric
from bench.scores.pixels import each, pixels
from bench.spec import FaceBox, Images

FFHQ: FaceBox = (0.12, 0.12, 0.765)
"""Where faces that are cut out as FFHQ's are best seen by ArcFace (docs/adr/0009-aligned-arcface.md)."""
_FACE = 112  # pixels; what every ArcFace network takes
_PACKAGES = ("insightface", "onnxruntime")


def arcface(sr: Images, hr: Images, provider: str = "CPUExecutionProvider", *, box: FaceBox | None = None) -> Tensor:
    """Return the cosine of ArcFace embeddings (Deng et al. 2019) of faces, in [-1, 1]; no detector.

    The whole images, or, with a box, that square of them in whole pixels, are resized to 112 px by the suite's own
    operator; with a box the embedding is the sum of those of the face and of its mirror image, as insightface's of LFW.
    `provider` is onnxruntime's name of where the network runs; it is never silently replaced. Raises ValueError as
    `psnr` and what `metric_networks.arcface_embedding` raises.
    """
    images = [pixels(sr), pixels(hr, like=sr)]
    faces = [resize.resize(_cut(image, box) if box else image, _FACE, _FACE).clamp(0, 255) for image in images]

    def cosine(s: Tensor, h: Tensor) -> Tensor:
        seen = torch.cat((s, h, s.flip(-1), h.flip(-1)) if box else (s, h))
        first, second = metric_networks.arcface_embedding(seen, provider).unflatten(0, (-1, 2)).sum(0)
        return torch.cosine_similarity(first, second, dim=0)

    return each(cosine, *faces)


def _cut(images: Tensor, box: FaceBox) -> Tensor:
    """Return a square of images, given in shares of their sides, in the nearest whole pixels."""
    left, top, size = (int(share * images.shape[-1] + 0.5) for share in box)
    left, top = (min(at, images.shape[-1] - size) for at in (left, top))
    return images[..., top : top + size, left : left + size]


def _protocol(part: str = "whole") -> str:
    path = metric_networks.arcface_file()
    name = path.stem.removeprefix("arcface_")
    return f"arcface[{name},sha {metric_networks.verified(path)[:8]},{part},{_FACE}]"


def aligned(box: FaceBox) -> Metric:
    """Return the column of ArcFace on the part of the images where the networks expect a face."""
    return Metric(
        "arcface_aligned",
        "ArcFace, aligned",
        lambda: _protocol(f"box {' '.join(f'{share:g}' for share in box)},mirrored"),
        True,
        4,
        lambda p: arcface(p.sr, p.hr, box=box),
        ("face",),
        span=2,
        window=math.ceil(0.5 / box[2]),  # the box has a pixel then
        packages=_PACKAGES,
        located=aligned,
        box=box,
    )


def whole() -> Metric:
    """Return the column of ArcFace on whole images, a habit of papers."""
    return Metric(
        "arcface",
        "ArcFace",
        _protocol,
        True,
        4,
        lambda p: arcface(p.sr, p.hr),
        ("face",),
        span=2,
        packages=_PACKAGES,
    )
