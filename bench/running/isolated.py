"""A method in a process of its own (worker.py): a guest, or any method that a run wants to be able to end.

It is handed LR images and cannot reach the harness's memory: neither the ground truth there, nor the metrics, nor
torch's settings for the other rows. Whatever ends its process (a crash, os._exit, the time limit) fails the image it
was about; the process is started again for the next one. What this does not promise: docs/adr/0007.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

import torch
from torch import Tensor

from bench import contract
from bench.resize import eight_bit
from bench.running import answers, declared
from bench.running.places import HERE, Place
from bench.running.process import Ended, Process, Refused
from bench.running.runner import Facts, LoadError, Local
from bench.running.session import Session
from bench.spec import BenchError, ContractError, Effort, Images, Spec, Task

TIMEOUT = 3600.0
"""Seconds an image may take if nobody says: generous, so that a search of minutes is not cut."""


class Isolated:
    """A method by its name or FILE:CLASS, each of whose loads gets a process of its own."""

    def __init__(
        self, reference: str, *, timeout: float | None = None, factors: tuple[int, ...] = (1,), place: Place = HERE
    ) -> None:
        """Start a process here and ask what the method says of itself; it is loaded at its place.

        A file that fails while it is imported is a method too, of the given factors: whatever is asked of it fails with
        that reason. Raises `BenchError` for a file or class that is not there.
        """
        self._reference = reference
        self._timeout = timeout or TIMEOUT
        self._place = place
        self._lock = Lock()
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
        spare = None
        with self._lock:  # two cells may be begun at once
            if self._place is HERE:
                spare, self._spare = self._spare, None
        if spare is not None:
            self._unused.detach()
        return _begun(Session(self._reference, task, device, self._timeout, self._place, spare))


@dataclass(frozen=True, slots=True)
class Beside:
    """A method of the suite in processes of its own: several run side by side, and one can be ended."""

    reference: str
    local: Local
    timeout: float | None = None
    """Seconds an image may take; None: as long as it likes."""
    place: Place = HERE

    @property
    def spec(self) -> Spec:
        """What it says of itself."""
        return self.local.spec

    def lacks(self, task: Task) -> str:
        """Look for its weights here; none are read."""
        return self.local.lacks(task)

    def load(self, task: Task, device: torch.device) -> "IsolatedLoaded":
        """Load it for a task in a process of its own. Raises `LoadError` with the reason."""
        return _begun(Session(self.reference, task, device, self.timeout or math.inf, self.place))


def _begun(session: Session) -> "IsolatedLoaded":
    """Return the method that a session loads. Raises `LoadError` with the reason."""
    try:
        facts = session.load()
    except (Ended, Refused) as error:
        session.close()
        raise LoadError(str(error), absent=isinstance(error, Refused) and error.absent) from error
    return IsolatedLoaded(session, facts)


class IsolatedLoaded:
    """A method that is loaded in a process of its own, or the inner one of such a method."""

    def __init__(self, session: Session, facts: tuple[Facts, ...], layer: int = 0) -> None:
        """Take what the process told of the method and of those it refines."""
        self._session = session
        self._layer = layer
        self.facts = facts[layer]
        self.inner = IsolatedLoaded(session, facts, layer + 1) if layer + 1 < len(facts) else None

    def attempt(self, lr: Images, ids: Sequence[str] = ()) -> list[contract.Outcome]:  # noqa: ARG002 - as in `Loaded`
        """Restore a batch; if the process ends with it, its images are tried one by one.

        Raises `Ended` if it was closed meanwhile: that is no failure of the method's.
        """
        try:
            return self._outcomes({"do": "attempt"}, len(lr), lr)
        except Ended as ended:
            if self._session.closed:
                raise
            if len(lr) == 1:
                return contract.failures(1, str(ended))
        except BenchError as error:
            return contract.failures(len(lr), error)
        return [outcome for part in lr.split(1) for outcome in self.attempt(part)]

    def refine(self, given: tuple[Images, Effort, float], lr: Images) -> contract.Outcome:
        """Refine a result. Raises `Ended` as `attempt`."""
        sr, effort, seconds = given
        request = {"do": "refine", "effort": asdict(effort), "seconds": seconds}
        try:
            return self._outcomes(request, 1, eight_bit(sr), lr)[0]
        except BenchError as error:
            if self._session.closed:
                raise
            return contract.failures(1, error)[0]

    def problems(self) -> list[str]:
        """Put the method through the contract."""
        try:
            return self._session.ask({"do": "problems"}, 6, answers.problems)
        except BenchError as error:
            return [str(error)]

    def seconds(self, lr: Images) -> float:
        """Time a few steps; raises `BenchError` if that ends the process."""
        request = {"do": "seconds", "layer": self._layer}
        return self._session.ask(request, len(lr), lambda answer, _: answers.seconds(answer.get("seconds")), lr)

    def close(self) -> None:
        """End the process."""
        self._session.close()

    def _outcomes(self, request: Mapping[str, Any], count: int, *pictures: Tensor) -> list[contract.Outcome]:
        side = self._session.task.hr_size
        asked = {**request, "layer": self._layer}

        def read(answer: Mapping[str, Any], content: bytearray) -> list[contract.Outcome]:
            return answers.outcomes(self.facts.name, answer, content, count, side)

        return self._session.ask(asked, count, read, *pictures, most=count * 3 * side**2)
