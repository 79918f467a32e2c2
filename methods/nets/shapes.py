"""Networks without values, on the meta device: what their weights are to be put into, or what is counted."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from bench.undrawn import Instead, kept


@contextmanager
def shapes() -> Iterator[None]:
    """Let the networks that are made in the block have shapes and no values.

    To draw normal values and to scale them leaves a shape as it is; torch imports a thousand modules to find that out,
    which takes seconds.
    """
    with torch.device("meta"), Instead({Tensor.normal_: kept, Tensor.div: _divided, torch.randn: torch.empty}):
        yield


def _divided(tensor: Tensor, by: Tensor | float) -> Tensor:
    return tensor.div(by) if isinstance(by, Tensor) else tensor
