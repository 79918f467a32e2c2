"""Which weight files a method reads and what they were trained on: noted while it loads, for the table to tell."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bench.spec import Weights

_NOTED: ContextVar[list[Weights] | None] = ContextVar("_NOTED", default=None)
_SOUGHT: ContextVar[bool] = ContextVar("_SOUGHT", default=False)


def note(file: str, trained_on: str) -> None:
    """Note a weight file by its name: it is being read, and was trained on these images.

    Whoever reads a file for a method says so: `methods.weights.load.find` for ours, a guest that chooses among files
    for itself. Without effect where nobody listens.
    """
    noted = _NOTED.get()
    if noted is not None:
        noted.append(Weights(file, trained_on))


@contextmanager
def seeking() -> Iterator[None]:
    """Have weight files looked for in the block, although a method is loaded on the meta device and reads none."""
    token = _SOUGHT.set(True)
    try:
        yield
    finally:
        _SOUGHT.reset(token)


def sought() -> bool:
    """Return whether weight files are to be looked for on the meta device, too."""
    return _SOUGHT.get()


@contextmanager
def listening() -> Iterator[list[Weights]]:
    """Return the list that everything noted in the block is put into, in the order it was read."""
    noted: list[Weights] = []
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)
