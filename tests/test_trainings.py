"""Networks of several trainings: where they are looked for, what a table of them says, that none passes for another."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from safetensors import safe_open

from bench import cards, pipeline, plan, rendering, report_files
from bench.report import stored, storing
from bench.restore import State
from bench.spec import BadFile, BenchError, MissingWeights, Task
from methods import specs
from methods.formats import sealed
from methods.srgan import Srgan
from methods.training import start
from methods.weights import advice, folders, load, trained

TASK = Task("mini", "face", 16, 128, preset="mini", training=1)
FILE = "srgan_face_16x_128.safetensors"


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Put SRGAN's network of the suite, a little changed, where one of a training is looked for."""
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def write(number, *, seed=None) -> Path:
        path = tmp_path / "weights" / "mini" / f"training{number}" / FILE
        path.parent.mkdir(parents=True)
        with safe_open(folders.SHIPPED / "mini" / FILE, "pt") as file:
            tensors = {name: file.get_tensor(name) * (1 + 0.01 * number) for name in file.keys()}  # noqa: SIM118
            told = json.loads(file.metadata()[trained.FACTS]) | {"seed": number if seed is None else seed}
            form = {name: text for name, text in file.metadata().items() if name != "checksum"}
        path.write_bytes(sealed.pack(tensors, form | {trained.FACTS: json.dumps(told)}))
        return path

    return write


def test_a_network_of_a_training_is_looked_for_in_its_folder_and_no_other_is_taken(put):
    with pytest.raises(
        MissingWeights, match=r"trained with the seed 1 is no network of srgan.*--seed 1 --out .*training1"
    ):
        load.find("srgan", TASK)  # the network of seed 0, which comes with the suite, would pass for another
    path = put(1)
    assert load.find("srgan", TASK) == path
    assert load.find("pulse", TASK, part="bank") == folders.SHIPPED / "mini" / "bank_face_128.safetensors"


def test_the_message_on_a_missing_training_tells_no_path_of_the_machine_and_can_be_typed(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    own = tmp_path / "of Ann"
    monkeypatch.setenv("GLEAN_WEIGHTS", str(own))
    with pytest.raises(MissingWeights) as error:
        load.find("srgan", TASK)
    assert str(tmp_path) not in str(error.value), "the sentence is printed below published tables"
    option = re.search(r"--out (\S+)`", str(error.value))[1]
    typed = subprocess.run(["/bin/sh", "-c", f"printf %s {option}"], capture_output=True, text=True, check=True).stdout
    assert typed == str(own / "mini" / "training1"), "a shell that has $GLEAN_WEIGHTS set takes it for another folder"
    assert [advice.option(str(path)) for path in (own, tmp_path / "home", tmp_path / "home" / "a b")] == [
        ' --profile "$GLEAN_WEIGHTS"', " --profile ~", " --profile ~/'a b'",
    ], "in single quotes no shell expands them"  # fmt: skip


def test_a_file_of_another_seed_is_refused(put):
    put(1, seed=0)
    with pytest.raises(
        BadFile, match=r"training1/srgan_face_16x_128.safetensors was trained with the seed 0; networks of the seed 1 "
    ):
        load.find("srgan", TASK)


def test_a_file_that_tells_no_seed_is_refused_in_words(put):
    path = put(1)
    path.write_bytes(sealed.pack({"x": torch.zeros(1)}, {}))
    with pytest.raises(BadFile, match="does not say with which seed it was trained; networks of the seed 1 "):
        load.find("srgan", TASK)


def test_published_networks_alone_have_no_trainings_and_the_advice_is_no_training(put):
    """The network lies there, and is what the options leave out."""
    put(1)
    with pytest.raises(
        MissingWeights, match=r"--weights published\) tell of no seed.*without --weights published"
    ) as e:
        load.find("srgan", replace(TASK, weights="published"))
    assert "none was trained" not in str(e.value)


def test_a_network_that_is_begun_goes_on(put):
    path = put(1)
    with safe_open(path, "pt") as file:
        told = json.loads(file.metadata()[trained.FACTS]) | {"steps": 1}
    path.write_bytes(sealed.pack({"x": torch.zeros(1)}, {trained.FACTS: json.dumps(told)}))
    with pytest.raises(MissingWeights, match=r"--unfinished alone.*--seed 1 --out .*training1` goes on with it") as e:
        load.find("srgan", TASK)
    assert "none was trained" not in str(e.value), "it was just told of"


def test_beside_photographs_of_ones_own_they_lie_in_their_folder(put, tmp_path):
    task = Task(str(tmp_path / "mine"), "face", 16, 128, preset="mini", training=1)
    (tmp_path / "mine" / "weights").mkdir(parents=True)
    shutil.move(put(1).parent, tmp_path / "mine" / "weights" / "training1")
    assert load.find("srgan", task).parent == tmp_path / "mine" / "weights" / "training1"


def test_what_is_never_trained_again_has_no_trainings():
    assert {name for name, spec in specs.BY_NAME.items() if spec.trained and spec.searches} == set()
    assert all(specs.BY_NAME[name].trained for name in ("glean", "glean.no-bank", "esrgan_plus", "srgan", "srntt"))


@pytest.mark.usefixtures("put")
def test_what_is_there_of_another_seed_is_not_offered_as_another_size():
    with pytest.raises(MissingWeights) as error:
        load.find("srgan", TASK)
    assert "On this machine are weights for" not in str(error.value), "they are for just what is asked for"


@pytest.mark.parametrize(("name", "mixture"), [("srntt", "tasks"), ("glean.blind", "blind")])
def test_no_command_is_named_that_train_would_refuse(name, mixture):
    with pytest.raises(MissingWeights) as error:
        load.find(name, replace(TASK, training=0, mixture=mixture))
    assert "no training makes one for images that are degraded like this" in str(error.value)
    assert "python -m bench train" not in str(error.value)


@pytest.mark.parametrize(
    ("mixture", "factor", "told"),
    [("", 1, "made small, so not at 1x"), ("blind", 1, "made small, so not at 1x"),
     ("tasks", 16, "keep their size, so not at 16x")],
)  # fmt: skip
def test_no_training_at_a_factor_is_named_that_train_would_refuse(mixture, factor, told):
    """A table at 1x told to train `glean` at 1x, which would learn to hand on its input."""
    task = replace(TASK, training=0, mixture=mixture, factor=factor)
    with pytest.raises(MissingWeights, match=told) as error:
        load.find("glean", task)
    assert "python -m bench train" not in str(error.value)
    with pytest.raises(BenchError, match=told):
        start.check(f"glean.{mixture}".rstrip("."), task)


@pytest.mark.slow
def test_a_table_of_trainings_is_one_row_with_its_spread_its_files_and_what_is_missing(put, bench, tmp_path):
    put(1), put(2)
    words = ("--category", "face", "--method", "bicubic,srgan", "-n", "6", "--out", tmp_path / "out")
    options = [word for number in (0, 1, 2, 3) for word in ("--training", number)]
    status, out, _ = bench("table", "seeds", *words, *options)
    assert status == 0
    assert "trained with the seed 3 is no network of srgan" in out
    folder = tmp_path / "out" / "mini"
    found = stored.read(folder / "seeds.json")
    (row,) = (r for r in found.table.rows if r.cell.method == "srgan" and r.metric.name == "lpips")
    assert (row.trainings, row.n, row.n_ok) == ((0, 1, 2), 6, 6)
    assert row.spread is not None
    assert row.spread.seeds == 3
    assert {"training1/" + FILE, "training2/" + FILE, FILE} <= set(row.weights), "which networks were measured?"
    assert storing.text(found.table, found.records, found.machine) == (folder / "seeds.json").read_text()
    values = pd.read_csv(folder / "seeds.images.csv")
    by_training = values[values.method == "srgan"].groupby("training").lpips.mean()
    assert list(by_training.index) == [0, 1, 2]
    assert by_training.nunique() == 3, "one network was measured three times"
    (line,) = pd.read_csv(folder / "seeds.csv").query("method == 'srgan' and metric == 'lpips'").itertuples()
    assert float(line.mean) == pytest.approx(by_training.mean(), abs=1e-5)
    text = (folder / "seeds.md").read_text()
    assert "mean of the trainings 0, 1, 2, pictures of the first. Standard deviations of their means: LPIPS" in text
    assert "sqrt(t(N - 1)^2 s1^2 / N + t(S - 1)^2 s2^2 / S)" in text
    assert "Of one training alone" not in text, "of bicubic, which has none"
    assert (folder / "seeds.png").is_file()
    assert set(pd.read_csv(folder / "seeds.timing.csv").images) == {6}, "images were counted once a training"


def test_the_strip_shows_the_first_training_that_has_images():
    """One without the network of seed 0 would have values in the table and no picture."""
    report, found = report_files.read("seeds"), cards.cards("mini")
    cells = [
        cell
        for cell in plan.plan(report, {"srgan": specs.SRGAN}, found, trainings=(0, 1, 2))
        if (cell.method, cell.task.category) == ("srgan", "face")
    ]
    states = {cell: State("ok" if cell.task.training == 1 else "refused") for cell in cells}
    measurement = SimpleNamespace(cells=cells, state=states.__getitem__)
    assert [cell.task.training for cell in rendering._shown(measurement)] == [1]
    states[cells[1]] = State("refused")
    assert [cell.task.training for cell in rendering._shown(measurement)] == [0]


@pytest.mark.parametrize(("asked", "given"), [((), [0, 1, 2]), ((5,), [5])])
def test_the_facts_of_a_report_name_trainings_unless_a_run_does(settings, asked, given):
    made = pipeline.prepare(report_files.read("seeds"), [Srgan], settings, trainings=asked)
    of = [cell.task.training for cell in made.cells if cell.task.category == "cat" and cell.method == "srgan"]
    assert of == given
    assert made.report.trainings == tuple(given), "a row of one training alone is not told where several were asked for"


def test_what_no_table_reads_is_not_counted_and_a_file_in_the_wrong_folder_is_told(put, tmp_path):
    """`list` and `doctor` looked into training0 and training01, and saw nothing wrong with another seed's network."""
    right, wrong = put(1), put(2, seed=1)
    for name in ("training0", "training01", "training\u0663", "trainingx"):
        shutil.copytree(right.parent, right.parent.with_name(name))
    (right.parent / "glean_face_16x_128.safetensors").mkdir()
    (right.parent / "glean_cat_16x_128.safetensors").symlink_to(tmp_path / "nothing")
    assert [path for path in trained.present() if path.is_relative_to(tmp_path)] == [right, wrong]
    trained.check_seed(right)
    with pytest.raises(BadFile, match=r"training2/srgan_face_16x_128.safetensors was trained with the seed 1"):
        trained.check_seed(wrong)


def test_a_broken_network_of_a_training_is_not_told_under_the_name_of_the_other(put):
    path = put(1)
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        form = {name: text for name, text in file.metadata().items() if name != "checksum"}
    next(iter(tensors.values())).view(-1)[0] = torch.nan
    path.write_bytes(sealed.pack(tensors, form))
    with pytest.raises(BadFile, match=f"^training1/{FILE}: "):
        Srgan.load(TASK, torch.device("cpu"))
