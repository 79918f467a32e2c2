"""Rows that no method made: another ground truth, or the true one saved with loss. They show what is low and what high.

They are no rivals: a method sees no ground truth. They are not compared with any, and never called the best.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.spec import Images

RUN = "reference"
"""In the place of a fingerprint: what is scored follows from the ground truth alone."""
Truth = Callable[[str], Images | None]
"""id -> its ground truth (3, H, W) in [0, 1]; None if it cannot be used."""
_QUALITY = 75


@dataclass(frozen=True, slots=True)
class Reference:
    """One such row."""

    title: str
    remark: str
    """What it is, for the notes below a table."""
    make: Callable[[Sequence[str], int, Truth], Images | None]
    """All ids, the place of one, the ground truth -> what stands for that image, or None if there is no such."""
    edited: bool = False
    """True if it is made of what an edit made of the ground truth, and so of images with an edit alone."""
    images: int = 1
    """How many images it takes."""

    def refuses(self, images: int) -> str | None:
        """Return why so many images are too few for it, or None if they are not."""
        return None if images >= self.images else f"it takes {self.images} images, and there is one"


def _itself(ids: Sequence[str], place: int, truth: Truth) -> Images | None:
    """Return the image as it is."""
    return truth(ids[place])


def _next(ids: Sequence[str], place: int, truth: Truth) -> Images | None:
    """Return the ground truth of the next image that can be used, beginning anew behind the last."""
    others = (truth(image) for image in (*ids[place + 1 :], *ids[:place]))
    return next((image for image in others if image is not None), None)


def _jpeg(ids: Sequence[str], place: int, truth: Truth) -> Images | None:
    """Return the ground truth as JPEG gives it back, of Pillow's usual settings (4:2:0) at a quality of 75."""
    image = truth(ids[place])
    return None if image is None else _saved(image)


def _saved(image: Images) -> Tensor:
    file = BytesIO()
    pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    with Image.open(file) as found:
        return torch.from_numpy(np.array(found.convert("RGB"))).permute(2, 0, 1) / 255


REFERENCES: Mapping[str, Reference] = {
    "another_person": Reference(
        "Another person (reference)",
        "the true face of the next image, for the last one that of the first; what a result scores that has nothing of "
        "the person",
        _next,
        images=2,
    ),
    "jpeg75": Reference(
        "HR, saved as JPEG 75 (reference)",
        "the true image with the loss of a usual JPEG file; about the most that can be hoped for",
        _jpeg,
    ),
    "edited": Reference(
        "Edited, not restored (reference)",
        "the edited image as it is, before it is made small",
        _itself,
        edited=True,
    ),
}
"""By the names that a table's `references` may hold."""
