"""Numbers that networks need as tensors, made once for a device: made anew, a GPU would be waited for each time."""

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=256)
def constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return numbers (N,) on a device, to be read and not written to; gradients can go through what is made of them."""
    # Or it would be of the mode of whoever came first; without the keyword, which torch.compile does not take.
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)
