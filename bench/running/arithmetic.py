"""How the networks of a method compute where a task asks for other than float32, operation by operation.

`bfloat16` is torch's autocast, `tf32` a GPU's way with float32, `compiled` torch.compile. They are for methods of one
pass: a search makes much of rounding, and goes through its networks a hundred times with gradients; it stays as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from bench.spec import Spec, Task


def otherwise(spec: Spec, task: Task) -> tuple[str, ...]:
    """Return in words what a method does otherwise for a task; nothing for float32 as it stands, and for a search."""
    if spec.searches:
        return ()
    return (task.dtype,) * (task.dtype != "float32") + ("compiled",) * task.compiled


@contextmanager
def arithmetic(spec: Spec, task: Task, device: torch.device) -> Iterator[None]:
    """Let the operations of a block compute as a task asks. TF32, cuDNN's default, is off where it is not asked for."""
    words = otherwise(spec, task)
    half = torch.autocast(device.type, torch.bfloat16) if "bfloat16" in words else nullcontext()
    with half, _tf32("tf32" in words) if device.type == "cuda" else nullcontext():
        yield


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:  # noqa: FBT001
    """Let a GPU's products of float32 keep ten bits of each factor, or not."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
