"""FID against cases with a known answer."""

import pytest
import torch
from torch import Tensor

from methods.training import quality


def normal(count, size, seed, mean=0.0, scale=1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, generator=draw, dtype=torch.float64) * scale + mean


def test_fid_of_normal_distributions_is_that_of_the_formula():
    a, b = normal(60_000, 3, 0), normal(60_000, 3, 1, mean=2.0, scale=3.0)
    # |mean|^2 + tr(1 + 9 - 2 sqrt(9)) in three dimensions
    assert quality.fid(a, b) == pytest.approx(3 * 4 + 3 * 4, rel=0.02)
    assert quality.fid(a, a) == pytest.approx(0, abs=1e-9)
    turned = torch.linalg.qr(normal(3, 3, 2))[0]
    assert quality.fid(a @ turned, b @ turned) == pytest.approx(quality.fid(a, b)), "no direction is special"
