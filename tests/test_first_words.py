"""Every command says something before it does what takes seconds: some were silent until they had ended."""

import subprocess
import sys

import pytest
import typer

from bench import commands, console
from bench.spec import BenchError

from .conftest import ROOT

VERBS = set(typer.main.get_command(commands.app).commands)
SLOW = {
    "table": (("table2",), "bench.pipeline.prepare"),
    "render": (("{folder}",), "bench.report.stored.names"),
    "compare": (("{folder}", "{folder}"), "bench.report.runs.read"),
    "inputs": (("{folder}/in",), "bench.images.data.batches"),
    "latency": ((), "bench.latency_command._line"),
    "check": (("bicubic",), "bench.running.runner.sweep"),
    "upscale": (("{folder}/a.png", "{folder}/b.png"), "bench.images.photos.read"),
    "diagnose": (("{folder}/a.png", "{folder}/b.png"), "bench.images.photos.read"),
    "sheet": (("{folder}/sheet.png",), "bench.images.data.read"),
    "convert": (("{folder}/in.pth", "{folder}/out.safetensors"), "methods.formats.unpickle.load"),
    "data": ((), "bench.images.holding.survey"),
    "doctor": ((), "bench.checkup.packages"),
    "export": (("{folder}/table2.json", "{folder}/out"), "bench.report.stored.read"),
    "fetch": (("table2",), "methods.weights.download.sizes"),
    "flops": (("--method", "bicubic"), "bench.cost.cost_table.counted"),
    "lists": (("mini",), "bench.images.data.write_lists"),
}
"""Verb -> its words, and what it does that takes long."""
QUICK = {"init-table", "list", "train", "view"}
"""Those that do nothing long, or (train) say each of their steps."""

PROGRAM = """
import importlib.abc, os, runpy, sys
class Stop(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name == "torch":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop())
def run(*words):
    sys.argv[:] = ["bench", *words]
    try:
        runpy.run_module("bench", run_name="__main__", alter_sys=True)
    except SystemExit:
        print("-", file=sys.stderr)
for verb in sys.argv[1:]:
    run(verb)
run("-v", "-q", "list")
os.environ["_GLEAN_BENCH_COMPLETE"] = "complete_bash"
run()
"""


def test_a_command_says_that_it_has_begun_before_torch_is_imported():
    """It takes seconds, on a cold disk ten; `-q` and a shell that completes a word want nothing of it."""
    words = [sys.executable, "-c", PROGRAM, *sorted(VERBS)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    found = done.stderr.split("-\n")
    stopped = "stopped: by Ctrl"
    assert [text.startswith(f"{console.LOADING}\n{stopped}") for text in found[: len(VERBS)]] == [True] * len(VERBS), (
        found
    )
    assert [text.startswith(stopped) for text in found[len(VERBS) : -1]] == [True, True], found


@pytest.mark.parametrize("verb", sorted(SLOW))
def test_a_command_says_what_it_does_before_it_takes_long(bench, monkeypatch, tmp_path, verb):
    words, slow = SLOW[verb]

    def reached(*_, **__):
        raise BenchError("reached")

    monkeypatch.setattr(slow, reached)
    monkeypatch.setenv("GLEAN_DATA", str(tmp_path))
    status, out, err = bench(verb, *(word.format(folder=tmp_path) for word in words))
    assert (status, err) == (2, "error: reached\n"), "the test must know what the command does that takes long"
    assert "..." in out


def test_no_command_is_left_out():
    assert SLOW.keys() | QUICK == VERBS


def test_a_table_says_that_it_is_being_written(bench, monkeypatch, tmp_path):
    """Statistics and figures take seconds to import, on a busy machine a minute and a half, after the last score."""

    def reached(*_, **__):
        raise BenchError("reached")

    monkeypatch.setattr("bench.report.table.build", reached)
    words = ("--method", "bicubic", "--category", "face", "-n", "1", "--jobs", "1", "--out", tmp_path)
    status, out, err = bench("table", "table2", *words)
    assert (status, err) == (2, "error: reached\n"), "the test must know what a table does after the last score"
    assert out.endswith("writing the page ...\n")
