"""What `sheet` draws: the first test images of a category, and what is made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench import degradation, resize
from bench.images import data
from bench.spec import Card


def parsed(text: str) -> tuple[str, ...]:
    """Return a list of operators, `blur 2, down`; raises what `degradation.steps` does."""
    found = tuple(part.strip() for part in text.split(","))
    degradation.steps(found)
    return found


def rows(card: Card, count: int, lists: Sequence[tuple[str, ...]], factor: int) -> Iterator[Tensor]:
    """Yield the first images of a card, (count, 3, hr_size, hr_size) uint8, and after them a row for each degradation.

    What became smaller is drawn in squares. Raises `BenchError` if the factor does not divide the size.
    """
    ids = data.image_ids(card, count)
    yield torch.stack([data.read(card, image_id) for image_id in ids])
    for how in lists:
        if "down" in how:
            card.task(factor)  # which a size that the factor does not divide has none of
        turned = replace(card, degradation=how)
        made = [data.low_resolution(data.edited(turned, each), factor, how, each) for each in ids]
        times = card.hr_size // made[0].shape[-1]
        yield resize.eight_bit(torch.stack(made)).repeat_interleave(times, -1).repeat_interleave(times, -2)
