"""Every published layout against the publisher's own network, in float64: see golden/README.md.

Round trips through our own maps cannot see what both ways get wrong; these can.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from methods.formats import biggan, checkpoints, own_files, stylegan_pggan, unpickle, vgg16
from methods.nets import stylegan
from methods.nets.glean import GLEAN
from methods.nets.rrdbnet import Trunk
from methods.nets.vgg16 import Vgg16

from .conftest import SHARED

FOLDER = Path(__file__).parent / "golden"
ROUNDING = 1e-10  # of the largest value; float64 gives 1e-13 or better
LOOSER = {
    # The mapping network's biases are divided by sqrt(2) in float32, as the file is read.
    ("genforce-stylegan", "of_z"): 1e-6,
    ("pulse-stylegan-32", "of_z"): 1e-6,
    ("pulse-stylegan-128", "of_z"): 4e-6,
    # GenForce normalises z twice, and so adds 1e-8 once more.
    ("genforce-pggan", "of_z"): 1e-7,
    # NVIDIA adds the 1e-8 of the demodulation to weights that are not yet divided by the square root of the fan in.
    ("nvidia-stylegan2", "of_z"): 1e-7,
    ("nvidia-stylegan2", "of_w"): 1e-7,
    # mmagic's network adds 1e-6 to the norm of z; most of its files are of NVIDIA's network, which adds 1e-8, as ours.
    ("mmagic-stylegan2", "of_z"): 1e-5,
}


def spread(run, shape) -> Tensor:
    """A run of numbers over and over, which is how large tensors are stored."""
    count = torch.Size(shape).numel()
    return run.repeat(-(-count // len(run)))[:count].view(shape)


def read(name) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor], dict[str, list[int]]]:
    """The weights in the published names, the inputs, the outputs, and which values of an output are kept."""
    parts = {"weights": {}, "input": {}, "output": {}}
    with safe_open(FOLDER / f"{name}.safetensors", "pt") as file:
        facts = file.metadata()
        shapes = json.loads(facts["tiled"])
        for key in file.keys():  # noqa: SIM118 - it is no mapping
            part, _, entry = key.partition("/")
            value = file.get_tensor(key)
            parts[part][entry] = spread(value, shapes[key]) if key in shapes else value
    given = {entry: value.double() if value.is_floating_point() else value for entry, value in parts["input"].items()}
    return parts["weights"], given, parts["output"], json.loads(facts["steps"])


def kept(value, steps) -> Tensor:
    channel, pixel = steps
    value = value[:, ::channel]
    return value[..., pixel // 2 :: pixel, pixel // 2 :: pixel] if value.dim() == 4 else value


def generated(network, given) -> dict[str, Tensor]:
    found = {"of_z": network(given["z"])}
    if "w" in given:
        maps = [given[name] for name in sorted(given) if name.startswith("noise")]
        found["of_w"] = network.synthesis(given["w"], noise=maps or "stored")
    return found


def judged(network, given) -> dict[str, Tensor]:
    return {"logits": network(given["images"])}


def restored(network, given) -> dict[str, Tensor]:
    return {"sr": network(given["lr"])}


def restored_by_glean(network, given) -> dict[str, Tensor]:
    found = {}
    taps = {"encoder.head": "encoder.0", "encoder.stages.0": "encoder.1", "fusion.0": "fusion_out.0"}
    taps |= {"fusion.1": "fusion_out.1", "bank.layers.0": "generator.conv1", "bank.layers.2": "generator.convs.1"}
    taps |= {"bank.layers.4": "generator.convs.3", "decoder.blocks.0": "decoder.0"}
    for ours, theirs in taps.items():
        keep = lambda _module, _args, output, name=f"tap {theirs}": found.update({name: output[:1].clone()})  # noqa: E731
        network.get_submodule(ours).register_forward_hook(keep)
    found["sr"] = network(given["lr"])
    found["tap decoder.0"] = F.pixel_shuffle(found["tap decoder.0"], 2)  # theirs has it inside
    return found


def painted_by_biggan(network, given) -> dict[str, Tensor]:
    return {"images": network(given["z"], given["y"])}


def judged_by_biggan(network, given) -> dict[str, Tensor]:
    features = {f"feature{index}": value for index, value in enumerate(network.features(given["images"]))}
    return {"logits": network(given["images"], given["y"]), **features}


def seen_by_vgg(network, given) -> dict[str, Tensor]:
    images = given["images"]
    return {f"layer{layer}": cut(network, layer)(images) for layer in (15, 21)}


def cut(network, layer) -> Vgg16:
    return vgg16.vgg16(network.state_dict(), layer=layer).double()


def vgg(weights) -> Vgg16:
    return vgg16.vgg16(weights, layer=21)


CONVERTED = {  # what `convert` knows, told by the names in the file
    "basicsr-discriminator": judged,
    "basicsr-msrresnet-x2": restored,
    "basicsr-msrresnet-x3": restored,
    "basicsr-msrresnet-x4": restored,
    "basicsr-rrdbnet-x1": restored,
    "basicsr-rrdbnet-x2": restored,
    "basicsr-rrdbnet-x4": restored,
    "basicsr-stylegan2": generated,
    "esrgan-rrdbnet": restored,
    "esrgan-rrdbnet-old": restored,
    "genforce-pggan": generated,
    "genforce-stylegan": generated,
    "genforce-stylegan2": generated,
    "mganprior-pggan": generated,
    "mmagic-discriminator": judged,
    "mmagic-glean": restored_by_glean,
    "mmagic-msrresnet-x2": restored,
    "mmagic-msrresnet-x3": restored,
    "mmagic-msrresnet-x4": restored,
    "mmagic-rrdbnet-x2": restored,
    "mmagic-rrdbnet-x4": restored,
    "mmagic-stylegan2": generated,
    "nvidia-discriminator": judged,
    "nvidia-stylegan2": generated,
    "pulse-stylegan-128": generated,
    "pulse-stylegan-32": generated,
    "rosinality-discriminator": judged,
    "rosinality-stylegan2": generated,
}
OTHERS = {
    "dgp-biggan-128-discriminator": (biggan.discriminator, judged_by_biggan),
    "dgp-biggan-128-generator": (biggan.generator, painted_by_biggan),
    "dgp-biggan-256-discriminator": (biggan.discriminator, judged_by_biggan),
    "dgp-biggan-256-generator": (biggan.generator, painted_by_biggan),
    "torchvision-vgg16": (vgg, seen_by_vgg),
}
LAYOUTS = {name: (checkpoints.any_network, run) for name, run in CONVERTED.items()} | OTHERS


@pytest.mark.parametrize("name", LAYOUTS)
@torch.no_grad()
@pytest.mark.slow
def test_a_published_layout_gives_what_the_publishers_network_gives(name, tmp_path):
    load, run = LAYOUTS[name]
    weights, given, wanted, steps = read(name)
    network = load(weights)
    (tmp_path / "ours.safetensors").write_bytes(own_files.safetensors(network))
    found = run(network.double(), given)
    assert found.keys() == wanted.keys()
    for output, value in found.items():
        error = (kept(value, steps.get(output, (1, 1))) - wanted[output]).abs().max() / wanted[output].abs().max()
        assert error <= LOOSER.get((name, output), ROUNDING), f"{output} is off by {error:.1e} of its range"
    again = run(load(unpickle.load(tmp_path / "ours.safetensors")).double(), given)
    assert all(torch.equal(again[output], value) for output, value in found.items()), "our file is of another network"


@pytest.mark.parametrize("name", ["genforce-stylegan", "pulse-stylegan-32", "mmagic-msrresnet-x2"])
@torch.no_grad()
def test_convert_keeps_what_only_the_layout_tells(name, bench, tmp_path):
    weights, given, _, _ = read(name)
    torch.save(weights, tmp_path / "published.pth")
    status, _, error = bench("convert", tmp_path / "published.pth", tmp_path / "ours.safetensors")
    assert status == 0, error
    run = CONVERTED[name]
    before = run(checkpoints.any_network(weights).double(), given)
    after = run(checkpoints.any_network(unpickle.load(tmp_path / "ours.safetensors")).double(), given)
    assert all(torch.equal(after[output], value) for output, value in before.items())


def test_no_golden_is_left_out_and_none_is_large():
    sizes = {path.stem: path.stat().st_size for path in FOLDER.glob("*.safetensors")}
    assert sizes.keys() == {*LAYOUTS, "resize"}, "a golden that nothing compares"
    assert max(sizes.values()) < 200_000
    assert sum(sizes.values()) < 2_000_000


@torch.no_grad()
def test_the_goldens_see_an_epsilon_of_a_thousandth():
    weights, given, wanted, steps = read("pulse-stylegan-32")
    network = checkpoints.any_network(weights).double()
    for epilogue in network.synthesis.epilogues:
        epilogue.epsilon = 1.001e-5
    error = (kept(generated(network, given)["of_w"], steps["of_w"]) - wanted["of_w"]).abs().max()
    assert error > 100 * ROUNDING * wanted["of_w"].abs().max(), "the inputs are too large for an epsilon to show"


def test_a_glean_around_pulses_stylegan_keeps_its_epsilon():
    bank = stylegan.StyleGANSynthesis(
        size=32, channels=dict.fromkeys((4, 8, 16, 32), 4), style_dim=8, torch_epsilon=True
    )
    saved = GLEAN(trunk=Trunk(channels=4, blocks=1, growth=2), bank=bank, in_size=8)
    loaded = checkpoints.any_network(saved.state_dict())
    assert [each.epsilon for each in loaded.bank.epilogues] == [1e-5] * 8


@pytest.mark.skipif(not (SHARED / "golden").is_dir(), reason="needs ../shared/golden")
@torch.no_grad()
def test_pulses_stylegan_of_512_latents_gives_its_publishers_images():
    golden = torch.load(SHARED / "golden" / "pulse_stylegan_32.pt", weights_only=True)
    mapping = {"dense0.weight": torch.zeros(512, 512), "dense0.bias": torch.zeros(512)}
    network = stylegan_pggan.stylegan(mapping | golden["state_dict"]).double()
    images = network.synthesis(golden["w"].double(), noise=[each.double() for each in golden["noise"]])
    error = (images - golden["output"]).abs().max() / golden["output"].abs().max()
    assert error < 1e-7, f"another epsilon: {error:.1e} of the range; it is stored in float32"
