"""VGG16's features against torchvision's own, and what of a file the loader takes."""

import pytest
import torch
import torchvision
from safetensors.torch import load_file

from bench.spec import BenchError
from methods.formats import vgg16
from methods.nets.vgg16 import Vgg16

from .conftest import SHARED

MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def theirs() -> torchvision.models.VGG:
    """torchvision's VGG16 with random weights; the 123 M numbers of its classifier have names and shapes alone."""
    with torch.device("meta"):
        network = torchvision.models.vgg16()
    draw = torch.Generator().manual_seed(0)
    for value in network.features.to_empty(device="cpu").parameters():
        deviation = (2 / value[0].numel()) ** 0.5 if value.dim() > 1 else 0.1
        torch.nn.init.normal_(value, 0, deviation, generator=draw)
    return network


@pytest.mark.parametrize("layer", [0, 1, 4, 15, 21, 30])
def test_features_are_those_of_torchvision(theirs, layer):
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    normalised = torchvision.transforms.functional.normalize(images, MEAN.tolist(), DEVIATION.tolist())
    wanted = theirs.features[: layer + 1](normalised)
    found = vgg16.vgg16(theirs.state_dict(), layer=layer)(images)
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max(), f"layer {layer} is not torchvision's"


def test_names_are_those_of_torchvision(theirs):
    names = [name for name in theirs.state_dict() if name.startswith("features.")]
    assert list(Vgg16(layer=30).state_dict()) == names
    assert list(Vgg16(layer=21).state_dict()) == names[:20], "no more is wanted of a file than is used"


def test_the_input_is_left_as_it_was(theirs):
    images = torch.rand(1, 3, 8, 8)
    kept = images.clone()
    vgg16.vgg16(theirs.state_dict(), layer=3)(images)
    assert torch.equal(images, kept), "the ReLUs work in place, but not on what the caller gave"


def test_a_gradient_reaches_the_images_and_not_the_weights(theirs):
    network = vgg16.vgg16(theirs.state_dict(), layer=15)
    images = torch.rand(1, 3, 16, 16, requires_grad=True)
    network(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not network.training
    assert not any(value.requires_grad for value in network.parameters()), "a loss network must stay frozen"


def test_half_precision_comes_back_in_single(theirs):
    state = {name: value.half() for name, value in theirs.state_dict().items() if name.startswith("features.")}
    network = vgg16.vgg16(state, layer=21)
    assert {value.dtype for value in network.parameters()} == {torch.float32}


def test_what_does_not_fit_is_told(theirs):
    state = {name: value for name, value in theirs.state_dict().items() if name.startswith("features.")}
    short = {name: value for name, value in state.items() if int(name.split(".")[1]) <= 21}
    with pytest.raises(BenchError, match=r"missing: features\.24\.bias"):
        vgg16.vgg16(short, layer=24)
    with pytest.raises(BenchError, match="not the weights of a VGG16"):
        vgg16.vgg16({"layer0.weight": torch.zeros(1)}, layer=15)
    with pytest.raises(ValueError, match="layers 0 to 30, not 31"):
        Vgg16(layer=31)


def test_the_partial_file_of_the_project_is_read():
    path = SHARED / "assets" / "vgg16_features_to_21_fp16.safetensors"
    if not path.exists():
        pytest.skip(f"no file {path}")
    network = vgg16.vgg16(load_file(path), layer=21)
    flat = torch.full((1, 3, 32, 32), 0.5)
    noisy = flat + 0.2 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    features = network(torch.cat([flat, noisy]))
    assert features.shape == (2, 512, 4, 4)
    assert features.min() < 0, "layer 21 is conv4_3 before its ReLU"
    assert (features[1] - features[0]).abs().mean() > 0.1, "trained features tell noise from a flat patch"
