"""What a method breaks of the contract, found by trying it on two images."""

import torch

from bench.contract import Failed, caught, failure, returned
from bench.readings import suspicions
from bench.running import declared
from bench.spec import Images, Method, Task


def problems(method: Method, task: Task, device: torch.device) -> list[str]:
    """Return what a loaded method breaks on a task: shape, range, colours, repeatability, independence of the batch.

    It gets two images, one by one if it takes no more at once.
    """
    lr = _slopes(task.lr_size).to(device)
    try:
        with caught():
            both, again = (_in_parts(method, task, lr) for _ in range(2))
            alone = returned(method, task, lr[1:])
            declared.efforts(method, 1)
    except Failed as failed:
        return [failure(failed)]
    if not both.isfinite().all():
        return ["the result holds NaN or infinity"]
    found = list(dict.fromkeys(filter(None, suspicions(both, lr))))
    if not torch.equal(both, again):
        found.append("the same input gives another result the second time; draw random numbers from Task.seed")
    if not torch.allclose(both[1:], alone, atol=1e-4):
        found.append("an image's result depends on the images beside it in the batch")
    return found


def _slopes(side: int) -> Images:
    """Return two images (2, 3, side, side) whose colours rise in other directions, so that no turn goes unnoticed."""
    across = torch.linspace(0, 1, side).expand(side, side)
    down = across.mT
    both = across * down
    return torch.stack([torch.stack([across, down, both.square()]), torch.stack([1 - down, both, across])])


def _in_parts(method: Method, task: Task, lr: Images) -> Images:
    """Restore a batch in parts of the size that the method takes."""
    return torch.cat([returned(method, task, part) for part in lr.split(method.spec.max_batch)])
