"""The only place that calls `Method.upscale`: what comes back is checked and clamped, a failure gets one reason."""

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor

from bench.spec import BenchError, ContractError, Effort, Images, Method, Refining, Task


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image: the picture (3, H, W), or why there is none; seconds are its share of the batch."""

    image: Tensor | None
    reason: str
    seconds: float
    effort: Effort = field(default_factory=Effort)


def upscale(method: Method, task: Task, lr: Images) -> Images:
    """Restore a batch: (N, 3, lr_size, lr_size) to (N, 3, hr_size, hr_size), clamped to [0, 1]; images may hold NaN.

    Raises `ContractError` if the method returns another type, shape, dtype or device than it must.
    """
    with torch.no_grad():
        sr = method.upscale(lr.clone())
    return _sound(method.spec.name, sr, task, lr)


def _sound(name: str, sr: object, task: Task, lr: Images) -> Images:
    """Return a result clamped, if it is what it must be."""
    want = (lr.shape[0], 3, task.hr_size, task.hr_size)
    if not isinstance(sr, Tensor):
        raise ContractError(f"{name} returned {type(sr).__name__}; upscale must return a tensor of shape {want}.")
    for what, got, wanted in (
        ("shape", tuple(sr.shape), want),
        ("dtype", sr.dtype, torch.float32),
        ("device", sr.device.type, lr.device.type),
    ):
        if got != wanted:
            raise ContractError(f"{name} returned {what} {got}; upscale must return {what} {wanted}.")
    return sr.detach().clamp(0, 1)


def attempt(method: Method, task: Task, lr: Images) -> list[Outcome]:
    """Restore a batch and answer for each image, whatever the method does.

    Out of memory: the batch is halved once, then its images fail. Any other error of a batch: its images are tried one
    by one, so that one bad image does not take the others with it.
    """
    try:
        return _checked(method, task, lr)
    except (torch.OutOfMemoryError, MemoryError):
        parts = lr.split(max(1, (lr.shape[0] + 1) // 2))
        _free_memory()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a method raises becomes a record
        if lr.shape[0] == 1 or isinstance(error, ContractError):
            return _failures(lr.shape[0], error)
        parts = lr.split(1)
    return [outcome for part in parts for outcome in _attempt_part(method, task, part)]


def refine(method: Refining, task: Task, given: tuple[Images, Effort, float], lr: Images) -> Outcome:
    """Let a method make its result of an inner one, (1, 3, hr_size, hr_size), whose effort and seconds are added."""
    sr, effort, before = given
    start = perf_counter()
    try:
        with torch.no_grad():
            made = _sound(method.spec.name, method.refine(sr, lr.clone()), task, lr)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as in `attempt`
        return _failures(1, error)[0]
    return _outcome(method.spec.name, made[0], before + _seconds(start, lr), effort)


def _attempt_part(method: Method, task: Task, lr: Images) -> list[Outcome]:
    """Restore a part of a batch that failed, for the last time."""
    try:
        return _checked(method, task, lr)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
        outcomes = _failures(lr.shape[0], error)
    _free_memory()
    return outcomes


def _checked(method: Method, task: Task, lr: Images) -> list[Outcome]:
    """Restore a batch, time it, and look for NaN and infinity image by image."""
    start = perf_counter()
    sr = upscale(method, task, lr)
    seconds = _seconds(start, lr) / lr.shape[0]
    efforts = list(getattr(method, "efforts", ())) or [Effort()] * len(sr)
    if len(efforts) != len(sr):
        raise ContractError(f"{method.spec.name} tells {len(efforts)} efforts of {len(sr)} images; one each is wanted.")
    for effort in efforts:
        if not _is_effort(effort):
            raise ContractError(
                f"{method.spec.name} tells {effort!r} as the effort for an image; efforts holds a bench.spec.Effort "
                "for each, of two whole numbers and a text."
            )
    return [_outcome(method.spec.name, image, seconds, effort) for image, effort in zip(sr, efforts, strict=True)]


def _is_effort(told: object) -> bool:
    """Return whether a guest's effort can be stored."""
    if not isinstance(told, Effort):
        return False
    return all(isinstance(passes, int) for passes in (told.g_forward, told.g_backward)) and isinstance(told.note, str)


def _seconds(start: float, lr: Images) -> float:
    """Return the seconds since `start`, the work on the images' device included."""
    if lr.device.type == "cuda":
        torch.cuda.synchronize(lr.device)
    return perf_counter() - start


def _outcome(name: str, image: Tensor, seconds: float, effort: Effort) -> Outcome:
    """Return the outcome of an image (3, H, W), which may hold NaN."""
    if image.isfinite().all():
        return Outcome(image, "", seconds, effort)
    reason = f"{name} returned NaN or infinity"
    return Outcome(None, f"{reason}: {effort.note}" if effort.note else reason, seconds, effort)


def _free_memory() -> None:
    """Let go of what a failed try held before the next one."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _failures(count: int, error: BaseException) -> list[Outcome]:
    """Return the same failure for every image of a batch."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        reason = f"out of memory with {count} image{'s' if count > 1 else ''} at once, after halving the batch"
    elif isinstance(error, BenchError):
        reason = str(error)
    else:
        first_line = str(error).split("\n", maxsplit=1)[0]
        reason = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    return [Outcome(None, reason, float("nan"))] * count


def sweep(method_class: type[Method], tasks: Sequence[Task], device: torch.device) -> Iterator[tuple[Task, list[str]]]:
    """Put a method through the contract on each task it does not refuse: yields the task and what is wrong with it."""
    for task in tasks:
        if method_class.spec.refuses(task) is None:
            yield task, _problems(method_class, task, device)


def _problems(method_class: type[Method], task: Task, device: torch.device) -> list[str]:
    """Return what a method breaks on one task: shape, range, repeatability, independence of the batch."""
    ramp = torch.linspace(0, 1, 2 * 3 * task.lr_size**2, device=device)
    lr = ramp.view(2, 3, task.lr_size, task.lr_size).flip(-1).contiguous()
    try:
        method = method_class.load(task, device)
        both = upscale(method, task, lr)
        again = upscale(method, task, lr)
        alone = upscale(method, task, lr[1:])
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the sweep reports whatever a guest raises
        return [_failures(1, error)[0].reason]
    problems = []
    if not both.isfinite().all():
        problems.append("the result holds NaN or infinity")
    if not torch.equal(both, again):
        problems.append("the same input gives another result the second time; draw random numbers from Task.seed")
    if not torch.allclose(both[1:], alone, atol=1e-4):
        problems.append("an image's result depends on the images beside it in the batch")
    return problems
