"""Work in several threads at once, whose items come out as they are made: what computes is in other processes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Condition, Thread
from time import monotonic
from typing import Any, Protocol, TypeVar

import torch

Item = TypeVar("Item")
Made = TypeVar("Made")

_PATIENCE = 5.0
"""Seconds that threads have to end; one that cannot, as its guest hangs while it is imported, ends with the program."""
_PAUSE = 0.1
"""Seconds between two looks at what others are doing."""


class Work(Iterable[Any], Protocol):
    """A piece of work, such as a cell. To go through it is to do it, or if others are at it a share of it."""

    @property
    def left(self) -> int | None:
        """How many parts of it nobody has taken yet, so that another thread may come in; None: not known yet."""
        ...

    def end(self) -> None:
        """Let everybody who is at it end at once."""
        ...


Piece = TypeVar("Piece", bound=Work)


def together(works: Sequence[Piece], jobs: int, after: Mapping[int, int]) -> Iterator[tuple[Piece, Any]]:
    """Do works in so many threads and yield each item with its work, as it comes.

    A thread takes the first work that nobody has begun, and if there is none, a share of the one with most left.
    `after`: a work's number -> that of the one before it that must have ended when it begins. What a thread raises is
    raised here; then, as after Ctrl-C, all are ended.
    """
    queue = _Queue(works, after)
    told: SimpleQueue[tuple[Piece, Any] | BaseException | None] = SimpleQueue()
    threads = [Thread(target=_go, args=(queue, told, torch.get_num_threads()), daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    running = jobs
    try:
        while running:
            item = told.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                running -= 1
            else:
                yield item
    finally:
        queue.close()
        until = monotonic() + _PATIENCE
        for thread in threads:
            thread.join(max(0.0, until - monotonic()))


def ahead(function: Callable[[Item], Made], items: Iterable[Item], jobs: int) -> Iterator[Made]:
    """Yield the function of each item, in order, made by so many threads; few items are taken ahead of time."""
    if jobs == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Made]] = deque()
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


def _go(queue: "_Queue", told: "SimpleQueue[tuple[Any, Any] | BaseException | None]", threads: int) -> None:
    """Take works and do them until there are none."""
    torch.set_num_threads(threads)  # torch keeps it by thread
    done: set[int] = set()
    try:
        while (number := queue.take(done)) is not None:
            done.add(number)
            work = queue.works[number]
            try:
                for item in work:
                    told.put((work, item))
            finally:
                queue.leave(number)
    except BaseException as error:  # noqa: BLE001 - `together` raises it
        told.put(error)
    else:
        told.put(None)


@dataclass(slots=True)
class _Queue:
    """Which works are begun and ended."""

    works: Sequence[Work]
    after: Mapping[int, int]
    at: dict[int, int] = field(default_factory=dict)
    """How many threads are at each work that was begun."""
    closed: bool = False
    changed: Condition = field(default_factory=Condition)

    def take(self, done: set[int]) -> int | None:
        """Return the work that a thread is to do next; None: there will be none for it.

        It waits for works that come after others, and to know whether one that was begun can be shared.
        """
        with self.changed:
            while not self.closed:
                waiting = [number for number in range(len(self.works)) if number not in self.at]
                others = {number: self.works[number].left for number in self.at.keys() - done}
                shared = {number: left for number, left in others.items() if left}
                ready = [number for number in waiting if self.at.get(self.after.get(number, -1), 0) == 0]
                if ready or shared:
                    number = ready[0] if ready else max(shared, key=lambda one: shared[one])
                    self.at[number] = self.at.get(number, 0) + 1
                    return number
                if not waiting and None not in others.values():
                    return None
                self.changed.wait(_PAUSE)
            return None

    def leave(self, number: int) -> None:
        """Note that a thread has ended its share of a work."""
        with self.changed:
            self.at[number] -= 1
            self.changed.notify_all()

    def close(self) -> None:
        """Give out no more, and end what is being done."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        for number in list(self.at):
            self.works[number].end()
