"""Trainings side by side: the same as one after another, in the right order, and stopped together."""

from dataclasses import replace

import pytest
import torch

from bench.spec import Task
from methods.training import __main__ as command
from methods.training import lanes, loop, queue, stop
from methods.training.items import Item

from .test_bank import CPU
from .test_queue import FACE
from .test_restorer import Smooth, started

TASK = Task("mini", "face", 16, 128, preset="mini")


def steps(training, count, told):
    for step in range(count):
        training.advance(Smooth().batch(step, 4))
        told.append(training)
        yield
    return True


def job(what, course, category="face"):
    return lanes.Job(Item(what, replace(TASK, category=category)), lambda _: course)


def test_they_take_turns_and_end_with_the_weights_of_one_after_another():
    together, alone, turns = [], [], []
    for made in (together, alone):
        made.extend(started(name) for name in ("esrgan_plus", "srgan"))
    jobs = [job("glean", steps(training, 6, turns)) for training in together]
    assert [ended for _, ended in lanes.side_by_side(jobs, CPU, 2, 600)] == [True, True]
    assert turns == together * 6, "one is trained behind the other"
    for one, other in zip(alone, together, strict=True):
        loop.run_through(steps(one, 6, []))
        for key, value in one.network.state_dict().items():
            assert torch.equal(other.network.state_dict()[key], value), key


def waits(order, name, count):
    for _ in range(count):
        order.append(name)
        yield
    return True


def test_a_restorer_waits_for_the_bank_of_its_category_and_for_no_other():
    order = []
    jobs = [
        job("bank", waits(order, "bank", 3)),
        job("glean", waits(order, "glean", 1)),
        job("esrgan_plus.mse", waits(order, "mse", 1)),
        job("glean", waits(order, "cat", 1), "cat"),
    ]
    list(lanes.side_by_side(jobs, CPU, 4, 600))
    assert order[-1] == "glean", "it begins before its bank is there"
    assert order[:3] == ["bank", "mse", "cat"]


def test_when_the_time_is_over_nothing_more_begins():
    order = []
    jobs = [job("glean", waits(order, name, 2)) for name in "ab"]
    assert list(lanes.side_by_side(jobs, CPU, 1, 0)) == []
    assert order == []


def test_all_are_stopped_before_a_signal_ends_them():
    """Each writes its checkpoint; the second was in the middle of its own."""
    order = []

    def ends(name):
        yield
        order.append(name)
        raise stop.Stopped(15)

    jobs = [job("glean", ends(name)) for name in "ab"] + [job("glean", waits(order, "c", 1))]
    with pytest.raises(stop.Stopped):
        list(lanes.side_by_side(jobs, CPU, 2, 600))
    assert order == ["a", "b"], "c was begun after the signal, or b lost its checkpoint"


@pytest.mark.slow
def test_the_command_trains_side_by_side(settings, capsys, monkeypatch):
    monkeypatch.setattr(command, "TrainingSettings", lambda **_: settings)
    monkeypatch.setattr(command, "everything", lambda _: [FACE, Item("esrgan_plus", replace(FACE.task, factor=16))])
    monkeypatch.setattr(command.published, "standing", lambda _: [])
    assert command.main(["--missing", "--at-once", "2"]) == 0
    told = capsys.readouterr().err
    assert "bank face: trained" in told
    assert "esrgan_plus face 16x: trained" in told
    assert not list(queue.unfinished([FACE], settings))
