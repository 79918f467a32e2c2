"""Workers on the machines of a Ray cluster: this one, or several. Needs the extra `ray`, which is imported here alone.

An actor is a worker (worker.py) on some machine of the cluster: it is asked in the same messages as a process of this
machine, as bytes, and answers in them. Only the harness writes files. An actor that dies, with its machine or alone,
costs the batch that it was at: another is started and asked again. One that has done its work is asked for other work,
as its imports take seconds; but one in which a guest's code ran is ended.
"""

import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench import machine
from bench.running import wire
from bench.running.places import Place
from bench.running.process import START, Ended, Refused, late, opening
from bench.running.worker import Worker
from bench.spec import BenchError

_AGAIN = 5
"""How often a batch is asked again of another actor."""
_TOLD = ("GLEAN_", "GLIBC_TUNABLES", "CUBLAS_WORKSPACE_CONFIG")
"""Beginnings of the names in the environment that the actors get from here; the rest is that of their machine."""


class Cluster:
    """A connection to Ray, and the shares of it that a run takes."""

    def __init__(self, address: str, device: torch.device, share: float, jobs: int | None) -> None:
        """Connect, or start a cluster of this machine; an actor takes `share` of a GPU, or so many cores.

        `jobs`: how many actors there may be; None: as many as there is room for. Raises `BenchError` if Ray is not
        installed, nothing answers at the address, or there is no room for so many.
        """
        self._ray = _connected(address)
        name = "GPU" if device.type == "cuda" else "CPU"
        there = float(self._ray.cluster_resources().get(name, 0))
        room = math.floor(there / share + 1e-9)
        if room < (jobs or 1):
            self.close()
            raise BenchError(
                f"the cluster has {there:g} {name} in all, so at most {room} workers of {share:g} {name} each, not "
                f"{jobs or 1}; ask for fewer (--jobs), or for a smaller share (--ray-share)."
            )
        self.jobs = jobs or room
        self._wanted = {"num_gpus": share} if name == "GPU" else {"num_cpus": share}
        self._idle: list[Any] = []

    @property
    def place(self) -> Place:
        """Return where workers are started."""
        return Place(self.start, _AGAIN)

    def start(self, reference: str) -> "Member":
        """Return an actor that has imported a method, if one is named; wait until there is room for it."""
        actor = self._idle.pop() if self._idle else None
        if actor is None:
            # An actor that dies is not restarted: it would know nothing of what it was told before.
            actor = self._ray.remote(Actor).options(**self._wanted, max_restarts=0, max_task_retries=0).remote()
        return Member(self._ray, actor, reference, self._idle)

    def close(self) -> None:
        """Let go of the cluster; one of this machine ends."""
        self._ray.shutdown()


class Member:
    """One worker of a cluster, as `process.Process`."""

    def __init__(self, ray: Any, actor: Any, reference: str, idle: list[Any]) -> None:  # noqa: ANN401 - Ray is not typed
        """Let an actor import the method, if any; it goes to the idle ones when it is not wanted any more."""
        self._ray, self._actor, self._idle = ray, actor, idle
        self._sound = False
        self._ours = ":" not in reference
        told = {name: value for name, value in os.environ.items() if name.startswith(_TOLD)}
        try:
            self.spec = self.ask(opening(reference, told), START)[0].get("spec")
        except BaseException:
            self.end()
            raise

    def ask(self, request: Mapping[str, Any], limit: float, *pictures: Tensor, most: int = 0) -> wire.Message:
        """Return the answer to a request, as `Process.ask`."""
        actor = self._actor
        if actor is None:
            raise Ended("its worker had ended")
        self._sound = False
        try:
            told = actor.answer.remote(wire.pack(dict(request), *pictures))
            answer, content = wire.unpack(self._ray.get(told, timeout=None if math.isinf(limit) else limit), most=most)
        except self._ray.exceptions.GetTimeoutError as error:
            self.end()
            raise late(request, limit) from error
        except self._ray.exceptions.RayError as error:
            self.end()
            raise Ended(f"its worker on the cluster ended ({type(error).__name__})") from error
        except BaseException:
            self.end()
            raise
        self._sound = True
        if "failure" in answer:
            raise Refused(answer)
        return answer, content

    def end(self, patience: float = 0.0) -> str:  # noqa: ARG002 - as `Process.end`
        """Let it do other work, or end it if it is at some, or may be unsound."""
        actor, self._actor = self._actor, None
        if actor is None:
            return "had ended"
        if self._sound and self._ours:
            self._idle.append(actor)
        else:
            with suppress(Exception):  # the cluster may be gone
                self._ray.kill(actor)
        return ""


class Actor:
    """What runs on a machine of the cluster."""

    def __init__(self) -> None:
        """Nothing is imported yet."""
        self._worker = Worker()

    def answer(self, message: bytes) -> bytes:
        """Return the answer to a message of `wire`."""
        request, content = wire.unpack(message)
        if "environment" in request:
            request["environment"] = {**os.environ, **request["environment"]}
            if not Path(request["folder"]).is_dir():  # on another machine it need not be there
                request["folder"] = os.getcwd()  # noqa: PTH109 - as it is
        answer, pictures = self._worker.answer(request, content)
        return wire.pack(answer, *pictures)


def _connected(address: str) -> Any:  # noqa: ANN401 - Ray is not typed
    """Return Ray, connected."""
    if not address.strip():
        raise BenchError("--ray= has no address; --ray alone is this machine, --ray=auto the cluster it belongs to.")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415 - an extra, and it takes seconds  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise BenchError("--ray needs the package ray: pip install 'glean-bench[ray]'.") from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address == machine.HERE:
            ray.init(num_cpus=machine.cores(), include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except Exception as error:
        raise BenchError(f"Ray at {address}: {error or type(error).__name__}") from error
    return ray
