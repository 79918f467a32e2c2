"""Messages between the harness and the process of a method: a JSON header, then the bytes of pictures.

Nothing that is received is run: there is no pickle. What the other side sends is checked by whoever reads it.
"""

import json
import select
import socket
import struct
from collections.abc import Callable
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
    text = json.dumps(header).encode()
    content = [plain(each) for each in pictures]
    to.sendall(_LENGTHS.pack(len(text), sum(map(len, content))) + text)
    for each in content:
        to.sendall(each)


def receive(
    source: socket.socket, *, most: int | None = None, look: Callable[[bool], None] = lambda _: None
) -> Message:
    """Wait for a message and return its header and the bytes of its pictures, at most `most`.

    `look` is called again and again, with whether nothing came for a moment, and may raise. Raises `Broken`.
    """
    length, size = _LENGTHS.unpack(_exactly(source, _LENGTHS.size, look))
    if length > _LONGEST_HEADER or (most is not None and size > most):
        raise Broken(NO_ANSWER)
    try:
        header = json.loads(_exactly(source, length, look))
    except (ValueError, RecursionError):
        raise Broken(NO_ANSWER) from None
    if not isinstance(header, dict):
        raise Broken(NO_ANSWER)
    return header, _exactly(source, size, look)


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
