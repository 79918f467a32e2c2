"""Weight files in 8 bits: what rounding may change, what it must not, and what is refused."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import methods
from bench import pipeline, resize, scenes
from bench.scores import metrics
from bench.spec import BadFile
from methods.formats import eight_bits, esrgan, file_kinds, own_files, sealed, unpickle
from methods.nets.rrdbnet import RRDBNet
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.training import pack
from methods.weights import trained

ELSEWHERE = Path("file.safetensors")
TOLD = {trained.FACTS: json.dumps({"steps": 9, "of": 9, "seed": 0})}


def network() -> RRDBNet:
    """A small network with weights as a training leaves them: rows of unlike size."""
    torch.manual_seed(0)
    made = RRDBNet(factor=4, channels=16, blocks=1, growth=8)
    for value in made.parameters():
        value.data *= torch.rand(len(value)).view(-1, *[1] * (value.ndim - 1)) * 4
    return made.eval()


def written(path: Path, *, steps: int = 9, spoil: bool = False) -> Path:
    """Write the network as training does."""
    told = {trained.FACTS: json.dumps({"steps": steps, "of": 9, "seed": 0})}
    made = network()
    if spoil:
        next(made.parameters()).data.view(-1)[0] = torch.nan
    path.write_bytes(own_files.safetensors(made, dtype=torch.float16, facts=told))
    return path


def test_no_weight_is_further_away_than_half_a_step_of_its_row():
    values = {"weight": torch.randn(8, 4, 3, 3) * torch.logspace(-6, 3, 8).view(8, 1, 1, 1), "bias": torch.randn(8)}
    found = eight_bits.unpacked(eight_bits.packed(values), ELSEWHERE)
    steps = values["weight"].flatten(1).abs().amax(1) / 127
    away = (found["weight"] - values["weight"]).flatten(1).abs().amax(1)
    assert (away <= steps * 0.5001).all(), "a row of small weights is rounded by the step of a large one"
    assert torch.equal(found["bias"], values["bias"])


def test_a_row_of_zeros_stays_zero_and_small_tensors_and_bytes_stay_as_they_are():
    values = {
        "weight": torch.zeros(4, 64),
        "small": torch.randn(2, 3).half(),
        "bank.sha256": torch.arange(256, dtype=torch.uint8).view(2, 128),
    }
    found = eight_bits.unpacked(eight_bits.packed(values), ELSEWHERE)
    assert found["weight"].eq(0).all(), "0 / 0"
    assert all(torch.equal(found[name], values[name]) for name in ("small", "bank.sha256"))


@torch.no_grad()
def test_a_packed_file_is_half_as_large_tells_the_same_and_restores_alike(tmp_path, capsys):
    path = written(tmp_path / "esrgan_plus_face_4x_64.safetensors")
    facts, size = trained.facts(path), path.stat().st_size
    lr = torch.rand(2, 3, 16, 16)
    before = esrgan.rrdbnet(unpickle.load(path))(lr)
    assert pack.main([str(path)]) == 0
    assert path.name in capsys.readouterr().out
    assert path.stat().st_size < 0.6 * size
    assert trained.facts(path) == facts, "no one could tell how it was trained"
    after = esrgan.rrdbnet(unpickle.load(path))(lr)
    distance = (after - before).square().mean().sqrt() / before.std()
    assert 0 < distance < 0.02, "more is lost than 8 bits take"


def test_what_is_no_finished_training_is_not_packed(tmp_path, capsys):
    begun = written(tmp_path / "begun.safetensors", steps=8)
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(own_files.safetensors(network()))
    broken = written(tmp_path / "broken.safetensors", spoil=True)
    text = tmp_path / "README.md"
    text.write_text("no weights")
    (tmp_path / "folder").mkdir()
    bank = tmp_path / "bank_face_64.safetensors"
    bank.write_bytes(own_files.safetensors(StyleGAN2Discriminator(size=8, channels={4: 8, 8: 8}), facts=TOLD))
    for path, reason in (
        (begun, "8 of 9 steps"),
        (foreign, "how it was trained"),
        (broken, "1 of its weights are not finite"),
        (text, "no weight file that can be read"),
        (bank, "other trainings have begun with"),
    ):
        content = path.read_bytes()
        assert pack.main([str(path)]) == 2
        told = " ".join(capsys.readouterr().err.split())
        assert reason in told
        assert "delete" not in told.lower(), "who names the wrong file loses it"
        assert path.read_bytes() == content, "a file that was refused has changed"
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "absent", tmp_path / "folder", tmp_path / "pipe"):
        assert pack.main([str(path)]) == 2
        assert f"{path} is no file" in " ".join(capsys.readouterr().err.split())


def test_one_that_is_refused_keeps_none_of_the_others_from_being_packed(tmp_path, capsys):
    first, begun, last = (
        written(tmp_path / f"{name}.safetensors", **how)
        for name, how in (("first", {}), ("begun", {"steps": 8}), ("last", {}))
    )
    last.chmod(0o640)
    link = tmp_path / "link.safetensors"
    link.symlink_to(last)
    sizes = [path.stat().st_size for path in (first, begun, last)]
    assert pack.main([str(path) for path in (first, begun, first, link)]) == 2
    assert "8 of 9 steps" in " ".join(capsys.readouterr().err.split())
    assert [path.stat().st_size < size for path, size in zip((first, begun, last), sizes, strict=True)] == [
        True,
        False,
        True,
    ]
    assert (link.is_symlink(), last.stat().st_mode & 0o777) == (True, 0o640)
    content = first.read_bytes()
    assert pack.main([str(first)]) == 0, "a command that is given again has nothing left to do"
    assert "packed already" in capsys.readouterr().out
    assert first.read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries.pop("weight.scale"),
        lambda entries: entries.update({"weight.scale": torch.ones(3)}),
        lambda entries: entries.update({"weight.scale": torch.ones(4, dtype=torch.float16)}),
        lambda entries: entries.update({"weight.int8": torch.ones(4, 64)}),
        lambda entries: entries.update({"weight": torch.ones(4, 64)}),
    ],
    ids=["no scale", "scale of another shape", "scale of another type", "numbers of another type", "twice"],
)
def test_a_file_whose_numbers_and_scales_do_not_go_together_is_one_sentence(tmp_path, change):
    entries = eight_bits.packed({"weight": torch.randn(4, 64)})
    change(entries)
    path = tmp_path / "file.safetensors"
    path.write_bytes(sealed.pack(entries, {eight_bits.FACT: "8"}))
    with pytest.raises(BadFile, match=r"weight\.int8"):
        unpickle.load(path)


def test_somebody_elses_file_with_such_names_is_read_as_it_is(tmp_path):
    entries = {"weight.int8": torch.ones(4, 64, dtype=torch.int8), "alone.int8": torch.ones(3)}
    path = tmp_path / "file.safetensors"
    path.write_bytes(sealed.pack(entries, {}))
    assert unpickle.load(path).keys() == entries.keys()


def test_a_name_does_not_flood_the_terminal_nor_a_file_the_memory(monkeypatch):
    with pytest.raises(BadFile) as told:
        eight_bits.unpacked({"w" * 50_000 + ".int8": torch.ones(4, 64, dtype=torch.int8)}, ELSEWHERE)
    assert len(str(told.value)) < 300
    monkeypatch.setattr(file_kinds, "LARGEST", 4 * (4 * 64 + 4) - 1)
    with pytest.raises(BadFile, match="1,040 bytes"):
        eight_bits.unpacked(eight_bits.packed({"weight": torch.randn(4, 64)}), ELSEWHERE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["glean", "esrgan_plus", "srgan"])
@torch.no_grad()
def test_what_is_shipped_restores_as_well_in_8_bits(name, tmp_path, monkeypatch):
    """ADR 11 says what packing costs; a row's scale in the wrong place would cost everything."""
    task = pipeline.task("face", 16)
    hr = resize.quantise(scenes.render("face", 1_500_000_000 + torch.arange(8)))
    lr = resize.quantise(resize.downsample(hr, 16))
    before = pipeline.upscale(methods.find(name), lr, task)
    shipped = trained.locate(name, task)
    for path in (shipped, shipped.with_name("bank_face_128.safetensors")):
        shutil.copy(path, tmp_path)
    pack.pack(tmp_path / shipped.name)
    monkeypatch.setattr(trained, "shipped", lambda _: [tmp_path])
    after = pipeline.upscale(methods.find(name), lr, task)
    assert 45 < metrics.psnr(after, before).mean() < 80, "another network, or the same file"
    lost = (metrics.lpips(resize.quantise(after), hr) - metrics.lpips(resize.quantise(before), hr)).mean()
    assert abs(lost) < 1e-3


def test_a_packed_file_has_numbers_and_scales_under_their_names(tmp_path):
    path = written(tmp_path / "file.safetensors")
    pack.pack(path)
    with safe_open(path, "pt") as file:
        assert {"conv_last.weight.int8", "conv_last.weight.scale", "conv_last.bias"} <= set(file.keys())


def test_the_help_of_packing_is_a_whole_sentence(capsys):
    """It was cut at the first full stop, which is one of the module's name."""
    with pytest.raises(SystemExit):
        pack.main(["--help"])
    assert "halves those to be handed on." in " ".join(capsys.readouterr().out.split())
