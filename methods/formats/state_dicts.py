"""What all loaders do with a state dict: open it, read sizes off names and shapes, put it into a network."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from torch import Tensor, nn

from bench.spec import BenchError

AGAIN = "fetch it again, or say in an issue which file it is."
_SHOWN = 3

Network = TypeVar("Network", bound=nn.Module)


def told(error: Exception) -> str:
    """Return what matters of torch's long messages: the line that names the global, or the first."""
    lines = str(error).splitlines() or [type(error).__name__]
    return next((line.strip() for line in lines if "GLOBAL" in line), lines[0])


def opened(checkpoint: Mapping[str, Any], containers: tuple[str, ...]) -> dict[str, Tensor]:
    """Take the state dict out of its containers, and `module.` off its names; what is no tensor is left out."""
    for name in containers:
        if isinstance(checkpoint.get(name), Mapping):
            return opened(checkpoint[name], containers)
    return {name.removeprefix("module."): value for name, value in checkpoint.items() if isinstance(value, Tensor)}


def single(entries: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the entries in float32, before any arithmetic on them; those that are so already are shared."""
    return {name: value.float() for name, value in entries.items()}


def first_names(names: Mapping[str, Any]) -> str:
    """Return the first names, for an error message that says what was found."""
    return ", ".join(map(str, list(names)[:_SHOWN])) or "none"


def indices(ours: Mapping[str, Tensor], pattern: str) -> list[int]:
    """Return the numbers that a pattern finds at the beginning of names, each once, ascending."""
    return sorted({int(match[1]) for name in ours if (match := re.match(pattern, name))})


def last(ours: Mapping[str, Tensor], pattern: str) -> int:
    """Return the largest of `indices`. Raises `BenchError` if there is none."""
    found = indices(ours, pattern)
    if not found:
        raise BenchError(f"the weights have no entry like {pattern!r}. Is the file complete, and of this network?")
    return found[-1]


def shape(ours: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    """Return the shape of an entry, of a weight at least two numbers. Raises `BenchError` if there is no such entry."""
    if name not in ours or ours[name].dim() < 1 + name.endswith("weight"):
        raise BenchError(f"the weights lack {name!r} (in our names). Is the file complete, and of this network?")
    return tuple(ours[name].shape)


def stylegan2_sizes(ours: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """Return the arguments of `nets.stylegan2.Synthesis` for the entries below a prefix; raises `BenchError`."""
    stages = last(ours, rf"{re.escape(prefix)}layers\.(\d+)\.") // 2 + 1
    return {
        "size": 4 << (stages - 1),
        "channels": {4 << i: shape(ours, f"{prefix}layers.{2 * i}.weight")[0] for i in range(stages)},
        "style_dim": _columns(ours, f"{prefix}layers.0.style.weight"),
    }


def stylegan_sizes(ours: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    """Return the arguments of `nets.stylegan.Synthesis` for the entries below a prefix; raises `BenchError`."""
    stages = last(ours, rf"{re.escape(prefix)}epilogues\.(\d+)\.") // 2 + 1
    return {
        "size": 4 << (stages - 1),
        "channels": {4 << i: shape(ours, f"{prefix}epilogues.{2 * i}.bias")[0] for i in range(stages)},
        "style_dim": _columns(ours, f"{prefix}epilogues.0.style.weight"),
        "torch_epsilon": f"{prefix}torch_epsilon" in ours,
    }


def filled(network: Network, ours: Mapping[str, Tensor], *, of: str = "") -> Network:
    """Give a network on the meta device its weights, and return it in eval mode.

    Raises `BenchError` naming the entries that are missing, left over or of a wrong shape; `of` says more of the
    network there.
    """
    wanted = network.state_dict()
    problems = {
        "missing": sorted(wanted.keys() - ours.keys()),
        "left over": sorted(ours.keys() - wanted.keys()),
        "of a wrong shape": sorted(
            f"{name} is {tuple(ours[name].shape)}, not {tuple(value.shape)}"
            for name, value in wanted.items()
            if name in ours and ours[name].shape != value.shape
        ),
    }
    told = [
        f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
        for what, names in problems.items()
        if names
    ]
    if told:
        raise BenchError(
            f"the weights do not fit the network {kind(network)}{of} (in our names): {'; '.join(told)}. "
            "Is the file complete, and of this network?"
        )
    network.load_state_dict(dict(ours), assign=True)
    return network.eval()


def kind(network: nn.Module) -> str:
    """Return the class of a network with its module: three of ours are called Generator."""
    return f"{type(network).__module__.rpartition('.')[2]}.{type(network).__name__}"


def _columns(ours: Mapping[str, Tensor], name: str) -> int:
    """Return the inputs of a linear layer, off its weight (outputs, inputs)."""
    return shape(ours, name)[-1]
