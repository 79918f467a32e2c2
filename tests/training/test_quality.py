"""FID and KID against cases with a known answer, the features against torchvision."""

import pytest
import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor

from bench.scores.metric_networks import ALEXNET, SHIPPED
from methods.training import quality


def normal(count, size, seed, mean=0.0, scale=1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, generator=draw, dtype=torch.float64) * scale + mean


def test_features_are_torchvisions_averaged():
    images = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    network = torchvision.models.alexnet(weights=None).features[:12].eval()
    network.load_state_dict({k.removeprefix("features."): v for k, v in load_file(SHIPPED / ALEXNET).items()})
    mean, std = torch.tensor(quality._MEAN).view(3, 1, 1), torch.tensor(quality._STD).view(3, 1, 1)
    with torch.no_grad():
        expected = network((images - mean) / std).mean((2, 3))
    torch.testing.assert_close(quality.features(images).float(), expected, atol=1e-5, rtol=1e-5)


def test_fid_of_normal_distributions_is_that_of_the_formula():
    a, b = normal(60_000, 3, 0), normal(60_000, 3, 1, mean=2.0, scale=3.0)
    # |mean|^2 + tr(1 + 9 - 2 sqrt(9)) in three dimensions
    assert quality.fid(a, b) == pytest.approx(3 * 4 + 3 * 4, rel=0.02)
    assert quality.fid(a, a) == pytest.approx(0, abs=1e-9)
    turned = torch.linalg.qr(normal(3, 3, 2))[0]
    assert quality.fid(a @ turned, b @ turned) == pytest.approx(quality.fid(a, b)), "no direction is special"


def test_kid_is_unbiased_and_grows_with_the_distance():
    same = [quality.kid(normal(200, 8, 2 * seed), normal(200, 8, 2 * seed + 1)) for seed in range(40)]
    mean, spread = sum(same) / 40, torch.tensor(same).std().item() / 40**0.5
    assert abs(mean) < 3 * spread, "equal distributions have the mean 0, not the bias of the diagonal"
    apart = [quality.kid(normal(200, 8, 0), normal(200, 8, 1, mean=shift)) for shift in (0.2, 0.5, 1.0)]
    assert 0 < apart[0] < apart[1] < apart[2]
