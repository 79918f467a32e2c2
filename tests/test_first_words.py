"""Every command says something before it does what takes seconds: some were silent until they had ended."""

import subprocess
import sys
import time

import pytest
import typer

from bench import commands, console, loading, machine, table_command
from bench.running.template import Template
from bench.spec import BenchError

from .conftest import ROOT

VERBS = set(typer.main.get_command(commands.app).commands)
SLOW = {
    "table": (("table2",), "bench.pipeline.prepare"),
    "render": (("{folder}",), "bench.report.stored.names"),
    "compare": (("{folder}", "{folder}"), "bench.report.runs.read"),
    "merge": (("{folder}/a.json", "{folder}/b.json", "--out", "{folder}"), "bench.report.sealing.content"),
    "inputs": (("{folder}/in",), "bench.images.data.batches"),
    "latency": ((), "bench.verbs.latency.line"),
    "check": (("bicubic",), "bench.running.runner.sweep"),
    "upscale": (("{folder}/a.png", "{folder}/b.png"), "bench.images.photos.read"),
    "retouch": (("{folder}/a.png", "{folder}/b.png"), "bench.images.photos.content"),
    "diagnose": (("{folder}/a.png", "{folder}/b.png"), "bench.images.photos.read"),
    "sheet": (("{folder}/sheet.png",), "bench.images.data.read"),
    "convert": (("{folder}/in.pth", "{folder}/out.safetensors"), "methods.formats.unpickle.load"),
    "data": ((), "bench.images.holding.survey"),
    "doctor": ((), "bench.checkup.packages"),
    "export": (("{folder}/table2.json", "{folder}/out"), "bench.report.stored.read"),
    "fetch": (("table2",), "methods.weights.download.sizes"),
    "flops": (("--method", "bicubic"), "bench.cost.cost_table.counted"),
    "lists": (("mini",), "bench.images.listing.write_lists"),
}
"""Verb -> its words, and what it does that takes long."""
QUICK = {"init-table", "list", "train", "view"}
"""Those that do nothing long, or (train) say each of their steps."""
LIGHT = {"list"}
"""Those that do without torch."""
NEEDED = {
    "table": ["table2"],
    "render": ["."],
    "compare": [".", "."],
    "merge": ["a.json", "b.json", "--out", "out"],
    "inputs": ["in"],
    "check": ["bicubic"],
    "upscale": ["a.png", "b.png"],
    "retouch": ["a.png", "b.png"],
    "diagnose": ["a.png", "b.png"],
    "sheet": ["sheet.png"],
    "convert": ["a.pth", "b.safetensors"],
    "export": ["table2", "out"],
    "init-table": ["mine"],
}
"""Verb -> the words that it does not begin without."""
HEAVY = ("torch", "numpy", "pandas", "matplotlib", "onnxruntime", "scipy", "lpips", "insightface", "ray")

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
for words in sys.argv[1:]:
    run(*words.split())
"""
STARTED = """
import io, os, sys, time
from contextlib import redirect_stdout
from bench import __main__ as command
def run(*words, complete=""):
    sys.argv[:] = ["glean-bench", *words]
    try:
        with redirect_stdout(io.StringIO()) as out:
            command.main()
    except SystemExit as end:
        assert not end.code, end.code
    assert out.getvalue(), words
start = time.process_time()
for words in sys.argv[1:]:
    run(*words.split())
os.environ.update(_GLEAN_BENCH_COMPLETE="complete_bash", COMP_WORDS="glean-bench ta", COMP_CWORD="1")
run()
print(time.process_time() - start, *[name for name in HEAVY if name in sys.modules])
"""


def test_a_command_says_that_it_has_begun_before_torch_is_imported():
    """It takes seconds, on a cold disk ten; `-q` wants nothing of it."""
    heavy = [" ".join([verb, *NEEDED.get(verb, [])]) for verb in sorted(VERBS - LIGHT)]
    words = [sys.executable, "-c", PROGRAM, *heavy, "-v -q doctor"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    *found, quiet, end = done.stderr.split("-\n")
    stopped = "stopped: by Ctrl"
    assert [text.startswith(f"{console.LOADING}\n{stopped}") for text in found] == [True] * len(heavy), found
    assert (quiet.startswith(stopped), end) == (True, "")


def test_what_computes_nothing_starts_without_torch():
    """`--help` and a completed word took the seconds that torch takes: eight on a busy machine."""
    helps = [f"{verb} --help" for verb in sorted(VERBS - {"train"})]
    words = [sys.executable, "-c", f"HEAVY = {HEAVY}\n{STARTED}", "--help", "--version", "list", "list --json", *helps]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, *loaded = done.stdout.split()
    assert loaded == []
    assert float(seconds) < 10, "seconds of this process: a half, and ten times as many where caches are cold"


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


def test_workers_are_made_ready_while_torch_is_imported(monkeypatch):
    # One after the other, the imports of both are a third of a small table.
    done: list[str] = []
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(loading, "_import_torch", lambda: done.append("torch"))
    loading.computing(lambda **_: done.append("verb"), lambda **_: done.append("meanwhile"))(jobs=2)
    assert done == ["meanwhile", "torch", "verb"]


@pytest.mark.parametrize(
    ("words", "card", "started"),
    [
        ({}, False, True),
        ({"jobs": 1}, False, False),
        ({"jobs": 3}, True, True),
        ({}, True, False),
        ({"device": "cuda"}, False, False),
        ({"device": "cpu"}, True, True),
        ({"ray": "here"}, False, False),
    ],
)
def test_they_are_made_ready_only_where_there_will_be_some(words, card, started, monkeypatch, tmp_path):
    done: list[str] = []
    monkeypatch.setattr(table_command, "_CARD", tmp_path if card else tmp_path / "none")
    monkeypatch.setattr(machine, "jobs", lambda: 2)
    monkeypatch.setattr(table_command.TEMPLATE, "start", lambda: done.append("started"))
    table_command.meanwhile("table2", **words)
    assert bool(done) == started


def test_a_process_that_nobody_was_forked_from_is_not_waited_for():
    # A word too many on the command line would be told at once, and the shell would wait for torch's import.
    template = Template()
    template.start()
    start = time.monotonic()
    template.close()
    assert time.monotonic() - start < 1
