"""Adam, as each kind of device has it, and the moving average of what it trains.

On a GPU its rate and its steps lie there, so that a step can be recorded.
"""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

# Only the steps before a recording are made in the ordinary way, and these few may be slower.
warnings.filterwarnings("ignore", message="This instance was constructed with capturable=True", category=UserWarning)


def adam(
    parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float], device: torch.device
) -> torch.optim.Adam:
    """Return Adam for parameters on a device."""
    if device.type != "cuda":
        return torch.optim.Adam(parameters, lr=rate, betas=betas)
    on_device = torch.tensor(rate, device=device)
    return torch.optim.Adam(parameters, lr=on_device, betas=betas, fused=True, capturable=True)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate; a recorded step takes it, too."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def take_up(part: nn.Module | torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Give a network or an optimiser what was saved of it, on whatever kind of device that was.

    Raises what `load_state_dict` does if it is of another.
    """
    if isinstance(part, torch.optim.Optimizer):
        saved = {**saved, "param_groups": part.state_dict()["param_groups"]}
    part.load_state_dict(dict(saved))


def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an exponential moving average of a network's parameters; buffers are copied."""
    old, now = (list[Tensor](each.parameters()) for each in (average, network))
    get_ema_multi_avg_fn(decay)(old, now, None)
    with torch.no_grad():
        for buffer, new in zip(average.buffers(), network.buffers(), strict=True):
            buffer.copy_(new)
