"""methods/formats/esrgan.py: the same network in every published layout gives the same image."""

import re

import pytest
import torch
from torch import Tensor

from bench.spec import BenchError
from methods.formats.esrgan import layout_of, rrdbnet, to_ours
from methods.nets.rrdbnet import RRDBNet

BLOCKS = 2
SIZES = {"channels": 6, "blocks": BLOCKS, "growth": 4}


def basicsr(name, stages) -> str:
    return name.removeprefix("trunk.")


def xinntao(name, stages) -> str:
    name = basicsr(name, stages).replace("body.", "RRDB_trunk.") if ".body." in name else basicsr(name, stages)
    name = name.replace("conv_body", "trunk_conv").replace("conv_hr", "HRconv").replace("conv_up", "upconv")
    return name.replace("rdb", "RDB")


def oldest(name, stages) -> str:
    """As ESRGAN's own conversion script has it, read backwards, with its numbers moved for more stages."""
    name = re.sub(r"trunk\.body\.(\d+)\.rdb(\d)\.conv(\d)", r"model.1.sub.\1.RDB\2.conv\3.0", name)
    name = name.replace("trunk.conv_first", "model.0").replace("trunk.conv_body", f"model.1.sub.{BLOCKS}")
    name = re.sub(r"conv_up(\d)", lambda found: f"model.{3 * int(found[1])}", name)
    return name.replace("conv_hr", f"model.{3 * stages + 2}").replace("conv_last", f"model.{3 * stages + 4}")


def mmagic(name, stages) -> str:
    return "generator." + basicsr(name, stages)


def averaged(name, stages) -> str:
    return "generator_ema." + basicsr(name, stages)


def ours(name, stages) -> str:
    return name


LAYOUTS = {
    "basicsr": basicsr,
    "xinntao": xinntao,
    "oldest": oldest,
    "mmagic": mmagic,
    "mmagic, averaged": averaged,
    "ours": ours,
}


def network(factor=4) -> RRDBNet:
    torch.manual_seed(factor)
    return RRDBNet(factor=factor, **SIZES)


def written(net, layout) -> dict[str, Tensor]:
    return {LAYOUTS[layout](name, net.stages): value for name, value in net.state_dict().items()}


@pytest.mark.parametrize("factor", [1, 2, 16])
@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_every_layout_gives_the_same_image(layout, factor):
    net = network(factor)
    theirs = written(net, layout)
    assert layout_of(theirs) == layout
    assert to_ours(theirs).keys() == net.state_dict().keys()
    lr = torch.rand(1, 3, 4, 4)
    assert torch.equal(rrdbnet(theirs)(lr), net(lr)), "an entry went to another layer"


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ("model.1.sub.22.RDB3.conv5.0.bias", "trunk.body.22.rdb3.conv5.bias"),
        ("model.1.sub.23.weight", "trunk.conv_body.weight"),
        ("model.0.weight", "trunk.conv_first.weight"),
        ("model.3.weight", "conv_up1.weight"),
        ("model.6.bias", "conv_up2.bias"),
        ("model.8.weight", "conv_hr.weight"),
        ("model.10.weight", "conv_last.weight"),
        ("RRDB_trunk.22.RDB3.conv5.weight", "trunk.body.22.rdb3.conv5.weight"),
        ("trunk_conv.bias", "trunk.conv_body.bias"),
        ("upconv2.weight", "conv_up2.weight"),
        ("HRconv.weight", "conv_hr.weight"),
        ("generator.body.22.rdb3.conv5.weight", "trunk.body.22.rdb3.conv5.weight"),
    ],
)
def test_published_names(theirs, expected):
    signs = {
        "m": "model.1.sub.0.RDB1.conv1.0.weight",
        "g": "generator.body.0.rdb1.conv1.weight",
    }
    sign = signs.get(theirs[0], "RRDB_trunk.0.RDB1.conv1.weight")
    assert expected in to_ours({sign: torch.zeros(1), theirs: torch.zeros(1)}), "the names are the published ones"


@torch.no_grad()
def test_containers_and_data_parallel_names_are_taken_off():
    net = network()
    flat = written(net, "basicsr")
    parallel = {f"module.{name}": value for name, value in flat.items()}
    other = {name: value + 1 for name, value in flat.items()}
    lr = torch.rand(1, 3, 4, 4)
    for checkpoint in ({"params": parallel}, {"params": other, "params_ema": flat}, parallel):
        assert torch.equal(rrdbnet(checkpoint)(lr), net(lr))


@torch.no_grad()
def test_training_checkpoint_of_mmagic_is_its_averaged_generator():
    net, other = network(4), network(8)
    state = written(other, "mmagic") | written(net, "mmagic, averaged")
    state |= {"discriminator.linear1.weight": torch.zeros(1), "step_counter": torch.zeros(1)}
    lr = torch.rand(1, 3, 4, 4)
    assert torch.equal(rrdbnet({"meta": {}, "state_dict": state})(lr), net(lr))


@torch.no_grad()
def test_weights_in_half_precision_become_a_network_in_single():
    half = {name: value.half() for name, value in written(network(), "xinntao").items()}
    assert rrdbnet(half)(torch.rand(1, 3, 4, 4)).dtype == torch.float32


def test_loading_trains_and_leaves_the_random_numbers_alone():
    theirs = written(network(), "oldest")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    loaded = rrdbnet(theirs)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def without(state, name) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {"layer.weight": torch.zeros(1)}, "not the weights of ESRGAN's generator.*layer.weight"),
        (lambda state: {}, "the first entries are: none"),
        (lambda state: state | {"attention.weight": torch.zeros(1)}, "no entry 'attention.weight'"),
        (lambda state: without(state, "conv_first.weight"), "lack 'trunk.conv_first.weight'"),
        (lambda state: without(state, "body.1.rdb2.conv3.bias"), "do not fit the network rrdbnet.RRDBNet.*conv3.bias"),
        (
            lambda state: state | {"conv_hr.weight": torch.zeros(5, 6, 3, 3)},
            "do not fit the network.*conv_hr",
        ),
        (lambda state: without(state, "conv_up2.weight"), "take 3 channels and enlarge in 1 stages"),
    ],
)
def test_what_is_not_an_rrdbnet_is_refused(change, message):
    with pytest.raises(BenchError, match=re.compile(message, re.DOTALL)):
        rrdbnet(change(written(network(), "basicsr")))
