"""Somebody's network as a row: what is done to reach the factor, which files are refused, what decides the result."""

import importlib
import pickle
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import methods
from bench import resize
from bench.running import runner
from bench.spec import BenchError, MissingWeights, Task
from methods import given
from methods.formats import foreign, own_files, unpickle
from methods.formats.network import Range, SuperResolver, enlarged, times
from methods.nets.glean import GLEAN
from methods.nets.rrdbnet import RRDBNet, Trunk
from methods.nets.srresnet import MSRResNet
from methods.nets.stylegan2 import StyleGAN2, StyleGAN2Synthesis

CPU = torch.device("cpu")


def task(factor, hr_size=64, seed=0) -> Task:
    return Task("mini", "face", factor, hr_size, seed=seed, preset="mini")


def drawn(network, seed=0):
    """A network with small random weights."""
    draw = torch.Generator().manual_seed(seed)
    for value in network.state_dict().values():
        value.copy_(torch.randn(value.shape, generator=draw) * 0.1)
    return network.eval()


@pytest.fixture
def rrdbnet(tmp_path):
    """A file of a small RRDBNet for 4x in BasicSR's wrapping, and its network."""
    network = drawn(RRDBNet(factor=4, channels=8, blocks=1, growth=4))
    path = tmp_path / "mine.pth"
    own = own_files.safetensors(network)
    (tmp_path / "own.safetensors").write_bytes(own)
    torch.save({"params_ema": network.state_dict()}, path)
    return tmp_path / "own.safetensors", network


class Nearest(torch.nn.Module):
    """Enlarges by its scale, nearest neighbour, and keeps what it was given."""

    def __init__(self, scale):
        super().__init__()
        self.scale, self.seen = scale, []

    def forward(self, x):
        self.seen.append(x)
        return x.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)


@pytest.mark.parametrize(
    ("scale", "factor", "count"), [(4, 4, 1), (4, 16, 2), (4, 8, 2), (2, 16, 4), (3, 16, 3), (4, 64, 3)]
)
def test_a_network_is_applied_until_images_are_large_enough_and_what_is_beyond_is_brought_back(scale, factor, count):
    assert times(scale, factor) == count
    network = Nearest(scale)
    lr = torch.rand(1, 3, 8, 8)
    sr = enlarged(SuperResolver(network, "nearest", scale), lr, 8 * factor)
    assert sr.shape == (1, 3, 8 * factor, 8 * factor)
    assert [x.shape[-1] for x in network.seen] == [8 * scale**i for i in range(count)]
    large = lr.repeat_interleave(scale**count, -1).repeat_interleave(scale**count, -2)
    expected = large if scale**count == factor else resize.resize(large, 8 * factor, 8 * factor).clamp(0, 1)
    assert torch.allclose(sr, expected, atol=1e-6)


def test_values_are_clamped_between_and_given_in_the_network_s_range():
    class Over(Nearest):
        def forward(self, x):
            return super().forward(x) * 3

    network = Over(2)
    enlarged(SuperResolver(network, "over", 2, Range(-1, 1)), torch.full((1, 3, 4, 4), 0.9), 16)
    assert torch.allclose(network.seen[0], torch.full((1, 3, 4, 4), 0.8))
    assert torch.allclose(network.seen[1], torch.full((1, 3, 8, 8), 1.0)), "2.4 is white, for the second pass too"


@pytest.mark.parametrize(
    ("side", "least", "multiple", "wanted"), [(8, 16, 1, 16), (6, 1, 4, 8), (2, 16, 16, 16), (5, 3, 2, 6)]
)
def test_an_image_too_small_is_mirrored_on_all_sides_alike(side, least, multiple, wanted):
    network = Nearest(2)
    image = torch.rand(1, 3, side, side)
    sr = SuperResolver(network, "nearest", 2, least=least, multiple=multiple).once(image)
    seen = network.seen[0]
    assert seen.shape[-2:] == (wanted, wanted)
    before = (wanted - side) // 2
    assert torch.equal(seen[..., before : before + side, before : before + side], image)
    for at in range(1, before + 1):
        mirrored = image[
            ..., (at - 1) % (2 * side) if (at - 1) % (2 * side) < side else 2 * side - 1 - (at - 1) % (2 * side), :
        ]
        assert torch.equal(seen[..., before - at, before : before + side], mirrored), "the outer pixel counts twice"
    assert torch.equal(sr, image.repeat_interleave(2, -1).repeat_interleave(2, -2))


def test_our_own_layouts_are_rows(rrdbnet):
    path, network = rrdbnet
    method = methods.find(str(path)).load(task(16), CPU)
    lr = torch.rand(2, 3, 4, 4)
    with torch.no_grad():
        expected = network(network(lr).clamp(0, 1)).clamp(0, 1)
        assert torch.allclose(method.upscale(lr), expected, atol=1e-5)
    assert method.remark == "RRDBNet 4x, applied 2 times, clamped between"
    assert method.builder == b"", "another version of a package that made nothing of it changes nothing"
    assert methods.find(f"Theirs={path}").spec.name == "Theirs"
    assert methods.find(f"{path}+bp").spec.name == "own+bp"
    assert given.weight_file("x.pth.tar")[1] == "x"
    ((_, problems),) = runner.sweep(methods.find(str(path)), [task(16)], CPU)
    assert [problem for problem in problems if "values" not in problem and "mean" not in problem] == []


@pytest.mark.slow
def test_upscale_takes_a_network_and_says_nothing_of_drawings(rrdbnet, bench, tmp_path):
    path, _ = rrdbnet
    Image.fromarray(np.full((6, 9, 3), 120, np.uint8)).save(tmp_path / "lr.png")
    words = (tmp_path / "lr.png", tmp_path / "sr.png", "--method", path, "--factor", 4)
    status, out, err = bench("upscale", *words)
    assert status == 0, err
    with Image.open(tmp_path / "sr.png") as made:
        assert made.size == (36, 24)
    assert "drawing" not in out + err, "what it was trained on is not known"


def test_a_network_of_one_size_is_for_that_alone(tmp_path):
    bank = StyleGAN2Synthesis(size=32, channels={4: 4, 8: 4, 16: 4, 32: 4}, style_dim=4)
    network = drawn(GLEAN(trunk=Trunk(channels=4, blocks=1, growth=4), bank=bank, in_size=4))
    path = tmp_path / "glean.safetensors"
    path.write_bytes(own_files.safetensors(network))
    found = methods.find(str(path))
    lr = torch.rand(1, 3, 4, 4)
    with torch.no_grad():
        expected = (network(lr * 2 - 1) + 1) / 2
        assert torch.allclose(found.load(task(8, 32), CPU).upscale(lr), expected.clamp(0, 1), atol=1e-5)
    with pytest.raises(MissingWeights, match="makes 32 px of 4; here 64 px are made of 4"):
        found.load(task(16, 64), CPU)


def test_other_weights_are_another_run_and_the_same_ones_are_not(rrdbnet):
    path, network = rrdbnet
    run = runner.of(methods.find(str(path))).load(task(16), CPU).facts.run
    assert runner.of(methods.find(str(path))).load(task(16), CPU).facts.run == run
    drawn(network, seed=1)
    path.write_bytes(own_files.safetensors(network))
    assert runner.of(methods.find(str(path))).load(task(16), CPU).facts.run != run


class Runs:
    """A pickle that would run something."""

    def __reduce__(self):
        return print, ("ran",)


def test_a_file_that_is_no_network_for_this_costs_its_row_alone(tmp_path, capfd):
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "runs.pth").write_bytes(pickle.dumps(Runs()))
    save_file({"a.weight": torch.zeros(2, 2)}, tmp_path / "unknown.safetensors")
    bank = StyleGAN2(size=32, channels={4: 4, 8: 4, 16: 4, 32: 4}, style_dim=4, mapping_layers=2)
    (tmp_path / "bank.safetensors").write_bytes(own_files.safetensors(drawn(bank)))
    for name, error in (("text.pth", BenchError), ("runs.pth", BenchError), ("gone.pth", MissingWeights)):
        with pytest.raises(error, match=name):
            methods.find(str(tmp_path / name)).load(task(16), CPU)
    with pytest.raises(BenchError, match=r"unknown\.safetensors.*a\.weight|unknown\.safetensors is in no layout"):
        methods.find(str(tmp_path / "unknown.safetensors")).load(task(16), CPU)
    with pytest.raises(MissingWeights, match="which makes no image larger"):
        methods.find(str(tmp_path / "bank.safetensors")).load(task(16), CPU)
    assert "ran" not in "".join(capfd.readouterr())


def test_an_msrresnet_is_read(tmp_path):
    network = drawn(MSRResNet(factor=4, channels=8, blocks=1))
    path = tmp_path / "srresnet.safetensors"
    path.write_bytes(own_files.safetensors(network))
    assert methods.find(str(path)).load(task(8), CPU).remark == (
        "MSRResNet 4x, applied 2 times, clamped between, brought from 16x to 8x by our operator"
    )


def test_a_layout_that_nobody_here_knows_asks_for_the_extra(monkeypatch, tmp_path):
    save_file({"a.weight": torch.zeros(2, 2)}, tmp_path / "unknown.safetensors")
    monkeypatch.setattr(foreign, "_spandrel", lambda: None)
    with pytest.raises(
        MissingWeights, match=r"unknown.safetensors is in no layout .* .pip install .glean-bench.spandrel."
    ):
        methods.find(str(tmp_path / "unknown.safetensors")).load(task(16), CPU)


@pytest.fixture
def spandrel():
    """The optional package, imported without its warnings."""
    pytest.importorskip("spandrel", reason="the extra `spandrel` is not installed", exc_type=ImportError)
    return foreign._spandrel()


def saved(network, tmp_path, name):
    """A file as trainers write it, with weights that let something through."""
    torch.save({"params_ema": network.state_dict()}, tmp_path / name)
    return tmp_path / name


def test_an_rrdbnet_is_the_same_through_spandrel(spandrel, tmp_path):
    theirs = importlib.import_module("spandrel.architectures.ESRGAN").ESRGAN(num_filters=8, num_blocks=2, scale=4)
    path = saved(drawn(theirs), tmp_path, "esrgan.pth")
    ours, through = given.network(path), foreign.network(unpickle.load(path), path.name)
    assert (ours.kind, through.kind) == ("RRDBNet", "ESRGAN")
    lr = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        assert torch.allclose(ours.once(lr), through.once(lr), atol=1e-5)
        assert ours.once(lr).std() > 0.01, "constant images are equal whatever made them"


def transformer(kind):
    """A small network of a kind, with random weights."""
    module = importlib.import_module(f"spandrel.architectures.{kind}")
    sizes = {"upscale": 4, "embed_dim": 24, "depths": [2], "num_heads": [2], "mlp_ratio": 2}
    more = {"SwinIR": {"window_size": 8}, "HAT": {"window_size": 16, "compress_ratio": 3, "squeeze_factor": 6}}[kind]
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of meshgrid
        return getattr(module, kind)(**sizes, **more, img_size=64, upsampler="pixelshuffle").eval()


@pytest.mark.parametrize("kind", ["SwinIR", "HAT"])
def test_networks_are_tested_not_trained(spandrel, tmp_path, kind):
    """spandrel hands networks out in training mode: paths are left out by chance, and no two results are equal."""
    path = saved(transformer(kind), tmp_path, f"{kind}.pth")
    found = given.network(path)
    assert not any(module.training for module in found.network.modules())
    lr = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(found.once(lr), found.once(lr))
    assert found.builder == f"spandrel {spandrel.__version__}"


def test_a_network_that_spandrel_knows_and_cannot_build_is_not_called_unknown(spandrel, tmp_path):
    """Nor, if a part of it has names of ours as in GFPGAN, is what ours lacks called missing."""
    entries = transformer("SwinIR").state_dict()
    del entries["conv_first.bias"]
    bank = StyleGAN2(size=8, channels={4: 4, 8: 4}, style_dim=4, mapping_layers=2).state_dict()
    for name, of in (("cut.pth", entries), ("both.pth", {**entries, **bank})):
        torch.save(of, tmp_path / name)
        with pytest.raises(BenchError, match=rf"spandrel .* knows the layout of {name}, but .*conv_first\.bias"):
            given.network(tmp_path / name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["SwinIR", "HAT"])
def test_networks_for_4x_are_rows_at_16x(spandrel, tmp_path, bench, kind):
    path = saved(transformer(kind), tmp_path, f"{kind}.pth")
    words = ("--methods", "bicubic", "--category", "face", "-n", 2, "--with", path, "--out", tmp_path / "out")
    status, _, err = bench("table", "table2", *words)
    assert status == 0, err
    text = (tmp_path / "out" / "mini" / "table2.md").read_text()
    assert f"{kind}: {kind} 4x, applied 2 times, clamped between, inputs extended by mirroring" in text


@pytest.mark.slow
def test_networks_are_rows_of_a_table_of_photographs(spandrel, rrdbnet, photos, tmp_path, bench):
    torch.manual_seed(0)
    gfpgan = importlib.import_module("spandrel.architectures.GFPGAN").GFPGAN().eval()
    files = [saved(transformer(kind), tmp_path, f"{kind}.pth") for kind in ("SwinIR", "HAT")]
    extra = pytest.importorskip("spandrel_extra_arches.architectures.CodeFormer", exc_type=ImportError)
    codeformer = saved(extra.CodeFormer(n_layers=1).eval(), tmp_path, "CodeFormer.pth")
    rows = [rrdbnet[0], *files, saved(gfpgan, tmp_path, "GFPGAN.pth"), codeformer]
    words = ("--profile", photos, "--hr-size", 64, "--category", "face", "-n", 1, "--method", "bicubic")
    status, _, err = bench(
        "table", "table2", *words, *(word for row in rows for word in ("--with", row)), "--out", tmp_path / "out"
    )
    assert status == 0, err
    (values,) = (tmp_path / "out").rglob("table2.images.csv")
    ok = {line.split(",")[2] for line in values.read_text().splitlines() if ",ok," in line}
    assert ok == {"bicubic", "own", "SwinIR", "HAT", "GFPGAN", "CodeFormer"}, "a row of photographs is missing"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["GFPGAN", "CodeFormer"])
def test_networks_that_restore_faces_get_them_at_512_px(spandrel, tmp_path, kind):
    package = "spandrel" if kind == "GFPGAN" else "spandrel_extra_arches"
    pytest.importorskip(package, reason=f"{package} is not installed", exc_type=ImportError)
    torch.manual_seed(0)
    network = getattr(importlib.import_module(f"{package}.architectures.{kind}"), kind)(
        **({"n_layers": 1} if kind == "CodeFormer" else {})
    )
    found = methods.find(str(saved(network.eval(), tmp_path, f"{kind}.pth")))
    assert found.spec.categories == ("face",)
    method = found.load(task(16, 128), CPU)
    lr = torch.rand(1, 3, 8, 8)
    seen = []
    given.network(found.file).network.register_forward_hook(lambda _, images, made: seen.append((images[0], made[0])))
    with torch.no_grad():
        first = method.upscale(lr)
        large = resize.resize(lr, 512, 512).clamp(0, 1) * 2 - 1
    assert first.shape == (1, 3, 128, 128)
    assert not first.is_inference()
    if kind == "GFPGAN":
        assert torch.equal(first, method.upscale(lr)), "noise is drawn from the seed and the image"
    assert torch.allclose(seen[0][0], large, atol=1e-6), "they take [-1, 1]"
    direct = ((seen[0][1] + 1) / 2).clamp(0, 1)
    assert torch.allclose(first, resize.resize(direct, 128, 128).clamp(0, 1), atol=1e-4), "and give it"
    assert "blind faces of 512 px" in method.remark


def test_networks_that_make_nothing_larger_are_refused(spandrel, tmp_path):
    grey = importlib.import_module("spandrel.architectures.ESRGAN").ESRGAN(num_filters=8, num_blocks=1, scale=1)
    path = saved(drawn(grey), tmp_path, "one.pth")
    with pytest.raises(MissingWeights, match="makes no image larger"):
        methods.find(str(path)).load(task(16), CPU)
    dncnn = importlib.import_module("spandrel.architectures.SCUNet").SCUNet(in_nc=3, config=[1] * 7, dim=16)
    with pytest.raises(MissingWeights, match=r"scunet\.pth is a SCUNet for Restoration at 1x"):
        methods.find(str(saved(dncnn, tmp_path, "scunet.pth"))).load(task(16), CPU)
