"""Whatever ends or damages a training: it says so in a sentence, and goes on from the last state that is whole."""

import os
import resource
import signal
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from bench.spec import BadFile, BenchError, OutputError
from methods.training import __main__ as command
from methods.training import checkpoint, ingredients, loop, queue, run, stop
from methods.training.bank import bank
from methods.weights import lock

from ..conftest import ROOT
from .test_queue import FACE


class Counting:
    """A training that counts its steps; `do` happens within each."""

    steps, batch = 20, 1

    def __init__(self, do=lambda step: None):
        self.step, self.network, self.do = 0, nn.Linear(30, 30, bias=False), do
        self.network.weight.requires_grad_(requires_grad=False).zero_()

    def advance(self, real):
        self.do(self.step)
        self.network.weight.add_(1)
        self.step += 1
        return {"loss": 0.5}

    def samples(self):
        return torch.zeros(8, 3, 4, 4)

    def state(self):
        return {"step": self.step, "network": self.network.state_dict()}

    def load(self, state):
        self.network.load_state_dict(state["network"])
        self.step = state["step"]


class Nothing:
    def batch(self, step, count):
        return torch.zeros(count, 3, 4, 4)


def begun(folder, saves=2) -> Counting:
    """A run with a checkpoint at steps 1, 2, ..."""
    training, at = Counting(), run.Run(folder)
    for _ in range(saves):
        training.advance(None)
        at.save(training.state())
    return training


def resumed(folder) -> Counting:
    training = Counting()
    run.Run(folder).load(training.load)
    assert (training.network.weight == training.step).all(), "weights and step are not of one moment"
    return training


def test_a_state_that_is_whole_is_read_as_it_was_written(tmp_path):
    begun(tmp_path)
    assert resumed(tmp_path).step == 2
    whole = torch.load(tmp_path / checkpoint.NEWEST, weights_only=True)
    assert whole["step"] == 2, "torch alone cannot read it"


@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_is_found_and_the_checkpoint_before_is_taken(tmp_path, capsys, position, bit):
    """It was taken up, and the training went on with it for days."""
    newest = tmp_path / checkpoint.NEWEST
    if not newest.exists():
        begun(tmp_path)
    whole = newest.read_bytes()
    content = bytearray(whole)
    content[int(position * (len(whole) - 80))] ^= 1 << bit
    newest.write_bytes(content)
    try:
        capsys.readouterr()
        assert resumed(tmp_path).step == 1
        told = capsys.readouterr().err.replace("\n", " ")
        assert "checkpoint.pt is damaged" in told
        assert "goes on from checkpoint.before.pt, step 1." in told
    finally:
        newest.write_bytes(whole)


CONTENTS = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "noise": lambda whole: bytes(1000),
    "page": lambda whole: b"<html>",
}


@pytest.mark.parametrize("how", CONTENTS)
def test_the_small_state_comes_last_and_nothing_at_all_is_a_sentence(tmp_path, how):
    begun(tmp_path)
    for name in (checkpoint.NEWEST, checkpoint.BEFORE):
        path = tmp_path / name
        path.write_bytes(CONTENTS[how](path.read_bytes()))
    assert resumed(tmp_path).step == 2, "the state that can be carried was not taken"
    carried = tmp_path / "state.safetensors"
    carried.write_bytes(CONTENTS[how](carried.read_bytes()))
    with pytest.raises(BadFile, match=r"checkpoint\.pt .*checkpoint\.before\.pt .*state\.safetensors .*begin anew"):
        resumed(tmp_path)


@pytest.mark.parametrize(
    "state",
    [[1, 2], {}, {"step": "x", "seconds": 1.0}, {"step": 3}, {"step": 3, "seconds": 1.0}, torch.zeros(3)]
    + [{"step": 3, "seconds": 1.0, "network": value} for value in ([], 5, None, {"weight": 3}, {1: torch.zeros(2)})]
    + [{"step": 3, "seconds": 1.0, "network": {}, "key": value} for value in ("{", 5, "[1]", None)],
)
def test_a_checkpoint_of_anything_else_is_a_sentence(tmp_path, state):
    torch.save(state, tmp_path / checkpoint.NEWEST)
    with pytest.raises(BadFile, match=r"checkpoint\.pt"):
        resumed(tmp_path)


@pytest.mark.parametrize("kept", [1, 2])
def test_a_full_disk_is_a_sentence_and_takes_no_more_space(tmp_path, kept):
    training = begun(tmp_path, kept)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    training.advance(None)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))  # no file may grow beyond it
    try:
        with pytest.raises(OutputError, match=r"could not be written.*Free some space"):
            run.Run(tmp_path).save(training.state())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert resumed(tmp_path).step == kept


@pytest.mark.parametrize(
    "content",
    [b"step,loss\nx,1\n", b"step\n1e999\n", b"loss\n0.5\n", b"step,loss\n0,1,2,3\n", b"\xff\xfe\x00", b"\0" * 50,
     b"step,loss\nnan,1\n", b"step,step\n,\n"],
)  # fmt: skip
def test_a_log_that_cannot_be_read_is_put_aside_and_said(tmp_path, capsys, content):
    begun(tmp_path)
    (tmp_path / "log.csv").write_bytes(content)
    assert resumed(tmp_path).step == 2
    assert "log.csv cannot be read" in capsys.readouterr().err
    assert (tmp_path / "log.damaged.csv").read_bytes() == content


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_training_behind_its_step_with_a_checkpoint(tmp_path, capfd, number):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    kept = []
    training = Counting(lambda step: os.kill(os.getpid(), number) if step == 6 else None)
    with pytest.raises(stop.Stopped) as stopped:
        loop.train(training, Nothing(), run.Run(tmp_path), "x", lambda: kept.append(training.step))
    assert stopped.value.status == 128 + number
    assert resumed(tmp_path).step == training.step == 7
    assert kept == [7], "the weight files were not written"
    assert "with a checkpoint" in capfd.readouterr().err
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    assert loop.train(resumed(tmp_path), Nothing(), run.Run(tmp_path), "x")


def test_a_signal_in_the_last_step_does_not_begin_the_next_training(tmp_path):
    training = Counting(lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 19 else None)
    with pytest.raises(stop.Stopped):
        loop.train(training, Nothing(), run.Run(tmp_path), "x")
    assert resumed(tmp_path).step == 20


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_the_command_ends_with_the_status_of_the_signal(settings, monkeypatch, capsys, number, status):
    def advance(training, real):
        training.step += 1
        os.kill(os.getpid(), number)
        return {}

    monkeypatch.setattr(bank.BankTraining, "advance", advance)
    words = ["bank", "--category", "face", "--runs", str(settings.runs), "--pool", "8"]
    assert command.main(words) == status
    assert f"stopped by {signal.Signals(number).name}; a checkpoint is written" in capsys.readouterr().err
    assert len(list(settings.runs.glob("mini/*/checkpoint.pt"))) == 1


HOLDER = """
import sys, time
from pathlib import Path
from methods.weights import lock
with lock.held(Path(sys.argv[1]), doing="x"):
    print(1, flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
def test_two_trainings_of_one_item_do_not_run_at_once_and_a_dead_one_blocks_nobody(settings, tmp_path):
    """They wrote to one .part file, and one of them died."""
    folder = ingredients.key(FACE, settings).folder(settings.runs, FACE.label)
    with subprocess.Popen([sys.executable, "-c", HOLDER, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "1\n"
        with pytest.raises(BenchError, match=r"another process is training in .*bank_face.*wait until it has ended"):
            queue.train(FACE, settings)
        other.kill()
    (folder / "checkpoint.pt.part").write_bytes(b"half")
    (folder / ".log.csv.99.part").write_bytes(b"half")
    assert not queue.train(FACE, settings, 0)
    assert not list(folder.glob("*.part")) + list(folder.glob(".*.part")), "what the dead one left takes the space"


def test_a_lock_is_given_back_and_a_folder_that_cannot_be_is_a_sentence(tmp_path):
    for _ in range(2):
        with lock.held(tmp_path / "a", doing="x"):
            pass
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another folder"), lock.held(tmp_path / "file" / "a", doing="x"):
        pass


@pytest.mark.parametrize(
    "words",
    ["--device nope", "--device cuda:99", "--device meta", "--device cpu:x", "--pool 0", "--pool -3",
     "--pool x", "--pool 1e3", "--pool 99999999999999999999", "--seed -1", "--seed 1e30", "--seed 99999999999999999999",
     "--factor 0", "--factor -16", "--factor x", "--factor 99999", "--budget soon", "--budget -5s", "--budget infs"],
)  # fmt: skip
def test_an_option_of_no_use_is_one_sentence(settings, capsys, words):
    option, value = words.split(" ")
    with pytest.raises(SystemExit) as ended:
        command.main(["bank", "--category", "face", option, value])
    assert ended.value.code == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: " in told


@pytest.mark.parametrize(
    "words",
    ["bank --category face --runs FILE", "bank --category nobody", "bank --category face --profile nowhere",
     "glean --category face --factor 7", "../x --category face", "glean --category face --vgg16 FILE",
     "bank --category face --pool 9999999", "--report FILE --profile mini"],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(settings, capsys, tmp_path, monkeypatch, words):
    (tmp_path / "file").touch()
    empty = torch.empty

    def refused(*shape, **kwargs):
        if shape[:1] == (9999999,):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return empty(*shape, **kwargs)

    monkeypatch.setattr(torch, "empty", refused)
    monkeypatch.chdir(tmp_path)
    assert command.main(words.replace("FILE", str(tmp_path / "file")).split()) == 2
    assert capsys.readouterr().err.startswith("error: ")
