"""Seconds and memory of methods: what counts as what, and what is marked as not good."""

import csv
import json
import time

import pytest
import torch

from bench import cards, machine
from bench.cost import latency
from bench.spec import Effort, Spec, Task
from bench.verbs.latency import places

TASK = Task("mini", "face", 8, 64, preset="mini")
CPU = torch.device("cpu")


class Slow:
    """Takes long the first time, then a little each time; loads a large table."""

    spec = Spec("slow", "Slow", "feed-forward", "", (8,))
    efforts: tuple[Effort, ...] = ()
    pause = 0.002

    @classmethod
    def load(cls, task, device):
        made = cls()
        made.table = torch.ones(64 * 2**20, dtype=torch.uint8)
        time.sleep(0.05)
        made.fresh = True
        return made

    def upscale(self, lr):
        time.sleep(0.2 if self.fresh else self.pause)
        self.fresh = False
        return lr.repeat_interleave(8, -1).repeat_interleave(8, -2)


def test_loading_and_the_first_call_stand_apart():
    found = latency.measure(Slow, TASK, CPU, 2, 0.4)
    assert found.load >= 0.05
    assert found.first >= 0.2
    assert 0.002 <= found.low <= found.median <= found.high < 0.1
    assert found.calls >= 5
    assert found.settled
    assert found.memory >= 60 * 10**6, "the table that was loaded"
    assert found.reserved == 0


def test_times_that_do_not_settle_are_said_to_be_so():
    class Restless(Slow):
        def upscale(self, lr):
            self.pause *= 1.5
            return super().upscale(lr)

    assert not latency.measure(Restless, TASK, CPU, 1, 0.2).settled


def test_a_search_is_told_by_a_few_of_its_steps():
    class Searching(Slow):
        spec = Spec("searching", "Searching", "inversion", "", (8,))
        loops = ("steps",)
        steps = 1000

        def upscale(self, lr):
            time.sleep(0.001 * self.steps)
            return lr.repeat_interleave(8, -1).repeat_interleave(8, -2)

    found = latency.measure(Searching, TASK, CPU, 2, 0.2)
    assert found.calls == 0
    assert 0.8 < found.median < 3, "1,000 steps of a millisecond, of which some were run"
    assert latency.plain(found)["first"] is None


def test_images_of_one_size_are_measured_once():
    found = list(cards.cards("mini").values())
    assert [(card.category, factor) for card, factor in places(found, [8, 16])] == [
        ("face", 8),
        ("face", 16),
    ]


@pytest.mark.slow
def test_latency_writes_what_it_measured_and_marks_a_busy_machine(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "busy", lambda: "It is busy.")
    words = ("--method", "bicubic,glean", "--batch", 2, "--batch", 64, "--budget", 0.3, "--out", tmp_path)
    status, out, err = bench("latency", *words)
    assert (status, err) == (0, "")
    text = (tmp_path / "mini" / "latency.md").read_text()
    assert text in out
    assert "GLEAN takes 4 images at once, not 64" in text
    assert text.count("!") >= 3, "the load is more than the machine has cores"
    lines = json.loads((tmp_path / "mini" / "latency.json").read_text())["measurements"]
    assert [(line["method"], line["batch"], line["reason"] == "") for line in lines] == [
        ("bicubic", 2, True),
        ("bicubic", 64, False),
        ("glean", 2, True),
        ("glean", 64, False),
    ]
    rows = list(csv.DictReader((tmp_path / "mini" / "latency.csv").read_text().splitlines()))
    assert float(rows[2]["median"]) > 0
    assert float(rows[2]["memory"]) > 10**6
