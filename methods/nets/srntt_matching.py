"""Matching patches of feature maps, and putting others together in their places.

Z. Zhang et al., "Image super-resolution by neural texture transfer", CVPR 2019, section 3.1: patches of 3 x 3 at every
place (stride 1) of the maps of the deepest layer are compared by their inner product, the references' brought to length
1. The places that are found there are those of patches twice and four times as large in the shallower layers' maps.

A map is looked at as a grid of cells: at the deepest layer a cell is one vector, at the others a square of 2 x 2 or
4 x 4. A patch is 3 x 3 cells, and swapping moves cells, whatever the layer.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

PATCH = 3
"""Cells of a side of a patch."""
ENTRIES = 1 << 24
"""Inner products kept at a time, unless told otherwise: 64 MB of float32."""
_SHORTEST = 1e-12
"""The length that shorter patches are divided by: one of zeros alone has no direction, and matches nothing."""
_ROUNDING = 16
"""Units in the last place by which equal inner products come out unequal, in one block of keys and in another."""


@torch.no_grad()
def match(query: Tensor, keys: Sequence[Tensor], *, entries: int = ENTRIES) -> Tensor:
    """Return which patch of the keys is most like each patch of the query, as numbers (h - 2, w - 2).

    `query` is (C, h, w); `keys`, a map of each reference, (C, h', w') of any sizes. Patches are numbered row by row,
    those of the second reference after those of the first. Of patches that are equally like, up to rounding error, the
    first is taken. Not more than about `entries` inner products are in memory at a time; what is found does not
    depend on it.

    Raises `ValueError` if there are no keys, a map has no patch, or the channels differ.
    """
    _check(query, keys)
    with _exactly(query.device):
        wanted = _patches(query)  # (9 C, places)
        tolerance = 1 + _ROUNDING * torch.finfo(wanted.dtype).eps
        best = wanted.new_full((wanted.shape[1],), -torch.inf)
        found = torch.zeros_like(best, dtype=torch.long)
        first = 0
        for key in keys:
            columns = _patches(key)
            columns = columns / columns.norm(dim=0).clamp_min(_SHORTEST)
            for block in columns.T.split(max(1, entries // len(best))):
                products = block @ wanted  # (patches of the block, places)
                largest = products.amax(0)
                equal = products >= _lowered(largest, tolerance)
                better = _lowered(largest, tolerance) > best
                found = torch.where(better, equal.to(torch.uint8).argmax(0) + first, found)
                best = torch.maximum(best, largest)
                first += len(block)
    return found.view(query.shape[1] - PATCH + 1, query.shape[2] - PATCH + 1)


def swap(places: Tensor, values: Sequence[Tensor], *, scale: int) -> Tensor:
    """Return the map that is put together of patches of the values, (C, scale h, scale w).

    `places` (h - 2, w - 2) says which patch stands at each place, as `match` numbers them; `values`, a map of each
    reference, are (C, scale h', scale w') where the keys were (C', h', w'). Where patches overlap, their mean is taken,
    in float64: of equal ones it is exactly what they are.

    Raises `ValueError` if a map has no patch, or the scale does not divide its sides.
    """
    for value in values:
        if value.shape[1] % scale or value.shape[2] % scale or min(value.shape[1:]) < PATCH * scale:
            raise ValueError(f"a map of {tuple(value.shape[1:])} has no patches of {PATCH * scale} px, {scale} apart.")
    cells = torch.cat([F.pixel_unshuffle(value, scale).flatten(1) for value in values], 1)  # (C scale^2, cells)
    sources = _cells_of_patches([(v.shape[1] // scale, v.shape[2] // scale) for v in values], places.device)
    rows, columns = places.shape
    total = cells.new_zeros((len(cells), rows + PATCH - 1, columns + PATCH - 1), dtype=torch.float64)
    count = total.new_zeros(total.shape[1:])
    for offset, source in enumerate(sources):
        top, left = divmod(offset, PATCH)
        total[:, top : top + rows, left : left + columns] += cells[:, source[places]]
        count[top : top + rows, left : left + columns] += 1
    return F.pixel_shuffle((total / count).to(cells.dtype), scale)


def _patches(features: Tensor) -> Tensor:
    """Return all patches of a map (C, h, w) as columns (9 C, patches), float32 if they are of fewer bits."""
    features = features if features.dtype == torch.float64 else features.float()
    return F.unfold(features[None], PATCH)[0]


def _exactly(device: torch.device) -> AbstractContextManager[object]:
    """Let no autocast coarsen the products; there is none on the meta device."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def _lowered(products: Tensor, tolerance: float) -> Tensor:
    """Return the least that counts as equal to products, of either sign."""
    return torch.where(products > 0, products / tolerance, products * tolerance)


def _cells_of_patches(sizes: Sequence[tuple[int, int]], device: torch.device) -> Tensor:
    """Return the numbers of the nine cells of each patch, (9, patches), of grids of cells that follow each other."""
    found: list[Tensor] = []
    first = 0
    for height, width in sizes:
        numbers = torch.arange(first, first + height * width, device=device, dtype=torch.float64)
        found.append(F.unfold(numbers.view(1, 1, height, width), PATCH)[0].long())
        first += height * width
    return torch.cat(found, 1)


def _check(query: Tensor, keys: Sequence[Tensor]) -> None:
    if not keys:
        raise ValueError("there is no reference to match with; at least one is needed.")
    for each in (query, *keys):
        if len(each) != len(query) or min(each.shape[1:]) < PATCH:
            raise ValueError(
                f"a map of {tuple(each.shape)} cannot be matched with one of {tuple(query.shape)}: they need as many "
                f"channels as each other, and sides of {PATCH} at least."
            )
