"""What all loaders do with a state dict: open it, read sizes off names and shapes, put it into a network."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench.spec import BadFile, BenchError

AGAIN = "fetch it again, or say in an issue which file it is."
_SHOWN = 3
_ADVICE = re.compile(r"\.? (?:In PyTorch 2\.6|Please use|This is an internal|This file can still)")
_LINE = 300  # characters of a message that is not ours
_LAYERS = 4  # digits of the number of a layer
_FLOATING = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

Network = TypeVar("Network", bound=nn.Module)


def told(error: Exception) -> str:
    """Return what matters of torch's long messages: the line that names the reason, or the first.

    Its advice is left out: a reader without restrictions runs what a file says.
    """
    lines = str(error).rpartition("WeightsUnpickler error:")[2].strip().splitlines() or [type(error).__name__]
    line = next((line.strip() for line in lines if "GLOBAL" in line), lines[0])
    return shown(_ADVICE.split(line)[0], _LINE)


def single(entries: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the entries in float32, before any arithmetic on them; those that are so already are shared.

    What is of no type that weights are stored in stays as it is, for `filled` to refuse if the network has a place for
    it: whole numbers, bits, complex and quantised numbers, and those of 8 bits, which mean nothing without a scale.
    """
    return {name: value.float() if value.dtype in _FLOATING else value for name, value in entries.items()}


def floating(entries: Mapping[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    """Return the weights of a file of ours. Raises `BadFile` if some are of no type that we write."""
    for name, value in entries.items():
        if value.dtype not in _FLOATING and not name.endswith(".sha256"):  # of a part that is left out
            raise BadFile(f"{path}: {name} is {value.dtype}, which no weights are; delete the file to train it anew.")
    return entries


def shown(text: object, length: int = 60) -> str:
    """Return the beginning of a text that a file brought, fit for a terminal."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text)[: length + 1])
    return line if len(line) <= length else f"{line[:length]}..."


def first_names(names: Mapping[str, Any]) -> str:
    """Return the first names, for an error message that says what was found."""
    return _listed([shown(name) for name in names]) or "none"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN])


def indices(ours: Mapping[str, Tensor], pattern: str) -> list[int]:
    """Return the numbers that a pattern finds at the beginning of names, each once, ascending; raises `BenchError`."""
    found = {match[1] for name in ours if (match := re.match(pattern, name))}
    for digits in found:
        if len(digits) > _LAYERS:
            raise BenchError(f"the weights have a layer of the number {shown(digits)}. Is the file complete?")
    return sorted(map(int, found))


def last(ours: Mapping[str, Tensor], pattern: str) -> int:
    """Return the largest of `indices`, which begin at 0. Raises `BenchError` if there is none, or one is left out."""
    found = indices(ours, pattern)
    if not found:
        name = pattern.replace(r"(\d+)", "0").replace("\\", "")
        raise BenchError(f"the weights lack entries of {name!r}. Is the file complete, and of this network?")
    if len(found) <= found[-1]:
        gap = min(set(range(len(found))) - set(found))
        name = pattern.replace(r"(\d+)", str(gap)).replace("\\", "")
        raise BenchError(f"the weights lack entries of {name!r}. Is the file complete?")
    return found[-1]


def shape(ours: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    """Return the shape of an entry, of a weight at least two numbers. Raises `BenchError` if there is no such entry."""
    if name not in ours or ours[name].dim() < 1 + name.endswith("weight"):
        raise BenchError(f"the weights lack {name!r} (in our names). Is the file complete, and of this network?")
    if not ours[name].numel():
        raise BenchError(f"{name!r} (in our names) holds nothing. Is the file complete?")
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

    Raises `BenchError` naming the entries that are missing, left over, of a wrong shape or type, or not finite; `of`
    says more of the network there.
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
        "of a wrong type": sorted(
            f"{name} is {ours[name].dtype}, not {value.dtype}"
            for name, value in wanted.items()
            if name in ours and ours[name].dtype != value.dtype
        ),
    }
    problems["not finite"] = [] if any(problems.values()) else sorted(n for n in ours if not ours[n].isfinite().all())
    told = [
        f"{len(names)} {what}: {_listed([shown(n, _LINE) for n in names])}{', ...' if len(names) > _SHOWN else ''}"
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
