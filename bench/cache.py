"""What was used last, up to a number of bytes, so that it is made once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by key; those that were not used for longest go first."""

    def __init__(self, limit: int, size: Callable[[Value], int]) -> None:
        """Hold values of `limit` bytes together, but always the last one; `size` tells those of a value."""
        self._limit, self._size_of = limit, size
        self._size = 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, made if it is not here; of threads that want it at once, one makes it."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            value = self._values[key] = make()
            self._size += self._size_of(value)
            while self._size > self._limit and len(self._values) > 1:
                self._size -= self._size_of(self._values.popitem(last=False)[1])
            return value
