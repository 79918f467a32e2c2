"""A run on a Ray cluster makes what a run here makes, whatever dies meanwhile; what cannot be is said at once."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench import machine
from bench.running import cluster, isolated, process
from bench.running.measuring import Measurers
from bench.scores.metric import Pair
from bench.scores.metrics import find
from bench.spec import BenchError, Task
from methods.bicubic import Bicubic

from . import guests
from .conftest import ROOT

CPU = torch.device("cpu")
KILLS = int(os.environ.get("GLEAN_TEST_KILLS", "6"))
"""How many workers of the run on Ray are killed. More are farther apart, so that a cell is not given up, and the run is
longer: `GLEAN_TEST_KILLS=20 pytest -m slow tests/test_cluster.py`."""
TASK = Task("mini", "face", 4, 64)
TABLE = """
title = "A table for a cluster"
caption = "One category."
source = "nowhere"
metrics = ["psnr", "lpips"]
categories = ["face"]
factors = [16]
methods = ["bicubic", "pulse"]
"""


class Died(Exception):
    """As Ray's error of an actor that is no more."""


class Slow(Exception):
    """As Ray's error of an answer that did not come in time."""


class Fake:
    """What `cluster` uses of Ray, with actors in this process; the asks in `dying` end their actor."""

    exceptions = SimpleNamespace(RayError=Died, GetTimeoutError=Slow)

    def __init__(self, **resources: float) -> None:
        self.resources = resources
        self.wanted: list[dict[str, float]] = []
        self.killed: list[Any] = []
        self.dying: set[int] = set()
        self.asks = itertools.count()
        self.waits: list[float | None] = []

    def init(self, **_: Any) -> None: ...

    def shutdown(self) -> None: ...

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, kind: Callable[[], Any]) -> Any:
        def started() -> Any:
            made = kind()
            actor = SimpleNamespace()
            actor.answer = SimpleNamespace(remote=lambda message: self._ask(made, message))
            return actor

        def options(**wanted: float) -> Any:
            self.wanted.append(wanted)
            return SimpleNamespace(remote=started)

        return SimpleNamespace(options=options)

    def _ask(self, made: Any, message: bytes) -> "Future[bytes]":
        told: Future[bytes] = Future()
        if next(self.asks) in self.dying:
            told.set_exception(Died())
        else:
            told.set_result(made.answer(message))
        return told

    def get(self, told: "Future[bytes]", timeout: float | None) -> bytes:
        self.waits.append(timeout)
        return told.result()

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)


@pytest.fixture
def ray(monkeypatch) -> Fake:
    fake = Fake(CPU=4, GPU=2)
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


def beside(found) -> isolated.Beside:
    from bench.running.runner import Local

    return isolated.Beside("bicubic", Local(Bicubic), place=found.place)


def test_the_workers_are_as_many_as_there_is_room_for(ray):
    assert cluster.Cluster("auto", CPU, 1, None).jobs == 4
    assert cluster.Cluster("auto", CPU, 2, None).jobs == 2
    assert cluster.Cluster("auto", torch.device("cuda"), 0.25, None).jobs == 8, "several searches share a GPU"
    assert cluster.Cluster("auto", torch.device("cuda"), 0.1, None).jobs == 20, "0.1 is no fraction of two to the bit"
    assert cluster.Cluster("auto", CPU, 1, 3).jobs == 3


@pytest.mark.parametrize(("device", "share", "jobs"), [("cpu", 1, 5), ("cpu", 8, None), ("cuda", 3, None)])
def test_what_the_cluster_cannot_give_is_refused_with_what_it_has(ray, device, share, jobs):
    with pytest.raises(BenchError, match=r"the cluster has [42] [CG]PU in all, so at most \d workers"):
        cluster.Cluster("auto", torch.device(device), share, jobs)  # Ray itself would wait for ever


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BenchError, match=r"pip install 'glean-bench\[ray\]'"):
        cluster.Cluster(machine.HERE, CPU, 1, None)


def test_an_address_at_which_nobody_answers_is_a_sentence(ray, monkeypatch):
    def fail(**_: Any) -> None:
        raise ConnectionError("nobody is there")

    monkeypatch.setattr(ray, "init", fail, raising=False)
    with pytest.raises(BenchError, match=r"Ray at 10\.0\.0\.9:6379: nobody is there"):
        cluster.Cluster("10.0.0.9:6379", CPU, 1, None)


def test_a_worker_that_dies_costs_what_it_was_at_and_that_is_done_again(ray):
    found = cluster.Cluster("auto", CPU, 1, None)
    lr = torch.rand(3, 3, 16, 16)
    loaded = beside(found).load(TASK, CPU)
    expected = [outcome.image for outcome in loaded.attempt(lr)]
    for begin in (3, 4, 5):  # importing, loading, restoring anew
        first = next(ray.asks) + 1
        ray.dying = {first, *range(first + 1, first + begin)}
        outcomes = loaded.attempt(lr)
        assert all(torch.equal(one.image, other) for one, other in zip(outcomes, expected, strict=True))
    ray.dying = set(range(10**4))
    assert {outcome.image for outcome in loaded.attempt(lr)} == {None}, "a method that kills its workers ends, too"


def test_what_takes_too_long_is_not_tried_again(ray, monkeypatch):
    loaded = isolated.Beside("bicubic", beside(cluster.Cluster("auto", CPU, 1, None)).local, 2.0, beside(
        cluster.Cluster("auto", CPU, 1, None)).place).load(TASK, CPU)  # fmt: skip

    def get(told: Any, timeout: float) -> bytes:
        ray.waits.append(timeout)
        raise Slow

    ray.waits.clear()
    monkeypatch.setattr(ray, "get", get, raising=False)
    (outcome,) = loaded.attempt(torch.rand(1, 3, 16, 16))
    assert "longer than 2 s" in outcome.reason
    assert ray.waits == [2.0], "an image would take six times its limit"


def test_a_worker_does_the_next_cell_too_unless_a_guest_was_in_it(ray, tmp_path):
    found = cluster.Cluster("auto", CPU, 1, None)
    for _ in range(3):
        beside(found).load(TASK, CPU).close()
    assert len(ray.wanted) == 1, "each cell would wait for torch to be imported"
    assert ray.killed == []
    guest = isolated.Isolated(guests.write(tmp_path), place=found.place)
    guest.load(TASK, CPU).close()
    assert len(ray.killed) == 1, "a guest may have changed anything in its process"


def test_metrics_are_computed_there_and_are_the_same(ray):
    pair = Pair(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64), torch.rand(2, 3, 4, 4), 16)
    pair = Pair(*(each.mul(255).round() / 255 for each in (pair.sr, pair.hr, pair.lr)), 16)
    measurers = Measurers(2, cluster.Cluster("auto", CPU, 1, None).place)
    ray.dying = {1, 2, 3}
    assert torch.equal(measurers.measure([find("psnr")], pair)[0], find("psnr").function(pair))


def test_an_answer_that_is_none_is_not_believed(ray):
    found = cluster.Cluster("auto", CPU, 1, None)
    for sent in (b"", b"x" * 40, cluster.wire.pack({"a": 1}) + b"more"):
        ray.get = lambda _, timeout=None, sent=sent: sent
        with pytest.raises((process.Ended, cluster.wire.Broken)):
            found.start("")


def actors(marker: str) -> list[int]:
    """The processes of the actors of a run, by what its environment holds."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"ray::Actor" in (place / "cmdline").read_bytes() and marker in (place / "environ").read_text():
                found.append(int(place.name))
    return found


def run(folder: Path, *words: str, marker: str = "none") -> "subprocess.Popen[str]":
    (folder / "t.toml").write_text(TABLE)
    command = [sys.executable, "-m", "bench", "table", str(folder / "t.toml"), "-n", str(2 * KILLS), *words]
    environment = {**os.environ, "GLEAN_TEST_MARKER": marker}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
def test_the_pictures_and_figures_are_those_of_a_run_here_whatever_is_killed(tmp_path):
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    try:
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    except Exception as error:  # noqa: BLE001 - such as too little shared memory
        pytest.skip(f"Ray does not start here: {error}")
    ray.shutdown()
    here = run(tmp_path, "--out", str(tmp_path / "here"), "--jobs", "1")
    told, _ = here.communicate()
    assert here.returncode == 0, told
    marker = f"marker-{os.getpid()}-{time.time_ns()}"
    there = run(tmp_path, "--out", str(tmp_path / "there"), "--ray", "--jobs", "2", marker=marker)
    draw, kills = random.Random(0), 0  # noqa: S311 - nothing is to be kept secret
    while there.poll() is None and kills < KILLS:
        time.sleep(draw.uniform(KILLS / 4, KILLS))
        found = actors(marker)
        if found:
            with suppress(ProcessLookupError):
                os.kill(draw.choice(found), signal.SIGKILL)
                kills += 1
    told, _ = there.communicate()
    assert there.returncode == 0, told
    assert kills >= KILLS / 2, "too few were killed to say anything"
    one, other = (tmp_path / name / "mini" for name in ("here", "there"))
    names = sorted(path.relative_to(one) for path in one.rglob("*.png"))
    assert names == sorted(path.relative_to(other) for path in other.rglob("*.png")), "one is missing, or doubled"
    for name in names:
        assert np.array_equal(Image.open(one / name), Image.open(other / name)), f"{name} is another picture"
    assert (one / "t.images.csv").read_text() == (other / "t.images.csv").read_text()
    assert actors(marker) == [], "workers are left behind"
