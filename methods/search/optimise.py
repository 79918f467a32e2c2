"""What the methods that search share: images are optimised, one or several at once, each as if it were alone.

`optimise` takes a batch: its losses are summed, and no parameter belongs to two images, so the gradient of an image's
parameters does not depend on its neighbours. `each` is for searches that make much of rounding, which is another in a
batch: every image by itself, several at once in threads. Random numbers come from the task's seed and the LR pixels.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Event, Lock
from typing import TypeVar

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from bench.resize import eight_bit
from bench.spec import Effort, Images
from methods.search.descent import Optimiser

Item = TypeVar("Item")
Result = TypeVar("Result")
_STOP: ContextVar[Event] = ContextVar("_STOP", default=Event())  # noqa: B039 - that one is never set
"""Tells a thread that its search is no longer wanted."""
_ASKED_EVERY = 10
_BAR = Lock()
"""Held by whoever draws on the terminal."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step made, before the parameters are changed."""

    images: Images
    """(B, 3, H, W), in the generator's range."""
    loss: Tensor
    """(B,), with a gradient."""
    gate: Tensor | None = None
    """(B,): what a method judges its success by, smaller is better; None: the loss."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an optimisation found."""

    last: Images
    """(B, 3, H, W): those of the last step, made before its change of the parameters."""
    best: Images
    """Those of the lowest loss of each image."""
    loss: Tensor
    """(B,): the lowest."""
    gate: Tensor
    """(B,): the lowest."""
    broken: Tensor
    """(B,): the step in which an image's loss became NaN or infinite; -1: in none."""
    steps: int

    def efforts(self, notes: Sequence[str]) -> list[Effort]:
        """Return the effort for each image; `notes` are the method's own, one an image, empty where there is none."""
        broken = [-1] * len(self.broken) if self.broken.is_meta else self.broken.tolist()
        return [
            Effort(self.steps, self.steps, note if step < 0 else f"the loss was NaN or infinite in step {step}")
            for step, note in zip(broken, notes, strict=True)
        ]


def optimise(  # noqa: PLR0913 - all but two have a usual value
    step: Callable[[int], Step],
    optimiser: Optimiser,
    *,
    steps: int,
    rate: Callable[[int], float] = lambda _: 1.0,
    project: Callable[[], None] = lambda: None,
    label: str = "optimise",
) -> Found:
    """Take `steps` steps: images and losses, gradient, change of the parameters, projection.

    `rate` is the factor of every learning rate in step 0, 1, ... An image whose loss is NaN or infinite goes on by
    itself and comes back as NaN; the others are not touched by it. Every tenth step the optimisation ends if all are: a
    GPU would have to be waited for each time that is asked.
    """
    parameters = [each for group in optimiser.groups for each in group.parameters]
    found: Found | None = None
    for index in track(range(steps), label):
        for each in parameters:
            each.grad = None
        with torch.enable_grad():
            made = step(index)
            made.loss.sum().backward()
        found = _kept(found, made, index)
        with torch.no_grad():
            optimiser.step(rate(index))
            project()
        if index % _ASKED_EVERY == 0 and not found.broken.is_meta and bool((found.broken >= 0).all()):
            break
    if found is None:
        raise ValueError(f"an optimisation needs at least one step, not {steps}.")
    return found


def _kept(before: Found | None, made: Step, index: int) -> Found:
    """Return what is known after a step."""
    images, loss = made.images.detach(), made.loss.detach()
    gate = loss if made.gate is None else made.gate.detach()
    finite = loss.isfinite()
    last = images.where(finite[:, None, None, None], torch.nan)
    if before is None:
        return Found(last, last, loss, gate, torch.where(finite, -1, index), 1)
    better = loss < before.loss
    return Found(
        last=last,
        best=torch.where(better[:, None, None, None], last, before.best),
        loss=torch.where(better, loss, before.loss),
        gate=torch.minimum(gate, before.gate),
        broken=torch.where(finite | (before.broken >= 0), before.broken, index),
        steps=index + 1,
    )


def each(items: Sequence[Item], search: Callable[[Item], Result], device: torch.device) -> list[Result]:
    """Search every item, such as an image, by itself; the results come in the order of the items.

    On a CPU as many searches run at once as torch has threads, each on one core, also if there is but one item: its
    result then depends neither on the number of items nor on that of the threads. On other devices, which a search
    fills, and on the meta device, whose work is counted in this thread, they run one after another. What a search
    raises is raised, and ends the others at their next step.
    """
    if device.type != "cpu":
        return [search(item) for item in items]
    threads, stop, failures = torch.get_num_threads(), Event(), list[BaseException]()

    def tried(item: Item) -> Result:
        if stop.is_set():
            raise CancelledError
        try:
            return search(item)
        except BaseException as failure:
            failures.append(failure)
            stop.set()
            raise

    try:
        with ThreadPoolExecutor(threads, initializer=_begin, initargs=(stop, torch.is_grad_enabled())) as pool:
            found = [pool.submit(tried, item) for item in items]
            try:
                return [one.result() for one in found]
            except CancelledError:
                raise failures[0] from None
            finally:
                stop.set()  # if it was Ctrl-C that ended the wait
    finally:
        torch.set_num_threads(threads)  # the workers' number would be that of all later threads


def _begin(stop: Event, grad: bool) -> None:  # noqa: FBT001 - an initialiser's arguments have no names
    """Set up a thread of `each`; torch keeps all of this by thread."""
    torch.set_num_threads(1)
    torch.set_grad_enabled(grad)
    _STOP.set(stop)


def track(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Yield the items, drawing a bar on standard error if that is a terminal; it goes when it is full.

    Of several threads one draws. Raises `CancelledError` in a search of `each` that is to end.
    """
    console = Console(stderr=True)
    drawing = console.is_terminal and _BAR.acquire(blocking=False)
    try:
        with Progress(console=console, transient=True, disable=not drawing) as progress:
            for item in progress.track(items, description=label):
                if _STOP.get().is_set():
                    raise CancelledError
                yield item
    finally:
        if drawing:
            _BAR.release()


def ready(tensor: Tensor) -> bool:
    """Tell whether a value can be asked for without waiting, as a GPU would have to be waited for."""
    return tensor.device.type == "cpu"


def generators(lr: Images, seed: int) -> list[torch.Generator]:
    """Return a source of random numbers for each image, seeded by the seed and the image's 8-bit pixels."""
    if lr.is_meta:  # it has no pixels, and no values will come of what is drawn
        return [torch.Generator() for _ in range(len(lr))]
    pixels = eight_bit(lr).cpu()
    digests = [hashlib.sha256(f"{seed} ".encode() + image.contiguous().numpy().tobytes()).digest() for image in pixels]
    return [torch.Generator().manual_seed(int.from_bytes(digest[:7], "big")) for digest in digests]


def normal(sources: Iterable[torch.Generator], *shape: int, device: torch.device) -> Tensor:
    """Draw N(0, 1) for each image from its own source, on the CPU, so that every device gets the same: (B, *shape)."""
    return torch.stack([torch.randn(shape, generator=source) for source in sources]).to(device)
