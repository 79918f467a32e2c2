"""Images read before they are wanted, while the methods compute in processes of their own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

import torch

from bench.errors import BenchError
from bench.images import data
from bench.spec import Card


@contextmanager
def ahead(cards: Sequence[tuple[Card, int, int]], *, allow_enlarge: bool) -> Iterator[None]:
    """Read the images of cards in a thread during the block, of each so many; a factor is one that it has.

    No image is read that would push out one read before. What is wrong with one is told when it is wanted.
    """
    done = Event()
    threads = torch.get_num_threads()

    def read() -> None:
        torch.set_num_threads(threads)  # torch keeps it by thread
        room = data.HELD
        for card, factor, count in cards:
            room -= 3 * card.hr_size**2 * count
            if room < 0 or not _read(card, factor, count, allow_enlarge, done):
                return

    thread = Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _read(card: Card, factor: int, count: int, allow_enlarge: bool, done: Event) -> bool:  # noqa: FBT001
    """Read the images of a card, and return whether to go on."""
    try:
        for _ in data.batches(card, factor, 1, count, allow_enlarge):
            if done.is_set():
                return False
    except (BenchError, OSError):
        return True
    return True
