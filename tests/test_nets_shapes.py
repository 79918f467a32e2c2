"""Networks are made without values, before their weights are put in, in no time and with the right shapes."""

import pytest
import torch

from methods.nets.rrdbnet import RRDBNet
from methods.nets.shapes import shapes
from methods.nets.srresnet import MSRResNet
from methods.nets.stylegan2 import StyleGAN2
from methods.nets.vgg16 import Vgg16

MAKERS = {
    "RRDBNet": lambda: RRDBNet(factor=4, channels=8, blocks=1, growth=4),
    "MSRResNet": lambda: MSRResNet(factor=4, channels=8, blocks=1),
    "StyleGAN2": lambda: StyleGAN2(size=16, channels={4: 8, 8: 8, 16: 4}, style_dim=8, mapping_layers=2),
    "VGG16": lambda: Vgg16(layer=5),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_shapes_are_those_of_the_network_with_values(name):
    with shapes():
        without = MAKERS[name]().state_dict()
    real = MAKERS[name]().state_dict()
    assert {key: value.shape for key, value in without.items()} == {key: value.shape for key, value in real.items()}
    assert {value.device.type for value in without.values()} == {"meta"}, "memory for weights that are thrown away"


def test_outside_of_it_values_are_drawn():
    with shapes():
        torch.nn.Conv2d(1, 1, 1)
    assert torch.empty(1000).normal_().std() == pytest.approx(1, abs=0.2), "networks would train from what lay there"
    assert torch.randn(1000, device="cpu").div(2).std() == pytest.approx(0.5, abs=0.1)
