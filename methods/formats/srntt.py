"""Key maps from the published layout of SRNTT to `nets.srntt`: no files are read here.

The authors' `upscale.npz` (content extractor) and `srntt.npz`, `srntt_init.npz`, `srntt_weighted.npz` (texture
transfer) are written by tensorlayer's `save_npz`: arrays without names, in the order of the layers. A convolution is
its kernel (height, width, inputs, outputs) and its bias, if it has one; a normalisation is offset, scale, mean and
variance. TensorFlow's pixel shuffle counts the places of a channel before the channels, PyTorch's behind them.

`params.0`, `params.1`, ... is what `unpickle.load` makes of the list in such a file; `param0`, `arr_0` or `params_0`
are read too. Ours: the entries of `nets.srntt.SRNTT`, or of one of its parts.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from bench.spec import BenchError
from methods.formats.containers import opened
from methods.formats.state_dicts import filled, first_names, last, shape, single
from methods.nets.shapes import shapes
from methods.nets.srntt import SRNTT, ContentExtractor, TextureTransfer

_NUMBERED = re.compile(r"(?:params?|arr)[._]?(\d{1,4})")
_CONTENT, _TEXTURE = "content.", "texture."  # the parts of an SRNTT
_SIGNS = {_CONTENT: "body.0.norm1.running_mean", _TEXTURE: "fusions.0.conv_first.weight"}
_KERNEL = 4  # dimensions
_BLOCK = 10  # arrays of a residual block
_CONTENT_REST, _TEXTURE_REST = 13, 29  # arrays that are not of residual blocks
_BEHIND_BLOCKS = 2  # layers of a body
_RGB = 3
_MISCOUNTED = "the file lists {} arrays, but a {}. Is it complete, and of this network?"


def is_srntt(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is an SRNTT or one of its parts, in a layout we know."""
    entries = opened(checkpoint, _known)
    return bool(_listed(entries)) or _known(entries)


def network(checkpoint: Mapping[str, Any]) -> SRNTT | ContentExtractor | TextureTransfer:
    """Return what a checkpoint holds of an SRNTT: both networks, or the one. Raises as the functions for those do."""
    entries = opened(checkpoint, _known)
    holds = {part: part + sign in entries for part, sign in _SIGNS.items()}
    if all(holds.values()):
        return srntt(checkpoint)
    listed = _listed(entries)
    first_inputs = listed[0].shape[2] if listed and listed[0].dim() == _KERNEL else 0
    is_content = holds[_CONTENT] or _SIGNS[_CONTENT] in entries or first_inputs == _RGB
    return content_extractor(checkpoint) if is_content else texture_transfer(checkpoint)


def srntt(checkpoint: Mapping[str, Any]) -> SRNTT:
    """Return both networks of a checkpoint in our names. Raises `BenchError` as the functions for the parts do."""
    try:
        return SRNTT(content_extractor(checkpoint), texture_transfer(checkpoint)).eval()
    except ValueError as error:
        raise BenchError(f"the weights are not those of an SRNTT: {error} They cannot be used here.") from error


def content_extractor(checkpoint: Mapping[str, Any]) -> ContentExtractor:
    """Return the content extractor of a checkpoint: of the published file, of ours, or of an `SRNTT` of ours.

    Its width and depth are read off it. It is float32 and in eval mode. Raises `BenchError` if it is another network's,
    or naming the entries that are missing, left over or of a wrong shape.
    """
    entries = _entries(checkpoint, _CONTENT)
    if listed := _listed(entries):
        blocks, rest = divmod(len(listed) - _CONTENT_REST, _BLOCK)
        if rest or blocks < 1:
            raise BenchError(_MISCOUNTED.format(len(listed), "content extractor (upscale.npz) has 173, with 16 blocks"))
        entries = _named(listed, _content_names(blocks))
    ours = single(entries)
    with shapes():
        made = ContentExtractor(
            channels=shape(ours, "conv_first.weight")[0], blocks=last(ours, r"body\.(\d+)\.") + 1 - _BEHIND_BLOCKS
        )
    return filled(made, ours)


def texture_transfer(checkpoint: Mapping[str, Any]) -> TextureTransfer:
    """Return the texture transfer of a checkpoint; like `content_extractor`."""
    entries = _entries(checkpoint, _TEXTURE)
    if listed := _listed(entries):
        wanted = {(n + (n >> 1) + (n >> 2)) * _BLOCK + _TEXTURE_REST: n for n in range(1, len(listed))}
        if len(listed) not in wanted:
            raise BenchError(
                _MISCOUNTED.format(len(listed), "texture transfer (srntt.npz) has 309, with 16, 8 and 4 blocks")
            )
        entries = _named(listed, _texture_names(wanted[len(listed)]))
    ours = single(entries)
    firsts = [shape(ours, f"fusions.{scale}.conv_first.weight") for scale in range(3)]
    small, medium, large = (first[1] - first[0] for first in firsts)
    blocks = last(ours, r"fusions\.0\.body\.(\d+)\.") + 1 - _BEHIND_BLOCKS
    if min(small, medium, large) < 1:
        raise BenchError("the texture transfer has no place for the maps of a VGG. Is it the file of another network?")
    with shapes():
        made = TextureTransfer(channels=firsts[0][0], blocks=blocks, maps=(small, medium, large))
    return filled(made, ours)


def _known(names: Mapping[str, Tensor]) -> bool:
    """Tell whether a state dict is an SRNTT's or a part's in our names."""
    return any(sign in names or part + sign in names for part, sign in _SIGNS.items())


def _entries(checkpoint: Mapping[str, Any], part: str) -> dict[str, Tensor]:
    """Return the entries of a part, in our names, or all if they are a list."""
    entries, sign = opened(checkpoint, _known), _SIGNS[part]
    if part + sign in entries:
        return {name.removeprefix(part): value for name, value in entries.items() if name.startswith(part)}
    if sign in entries or _listed(entries):
        return entries
    raise BenchError(
        f"these are not the weights of the {part.removesuffix('.')} network of an SRNTT, as its authors or we store "
        f"them; the first entries are: {first_names(entries)}. Is it the file of another network?"
    )


def _listed(entries: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the arrays of a list in their order; none if the entries are not numbered from 0 without a gap."""
    found = {int(match[1]): value for name, value in entries.items() if (match := _NUMBERED.fullmatch(name))}
    whole = len(found) == len(entries) and found.keys() == set(range(len(found)))
    return [found[number] for number in range(len(found))] if whole else []


def _named(listed: list[Tensor], names: Iterator[str]) -> dict[str, Tensor]:
    """Return the arrays of a list in our names and our shapes."""
    return {name: _turned(name, value) for name, value in zip(names, listed, strict=True)}


def _turned(name: str, value: Tensor) -> Tensor:
    """Return a kernel or a bias as PyTorch has it: outputs first, those for a pixel shuffle in its order."""
    turned = value.permute(3, 2, 0, 1) if value.dim() == _KERNEL else value
    if name.startswith("upconv") and turned.dim() and len(turned) % 4 == 0:
        turned = turned.unflatten(0, (4, -1)).transpose(0, 1).flatten(0, 1)
    return turned.contiguous()


def _content_names(blocks: int) -> Iterator[str]:
    yield from _conv("conv_first")
    yield from _body("body", blocks)
    for layer in ("upconv1", "upconv2", "conv_last"):
        yield from _conv(layer)


def _texture_names(blocks: int) -> Iterator[str]:
    for scale, behind in enumerate((("upconv1",), ("upconv2",), ("conv_hr", "conv_last"))):
        yield from _conv(f"fusions.{scale}.conv_first")
        yield from _body(f"fusions.{scale}.body", blocks >> scale)
        for layer in behind:
            yield from _conv(layer)


def _conv(layer: str) -> Iterator[str]:
    yield from (f"{layer}.weight", f"{layer}.bias")


def _body(prefix: str, blocks: int) -> Iterator[str]:
    for block in range(blocks):
        for number in (1, 2):
            yield f"{prefix}.{block}.conv{number}.weight"
            yield from _norm(f"{prefix}.{block}.norm{number}")
    yield f"{prefix}.{blocks}.weight"
    yield from _norm(f"{prefix}.{blocks + 1}")


def _norm(layer: str) -> Iterator[str]:
    yield from (f"{layer}.{part}" for part in ("bias", "weight", "running_mean", "running_var"))
