"""The formulas of PULSE: cross-term, schedule of the learning rate, sphere, original down-scaler, fit of the latents.

As in S. Menon et al., CVPR 2020, and the released code; `methods.search.pulse` says where we differ.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from bench import resize
from methods.nets.stylegan2 import MappingNetwork
from methods.presets.pulse import RateSchedule


def geocross(w: Tensor) -> Tensor:
    """Return 64 times the mean squared angle between any two of the L latents of an image: (N,) for (N, L, D).

    In radians, over all L^2 pairs, those of a latent with itself included; 0 if there is but one latent.
    """
    if w.shape[1] == 1:
        return torch.zeros_like(w[:, 0, 0])
    one, other = w[:, None], w[:, :, None]
    apart, along = ((pair.square().sum(-1) + 1e-9).sqrt() for pair in (one - other, one + other))
    angles = 2 * torch.atan2(apart, along)
    return 64 * angles.square().mean((1, 2))


def learning_rate(step: int, steps: int, schedule: RateSchedule) -> float:
    """Return the factor of the learning rate in step 0, 1, ... of `steps`.

    `linear1cycle` rises from 0.1 to 1 and falls back; `linear1cycledrop` does so in the first nine tenths, then falls
    to 0.001.
    """
    if schedule == "fixed":
        return 1.0
    cycle = steps if schedule == "linear1cycle" else 0.9 * steps
    if step < cycle:
        return (9 * (1 - abs(2 * step / cycle - 1)) + 1) / 10
    return 0.1 - 0.099 * (step - cycle) / (steps - cycle)


def norm(x: Tensor) -> Tensor:
    """Return the length of each slice x[b, i], its axes kept: (B, L, 1, ...) for (B, L, ...)."""
    return (x.square().sum(tuple(range(2, x.ndim)), keepdim=True) + 1e-9).sqrt()


def project_to_sphere(x: Tensor, radius: Tensor) -> Tensor:
    """Return x, (B, L, ...), with each slice x[b, i] brought to its radius, (B, L, 1, ...); x itself is left alone."""
    return x / norm(x) * radius


def reflecting_matrix(n: int, factor: int) -> Tensor:
    """Return the (n/factor, n) float64 matrix of the original down-scaler, for an even factor.

    It is `resize.matrix` with the border mirrored at the outer pixels' centres in place of their edges.
    """
    border = 2 * factor
    taps = resize.matrix(n + 2 * border, factor)[2:-2]
    pixels = torch.from_numpy(np.pad(np.arange(n), border, mode="reflect"))
    return torch.zeros(len(taps), n, dtype=taps.dtype).index_add_(1, pixels, taps)


@torch.no_grad()
def gaussian_fit(mapping: MappingNetwork, *, width: int, samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and unbiased standard deviation, (width,) each, of the latents before the last leaky ReLU, seed 0.

    A leaky ReLU of slope 5 undoes one of 0.2. The gain sqrt(2) behind it stays in mean and deviation: being positive it
    goes through the leaky ReLU unchanged, so that leaky(v * deviation + mean) is as wide as w. The meta device, which
    has no values, gets no work either.
    """
    if device.type == "meta":
        mean, deviation = torch.empty(2, width, device=device)
        return mean, deviation
    total, squares = torch.zeros(2, width, dtype=torch.float64, device=device)
    source = torch.Generator().manual_seed(0)
    for start in range(0, samples, 2**14):
        z = torch.randn(min(2**14, samples - start), width, generator=source).to(device)
        before = F.leaky_relu(mapping(z)[:, 0], 5.0).double()
        total += before.sum(0)
        squares += before.square().sum(0)
    mean = total / samples
    deviation = ((squares - samples * mean.square()) / (samples - 1)).sqrt()
    return mean.float(), deviation.float()
