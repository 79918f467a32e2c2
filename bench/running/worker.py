"""The program that runs one method in a process of its own, for `isolated`: it is handed LR images and nothing else.

Or one that computes metrics, for `measuring`: it runs no method.

A worker answers one request after another until the harness closes the line, or dies: then it ends, whatever it was
doing. `main` is the process that workers are forked from.
"""

import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from threading import Thread
from typing import Any

import numpy as np
import torch
from torch import Tensor

import methods
from bench import allocator, contract, imports
from bench.running import declared, runner, wire
from bench.scores import metrics
from bench.scores.metric import Pair
from bench.spec import BadGuest, BenchError, Effort, Task

_MANY = "many"
"""The word that says that many workers are to come, for methods of the suite."""
Answer = tuple[dict[str, Any], Sequence[Tensor]]


class Worker:
    """One method, loaded for one task, and what can be asked of it."""

    def __init__(self) -> None:
        """Nothing is imported yet."""
        self._runner: runner.Local | None = None
        self._layers: list[runner.LocalLoaded] = []

    def answer(self, request: dict[str, Any], content: bytearray) -> Answer:
        """Return the answer to a request; a failure of the method is one."""
        asked: dict[str, Callable[[dict[str, Any], bytearray], Answer]] = {
            "begin": _begin, "import": self._import, "load": self._load, "attempt": self._attempt,
            "refine": self._refine, "problems": self._problems, "seconds": self._seconds, "measure": _measure,
        }  # fmt: skip
        try:
            with contract.caught():
                return asked[request["do"]](request, content)
        except (contract.Failed, KeyboardInterrupt) as error:  # no Ctrl-C reaches this process: the method raised it
            cause = error.__cause__ or error
            absent = isinstance(cause, runner.LoadError) and cause.absent
            usage = isinstance(cause, BenchError) and not isinstance(cause, BadGuest)
            return {"failure": contract.failure(cause), "absent": absent, "usage": usage}, ()

    def _import(self, request: dict[str, Any], content: bytearray) -> Answer:
        _begin(request, content)
        self._runner = runner.Local(methods.find(request["reference"]))
        try:
            return {"spec": declared.to_plain(self._runner.spec)}, ()
        except BenchError as error:
            raise BadGuest(str(error)) from error

    def _load(self, request: dict[str, Any], _: bytearray) -> Answer:
        if self._runner is None:
            raise BenchError("nothing was imported yet")
        self._layers = []
        layer: runner.LocalLoaded | None = self._runner.load(Task(**request["task"]), torch.device(request["device"]))
        while layer is not None:
            self._layers.append(layer)
            layer = layer.inner
        return {"layers": [asdict(each.facts) for each in self._layers]}, ()

    def _attempt(self, request: dict[str, Any], content: bytearray) -> Answer:
        layer = self._layers[request["layer"]]
        return _outcomes(layer.attempt(_lr(layer.task, content)))

    def _refine(self, request: dict[str, Any], content: bytearray) -> Answer:
        layer = self._layers[request["layer"]]
        split = 3 * layer.task.hr_size**2
        sr = wire.pictures(content[:split], np.uint8, 1, 3, layer.task.hr_size, layer.task.hr_size)
        given = sr / 255, Effort(**request["effort"]), float(request["seconds"])
        return _outcomes([layer.refine(given, _lr(layer.task, content[split:]))])

    def _problems(self, _: dict[str, Any], __: bytearray) -> Answer:
        return {"problems": self._layers[0].problems()}, ()

    def _seconds(self, request: dict[str, Any], content: bytearray) -> Answer:
        layer = self._layers[request["layer"]]
        return {"seconds": layer.seconds(_lr(layer.task, content))}, ()


def _begin(request: dict[str, Any], _: bytearray) -> Answer:
    """Be where the harness is, in its environment, with its number of threads."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.environ["TTY_COMPATIBLE"] = "0"  # the terminal is the harness's: no bar of a search is drawn there
    os.chdir(request["folder"])
    torch.set_num_threads(request["threads"])
    return {}, ()


def _measure(request: dict[str, Any], content: bytearray) -> Answer:
    """Return the values of metrics of 8-bit images: results, ground truth, inputs, and masks where there are edits."""
    sr, hr, lr, *mask = (each.float() / 255 for each in wire.several(content, np.uint8, request["shapes"]))
    pair = Pair(sr, hr, lr, request["factor"], tuple(request["how"]), *mask)
    found = [(metrics.find(told["name"]), told["box"]) for told in request["metrics"]]
    columns = [metric if metric.located is None else metric.located(tuple(box)) for metric, box in found]
    values = [metric.function(pair).double() for metric in columns]
    allocator.give_back(sr.numel())
    return {"shapes": [list(each.shape) for each in values]}, values


def _lr(task: Task, content: bytes | bytearray) -> Tensor:
    """Return LR images of whatever number."""
    return wire.pictures(content, np.float32, -1, 3, task.lr_size, task.lr_size)


def _outcomes(outcomes: Sequence[contract.Outcome]) -> Answer:
    """Return what became of images, with the pictures of those that were made."""
    told = [
        {
            "made": each.image is not None,
            "reason": each.reason,
            "seconds": None if math.isnan(each.seconds) else each.seconds,
            "effort": asdict(each.effort),
        }
        for each in outcomes
    ]
    return {"outcomes": told}, [each.image for each in outcomes if each.image is not None]


def _serve(line: int, lifeline: int) -> None:
    """Answer requests until the line is closed."""
    Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    worker, own = Worker(), os.getpid()
    with socket.socket(fileno=line) as harness:
        while True:
            try:
                answer, pictures = worker.answer(*wire.receive(harness))
                if os.getpid() != own:  # the method forked, and this is the child that came back out of it
                    return  # a second answer would be taken for that about the next image
                wire.send(harness, answer, *pictures)
            except (wire.Broken, OSError):
                return


def _end_with(lifeline: int) -> None:
    """End the worker and all that it started when the harness is gone, whatever they are doing."""
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def _guard(line: int, lifeline: int, report: int) -> None:
    """Run a worker in a session of its own, and report its process number, then how it ended."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(report)
        try:
            _serve(line, lifeline)
        finally:  # not back into the code of those that forked this process
            os._exit(0)
    for each in (line, lifeline):
        os.close(each)
    os.write(report, f"{os.getpid()}\n".encode())
    os.write(report, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os.killpg(0, signal.SIGKILL)  # what it has left behind


def main() -> None:
    """Fork a worker for each message of the harness, which carries its three files; all imports are done by then.

    No thread runs here and nothing was computed, so a fork is safe; it spares each worker the seconds of the imports.
    """
    control = int(sys.argv.pop(1))
    os.set_inheritable(control, False)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the guards
    os.dup2(2, 1)  # what a method prints is not the harness's output
    allocator.keep_freed()
    if sys.argv[1:] == [_MANY]:
        for method in methods.BY_NAME.values():
            imports.files(method)  # their sources are read once, not in each worker
    with socket.socket(fileno=control) as harness:
        while True:
            message, files, *_ = socket.recv_fds(harness, 1, 3)
            if not message:
                return
            if os.fork() == 0:
                try:
                    harness.close()
                    _guard(*files)
                finally:
                    os._exit(1)
            for each in files:
                os.close(each)
