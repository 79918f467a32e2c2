"""The rendered stand-in images of the `mini` profile: a seed and a category give a picture.

Test images are drawn in float64 on the CPU (`exact_images`), training images in float32 on any device (`render`).
"""

from types import ModuleType

import torch
from torch import Tensor

from bench.resize import eight_bit
from bench.scenes import bedroom, car, cat, face, noise, tower
from bench.scenes.draw import Frame

SCENES: dict[str, ModuleType] = {"face": face, "cat": cat, "car": car, "bedroom": bedroom, "tower": tower}
FIRST_TRAINING_SEED = 1_000  # seeds below are for testing only
_CHUNK = 16  # images drawn at once on a CPU: their planes stay in its cache


def factors(category: str, seeds: Tensor) -> dict[str, Tensor]:
    """Return the factors of variation of N seeds: name -> (N,) float64, uniform in the range the scene declares."""
    ranges: dict[str, tuple[float, float]] = SCENES[category].FACTORS
    unit = noise.first(seeds, [f"{category}.{name}" for name in ranges])
    return {name: low + (high - low) * drawn for (name, (low, high)), drawn in zip(ranges.items(), unit, strict=True)}


def frame(seeds: Tensor, values: dict[str, Tensor], size: int, dtype: torch.dtype) -> Frame:
    """Return what pictures of `size` pixels with given factor values (name -> (N,)) are drawn from."""
    axis = (torch.arange(size, dtype=torch.float64, device=seeds.device) + 0.5) * (2 / size) - 1
    axis = axis.to(dtype)
    columns = {name: value.to(dtype).view(-1, 1, 1, 1) for name, value in values.items()}
    return Frame(seeds=seeds, factors=columns, x=axis.view(1, 1, 1, -1), y=axis.view(1, 1, -1, 1), px=2 / size)


def draw(category: str, seeds: Tensor, values: dict[str, Tensor], size: int, dtype: torch.dtype) -> Tensor:
    """Return the pictures of given factor values (name -> (N,)): (N, 3, size, size), [0, 1]; seeds feed the noise."""
    picture: Tensor = SCENES[category].draw(frame(seeds, values, size, dtype))
    return picture.clamp(0, 1)


@torch.no_grad()
def render(category: str, seeds: Tensor, size: int = 128, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return pictures (N, 3, size, size) in [0, 1] of N seeds (int64), on the device of `seeds`."""
    chunks = seeds.split(_CHUNK) if seeds.device.type == "cpu" else [seeds]
    return torch.cat([draw(category, part, factors(category, part), size, dtype) for part in chunks])


def exact_images(category: str, seeds: Tensor, size: int = 128) -> Tensor:
    """Return (N, 3, size, size) uint8, drawn in float64 on the CPU: the same bytes on every machine."""
    return eight_bit(render(category, seeds.cpu(), size, torch.float64))
