"""`convert` takes every published file that the methods read, and each network of a file that holds several."""

import pytest
import torch

from bench.spec import BenchError, MissingWeights, Task
from methods.formats import checkpoints, stylegan_pggan, unpickle
from methods.nets.biggan import BigGAN, BigGANDiscriminator
from methods.nets.stylegan import StyleGAN
from methods.nets.vgg16 import Vgg16
from methods.weights import critic

from .test_checkpoints import LAYOUTS, d_mmagic, d_nvidia, discriminator, generator, mmagic, prefixed
from .test_nets_stylegan import genforce, pulse
from .test_weights import entries, own  # noqa: F401 - fixtures

# ruff: noqa: F811 - as above
CPU = torch.device("cpu")
BOTH = {
    "mmagic": lambda: {
        "state_dict": prefixed(mmagic(generator()), "generator_ema.")
        | prefixed(d_mmagic(discriminator()), "discriminator.")
    },
    "nvidia": lambda: {"G_ema": LAYOUTS["nvidia"](generator()), "D": d_nvidia(discriminator())},
}


def same(left, right) -> bool:
    ours, theirs = left.state_dict(), right.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], value) for name, value in theirs.items())


@pytest.mark.parametrize(
    "make",
    [
        lambda: BigGAN(size=128, channels=2),
        lambda: BigGANDiscriminator(size=128, channels=2),
        lambda: Vgg16(layer=30),
        lambda: Vgg16(layer=14),
    ],
)
def test_biggan_and_vgg16_are_converted_and_load_again(bench, tmp_path, make):
    """They ended in "of no kind we know", although methods read them."""
    network = make()
    torch.save(network.state_dict(), tmp_path / "in.pth")
    status, out, err = bench("convert", tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert (status, err) == (0, "")
    assert type(network).__name__ in out
    again = checkpoints.any_network(unpickle.load(tmp_path / "out.safetensors"))
    assert type(again) is type(network)
    assert same(again, network)


def test_pulse_s_two_files_become_one(bench, tmp_path):
    both = pulse(genforce())
    second = {name: value for name, value in both.items() if name.startswith("dense")}
    torch.save(second, tmp_path / "mapping.pt")
    torch.save({name: value for name, value in both.items() if name not in second}, tmp_path / "synthesis.pt")
    target = tmp_path / "out.safetensors"
    status, _, err = bench("convert", tmp_path / "synthesis.pt", target)
    assert status == 2
    assert "--mapping mapping.pt" in err
    assert bench("convert", tmp_path / "synthesis.pt", target, "--mapping", tmp_path / "mapping.pt")[0] == 0
    again = checkpoints.any_network(unpickle.load(target))
    assert isinstance(again, StyleGAN)
    assert same(again, stylegan_pggan.stylegan(both))


@pytest.mark.parametrize("layout", BOTH)
def test_the_discriminator_of_a_file_of_both_is_written(bench, tmp_path, layout):
    """The loader read it; no command got it out."""
    torch.save(BOTH[layout](), tmp_path / "in.pth")
    target = tmp_path / "out.safetensors"
    status, out, err = bench("convert", tmp_path / "in.pth", target, "--part", "discriminator")
    assert (status, err) == (0, "")
    assert "StyleGAN2Discriminator" in out
    assert same(checkpoints.any_network(unpickle.load(target)), discriminator())


def test_a_file_without_a_discriminator_says_so():
    with pytest.raises(BenchError, match="no discriminator of a StyleGAN2 or a BigGAN in this file"):
        checkpoints.discriminator(generator().state_dict())


TASK = Task("paper", "cat", 16, 32)


@pytest.fixture
def files(entries, own):
    """Write the files of a bank and a discriminator."""
    common = {"methods": '["dgp"]', "factor": "0", "hr_size": "32"}
    entries({"name": '"bank"', "part": '"bank"'} | common, {"name": '"beside"', "part": '"discriminator"'} | common)
    own.mkdir()
    return lambda **content: [torch.save(state, own / name) for name, state in content.items()]


@pytest.mark.parametrize("layout", BOTH)
def test_dgp_and_training_take_the_discriminator_of_the_bank_s_own_file(files, own, layout):
    """Without a second file, which only BasicSR has, DGP and every training of a restorer were refused."""
    files(bank=BOTH[layout]())
    assert critic.path(TASK) == own / "bank"
    assert same(critic.network(TASK, CPU, build=lambda _: discriminator()), discriminator())


def test_else_the_discriminator_is_a_file_of_its_own(files, own):
    files(beside={"params": discriminator().state_dict()})
    assert critic.path(TASK) == own / "beside", "a restorer needs no bank"
    files(bank={"g_ema": LAYOUTS["rosinality"](generator())})
    assert critic.path(TASK) == own / "beside"
    (own / "beside").unlink()
    with pytest.raises(MissingWeights, match="discriminator"):
        critic.path(TASK)
