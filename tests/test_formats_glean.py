"""methods/formats/glean.py: every variant of GLEAN comes back from its own weights, and another's are refused."""

import pytest
import torch

from bench.spec import BenchError
from methods.formats import checkpoints, own_files, unpickle
from methods.formats import glean as glean_format
from methods.nets import stylegan
from methods.nets.glean import FULL, GLEAN, LIGHT, Switches
from methods.nets.rrdbnet import Trunk

from .test_nets_glean import TABLE, VARIANTS, lr, small

NO_DECODER = VARIANTS["no decoder"]
COARSE = {
    "coarse encoder": Switches(encoder_features="coarse", decoder=False),
    "coarse encoder, learned latents": Switches(encoder_features="coarse", latents="learned", decoder=False),
    "coarse bank": Switches(bank_features="coarse"),
    "finest bank": Switches(bank_features="finest"),
}
ALL = VARIANTS | COARSE


@pytest.mark.parametrize("switches", ALL.values(), ids=ALL)
@torch.inference_mode()
def test_every_variant_comes_back_to_the_bit(switches, tmp_path):
    saved = small(switches).eval()
    (tmp_path / "ours.safetensors").write_bytes(own_files.safetensors(saved))
    file = unpickle.load(tmp_path / "ours.safetensors")
    expected = saved(lr())
    for how, loaded in (
        ("off a state dict", glean_format.glean(saved.state_dict(), switches=switches)),
        ("off a file", glean_format.glean(file, switches=switches, in_size=16)),
        ("with switches told by the file", checkpoints.any_network({"state_dict": file})),
    ):
        assert loaded.in_size == 16, f"{how}: the size of the LR images is read wrong"
        assert torch.equal(loaded(lr()), expected), f"{how}: it is another network"
        assert not any(p.requires_grad for p in loaded.bank.parameters()), f"{how}: the bank is not frozen"


@pytest.mark.parametrize("switches", ALL.values(), ids=ALL)
def test_a_file_in_half_precision_is_the_network_with_rounded_weights(switches):
    half = {name: value.half() for name, value in small(switches).state_dict().items()}
    found = glean_format.glean(half, switches=switches).state_dict()
    assert {value.dtype for value in found.values()} == {torch.float32}, "it would compute in float16"
    assert all(torch.equal(found[name], value.float()) for name, value in half.items())


@pytest.mark.parametrize("switches", [FULL, LIGHT, NO_DECODER, COARSE["coarse encoder, learned latents"]])
@pytest.mark.parametrize("in_size", [8, 16, 32])
def test_the_size_of_the_lr_images_is_read_off_the_weights(switches, in_size):
    state = small(switches, in_size).state_dict()
    assert glean_format.glean(state, switches=switches).in_size == in_size
    assert glean_format.glean(state, switches=switches, in_size=in_size).in_size == in_size
    with pytest.raises(BenchError, match=rf"make 64 px of LR images of {in_size} px, but LR images of 2 px were asked"):
        glean_format.glean(state, switches=switches, in_size=2)


@torch.inference_mode()
def test_lr_images_below_4_px_are_what_is_asked_for():
    saved = small(in_size=2).eval()
    assert glean_format.glean(saved.state_dict()).in_size == 4, "nothing in the weights tells 2 px from 4"
    for in_size in (1, 2, 4):
        assert glean_format.glean(saved.state_dict(), in_size=in_size).in_size == in_size
    assert torch.equal(glean_format.glean(saved.state_dict(), in_size=2)(lr(size=2)), saved(lr(size=2)))
    with pytest.raises(BenchError, match="of 4 px or less, but LR images of 8 px were asked for"):
        glean_format.glean(saved.state_dict(), in_size=8)
    with pytest.raises(BenchError, match="not 3 px"):
        glean_format.glean(saved.state_dict(), in_size=3)


@pytest.mark.parametrize(
    ("file", "asked", "words"),
    [
        (FULL, NO_DECODER, "left over: decoder.blocks.0.bias"),
        (NO_DECODER, FULL, "missing: decoder.blocks.0.bias"),
        (FULL, LIGHT, "1 missing: latents; .* left over: encoder.stages.0.0.bias"),
        (LIGHT, FULL, "left over: latents"),
        (FULL, Switches(latents="single"), r"encoder.stages.2.3.bias is \(120,\), not \(12,\)"),
        (FULL, Switches(bank_features="none"), "18 left over: encoder.stages.0.0.bias"),
        (FULL, Switches(encoder_features="none", latents="learned", decoder=False), "not depend on the LR image"),
    ],
)
def test_switches_that_do_not_fit_the_file_say_what_is_in_the_way(file, asked, words):
    with pytest.raises(BenchError, match=words) as error:
        glean_format.glean(small(file).state_dict(), switches=asked)
    assert f"latents='{asked.latents}'" in str(error.value), "the message must say which variant was asked for"


def test_a_file_without_any_sign_of_its_size_is_refused():
    kept = {n: v for n, v in small().state_dict().items() if n.startswith(("encoder.trunk", "encoder.head", "bank"))}
    with pytest.raises(BenchError, match="does not show in the weights"):
        glean_format.glean(kept)


@torch.inference_mode()
def test_a_bank_of_the_first_stylegan_comes_back():
    torch.manual_seed(0)
    bank = stylegan.StyleGANSynthesis(size=64, channels=TABLE, style_dim=12)
    saved = GLEAN(trunk=Trunk(channels=6, blocks=1, growth=4), bank=bank, in_size=16).eval()
    for loaded in (glean_format.glean(saved.state_dict()), checkpoints.any_network(saved.state_dict())):
        assert torch.equal(loaded(lr()), saved(lr())), "the bank was taken for a StyleGAN2"
