"""`<name>@<factor>`: the networks of one factor at others, their input brought to the side they take."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import methods
from bench import cards, contract, pipeline, resize
from bench.cost.count import count
from bench.running import runners
from bench.running.runner import Local
from bench.spec import BadFile, BenchError, MissingWeights, Task, UnknownName
from methods.srgan import Srgan

CPU = torch.device("cpu")


@pytest.mark.parametrize("factor", [2, 8, 16, 32, 64])
def test_the_network_gets_an_input_of_its_own_side_and_the_result_has_the_size_asked_for(factor):
    task, own = pipeline.task("face", factor), pipeline.task("face", 16)
    lr = torch.rand(2, 3, task.lr_size, task.lr_size, generator=torch.Generator().manual_seed(0))
    found = pipeline.upscale(methods.find("srgan@16"), lr, task)
    given = resize.downsample(lr, 16 // factor) if factor < 16 else resize.upsample(lr, factor // 16)
    expected = contract.upscale(methods.find("srgan").load(own, CPU), own, (lr if factor == 16 else given).clamp(0, 1))
    assert torch.equal(found, expected)


def test_its_cost_is_that_of_the_method_at_its_own_factor():
    own = count(methods.find("srgan"), pipeline.task("face", 16))
    assert count(methods.find("srgan@16"), pipeline.task("face", 8)).trainable == own.trainable
    assert count(methods.find("srgan@16"), pipeline.task("face", 16)).macs == own.macs
    dead = count(methods.find("glean"), pipeline.task("face", 16)).dead
    assert count(methods.find("glean@16"), pipeline.task("face", 8)).dead == dead > 0, "work without effect is hidden"


@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (8, "; inputs of 16 px made smaller by M to 8 px"),
        (32, "; inputs of 4 px enlarged by bicubic interpolation to 8 px"),
        (16, ""),
    ],
)
def test_a_table_says_what_was_done_to_the_input(factor, says, monkeypatch):
    monkeypatch.setattr(Srgan, "remark", "8 blocks", raising=False)
    found = methods.find("srgan@16").load(pipeline.task("face", factor), torch.device("cpu"))
    assert found.remark == f"8 blocks{says}"


def test_it_has_a_name_of_its_own_also_before_back_projection():
    assert methods.find("glean@16").spec.name == "glean@16"
    assert methods.find("glean@16").spec.title == "GLEAN of 16x"
    assert methods.find("glean@16+bp").spec.name == "glean@16+bp"
    assert isinstance(runners.row("glean@16", None, (8,)), Local), "taken for a folder of that name"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("bicubic@16", BenchError, "bicubic@16: Bicubic has no networks of a factor; leave @16 out"),
        ("pulse@16", BenchError, "PULSE has no networks of a factor"),
        ("glean@7", BenchError, "GLEAN is for factors 1, 4, 8, 16, 32, 64, not 7"),
        ("srntt.oracle@16", BenchError, "srntt.oracle@16: an oracle knows inputs of its own factor alone; leave @16"),
        ("glaen@16", UnknownName, "no method 'glaen'; did you mean glean"),
        ("glean@", BenchError, "no method 'glean@': behind the @ of a trained method of the suite stands the factor"),
        ("glean@0", BenchError, "no method 'glean@0': behind the @"),
        ("glean@16x", BenchError, "no method 'glean@16x': behind the @"),
        ("glean+bp@16", BenchError, "behind that nothing but"),
        ("glean@16@8", BenchError, "no method 'glean@16@8'"),
    ],
)
def test_what_has_no_such_network_is_refused_in_a_sentence(name, error, message):
    with pytest.raises(error, match=message):
        methods.find(name)


def test_a_size_that_the_factor_does_not_divide_has_no_network_and_ends_no_table():
    task = Task("mini", "face", 8, 40)
    with pytest.raises(MissingWeights, match="no network of 16x for images of 40 px"):
        methods.find("glean@16").load(task, torch.device("meta"))


def test_boxes_of_test_images_are_not_looked_for_by_what_is_made_of_the_inputs(monkeypatch):
    card = replace(cards.card("mini", "face"), component_boxes=Path("boxes.csv"))
    monkeypatch.setattr(cards, "card", lambda *_: card)
    with pytest.raises(BenchError, match="by their inputs of 8x, not by what is made of them for a network of 16x"):
        methods.find("dfdnet@16").load(pipeline.task("face", 8), torch.device("meta"))
    with pytest.raises(BadFile, match="there is no table of boxes"):  # which is looked for: by the inputs of its own
        methods.find("dfdnet@16").load(pipeline.task("face", 16), torch.device("meta"))
