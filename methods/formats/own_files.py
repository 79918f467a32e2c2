"""The files that this suite writes: safetensors in our names, without a part that is a file of its own."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from bench import atomic
from bench.spec import BadFile, OutputError
from methods.formats import sealed
from methods.formats.state_dicts import kind

_DIGEST = "sha256"  # in the place of a part that was left out


def safetensors(
    network: nn.Module,
    *,
    dtype: torch.dtype | None = None,
    without: str | None = None,
    facts: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Return a network's weights as the content of a .safetensors file, in our names; methods/formats reads them.

    `dtype` None: as they are. Entries that begin with `without` are left out, a digest takes their place: `completed`
    puts them back. `facts` go into the file's header, with a checksum of the file.
    """
    own = network.state_dict()
    left = {name: value for name, value in own.items() if without is not None and name.startswith(without)}
    entries = {
        name: value.detach().to("cpu", dtype).contiguous().clone() for name, value in own.items() if name not in left
    }
    if left:
        entries[f"{without}{_DIGEST}"] = _digest(left)
    return sealed.pack(entries, {"network": kind(network), **facts})


def check_target(target: Path, source: Path) -> None:
    """Raise `OutputError` unless the file that is made of `source` may be written to `target`."""
    if target.suffix.lower() != ".safetensors":
        raise OutputError(f"{target} would be a safetensors file; give it a name that ends in .safetensors.")
    atomic.check(target, source)


def completed(state_dict: Mapping[str, Any], prefix: str, part: Callable[[], nn.Module]) -> dict[str, Any]:
    """Return weights with the part whose entries begin with `prefix`, if `safetensors` left it out.

    `part` is only called then. Raises `BadFile` if it is not the part that the weights were stored without.
    """
    if prefix + _DIGEST not in state_dict:
        return dict(state_dict)
    entries = {prefix + name: value for name, value in part().state_dict().items()}
    if not torch.equal(_digest(entries), state_dict[prefix + _DIGEST]):
        raise BadFile(
            f"the weights were trained around another {prefix.removesuffix('.')} than the one that is here. "
            "Train them again, or put back the file they were trained with; or these are another network's weights, of "
            "another category perhaps: then put back its own."
        )
    return {**{name: value for name, value in state_dict.items() if name != prefix + _DIGEST}, **entries}


def _digest(entries: Mapping[str, Tensor]) -> Tensor:
    """Return the sha256 of entries, as float16, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(entries):
        value = entries[name].detach().to("cpu", torch.float16).contiguous()
        digest.update(f"{name}{tuple(value.shape)}".encode() + value.numpy().tobytes())
    return torch.tensor(list(digest.digest()), dtype=torch.uint8)
