"""methods/srgan.py: the network of each profile, and what the adapter hands on."""

import pytest
import torch

from bench.spec import BenchError, Task
from methods import srgan
from methods.srgan import Srgan

META, CPU = torch.device("meta"), torch.device("cpu")


@pytest.mark.parametrize(("preset", "count"), [("paper", 1_517_571), ("mini", 40_323)])
def test_without_values_it_is_the_network_of_the_preset(preset, count):
    network = Srgan.load(Task("my/photos", "face", 4, 128, preset=preset), META).network
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    assert (network.factor, network.activated_stages) == (4, True), "we train the form with activations"


@pytest.mark.parametrize("factor", Srgan.spec.factors)
@pytest.mark.usefixtures("random_weights")
@torch.inference_mode()
def test_every_factor_that_it_declares_comes_out_of_its_file(factor):
    adapter = Srgan.load(Task("mini", "face", factor, 64, preset="mini"), CPU)
    lr = torch.rand(2, 3, 64 // factor, 64 // factor)
    sr = adapter.upscale(lr)
    assert sr.shape == (2, 3, 64, 64)
    torch.testing.assert_close(sr, adapter.network(lr), msg="the network works in [0, 1]: nothing is to be scaled")


def test_a_factor_without_a_network_is_refused():
    with pytest.raises(BenchError, match="not by 128"):
        srgan.srgan_network(Task("paper", "face", 128, 256))
