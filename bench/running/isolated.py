"""A method in a process of its own (worker.py): a guest, or any method that a run wants to be able to end.

It is handed LR images and cannot reach the harness's memory: neither the ground truth there, nor the metrics, nor
torch's settings for the other rows. Whatever ends its process (a crash, os._exit, the time limit) fails the image it
was about; the process is started again for the next one. What this does not promise: docs/adr/0007.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import torch
from torch import Tensor

from bench import contract
from bench.resize import eight_bit
from bench.running import declared, wire
from bench.running.process import START, Ended, Process, Refused
from bench.running.runner import Facts, LoadError
from bench.spec import BenchError, ContractError, Effort, Images, Spec, Task, Weights

TIMEOUT = 3600.0
"""Seconds an image may take if nobody says: generous, so that a search of minutes is not cut."""
_ENDS = 3
"""Ends of the process in a row after which the rest of a cell is not tried."""


class Isolated:
    """A method by its name or FILE:CLASS, each of whose loads gets a process of its own."""

    def __init__(self, reference: str, *, timeout: float | None = None, factors: tuple[int, ...] = (1,)) -> None:
        """Start a process and ask what the method says of itself.

        A file that fails while it is imported is a method too, of the given factors: whatever is asked of it fails with
        that reason. Raises `BenchError` for a file or class that is not there.
        """
        self._reference = reference
        self._timeout = timeout or TIMEOUT
        self._spare: Process | None = None
        self.failure = ""
        """Why it could not be imported; empty if it was."""
        try:
            self._spare = Process(reference)
            self._unused = finalize(self, self._spare.end)
            self.spec = declared.from_plain(self._spare.spec)
        except (Ended, Refused, ContractError) as error:
            if isinstance(error, Refused) and error.usage:
                raise BenchError(str(error)) from error
            self.failure = f"it could not be imported: {error}" if isinstance(error, Ended) else str(error)
            name = Path(reference.rpartition(":")[0]).stem + ":" + reference.rpartition(":")[2]
            self.spec = Spec(name=name, title=name, family="", paper="", factors=factors)

    def lacks(self, task: Task) -> str:  # noqa: ARG002 - as in `Runner`
        """Say nothing: what it wants is known when its process loads it."""
        return ""

    def load(self, task: Task, device: torch.device) -> "IsolatedLoaded":
        """Load it for a task in a process of its own. Raises `LoadError` with the reason."""
        if self.failure:
            raise LoadError(self.failure)
        session = _Session(self._reference, task, device, self._timeout, self._spare)
        if self._spare is not None:
            self._spare = None
            self._unused.detach()
        try:
            facts = session.load()
        except (Ended, Refused, wire.Broken) as error:
            session.close()
            raise LoadError(str(error), absent=isinstance(error, Refused) and error.absent) from error
        return IsolatedLoaded(session, facts)


class _Session:
    """The processes, one after another, in which a method is loaded for one task."""

    def __init__(
        self, reference: str, task: Task, device: torch.device, timeout: float, process: Process | None
    ) -> None:
        """Take a process that has imported the method, if there is one."""
        self.reference = reference
        self.task = task
        self.device = device
        self.timeout = timeout
        self._process = process
        self._ends = 0

    def load(self) -> tuple[Facts, ...]:
        """Load the method, in a new process if there is none."""
        if self._process is None:
            self._process = Process(self.reference)
        request = {"do": "load", "task": asdict(self.task), "device": str(self.device)}
        return _facts(self._tried(request, max(self.timeout, START))[0])

    def ask(self, request: Mapping[str, Any], calls: int, *pictures: Tensor, most: int = 0) -> wire.Message:
        """Ask something of the loaded method; a process that ended is followed by another."""
        if self._process is None:
            if self._ends >= _ENDS:
                raise Ended(f"not tried: the process of the method had ended {_ENDS} times in a row before")
            self.load()
        found = self._tried(request, calls * self.timeout, *pictures, most=most)
        self._ends = 0
        return found

    def _tried(self, request: Mapping[str, Any], limit: float, *pictures: Tensor, most: int = 0) -> wire.Message:
        if self._process is None:
            raise Ended("its process ended")
        try:
            return self._process.ask(request, limit, *pictures, most=most)
        except Ended:
            self._process = None
            self._ends += 1
            raise

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None


class IsolatedLoaded:
    """A method that is loaded in a process of its own, or the inner one of such a method."""

    def __init__(self, session: _Session, facts: tuple[Facts, ...], layer: int = 0) -> None:
        """Take what the process told of the method and of those it refines."""
        self._session = session
        self._layer = layer
        self.facts = facts[layer]
        self.inner = IsolatedLoaded(session, facts, layer + 1) if layer + 1 < len(facts) else None

    def attempt(self, lr: Images, ids: Sequence[str] = ()) -> list[contract.Outcome]:  # noqa: ARG002 - as in `Loaded`
        """Restore a batch; if the process ends with it, its images are tried one by one."""
        try:
            return self._outcomes({"do": "attempt"}, len(lr), lr)
        except Ended as ended:
            if len(lr) == 1:
                return contract.failures(1, str(ended))
        except BenchError as error:
            return contract.failures(len(lr), error)
        return [outcome for part in lr.split(1) for outcome in self.attempt(part)]

    def refine(self, given: tuple[Images, Effort, float], lr: Images) -> contract.Outcome:
        """Refine a result."""
        sr, effort, seconds = given
        request = {"do": "refine", "effort": asdict(effort), "seconds": seconds}
        try:
            return self._outcomes(request, 1, eight_bit(sr), lr)[0]
        except BenchError as error:
            return contract.failures(1, error)[0]

    def problems(self) -> list[str]:
        """Put the method through the contract."""
        try:
            answer, _ = self._session.ask({"do": "problems"}, 6)
        except BenchError as error:
            return [str(error)]
        return [str(each) for each in answer.get("problems", ["its process sent something that is no answer"])]

    def seconds(self, lr: Images) -> float:
        """Time a few steps; raises `BenchError` if that ends the process."""
        answer, _ = self._session.ask({"do": "seconds", "layer": self._layer}, len(lr), lr)
        return float(answer["seconds"])

    def close(self) -> None:
        """End the process."""
        self._session.close()

    def _outcomes(self, request: Mapping[str, Any], count: int, *pictures: Tensor) -> list[contract.Outcome]:
        side = self._session.task.hr_size
        asked = {**request, "layer": self._layer}
        answer, content = self._session.ask(asked, count, *pictures, most=count * 3 * side**2)
        return _outcomes(self.facts.name, answer, content, count, side)


def _facts(answer: Mapping[str, Any]) -> tuple[Facts, ...]:
    """Return what a process says of the methods it loaded, checked: the run becomes the name of a folder."""
    try:
        found = tuple(
            replace(
                Facts(**each), weights=tuple(Weights(str(w["file"]), str(w["trained_on"])) for w in each["weights"])
            )
            for each in answer["layers"]
        )
    except (KeyError, TypeError):
        raise wire.Broken("its process sent something that is no answer") from None
    texts = [text for each in found for text in (each.name, each.title, each.run, each.remark)]
    if not found or not all(isinstance(text, str) for text in texts):
        raise wire.Broken("its process sent something that is no answer")
    if not all(re.fullmatch("[0-9a-f]{16}", each.run) for each in found):
        raise wire.Broken("its process sent something that is no fingerprint")
    return found


def _outcomes(
    name: str, answer: Mapping[str, Any], content: bytearray, count: int, side: int
) -> list[contract.Outcome]:
    """Return the outcomes that a process answered with, checked."""
    told = answer.get("outcomes")
    if not isinstance(told, list) or len(told) != count:
        raise wire.Broken("its process sent something that is no answer")
    made = sum(each["made"] is True for each in told)
    images = iter(wire.pictures(content, np.uint8, made, 3, side, side))
    return [
        contract.Outcome(
            next(images) if each["made"] is True else None,
            str(each["reason"]),
            float("nan") if each["seconds"] is None else float(each["seconds"]),
            declared.effort(name, Effort(**each["effort"])),
        )
        for each in told
    ]
