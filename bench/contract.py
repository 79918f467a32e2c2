"""The only place that calls `Method.upscale`: what comes back is checked and clamped, a failure gets one reason."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor

from bench.readings import suspicions
from bench.resize import eight_bit
from bench.running import declared
from bench.running.arithmetic import arithmetic
from bench.spec import (
    BenchError,
    ContractError,
    Effort,
    Images,
    Method,
    MissingImages,
    MissingWeights,
    Refining,
    Task,
)

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image: the picture, or why there is none; seconds are its share of the batch."""

    image: Tensor | None
    """(3, hr_size, hr_size) uint8, on the CPU: what is stored and scored."""
    reason: str
    seconds: float
    effort: Effort = field(default_factory=Effort)


class Failed(Exception):
    """What a method raised, whatever it was; its cause says what."""

    @property
    def absent(self) -> bool:
        """True if it was for want of weights, or of the images that it looks at beside its input."""
        return isinstance(self.__cause__, (MissingImages, MissingWeights))


@contextmanager
def caught() -> Iterator[None]:
    """Turn whatever a method raises into `Failed` with that as its cause; only Ctrl-C ends a run.

    A method may raise SystemExit, GeneratorExit or a BaseException of its own as well as any error.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Failed from error


def failure(error: BaseException) -> str:
    """Return in one line why something failed, whatever the class of the error makes of its text."""
    if isinstance(error, Failed) and error.__cause__ is not None:
        return failure(error.__cause__)
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001 - any code of a user's
        lines = ["an error whose text cannot be told"]
    name = type(error).__name__
    if isinstance(error, BenchError):
        return " ".join(lines)
    text = lines[0][:_LONGEST_REASON] if lines else ""
    return f"{name}: {text}" if text else name


def upscale(method: Method, task: Task, lr: Images) -> Images:
    """Restore a batch: (N, 3, lr_size, lr_size) to (N, 3, hr_size, hr_size), clamped to [0, 1]; images may hold NaN.

    Raises `ContractError` if the method returns another type, shape, dtype or device than it must.
    """
    return returned(method, task, lr).clamp(0, 1)


def returned(method: Method, task: Task, lr: Images) -> Images:
    """Return what a method makes of a batch, not clamped yet; raises as `upscale`."""
    with torch.no_grad(), arithmetic(method.spec, task, lr.device):
        made = method.upscale(lr.clone())
    if task.dtype == "bfloat16" and isinstance(made, Tensor) and made.dtype is torch.bfloat16:
        made = made.float()
    return _sound(method.spec.name, made, task, lr)


def _sound(name: str, sr: object, task: Task, lr: Images) -> Images:
    """Return a result as it came, if its shape, dtype and device are what they must be."""
    want = (lr.shape[0], 3, task.hr_size, task.hr_size)
    if not isinstance(sr, Tensor):
        raise ContractError(f"{name} returned {type(sr).__name__}; upscale must return a tensor of shape {want}.")
    with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():  # noqa: SLF001 - a subclass may tell another shape
        if sr.is_nested or sr.layout is not torch.strided:
            kind = "nested" if sr.is_nested else "sparse" if "sparse" in str(sr.layout) else f"{sr.layout}"
            raise ContractError(f"{name} returned a {kind} tensor; upscale must return a dense one of shape {want}.")
        plain = sr.detach().as_subclass(Tensor)
    for what, got, wanted in (
        ("shape", tuple(plain.shape), want),
        ("dtype", plain.dtype, torch.float32),
        ("device", plain.device.type, lr.device.type),
    ):
        if got != wanted:
            raise ContractError(f"{name} returned {what} {got}; upscale must return {what} {wanted}.")
    return plain


def attempt(method: Method, task: Task, lr: Images) -> list[Outcome]:
    """Restore a batch and answer for each image, whatever the method does.

    Out of memory: the batch is halved once, then its images fail. Any other error of a batch: its images are tried one
    by one, so that one bad image does not take the others with it.
    """
    try:
        with caught():
            return _checked(method, task, lr)
    except Failed as failed:
        error = failed.__cause__
        if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
            parts = lr.split(max(1, (lr.shape[0] + 1) // 2))
        elif lr.shape[0] == 1 or isinstance(error, ContractError):
            return failures(lr.shape[0], failed)
        else:
            parts = lr.split(1)
        del error
    _free_memory()
    return [outcome for part in parts for outcome in _attempt_part(method, task, part)]


def refine(method: Refining, task: Task, given: tuple[Images, Effort, float], lr: Images) -> Outcome:
    """Let a method make its result of an inner one, (1, 3, hr_size, hr_size), whose effort and seconds are added."""
    sr, effort, before = given
    start = perf_counter()
    try:
        with caught(), torch.no_grad():
            made = _sound(method.spec.name, method.refine(sr, lr.clone()), task, lr)
    except Failed as failed:
        return failures(1, failed)[0]
    return _outcomes(method.spec.name, made, lr, before + _seconds(start, lr), [effort])[0]


def _attempt_part(method: Method, task: Task, lr: Images) -> list[Outcome]:
    """Restore a part of a batch that failed, for the last time."""
    try:
        with caught():
            return _checked(method, task, lr)
    except Failed as failed:
        outcomes = failures(lr.shape[0], failed)
    _free_memory()
    return outcomes


def _checked(method: Method, task: Task, lr: Images) -> list[Outcome]:
    """Restore a batch, time it, and look for NaN and infinity image by image."""
    start = perf_counter()
    sr = returned(method, task, lr)
    seconds = _seconds(start, lr) / lr.shape[0]
    return _outcomes(method.spec.name, sr, lr, seconds, declared.efforts(method, len(sr)))


def _seconds(start: float, lr: Images) -> float:
    """Return the seconds since `start`, the work on the images' device included."""
    if lr.device.type == "cuda":
        torch.cuda.synchronize(lr.device)
    return perf_counter() - start


def _outcomes(name: str, sr: Images, lr: Images, seconds: float, efforts: list[Effort]) -> list[Outcome]:
    """Return the outcome of each image, its values clamped; what is suspicious in them joins the effort's note."""
    noted = [declared.noted(effort, text) for effort, text in zip(efforts, suspicions(sr, lr), strict=True)]
    return [_outcome(name, image.clamp(0, 1), seconds, effort) for image, effort in zip(sr, noted, strict=True)]


def _outcome(name: str, image: Tensor, seconds: float, effort: Effort) -> Outcome:
    """Return the outcome of an image (3, H, W) in [0, 1], which may hold NaN."""
    if image.isfinite().all():
        return Outcome(eight_bit(image.cpu()), "", seconds, effort)
    reason = f"{name} returned NaN or infinity"
    return Outcome(None, f"{reason}: {effort.note}" if effort.note else reason, seconds, effort)


def _free_memory() -> None:
    """Let go of what a failed try held before the next one."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def failures(count: int, error: BaseException | str) -> list[Outcome]:
    """Return the same failure for every image of a batch: an error, or the reason in words."""
    if isinstance(error, str):
        reason = error
    elif isinstance(error.__cause__, (torch.OutOfMemoryError, MemoryError)):
        reason = f"out of memory with {count} image{'s' if count > 1 else ''} at once, after halving the batch"
    else:
        reason = failure(error)
    return [Outcome(None, reason, float("nan"))] * count
