"""Random numbers and smooth noise from integer arithmetic alone.

No library random generator is involved, so a seed gives the same numbers on every machine, device and torch version,
and the numbers of one image do not depend on the images beside it.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

MASK = 0xFFFFFFFF


def mix(bits: Tensor) -> Tensor:
    """Scramble (...,) int64 in [0, 2^32) into int64 in [0, 2^32): the `lowbias32` integer hash of C. Wellons (2018)."""
    bits = ((bits ^ (bits >> 16)) * 0x7FEB352D) & MASK
    bits = ((bits ^ (bits >> 15)) * 0x846CA68B) & MASK
    return bits ^ (bits >> 16)


@lru_cache(maxsize=4096)
def name_key(name: str) -> int:
    """Return 32 bits of a name: FNV-1a, because Python's own `hash` changes from run to run."""
    key = 0x811C9DC5
    for byte in name.encode():
        key = ((key ^ byte) * 0x01000193) & MASK
    return key


def uniform(seeds: Tensor, name: str, count: int = 1) -> Tensor:
    """Return `count` independent numbers per seed: (N,) int64 to (N, count) float64 in [0, 1).

    Different names give independent numbers, so a new factor of variation leaves the others as they were.
    """
    low, high = seeds & MASK, (seeds >> 32) & MASK
    stream = mix(mix(low ^ name_key(name)) ^ high)
    index = torch.arange(count, dtype=torch.int64, device=seeds.device)
    bits = mix((stream[:, None] + index * 0x9E3779B1) & MASK)
    return mix(bits ^ stream[:, None]).to(torch.float64) / 2**32


def first(seeds: Tensor, names: Sequence[str]) -> Tensor:
    """Return the first number of each name: (N,) int64 to (names, N) float64, as `uniform` gives them one by one."""
    keys = torch.tensor([name_key(name) for name in names], device=seeds.device)[:, None]
    stream = mix(mix((seeds & MASK) ^ keys) ^ ((seeds >> 32) & MASK))
    return mix(mix(stream) ^ stream).to(torch.float64) / 2**32


def weights(position: Tensor, cells: int) -> Tensor:
    """Return the (P, cells + 1) matrix that interpolates lattice values at positions (P,) in [0, 1] by smoothstep."""
    scaled = position.clamp(0, 1) * cells
    left = scaled.floor().clamp(max=cells - 1)
    fade = scaled - left
    fade = fade * fade * (3 - 2 * fade)
    nodes = torch.arange(cells + 1, dtype=position.dtype, device=position.device)
    at_left = (nodes == left[:, None]).to(position.dtype)
    at_right = (nodes == left[:, None] + 1).to(position.dtype)
    return at_left * (1 - fade[:, None]) + at_right * fade[:, None]


def lattice_noise(  # noqa: PLR0913 - a noise has this many degrees of freedom; all are keyword-only
    seeds: Tensor, name: str, *, x: Tensor, y: Tensor, cells: tuple[int, int], octaves: int = 1, gain: float = 0.5
) -> Tensor:
    """Return value noise on a grid: (N,) seeds, x (W,), y (H,) in [0, 1] to (N, 1, H, W), mean about 0, within [-1, 1].

    `cells` counts lattice cells along (x, y) in the first octave; each further octave doubles them and is `gain` times
    as strong. Two matrix products an octave, so it costs next to nothing.
    """
    total = torch.zeros((), dtype=x.dtype, device=x.device)
    strength, norm = 1.0, 0.0
    for octave in range(octaves):
        columns, rows = cells[0] << octave, cells[1] << octave
        values = uniform(seeds, f"{name}/{octave}", (rows + 1) * (columns + 1)) * 2 - 1
        lattice = values.to(x.dtype).view(-1, 1, rows + 1, columns + 1)
        total = total + strength * (weights(y, rows) @ lattice @ weights(x, columns).T)
        norm += strength
        strength *= gain
    return total / norm


def sample(texture: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Look a texture (N, C, S, T) up at u, v (N, 1, H, W), [-1, 1] across: (N, C, H, W), bilinear, mirrored outside."""
    # torch.broadcast_shapes would import sympy, which takes a second.
    where = torch.cat(torch.broadcast_tensors(u, v), dim=1).permute(0, 2, 3, 1)
    where = where.expand(texture.shape[0], -1, -1, -1)
    return functional.grid_sample(texture, where, mode="bilinear", padding_mode="reflection", align_corners=False)
