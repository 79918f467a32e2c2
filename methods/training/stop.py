"""Ctrl-C and SIGTERM: the step is finished and a checkpoint written before the process ends."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A training ended by a signal, behind its last checkpoint."""

    def __init__(self, number: int) -> None:
        """Keep which one."""
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number
        """The exit status of a process that a signal ended, as shells have it."""


class Asked:
    """Whether a signal has asked for the end."""

    number = 0
    """Of the signal; 0: none."""

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Note a signal; the next of its kind ends the process at once."""
        self.number = number
        signal.signal(number, signal.SIG_DFL)
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        sys.stderr.write(
            f"\n{name}: ending after this step, with a checkpoint; send it again to end at once, without one.\n"
        )


@contextmanager
def asked() -> Iterator[Asked]:
    """Note signals instead of being ended by them; without effect outside the main thread, which alone gets them."""
    noted = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {number: signal.signal(number, noted) for number in _SIGNALS}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
