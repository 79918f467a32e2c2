"""Messages between the harness and the process of a method: a JSON header, then the bytes of pictures.

Nothing that is received is run: there is no pickle. What the other side sends is checked by whoever reads it.
"""

import json
import math
import select
import socket
import struct
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bench.spec import BenchError

Message: TypeAlias = tuple[dict[str, Any], bytearray]
"""The header, and the bytes of the pictures one after another."""

_LENGTHS = struct.Struct(">QQ")
_LONGEST_HEADER = 2**24
_CHUNK = 2**20
_PAUSE = 0.2
"""Seconds between two looks at whether the other side still lives."""


NO_ANSWER = "sent something that is no answer"


class Broken(BenchError):
    """The other side is gone, or sends what is no message; the text says what it did."""


def send(to: socket.socket, header: dict[str, Any], *pictures: Tensor) -> None:
    """Send a message; raises `OSError` if the other side is gone."""
    for each in _parts(header, *pictures):
        to.sendall(each)


def pack(header: dict[str, Any], *pictures: Tensor) -> bytes:
    """Return a message as it would be sent."""
    return b"".join(_parts(header, *pictures))


def unpack(message: bytes, *, most: int | None = None) -> Message:
    """Return the header and the bytes of the pictures of a message that `pack` made. Raises `Broken`, as `receive`."""
    if len(message) < _LENGTHS.size:
        raise Broken(NO_ANSWER)
    length, size = _checked(message[: _LENGTHS.size], most)
    header, content = message[_LENGTHS.size :][:length], message[_LENGTHS.size + length :]
    if len(content) != size:
        raise Broken(NO_ANSWER)
    return _header(header), bytearray(content)


def _parts(header: dict[str, Any], *pictures: Tensor) -> list[bytes]:
    text = json.dumps(header).encode()
    content = [plain(each) for each in pictures]
    return [_LENGTHS.pack(len(text), sum(map(len, content))) + text, *content]


def receive(
    source: socket.socket, *, most: int | None = None, look: Callable[[bool], None] = lambda _: None
) -> Message:
    """Wait for a message and return its header and the bytes of its pictures, at most `most`.

    `look` is called again and again, with whether nothing came for a moment, and may raise. Raises `Broken`.
    """
    length, size = _checked(_exactly(source, _LENGTHS.size, look), most)
    return _header(_exactly(source, length, look)), _exactly(source, size, look)


def _checked(lengths: bytes | bytearray, most: int | None) -> tuple[int, int]:
    """Return how long the header and the pictures are."""
    length, size = _LENGTHS.unpack(lengths)
    if length > _LONGEST_HEADER or (most is not None and size > most):
        raise Broken(NO_ANSWER)
    return length, size


def _header(text: bytes | bytearray) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise Broken(NO_ANSWER) from None
    if not isinstance(header, dict):
        raise Broken(NO_ANSWER)
    return header


def _exactly(source: socket.socket, count: int, look: Callable[[bool], None]) -> bytearray:
    """Return so many bytes."""
    found = bytearray()
    while len(found) < count:
        try:
            idle = not select.select([source], [], [], _PAUSE)[0]
        except (OSError, ValueError):  # another thread has closed it
            raise Broken("was ended") from None
        look(idle)  # whatever comes: bytes may drip for ever
        if idle:
            continue
        try:
            chunk = source.recv(min(_CHUNK, count - len(found)))
        except OSError:
            chunk = b""
        if not chunk:
            raise Broken("broke off")
        found += chunk
    return found


def plain(picture: Tensor) -> bytes:
    """Return the bytes of a tensor's values."""
    return picture.detach().cpu().contiguous().numpy().tobytes()


def pictures(content: bytes | bytearray, kind: type[np.generic], *shape: int) -> Tensor:
    """Return the tensor of bytes that `plain` made; raises `Broken` if there are more or fewer of them."""
    try:
        return torch.from_numpy(np.frombuffer(bytearray(content), kind).reshape(shape))
    except ValueError:
        raise Broken("sent something that is no picture") from None


def several(content: bytes | bytearray, kind: type[np.generic], shapes: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return the tensors of these shapes whose bytes lie one after another; raises `Broken` as `pictures`."""
    sizes = [math.prod(shape) * np.dtype(kind).itemsize for shape in shapes]
    ends = list(accumulate(sizes, initial=0))
    if len(content) != ends[-1]:
        raise Broken("sent something that is no picture")
    return [
        pictures(content[first:last], kind, *shape) if last > first else torch.empty(tuple(shape))
        for first, last, shape in zip(ends, ends[1:], shapes, strict=False)
    ]
