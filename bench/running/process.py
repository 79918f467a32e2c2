"""The process of a method, from the harness's side: started, asked, ended. The program in it is worker.py."""

import math
import os
import select
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

import torch
from torch import Tensor

from bench.running import wire
from bench.running.template import TEMPLATE
from bench.spec import BenchError

START = 600.0
"""Seconds that importing may take, and loading at least."""
_DYING = 0.2
"""Seconds that a dying process gets."""
_LINES = 2
"""That a worker's guard reports: its process number, and how the worker ended."""
_DOING = {
    "begin": "to begin", "import": "to be imported", "load": "to be loaded", "attempt": "to restore its images",
    "refine": "to refine a result", "problems": "for the results of a check", "seconds": "to be timed",
    "measure": "to measure images",
}  # fmt: skip
"""What a process is asked -> how a sentence calls it."""


class Ended(BenchError):
    """A process that ended, or was ended, before it answered."""


class Late(Ended):
    """A process that was ended because it took longer than it may."""


class Refused(BenchError):
    """What the process answered that it cannot do, with the reason; `absent` and `usage` as the worker says."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        """Keep the reason."""
        super().__init__(str(answer["failure"]))
        self.absent = answer.get("absent") is True
        self.usage = answer.get("usage") is True


def late(request: Mapping[str, Any], limit: float) -> Late:
    """Return the error of a request that was not answered in time."""
    return Late(f"it took longer than {limit:.0f} s {_DOING[request['do']]} (--timeout)")


def opening(reference: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the first request to a worker: to be as this process is, and to import a method, if one is named."""
    return {
        "do": "import" if reference else "begin", "reference": reference, "threads": torch.get_num_threads(),
        "environment": dict(environment), "folder": os.getcwd(),  # noqa: PTH109 - as it is, not as a path of ours
    }  # fmt: skip


class Process:
    """One running worker."""

    def __init__(self, reference: str = "") -> None:
        """Start it and let it import the method, if any; `spec` is what that says of itself, not yet checked."""
        self._line, line = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        self._report, report = os.pipe()
        files = line.fileno(), lifeline, report
        TEMPLATE.fork(*files)
        line.close()
        os.close(lifeline)
        os.close(report)
        self._told = b""
        try:
            self.spec = self.ask(opening(reference, os.environ), START)[0].get("spec")
        except BaseException:
            self.end()
            raise

    def ask(self, request: Mapping[str, Any], limit: float, *pictures: Tensor, most: int = 0) -> wire.Message:
        """Return the answer to a request, with at most so many bytes of pictures.

        Raises `Refused` with its reason, or `Ended` if none comes in time; the process is then no more.
        """
        until = monotonic() + limit

        def look(idle: bool) -> None:  # noqa: FBT001
            if monotonic() > until:
                raise TimeoutError
            if idle and self._status() is not None:  # what it sent before it ended is read first
                raise wire.Broken("ended")

        try:
            self._line.settimeout(None if math.isinf(limit) else limit)
            wire.send(self._line, dict(request), *pictures)
            answer, content = wire.receive(self._line, most=most, look=look)
        except TimeoutError as error:
            self.end()
            raise late(request, limit) from error
        except (wire.Broken, OSError) as error:
            how = self.end() or (str(error) if isinstance(error, wire.Broken) else "broke off")
            raise Ended(f"its process {how}") from error
        except BaseException:
            self.end()
            raise
        if "failure" in answer:
            raise Refused(answer)
        return answer, content

    def end(self, patience: float = _DYING) -> str:
        """End the process and all that it started, and return how it ended if it was by itself, else "".

        One that is dying gets so many seconds to say how.
        """
        if self._line.fileno() < 0:
            return "had ended"
        status = self._status(within=patience)
        if self._told:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(int(self._told.split()[0]), signal.SIGKILL)
        self._line.close()
        for each in (self._lifeline, self._report):
            with suppress(OSError):
                os.close(each)
        if status is None:
            return ""
        if status < 0:
            name = signal.Signals(-status).name
            return f"was ended by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
        return f"ended with exit status {status}"

    def _status(self, within: float = 0.0) -> int | None:
        """Return the exit status of a worker that has ended, negative for a signal; None if it has not."""
        until = monotonic() + within
        while self._told.count(b"\n") < _LINES:
            if not select.select([self._report], [], [], max(0.0, until - monotonic()))[0]:
                return None
            part = os.read(self._report, 64)
            if not part:  # the guard itself was killed
                return -signal.SIGKILL
            self._told += part
        return int(self._told.split()[1])
