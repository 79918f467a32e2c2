"""Checkpoints as trainers, publishers and servers leave them: read as what they hold, or named as what they are."""

import pathlib
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from bench.spec import BadFile
from methods.formats import checkpoints, esrgan, stylegan2
from methods.formats.unpickle import load
from methods.nets.rrdbnet import RRDBNet
from methods.nets.srresnet import MSRResNet
from methods.nets.stylegan2 import StyleGAN2

from .test_checkpoints import CHANNELS, randomised, rosinality

torch.manual_seed(0)
NETWORK = randomised(RRDBNet(factor=4, channels=6, blocks=1, growth=4))
STATE = {
    name.removeprefix("trunk."): value for name, value in NETWORK.state_dict().items()
}  # as BasicSR has it: body.0.rdb1.conv1.weight
ZEROS = {name: torch.zeros_like(value) for name, value in STATE.items()}


def same(found) -> bool:
    return all(torch.equal(value, NETWORK.state_dict()[name]) for name, value in found.state_dict().items())


def prefixed(prefix, state=STATE) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in state.items()}


WRAPPED = {
    "flat": STATE,
    "torch.compile": {"params_ema": prefixed("_orig_mod.")},
    "data parallel": {"params": prefixed("module.")},
    "both, in this order": prefixed("module._orig_mod."),
    "both, in the other": prefixed("_orig_mod.module."),
    "twice": prefixed("module.module."),
    "model_state_dict": {"epoch": 3, "model_state_dict": STATE, "optimizer_state_dict": {"state": {0: {"a": 1}}}},
    "net_g": {"net_g": STATE, "iter": 7},
    "Lightning": {"epoch": 1, "state_dict": prefixed("net_g."), "callbacks": {}, "hyper_parameters": {"lr": 0.1}},
    "Lightning, compiled": {"state_dict": prefixed("model._orig_mod.")},
    "Lightning, with a discriminator": {"state_dict": prefixed("netD.", ZEROS) | prefixed("netG.")},
    "deep": {"checkpoint": {"weights": {"network": STATE}}},
    "the average beside": {"params": ZEROS, "params_ema": STATE},
    "the average behind": {"state_dict": ZEROS, "ema": {"model": STATE}},
    "the average by prefix": {"state_dict": prefixed("model.", ZEROS) | prefixed("model_ema.")},
    "whole numbers as keys": {0: "x", 1: torch.zeros(2), "params": STATE | {3: torch.zeros(1)}},
    "numbers beside": {"params": STATE, "n_averaged": torch.tensor(5), "best": 31.2},
}


@pytest.mark.parametrize("how", WRAPPED)
def test_the_network_is_found_in_any_container(how):
    """Wrong: a user's own training is refused, or the weights that were not averaged are measured."""
    assert same(checkpoints.any_network(WRAPPED[how])), "other weights than the averaged generator's came out"
    assert same(esrgan.rrdbnet(WRAPPED[how]))


@given(
    names=st.lists(st.sampled_from(["params", "state_dict", "model", "a", "weights", "0"]), max_size=5), data=st.data()
)
@settings(max_examples=30, deadline=None)
def test_the_network_is_found_below_any_dicts(names, data):
    wrapped = STATE
    for name in names:
        beside = data.draw(st.dictionaries(st.integers() | st.text(), st.none() | st.integers(), max_size=2))
        wrapped = {**beside, name: wrapped}
    assert same(checkpoints.any_network(wrapped))


def test_a_part_of_a_network_is_not_taken_for_another():
    network = randomised(MSRResNet(factor=4, channels=4, blocks=1))
    found = checkpoints.any_network({"state_dict": {f"generator.{n}": v for n, v in network.state_dict().items()}})
    assert isinstance(found, MSRResNet)


@pytest.mark.parametrize("name", ["a.pth", "a.pth.tar", "a.ckpt", "a.bin", "a.PTH", "a.Pt", "a.model", "a", "a.pkl"])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_content_and_not_the_ending_says_what_a_file_is(tmp_path, name, zipped):
    torch.save({"params": STATE}, tmp_path / name, _use_new_zipfile_serialization=zipped)
    assert same(checkpoints.any_network(load(tmp_path / name)))


@pytest.mark.parametrize("name", ["a.safetensors", "a.SAFETENSORS", "a.bin", "a.pth"])
def test_safetensors_are_known_by_their_content_too(tmp_path, name):
    save_file(STATE, tmp_path / name)
    assert same(checkpoints.any_network(load(tmp_path / name)))


BESIDE = {
    "numpy scalar": np.float64(31.2),
    "numpy whole number": np.int64(3),
    "numpy truth": np.bool_(1),
    "numpy array": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    "path": pathlib.PurePosixPath("/data/train"),
    "path of Windows": pathlib.PureWindowsPath("c:/x"),
    "ordered": OrderedDict(a=1),
}


@pytest.mark.parametrize("what", BESIDE)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_trainers_keep_beside_the_weights_does_not_keep_them_from_being_read(tmp_path, what, zipped):
    torch.save(
        {"best": {"x": BESIDE[what]}, "params": STATE}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped
    )
    found = load(tmp_path / "a.pth")
    assert same(checkpoints.any_network(found))
    value = found["best"]["x"]
    if what == "numpy array":
        assert torch.equal(value, torch.tensor([[0, 3], [1, 4], [2, 5]], dtype=torch.int32))
    elif not what.startswith("path"):
        assert value == BESIDE[what]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<!DOCTYPE html><title>Google Drive - Quota exceeded", "is a web page"),
        (b"\n  <HTML><body>404", "is a web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "Git LFS"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"7z\xbc\xaf'\x1c", "7-Zip"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"\x89HDF\r\n", "HDF5"),
    ],
)
@pytest.mark.parametrize("name", ["a.pth", "a.pkl", "a.safetensors"])
def test_what_is_no_checkpoint_is_named_as_what_it_is(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadFile, match=says):
        load(tmp_path / name)


def test_a_generator_without_noise_maps_gets_none_and_says_so(bench, tmp_path):
    """The published 550000.pt of rosinality's repository has none."""
    network = randomised(StyleGAN2(size=32, channels=CHANNELS, style_dim=16, mapping_layers=3))
    state = {name: value.detach() for name, value in rosinality(network).items() if not name.startswith("noises.")}
    torch.save({"g_ema": state}, tmp_path / "550000.pt")
    status, _, told = bench("convert", tmp_path / "550000.pt", tmp_path / "ours.safetensors")
    assert status == 0
    assert "no noise maps" in told
    found = checkpoints.any_network(load(tmp_path / "ours.safetensors"))
    assert not stylegan2.lacks_noise(found.state_dict()), "the file that is written lacks them again"
    for name, value in network.state_dict().items():
        expected = torch.zeros_like(value) if name.endswith(".noise") else value
        assert torch.equal(found.state_dict()[name], expected), name
    state.pop("convs.0.noise.weight")
    torch.save({"g_ema": state}, tmp_path / "550000.pt")
    assert bench("convert", tmp_path / "550000.pt", tmp_path / "x.safetensors")[0] == 2


def test_convert_never_writes_to_its_source(bench, tmp_path):
    source = tmp_path / "c.safetensors"
    save_file(STATE, source)
    before = source.read_bytes()
    (tmp_path / "link.safetensors").symlink_to(source)
    (tmp_path / "hard.safetensors").hardlink_to(source)
    for name in ("c.safetensors", "link.safetensors", "hard.safetensors", "../" + tmp_path.name + "/c.safetensors"):
        status, _, told = bench("convert", source, tmp_path / name)
        assert status == 2
        assert "never written to" in told
    for target in (tmp_path / "other.pth", tmp_path):
        assert bench("convert", source, target)[0] == 2
    assert source.read_bytes() == before
    assert (tmp_path / "link.safetensors").is_symlink()
