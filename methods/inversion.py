"""What PULSE, mGANprior and DGP share: images are optimised, one or several at once, each as if it were alone.

The losses of a batch are summed, and no parameter belongs to two images: so the gradient of an image's parameters does
not depend on its neighbours, and neither do its random numbers, which come from the task's seed and its LR pixels.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from bench.spec import Effort, Images


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
    broken: Sequence[int | None]
    """The step in which an image's loss became NaN or infinite; None: in none."""
    steps: int

    def efforts(self, notes: Sequence[str]) -> list[Effort]:
        """Return the effort for each image; `notes` are the method's own, one an image, empty where there is none."""
        return [
            Effort(self.steps, self.steps, note if step is None else f"the loss was NaN or infinite in step {step}")
            for step, note in zip(self.broken, notes, strict=True)
        ]


def optimise(  # noqa: PLR0913 - all but two have a usual value
    step: Callable[[int], Step],
    optimiser: torch.optim.Optimizer,
    *,
    steps: int,
    rate: Callable[[int], float] = lambda _: 1.0,
    project: Callable[[], None] = lambda: None,
    label: str = "optimise",
) -> Found:
    """Take `steps` steps: images and losses, gradient, change of the parameters, projection.

    `rate` is the factor of every learning rate in step 0, 1, ... An image whose loss is NaN or infinite goes on by
    itself and comes back as NaN; the others are not touched by it. If all are, the optimisation ends.
    """
    rates = [float(group["lr"]) for group in optimiser.param_groups]
    found: Found | None = None
    for index in track(range(steps), label):
        for group, base in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = base * rate(index)
        optimiser.zero_grad(set_to_none=True)
        with torch.enable_grad():
            made = step(index)
            made.loss.sum().backward()
        found = _kept(found, made, index)
        optimiser.step()
        with torch.no_grad():
            project()
        if None not in found.broken:
            break
    for group, base in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = base
    if found is None:
        raise ValueError(f"an optimisation needs at least one step, not {steps}.")
    return found


def _kept(before: Found | None, made: Step, index: int) -> Found:
    """Return what is known after a step."""
    images, loss = made.images.detach(), made.loss.detach()
    gate = loss if made.gate is None else made.gate.detach()
    finite = loss.isfinite()
    last = images.where(finite[:, None, None, None], torch.nan)
    known = [True] * len(loss) if loss.is_meta else finite.tolist()  # the meta device has no values
    broken = [None if good else index for good in known]
    if before is None:
        return Found(last, last, loss, gate, broken, 1)
    better = loss < before.loss
    return Found(
        last=last,
        best=torch.where(better[:, None, None, None], last, before.best),
        loss=torch.where(better, loss, before.loss),
        gate=torch.minimum(gate, before.gate),
        broken=[new if old is None else old for old, new in zip(before.broken, broken, strict=True)],
        steps=index + 1,
    )


def track(items: Sequence[int], label: str) -> Iterator[int]:
    """Yield the items, drawing a bar on standard error if that is a terminal; it goes when it is full."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(items, description=label)


def generators(lr: Images, seed: int) -> list[torch.Generator]:
    """Return a source of random numbers for each image, seeded by the seed and the image's 8-bit pixels."""
    if lr.is_meta:  # it has no pixels, and no values will come of what is drawn
        return [torch.Generator() for _ in range(len(lr))]
    pixels = (lr * 255).round().to(torch.uint8).cpu()
    digests = [hashlib.sha256(f"{seed} ".encode() + image.contiguous().numpy().tobytes()).digest() for image in pixels]
    return [torch.Generator().manual_seed(int.from_bytes(digest[:7], "big")) for digest in digests]


def normal(sources: Iterable[torch.Generator], *shape: int, device: torch.device) -> Tensor:
    """Draw N(0, 1) for each image from its own source, on the CPU, so that every device gets the same: (B, *shape)."""
    return torch.stack([torch.randn(shape, generator=source) for source in sources]).to(device)
