"""DGP's BigGAN files (`G_ema_256.pth`, `D_256.pth`, ...) to `nets.biggan`: no files are read here.

They are flat state dicts whose names our networks share. Three kinds of entry of theirs have no use here and are
dropped: `sv0`, the last singular value, which was only logged; `in1` and `in2`, DGP's instance norms, which its recipes
with batch norm never run; counters of statistics.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, first_names, indices, last, shape, single
from methods.nets.biggan import BigGAN, BigGANDiscriminator
from methods.nets.shapes import shapes

_DROPPED = re.compile(r"(.+\.)?(sv\d+|accumulation_counter)|.+\.in[12]\..+")
_SIZES = {5: 128, 6: 256}  # blocks of the generator -> side of its images


def is_generator(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint, or the state dict in it, is of a BigGAN generator."""
    return _is("shared.weight", opened(checkpoint, lambda names: _is("shared.weight", names)))


def is_discriminator(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint, or the state dict in it, is of a BigGAN discriminator."""
    return _is("embed.weight", opened(checkpoint, lambda names: _is("embed.weight", names)))


def _is(sign: str, names: Mapping[str, Tensor]) -> bool:
    return sign in names and "blocks.0.0.conv1.weight" in names


def generator(checkpoint: Mapping[str, Any]) -> BigGAN:
    """Return the generator of a state dict; size, width, and the lengths of z and class embedding are read off it.

    It is float32, in eval mode, and shares tensors that are so already. Raises `BenchError` if the entries are not
    those of a whole BigGAN generator.
    """
    entries = _entries(checkpoint, "shared.weight", "generator")
    with shapes():
        network = BigGAN(**generator_sizes(entries))
    return filled(network, entries)


def generator_sizes(entries: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the arguments of `BigGAN` for the entries of a generator; raises `BenchError` if some are missing."""
    blocks = 1 + last(entries, r"blocks\.(\d+)\.")
    classes, embedding = shape(entries, "shared.weight")
    outputs, chunk = shape(entries, "linear.weight")
    return {
        "size": _size(blocks),
        "channels": shape(entries, "output_layer.0.gain")[0],
        "z_dim": chunk * (blocks + 1),
        "embedding": embedding,
        "classes": classes,
        "widest": outputs // 16,  # of the features at 4x4, which none is wider than
        "attention": 8 << _attention(entries),
    }


def _attention(entries: Mapping[str, Tensor]) -> int:
    """Return the number of the block that attention stands behind. Raises `BenchError` if it is not one."""
    found = indices(entries, r"blocks\.(\d+)\.1\.")
    if len(found) != 1:
        raise BenchError(f"a BigGAN has attention behind one block, the one in this file behind {len(found)}.")
    return found[0]


def of_class(checkpoint: Mapping[str, Any], label: int, *, of: int | None = None) -> BigGAN:
    """Return the generator of a state dict as one of a single class, the `label`-th of its own; raises as `generator`.

    Raises `BenchError` also if it has no such class, or another number than `of`: its classes are others then.
    """
    entries = opened(checkpoint, lambda names: "shared.weight" in names)
    if "shared.weight" not in entries:
        return generator(entries)  # which says that it is none
    classes = shape(entries, "shared.weight")[0]
    if of not in (None, classes):
        raise BenchError(f"this BigGAN has {classes} classes, and one of {of} was asked for: its classes are others.")
    if label >= classes:
        raise BenchError(f"this BigGAN has {classes} classes, and the class {label} was asked for, counted from 0.")
    return generator(entries | {"shared.weight": entries["shared.weight"][label : label + 1]})


def discriminator(checkpoint: Mapping[str, Any]) -> BigGANDiscriminator:
    """Return the discriminator of a state dict, as `generator` does, raising likewise."""
    entries = _entries(checkpoint, "embed.weight", "discriminator")
    size = _size(last(entries, r"blocks\.(\d+)\."))
    with shapes():
        network = BigGANDiscriminator(
            size=size,
            channels=shape(entries, "blocks.0.0.conv1.weight")[0],
            classes=shape(entries, "embed.weight")[0],
            widest=shape(entries, "embed.weight")[1],
            attention=size >> 1 + _attention(entries),
        )
    return filled(network, entries)


def _entries(checkpoint: Mapping[str, Any], sign: str, part: str) -> dict[str, Tensor]:
    """Return the entries that our network has, float32."""
    entries = opened(checkpoint, lambda names: sign in names)
    if sign not in entries:
        raise BenchError(
            f"these are not the weights of a BigGAN {part}: there is no {sign!r}; the first entries are: "
            f"{first_names(checkpoint)}. Is it the file of another network?"
        )
    return single({name: value for name, value in entries.items() if not _DROPPED.fullmatch(name)})


def _size(blocks: int) -> int:
    if blocks not in _SIZES:
        raise BenchError(
            f"a BigGAN of 128 or 256 px doubles its size 5 or 6 times, the one in this file {blocks} times."
        )
    return _SIZES[blocks]
