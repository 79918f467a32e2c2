"""What all training images go through, wherever they come from."""

import torch

from bench.spec import Images
from methods.training.share import Share

PART = 256  # images drawn or read together
SHOWN = 8  # such parts; the progress of more is shown
KEPT = 2 * 2**30  # bytes of images in memory


def mirrored(images: Images, share: Share, count: int, order: torch.Generator) -> Images:
    """Mirror every second image, by chance, in a share of so many."""
    flip = share.of(torch.rand(count, 1, 1, 1, generator=order)) < 0.5  # noqa: PLR2004 - every second
    return torch.where(flip.to(images.device), images.flip(-1), images)


def ready(device: torch.device) -> None:
    """Wait until what was asked of a GPU is done, so that every training there may use it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
