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
        self._makers: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, made if it is not here; of threads that want it at once, one makes it."""
        with self._lock:
            if key in self._values:
                return self._used(key)
            maker = self._makers.setdefault(key, Lock())
        with maker:
            with self._lock:
                if key in self._values:  # another thread has just made it
                    return self._used(key)
            try:
                value = make()
                self._keep(key, value)
            finally:
                self._makers.pop(key, None)
            return value

    def _used(self, key: Hashable) -> Value:
        self._values.move_to_end(key)
        return self._values[key]

    def _keep(self, key: Hashable, value: Value) -> None:
        with self._lock:
            if key in self._values:  # two threads came after one that could not make it
                return
            self._values[key] = value
            self._size += self._size_of(value)
            while self._size > self._limit and len(self._values) > 1:
                self._size -= self._size_of(self._values.popitem(last=False)[1])
