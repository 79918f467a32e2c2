"""Own weight files and published ones: which is taken, that it is told, and that no half training passes for one."""

import argparse
import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from bench import origins, pipeline, report_files
from bench.running import runner
from bench.spec import BadFile, MissingWeights, Task, Weights
from methods import bicubic
from methods.formats import sealed
from methods.training import __main__ as command
from methods.training import published, queue
from methods.training.items import Item
from methods.weights import catalogue, load, trained

TASK = Task("paper", "cat", 16, 256)
PUBLISHED = "glean_cat_16x_20210527-68912543.pth"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Callable[..., None]:
    """Put files into the only folder: an own network of so many of 9 steps, the published one."""
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (entry,) = (file for file in catalogue.catalogue() if file.name == PUBLISHED)
    monkeypatch.setattr(catalogue, "catalogue", lambda: (replace(entry, sha256=""),))

    def put(*, steps=None, also_published=False):
        if steps is not None:
            told = json.dumps({"steps": steps, "of": 9, "seed": 0})
            content = sealed.pack({"x": torch.zeros(1)}, {trained.FACTS: told})
            (tmp_path / "weights" / trained.file_name("glean", TASK)).write_bytes(content)
        if also_published:
            (tmp_path / "weights" / PUBLISHED).write_bytes(b"")

    return put


def taken(task=TASK) -> Weights:
    """What is taken for a task, as a table would tell it."""
    with origins.listening() as noted:
        path = load.find("glean", task)
    (one,) = noted
    assert one.file == path.name
    return one


def test_a_training_of_one_step_does_not_replace_the_released_network(here):
    here(steps=1, also_published=True)
    found = taken()
    assert found.file == PUBLISHED, "a table would print the figures of a network that has learned nothing"
    assert found.trained_on == (
        "LSUN cat; glean_cat_16x_256.safetensors, trained here, 1 of 9 steps, is used with --unfinished alone"
    )


def test_an_unfinished_file_alone_is_refused_with_how_far_it_is_and_used_when_asked_for(here):
    here(steps=1)
    with pytest.raises(
        MissingWeights, match=r"trained here, 1 of 9 steps, is used with --unfinished alone; the network"
    ):
        load.find("glean", TASK)
    found = taken(replace(TASK, unfinished=True))
    assert (found.file, "trained here, 1 of 9 steps" in found.trained_on) == ("glean_cat_16x_256.safetensors", True)


def test_a_file_of_another_factor_under_this_ones_name_is_told(here, tmp_path):
    """GLEANs for 32x and 64x have the same shapes: one would restore in the other's place, and nobody know."""
    here(steps=9)
    path = tmp_path / "weights" / trained.file_name("glean", TASK)
    told = json.dumps({"steps": 9, "of": 9, "seed": 0, "factor": 8})
    path.write_bytes(sealed.pack({"x": torch.zeros(1)}, {trained.FACTS: told}))
    with pytest.raises(BadFile, match="was trained for 8x, and by its name it is for 16x"):
        load.find("glean", TASK)


def test_of_two_files_that_fit_the_one_taken_is_told_and_can_be_chosen(here):
    here(steps=9, also_published=True)
    assert taken().trained_on.endswith(f"9 of 9 steps, seed 0; taken before {PUBLISHED}, which is published")
    assert taken(replace(TASK, weights="published")) == Weights(PUBLISHED, "LSUN cat")
    assert taken(replace(TASK, weights="own")).file == "glean_cat_16x_256.safetensors"


def test_own_weights_alone_leave_out_published_ones_and_say_how_to_train(here):
    here(also_published=True)
    with pytest.raises(MissingWeights, match=r"left out \(--weights own\).*`python -m bench train glean --factor 16"):
        load.find("glean", replace(TASK, weights="own"))


def test_what_training_does_not_make_is_taken_from_the_publisher_also_with_own_weights(here, monkeypatch, tmp_path):
    vgg = replace(catalogue.catalogue()[0], name="vgg", methods=("mganprior",), part="vgg16", factor=0)
    monkeypatch.setattr(catalogue, "catalogue", lambda: (vgg,))
    (tmp_path / "weights" / "vgg").write_bytes(b"")
    assert load.find("mganprior", replace(TASK, weights="own"), part="vgg16").name == "vgg"


def test_the_words_of_the_command_line_reach_every_cell(settings, bench, tmp_path):
    report = report_files.read("table2")
    made = pipeline.prepare(report, [bicubic.Bicubic], settings, weights="published", unfinished=True)
    assert {(cell.task.weights, cell.task.unfinished) for cell in made.cells} == {("published", True)}
    options = ("--weights", "own", "--unfinished", "-n", "1", "--out", tmp_path, "--only", "restore")
    status, _, err = bench("table", "ablation_bank", *options, "--weights", "mine")
    assert (status, "'mine' is not one of" in err) == (2, True)


@pytest.mark.parametrize("words", [(), ("--weights", "published", "--unfinished")])
def test_check_takes_the_weights_that_it_is_told_to(bench, monkeypatch, words):
    """A network of one's own, half trained, could be measured and upscale, and not be put through the contract."""
    asked = set()
    monkeypatch.setattr(
        runner, "sweep", lambda _, tasks, __: asked.update((t.weights, t.unfinished) for t in tasks) or []
    )
    assert bench("check", "glean", "--profile", "mini", *words)[0] == 1, "nothing was checked"
    assert asked == {("published", True) if words else ("any", False)}


def test_missing_does_not_plan_what_is_published_and_can_be_read_and_says_so(here, monkeypatch, capsys, settings):
    item = Item("glean", TASK)
    asked = []

    def read(task, _):
        asked.append(task.weights)
        origins.note(PUBLISHED, "LSUN cat")

    monkeypatch.setattr(published.methods.find("glean"), "load", read)
    monkeypatch.setattr(queue, "unfinished", lambda items, _: iter(items))
    assert list(command._unpublished([item], None)) == []
    assert asked == ["published"], "an own file would stand for a published one"
    assert re.search(rf"glean cat 16x is not trained: {PUBLISHED}", " ".join(capsys.readouterr().err.split()))


def test_missing_plans_what_is_published_and_cannot_be_read(here, monkeypatch):
    here(also_published=True)
    monkeypatch.setattr(queue, "unfinished", lambda items, _: iter(items))
    items = [Item("glean", TASK), Item("bank", replace(TASK, factor=1))]
    assert list(command._unpublished(items, None)) == items, "an empty file stands for a network"


def test_a_training_begins_with_an_unfinished_bank_only_if_told():
    words = command.parser().parse_args(["glean", "--category", "cat"])
    assert isinstance(words, argparse.Namespace)
    assert [item.task.unfinished for item in command._items(words)] == [False]
    words = command.parser().parse_args(["glean", "--category", "cat", "--unfinished"])
    assert [item.task.unfinished for item in command._items(words)] == [True]
