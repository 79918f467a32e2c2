"""What is trained, in what order, within what time, and where the files go: with banks and networks of a few pixels."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from bench import cards
from bench.spec import BadFile, BenchError, MissingWeights, Task
from methods import BY_NAME
from methods.formats import sealed
from methods.presets.mixtures import parted
from methods.presets.programme import PROGRAMMES
from methods.presets.sizes import SIZES
from methods.training import __main__ as command
from methods.training import ingredients, items, queue, restorer, trained_report
from methods.training.bank import bank
from methods.training.items import Item
from methods.training.share import Share
from methods.weights import stylegan2_bank, trained

from ..conftest import ROOT
from .test_bank import CPU, TINY

FACE = Item("bank", Task("mini", "face", 1, 128, preset="mini"))
GLEAN = Item("glean", Task("mini", "face", 16, 128, preset="mini"))


def test_the_order_is_banks_then_rivals_by_factor_then_ablations_then_the_rest():
    labels = [item.label for item in items.everything("mini")]
    assert labels[:6] == ["bank face", "bank cat", "bank car", "bank bedroom", "bank tower", "glean face 16x"]
    factors = [int(label.split()[-1][:-1]) for label in labels[5:65]]
    assert factors == [16] * 15 + [8] * 15 + [32] * 15 + [64] * 15
    assert all(label.startswith("glean.") for label in labels[65:79])
    assert all(parted(label.split()[0])[1] for label in labels[79:85])
    assert labels[85:89] == ["dfdnet face 16x", "srntt face 16x", "biggan", "glean.biggan face 16x"]
    assert len(set(labels)) == len(labels) == 93
    methods = {item.what if item.what in BY_NAME else parted(item.what)[0] for item in items.everything("mini")}
    assert methods - {"bank", "biggan"} <= set(BY_NAME), "a method that is not there"


def test_portraits_are_trained_for_their_tables():
    labels = [item.label for item in items.everything("portraits")]
    rivals = ("glean", "esrgan_plus", "srgan", "esrgan_plus.mse")
    assert labels == [
        "bank face",
        *(f"{name} face 8x" for name in rivals),
        *(f"{name} face 16x" for name in rivals),
        *(f"glean.{part} face 8x" for part in ("no-bank", "no-decoder", "latent-only")),
        "dfdnet face 8x",
    ]
    assert {item.what for item in items.everything("portraits")} - {"bank"} <= set(BY_NAME)


def test_what_a_profile_of_ones_own_has_no_images_for_is_left_out(tmp_path):
    """`--missing` would end there in an error, and what stands behind it would never be trained."""
    for name in ("face", "dog"):
        (tmp_path / f"{name}.toml").write_text(
            f'title = "x"\nhr_size = 128\nreader = "folder"\nsource = "{name}"\ntest_set = "x"\ntrain_set = "x"\n'
            'preset = "mini"\n'
        )
    wanted = {item.what for item in items.everything(str(tmp_path))}
    assert wanted & {"dfdnet", "biggan", "glean.biggan"} == set(), "no face_box, and only one class of five"
    assert {"bank", "glean", "srntt", "glean.blind"} <= wanted
    card = tmp_path / "face.toml"
    card.write_text(card.read_text() + "face_box = [0.15, 0.13, 0.7]\n")
    assert "dfdnet" in {item.what for item in items.everything(str(tmp_path))}


def test_a_mixture_behind_a_name_changes_nothing_else():
    """The squared error alone would be joined by all losses, and sizes of one's own would not count."""
    task = replace(FACE.task, factor=16)
    assert Item("esrgan_plus.mse.blind", task).of_pixels
    assert not Item("esrgan_plus.blind", task).of_pixels
    assert ingredients._own(Item("dfdnet.blind", task)) == ingredients._own(Item("dfdnet", task)) is not None


@pytest.mark.parametrize(
    ("what", "category", "factor", "told"),
    [("srntt", "face", 8, "SRNTT is for factors 4, 16, not 8"), ("dfdnet", "cat", 16, "DFDNet is for face, not cat"),
     ("srgan", "face", 1, "SRGAN is for factors"), ("glean", "face", 2, "GLEAN is for factors"),
     ("glean.tasks", "face", 16, "keep their size, so not at 16x; take --factor 1"),
     ("esrgan_plus.blind", "face", 1, "are made small, so not at 1x"), ("input", "face", 1, "there is no training for"),
     ("glean.biggan", "dog", 16, "the BigGAN has no class 'dog'"),
     ("srntt.blind", "face", 16, "one of these but the banks and srntt with")],
)  # fmt: skip
def test_what_no_table_could_use_is_refused_before_it_is_trained(settings, what, category, factor, told):
    """An hour later sizes would not fit each other, or a network would lie there that nothing takes."""
    with pytest.raises(BenchError, match=told):
        ingredients.start(Item(what, replace(FACE.task, category=category, factor=factor)), settings, Share())


def test_every_preset_has_a_programme():
    assert PROGRAMMES.keys() == SIZES.keys()


def test_each_category_of_a_profile_is_trained_at_its_own_size():
    sides = {item.task.category: item.task.hr_size for item in items.everything("paper")}
    assert sides == {name: card.hr_size for name, card in cards.cards("paper").items()}
    assert all(item.task.hr_size % item.task.factor == 0 for item in items.everything("paper"))
    assert len({item.label for item in items.everything("paper")}) == len(list(items.everything("paper")))


@pytest.mark.slow
def test_a_bank_is_trained_shipped_and_found(settings):
    assert queue.train(FACE, settings)
    files = sorted((settings.runs.parent / "mini").iterdir())
    assert [path.name for path in files] == ["bank_face_128.safetensors", "bank_face_128_discriminator.safetensors"]
    assert {value.dtype for value in load_file(files[0]).values()} == {torch.float16}
    facts = items.facts(files[0])
    assert (facts["steps"], facts["of"], facts["seed"], facts["processes"]) == (4, 4, 0, 1)
    assert facts["factor"] == FACE.task.factor, "shapes do not tell it"
    for method in ("pulse", "mganprior", "dgp", "glean"):
        assert stylegan2_bank.load(method, replace(FACE.task, factor=16), CPU).size == 128
    with pytest.raises(MissingWeights):
        stylegan2_bank.load("pulse", Task("mini", "cat", 16, 128, preset="mini"), CPU)


@pytest.mark.slow
def test_methods_are_trained_around_the_bank_and_load_again(settings):
    task = Task("mini", "face", 16, 128, preset="mini")
    queue.train(FACE, settings)
    lr = torch.rand(1, 3, 8, 8)
    for name in ("glean", "glean.no-bank", "glean.unfrozen-bank", "esrgan_plus", "srgan"):
        assert queue.train(Item(name, task), settings)
        path = trained.locate(name, task)
        stored = any(key.startswith("bank.") and key != "bank.sha256" for key in load_file(path))
        assert stored == (name == "glean.unfrozen-bank"), "a frozen bank is stored again, or a trained one is lost"
        with torch.no_grad():
            assert BY_NAME[name].load(task, CPU).upscale(lr).shape == (1, 3, 128, 128)


@pytest.mark.slow
def test_the_squared_error_alone_needs_no_bank_and_no_vgg16(settings):
    task = Task("mini", "face", 16, 128, preset="mini")
    item = Item("esrgan_plus.mse", task)
    assert queue.train(item, replace(settings, vgg16=None))
    facts = items.facts(trained.locate("esrgan_plus.mse", task))
    assert facts["steps"] == facts["of"]
    assert BY_NAME["esrgan_plus.mse"].load(task, CPU).upscale(torch.rand(1, 3, 8, 8)).shape == (1, 3, 128, 128)
    sizes = replace(SIZES["mini"], trunk_channels=1)
    key = ingredients.key(item, settings).recipe
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "mini", sizes)
        assert ingredients.key(item, settings).recipe != key, "networks of other sizes have the same facts"


@pytest.mark.slow
def test_the_queue_goes_on_with_what_is_not_at_its_end(settings):
    todo = [FACE, Item("bank", Task("mini", "cat", 1, 128, preset="mini"))]
    assert [item.label for item in queue.unfinished(todo, settings)] == ["bank face", "bank cat"]
    assert [(item.label, ended) for item, ended in queue.train_all(todo[:1], settings)] == [("bank face", True)]
    assert [item.label for item in queue.unfinished(todo, settings)] == ["bank cat"]
    path = settings.runs.parent / "mini" / "bank_face_128.safetensors"
    path.write_bytes(sealed.pack(load_file(path), {trained.FACTS: json.dumps({**items.facts(path), "of": 9})}))
    assert [item.label for item in queue.unfinished(todo, settings)] == ["bank face", "bank cat"]
    path.write_bytes(b"no weights")
    with pytest.raises(BadFile, match="bank_face_128"):
        list(queue.unfinished(todo, settings))


@pytest.mark.slow
def test_the_time_ends_the_queue_and_what_was_reached_is_kept(settings):
    todo = [FACE, Item("bank", Task("mini", "cat", 1, 128, preset="mini"))]
    assert list(queue.train_all(todo, settings, 0)) == []
    ends = [(item.label, ended) for item, ended in queue.train_all(todo, settings, 1e-3)]
    assert ends == [("bank face", False)], "the time was over after the first item"
    assert len(list((settings.runs / "mini").glob("bank_face-*/checkpoint.pt"))) == 1
    assert len(list(queue.train_all(todo, settings))) == 2


@pytest.mark.slow
def test_a_file_is_not_replaced_by_one_of_less_training(settings, tmp_path):
    queue.train(FACE, settings)
    path = tmp_path / "mini" / "bank_face_128.safetensors"
    before = path.read_bytes()
    fresh = replace(settings, runs=tmp_path / "other", seed=7)
    training = ingredients.start(FACE, fresh, Share(7))
    training._enter(1)
    training.step = 3
    assert items.ship(FACE, training, tmp_path / "mini", {}) == []
    assert path.read_bytes() == before
    training.step = 5
    assert len(items.ship(FACE, training, tmp_path / "mini", {})) == 2


@pytest.mark.parametrize("what", ["bank", "glean"])
@pytest.mark.slow
def test_without_a_checkpoint_it_goes_on_from_the_files(settings, monkeypatch, tmp_path, what):
    kind, item = (bank.BankTraining, FACE) if what == "bank" else (restorer.Restorer, GLEAN)
    if what == "glean":
        queue.train(FACE, settings)
    path = tmp_path / "mini" / item.file(item.parts[0])
    with monkeypatch.context() as earlier:
        earlier.setattr(kind, "steps", kind.steps.fget(ingredients.start(item, settings, Share())) - 1)
        queue.train(item, settings)
    before, facts, adopt = load_file(path), items.facts(path), kind.adopt

    def seen(training, kept, step):
        assert kept[item.parts[0]].keys() >= before.keys() - {"bank.sha256"}
        assert all(torch.equal(kept[item.parts[0]][name], value) for name, value in before.items())
        adopt(training, kept, step)
        assert training.step == facts["steps"]

    monkeypatch.setattr(kind, "adopt", seen)
    assert queue.train(item, replace(settings, runs=tmp_path / "elsewhere"))
    assert items.facts(path)["steps"] == facts["steps"] + 1, "the training began anew"


@pytest.mark.slow
def test_weights_of_another_bank_or_size_are_refused(settings, monkeypatch, tmp_path):
    """GLEAN's file holds no bank; with another one than that it was trained around it would paint nonsense."""
    for item in (FACE, GLEAN):
        queue.train(item, settings)
    queue.train(FACE, replace(settings, runs=tmp_path / "other", seed=1, out=tmp_path / "out"))
    (tmp_path / "out" / FACE.file("bank")).replace(tmp_path / "mini" / FACE.file("bank"))
    with pytest.raises(BadFile, match=r"glean_face_16x_128\.safetensors: .*another bank"):
        BY_NAME["glean"].load(GLEAN.task, CPU)
    with pytest.raises(BadFile, match=r"glean_face_16x_128.*another bank"):
        queue.train(GLEAN, replace(settings, runs=tmp_path / "elsewhere"))
    (tmp_path / "mini" / FACE.file("bank")).unlink()
    monkeypatch.setitem(SIZES, "mini", replace(TINY, bank_widest=9))
    with pytest.raises(BadFile, match=r"discriminator.safetensors was trained by another recipe or at other sizes"):
        queue.train(FACE, settings)


def test_what_cannot_be_trained_is_said(settings):
    with pytest.raises(BenchError, match=r"'bicubic'.*bank, glean"):
        queue.train_all([Item("bicubic", FACE.task)], settings).__next__()
    with pytest.raises(MissingWeights, match="bank"):
        ingredients.start(GLEAN, settings, Share())


@pytest.mark.slow
def test_the_command_trains_and_says_how_far_it_came(settings, capsys, tmp_path):
    words = ["bank", "--category", "face", "--runs", str(settings.runs), "--pool", "8", "--out", str(tmp_path / "o")]
    assert command.main([*words, "--budget", "0.001s"]) == 0
    assert "bank face: stopped when the time was up" in capsys.readouterr().err
    assert command.main(words) == 0
    assert "bank face: trained" in capsys.readouterr().err
    assert len(list((tmp_path / "o").iterdir())) == 2
    assert command.main(words) == 0
    assert "nothing to do" in capsys.readouterr().err
    assert command.main([]) == 2
    assert "say what to train" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["bank", "--budget", "soon"])


@pytest.mark.slow
def test_training_needs_only_a_few_packages():
    """A bare machine has torch, numpy, pillow, safetensors and rich; any other import would stop the training there."""
    allowed = {"torch", "numpy", "PIL", "safetensors", "rich", "bench", "methods", "_virtualenv"}
    program = "import sys, json, methods.training.__main__ as m; m.parser(); print(json.dumps(sorted(sys.modules)))"
    listed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    installed = {name.split(".")[0] for name in json.loads(listed.stdout.splitlines()[-1])}
    pattern = re.compile(
        "lpips|insightface|torchvision|typer|click|pandas|scipy|matplotlib|tabulate|onnxruntime|lmdb|skimage"
    )
    assert [name for name in installed - allowed if pattern.fullmatch(name)] == []


@pytest.mark.slow
def test_the_report_tells_how_each_file_was_made_and_measures_the_banks(settings, tmp_path):
    queue.train(FACE, settings)
    shown = [FACE, Item("bank", Task("mini", "cat", 1, 128, preset="mini"))]
    written = list(trained_report.write(shown, tmp_path / "mini", tmp_path / "docs", most=50))
    assert [path.name for path in written] == ["bank_face.webp", "trained.md"]
    text = written[1].read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| bank")]
    assert [row[0] for row in rows] == ["bank_face_128.safetensors", "bank_face_128_discriminator.safetensors"]
    assert rows[0][2:6] == ["`train bank --category face`", "0", "4", "4"]
    assert float(rows[0][9]) > 10 * float(re.search(r"- face: \S+ and (\S+) \(50 renders", text)[1]) > 0, (
        "noise is as near to faces as faces are"
    )


def test_a_bank_of_a_side_that_no_doubling_reaches_is_refused(settings):
    task = replace(cards.card("mini", "face").task(1), hr_size=100, preset="paper")
    with pytest.raises(BenchError, match="grows from 4 px by doubling, and never has 100 px; set the card's hr_size"):
        ingredients.start(Item("bank", task), settings, Share())
