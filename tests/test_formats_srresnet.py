"""methods/formats/srresnet.py: the same network in every published layout gives the same image."""

import re

import pytest
import torch
from torch import Tensor

from bench.spec import BenchError
from methods.formats import own_files, unpickle
from methods.formats import srresnet as srresnet_format
from methods.formats.srresnet import layout_of, to_ours
from methods.nets.srresnet import MSRResNet


def network(factor=4, *, activated_stages=True) -> MSRResNet:
    torch.manual_seed(factor)
    made = MSRResNet(factor=factor, channels=6, blocks=2, activated_stages=activated_stages)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)  # as they start, an activation more or less would hardly show
    return made.eval()


def mmagic(net) -> dict[str, Tensor]:
    """The network's entries in mmagic's names; its form has no entry of its own there."""
    names = {"body.": "trunk_net.", "upconv1.": "upsample1.upsample_conv.", "upconv2.": "upsample2.upsample_conv."}
    theirs = {}
    for name, value in net.state_dict().items():
        if name != "linear_stages":
            begin = next((each for each in names if name.startswith(each)), "")
            theirs[f"generator.{names.get(begin, '')}{name.removeprefix(begin)}"] = value
    return theirs


def image(net) -> Tensor:
    with torch.inference_mode():
        return net(torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("factor", [2, 3, 4, 32])
def test_basicsrs_file_gives_the_same_image(factor):
    net = network(factor)
    state = net.state_dict()
    other = {name: value + 1 for name, value in state.items()}
    parallel = {f"module.{name}": value for name, value in state.items()}
    for checkpoint in (state, {"params": state}, {"params": other, "params_ema": state}, {"params": parallel}):
        assert layout_of(checkpoint) == "ours"
        loaded = srresnet_format.srresnet(checkpoint)
        assert (loaded.factor, loaded.activated_stages, loaded.training) == (factor, True, False)
        assert torch.equal(image(loaded), image(net)), "an entry went to another layer, or the averaged were not taken"


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("bare", [False, True])
def test_mmagics_file_gives_the_image_without_activations(factor, bare, tmp_path):
    net = network(factor, activated_stages=False)
    theirs = mmagic(net)
    if bare:
        theirs = {name.removeprefix("generator."): value for name, value in theirs.items()}
    else:
        theirs |= {"discriminator.conv0.weight": torch.zeros(1), "step_counter": torch.zeros(1)}
    loaded = srresnet_format.srresnet({"meta": {}, "state_dict": theirs})
    assert torch.equal(image(loaded), image(net)), "mmagic's network has no activation behind the pixel shuffles"
    assert not torch.equal(image(loaded), image(network(factor))), "this test could not tell the two forms"
    (tmp_path / "ours.safetensors").write_bytes(own_files.safetensors(loaded))
    again = srresnet_format.srresnet(unpickle.load(tmp_path / "ours.safetensors"))
    assert torch.equal(image(again), image(net)), "the file in our names lost that the activations are missing"


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ("generator.conv_first.weight", "conv_first.weight"),
        ("generator.trunk_net.15.conv2.bias", "body.15.conv2.bias"),
        ("generator.upsample2.upsample_conv.weight", "upconv2.weight"),
        ("generator.conv_hr.weight", "conv_hr.weight"),
        ("generator.conv_last.bias", "conv_last.bias"),
    ],
)
def test_published_names(theirs, expected):
    sign = "generator.trunk_net.0.conv1.weight"
    assert expected in to_ours({sign: torch.zeros(1), theirs: torch.zeros(1)}), "the names are the published ones"


def without(state, *names) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if not key.startswith(names)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: {"fc.weight": torch.zeros(1)}, "not the weights of an MSRResNet.*fc.weight"),
        (lambda state: state | {"generator.tail.weight": torch.zeros(1)}, "no entry 'tail.weight'"),
        (lambda state: without(state, "generator.conv_first"), "lack 'conv_first.weight'"),
        (lambda state: without(state, "generator.upsample"), "lack 'upconv1.weight'"),
        (lambda state: without(state, "generator.upsample2.upsample_conv.weight"), "1 left over: upconv2.bias"),
        (lambda state: without(state, "generator.trunk_net.1.conv1.bias"), "1 missing: body.1.conv1.bias"),
        (
            lambda state: state | {"generator.conv_last.weight": torch.zeros(3, 5, 3, 3)},
            r"conv_last.weight is \(3, 5, 3, 3\), not \(3, 6, 3, 3\)",
        ),
    ],
)
def test_what_is_not_an_msrresnet_is_refused(change, message):
    with pytest.raises(BenchError, match=re.compile(message, re.DOTALL)):
        srresnet_format.srresnet(change(mmagic(network(activated_stages=False))))


def test_a_factor_that_there_is_no_network_for_is_refused():
    state = network(3).state_dict()
    state |= {"upconv2.weight": state["upconv1.weight"], "upconv2.bias": state["upconv1.bias"]}
    with pytest.raises(BenchError, match="not by 9"):
        srresnet_format.srresnet(state)
