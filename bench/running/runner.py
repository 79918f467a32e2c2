"""Where a method runs. `Local` runs a class in this process; `isolated.Isolated` runs a guest in one of its own.

The harness knows these two protocols alone, so that both are restored, checked and timed by the same code.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import torch

from bench import contract, fingerprint, origins
from bench.cost import duration
from bench.running import checks, compiled, declared
from bench.spec import BenchError, ContractError, Effort, Images, Method, Refining, Spec, Task, Weights


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a loaded method."""

    name: str
    title: str
    run: str
    """The fingerprint: under an equal one the images are equal."""
    remark: str = ""
    weights: tuple[Weights, ...] = ()
    """The files that were read for it."""


class Loaded(Protocol):
    """A method that is loaded for a task. Nothing but `KeyboardInterrupt` comes out of what it does with images."""

    @property
    def facts(self) -> Facts:
        """What is known of it."""
        ...

    @property
    def inner(self) -> "Loaded | None":
        """The method whose stored results this one refines, if it searches for them."""
        ...

    def attempt(self, lr: Images, ids: Sequence[str]) -> list[contract.Outcome]:
        """Restore (N, 3, lr_size, lr_size), with an outcome for each image; a method that runs is not told the ids."""
        ...

    def refine(self, given: tuple[Images, Effort, float], lr: Images) -> contract.Outcome:
        """Make a result of an inner one, as `contract.refine`."""
        ...

    def problems(self) -> list[str]:
        """Return what the method breaks of the contract."""
        ...

    def seconds(self, lr: Images) -> float:
        """Return about how long it takes for an image; it must not restore anything afterwards."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Runner(Protocol):
    """A method that can be loaded."""

    @property
    def spec(self) -> Spec:
        """What it says of itself."""
        ...

    def lacks(self, task: Task) -> str:
        """Return which weights it wants for a task and are not on this machine, as far as that is known; else ""."""
        ...

    def load(self, task: Task, device: torch.device) -> Loaded:
        """Load it for a task. Raises `LoadError` with the reason, whatever the method does."""
        ...


class LoadError(BenchError):
    """A method that could not be loaded; `absent` if it was for want of its weights."""

    def __init__(self, reason: str, *, absent: bool = False) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.absent = absent


@dataclass(frozen=True, slots=True)
class Local:
    """A class of this process. It can do to the process what it likes; it comes with the suite, or is the caller's."""

    method_class: type[Method]

    @property
    def spec(self) -> Spec:
        """What the class says of itself, checked; raises `ContractError`."""
        return declared.spec(self.method_class.spec)

    def lacks(self, task: Task) -> str:
        """Look for its weights and read none."""
        try:
            with contract.caught(), origins.seeking():
                self.method_class.load(task.asked, torch.device("meta"))
        except contract.Failed as failed:
            return contract.failure(failed) if failed.absent else ""
        return ""

    def load(self, task: Task, device: torch.device) -> "LocalLoaded":
        """Load it, and find out under which fingerprint and with which weights it runs."""
        try:
            with contract.caught(), origins.listening() as weights:
                method = self.method_class.load(task.asked, device)
                if not hasattr(method, "upscale"):
                    raise ContractError(
                        f"{self.method_class.__name__}.load returned {type(method).__name__}; "
                        "it must return the loaded method, an object with upscale."
                    )
                return _ready(self.method_class, method, task, device, tuple(dict.fromkeys(weights)))
        except contract.Failed as failed:
            raise LoadError(contract.failure(failed), absent=failed.absent) from failed


@dataclass(slots=True)
class LocalLoaded:
    """A loaded method of this process."""

    facts: Facts
    method: Method
    task: Task
    device: torch.device
    inner: "LocalLoaded | None" = None

    def attempt(self, lr: Images, ids: Sequence[str] = ()) -> list[contract.Outcome]:  # noqa: ARG002 - as in `Loaded`
        """Restore a batch."""
        return contract.attempt(self.method, self.task, lr.to(self.device))

    def refine(self, given: tuple[Images, Effort, float], lr: Images) -> contract.Outcome:
        """Refine a result."""
        sr, effort, seconds = given
        if not isinstance(self.method, Refining):
            return contract.failures(1, f"{self.facts.name} refines no result of another method")[0]
        return contract.refine(self.method, self.task, (sr.to(self.device), effort, seconds), lr.to(self.device))

    def problems(self) -> list[str]:
        """Put the method through the contract."""
        return checks.problems(self.method, self.task, self.device)

    def seconds(self, lr: Images) -> float:
        """Time a few steps."""
        return duration.seconds(self.method, self.task, lr.to(self.device))

    def close(self) -> None:
        """Do nothing: the memory is Python's to free."""


def _ready(
    method_class: type[Method], method: Method, task: Task, device: torch.device, weights: tuple[Weights, ...]
) -> LocalLoaded:
    """Return a loaded method with its facts; the inner one of a method that refines has its own."""
    run, inner = fingerprint.run(method_class, method, task, device), None  # it finds an inner_class that is a circle
    method, distance = compiled.ready(method, task, device)
    if isinstance(method, Refining) and method.inner_class.spec.searches:
        inner = _ready(method.inner_class, method.inner, task, device, weights)
    remark = ". ".join(filter(None, (declared.remark(method), distance)))
    facts = Facts(method_class.spec.name, method_class.spec.title, run, remark, weights)
    return LocalLoaded(facts, method, task, device, inner)


def of(method: type[Method] | Runner) -> Runner:
    """Return where a method runs: a class runs here."""
    return Local(method) if isinstance(method, type) else method


def sweep(
    method: type[Method] | Runner, tasks: Sequence[Task], device: torch.device
) -> Iterator[tuple[Task, list[str]]]:
    """Put a method through the contract on each task it does not refuse: yields the task and what is wrong with it."""
    runner = of(method)
    for task in tasks:
        if runner.spec.refuses(task) is None:
            yield task, _problems(runner, task, device)


def _problems(runner: Runner, task: Task, device: torch.device) -> list[str]:
    """Return what a method breaks on one task, that it cannot be loaded included."""
    try:
        loaded = runner.load(task, device)
    except LoadError as error:
        return [str(error)]
    with closing(loaded):
        return loaded.problems()
