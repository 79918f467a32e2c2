"""How fast a table is made of `mini`, what its time goes into, and what a second process brings: `nox -s speed`.

The figures are of this machine and compare with nothing else: a publisher's seconds are of other images and cards.
"""

import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from time import perf_counter

import pytest
import torch

import methods
from bench import cards, resize, store
from bench.cache import Cache
from bench.images import data
from bench.scores import metrics
from bench.scores.metric import Pair

from ..conftest import ROOT

CPU = torch.device("cpu")
FACTOR = 16
IMAGES = 16
METRICS = ("psnr", "lpips")
"""Those of Table 2."""
JOBS = (1, 2)
_ALONE: dict[str, float] = {}
"""The seconds of a table with one job."""


@pytest.fixture(autouse=True)
def one_thread():
    """As a table has it: the cores are for processes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.benchmark(group="images/s of GLEAN by size and batch")
@pytest.mark.parametrize(("size", "batch"), [(128, 1), (128, 4), (128, 16), (64, 1), (64, 16)])
@torch.inference_mode()
def test_rate(benchmark, size, batch):
    """GLEAN of `mini`; at the published width, where one image takes seconds, test_glean.py has it."""
    task = cards.cards("mini", size)["face"].task(FACTOR)
    network = methods.Glean.load(task, torch.device("meta")).network.to_empty(device="cpu")
    for value in network.parameters():
        value.data.uniform_(-0.02, 0.02)
    lr = torch.rand(batch, 3, task.lr_size, task.lr_size)
    benchmark.pedantic(methods.Glean(network).upscale, args=(lr,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["images/s"] = batch / benchmark.stats["median"]


@pytest.mark.benchmark(group="a table's steps: 16 images of 128 px in one process")
@pytest.mark.parametrize("name", ["bicubic", "srgan", "glean"])
@torch.no_grad()
def test_steps(benchmark, monkeypatch, name, tmp_path):
    """Read and reduce, restore, write, score: as a table does, one after the other."""
    card = cards.cards("mini")["face"]
    method = methods.find(name).load(card.task(FACTOR), CPU)
    spent: dict[str, list[float]] = defaultdict(list)

    def timed(step, function, *words):
        start = perf_counter()
        result = function(*words)
        spent[step].append(perf_counter() - start)
        return result

    def write(images):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            for number, image in enumerate(images):
                store.save(Path(folder) / f"{number}.png", image)

    def score(pair):
        for metric in METRICS:
            metrics.METRICS[metric].function(pair)

    def made():
        monkeypatch.setattr(data, "_CACHE", Cache(0, lambda image: image.nbytes))  # an earlier round has read them
        (batch,) = timed("read", lambda: list(data.batches(card, FACTOR, IMAGES, IMAGES)))
        parts = batch.lr.split(methods.find(name).spec.max_batch)
        sr = resize.quantise(timed("restore", lambda: torch.cat([method.upscale(part) for part in parts])).clamp(0, 1))
        timed("write", write, resize.eight_bit(sr))
        timed("score", score, Pair(sr, batch.hr, batch.lr, FACTOR))

    benchmark.pedantic(made, rounds=5, warmup_rounds=1)
    middle = {step: sorted(seconds)[len(seconds) // 2] for step, seconds in spent.items()}
    whole = sum(middle.values())
    benchmark.extra_info.update({step: f"{seconds / whole:.0%}" for step, seconds in middle.items()})
    benchmark.extra_info["images/s"] = IMAGES / whole


@pytest.mark.benchmark(group="a table of mini over --jobs: faces, 16x, start and page included")
@pytest.mark.parametrize("jobs", JOBS)
def test_jobs(benchmark, jobs, tmp_path):
    words = ("table2", "--category", "face", "--method", "bicubic,srgan,glean,pulse", "-n", "24", "--jobs", str(jobs))

    def made():
        with tempfile.TemporaryDirectory(dir=tmp_path) as out:
            command = [sys.executable, "-m", "bench", "-q", "table", *words, "--out", out]
            subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)

    benchmark.pedantic(made, rounds=1)
    seconds = benchmark.stats["median"]
    _ALONE.setdefault("seconds", seconds)
    benchmark.extra_info["against one job"] = _ALONE["seconds"] / seconds
