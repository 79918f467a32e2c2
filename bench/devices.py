"""Where networks run."""

import torch

from bench.errors import BenchError


def named(name: str) -> torch.device:
    """Return a device that is there; `auto` is a GPU if there is one. Raises `BenchError` for one that is not."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.ones(1, device=device).item()  # `meta` has no values
    except Exception as error:  # what torch raises differs from device to device
        raise BenchError(f"no device {name!r} on this machine; use --device cpu, or auto.") from error
    return device
