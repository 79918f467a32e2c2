"""The processes, one after another, in which a method is loaded for one task, and what becomes of one that ends."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

from bench.running import answers, wire
from bench.running.places import Asked, Place
from bench.running.process import START, Ended, Late
from bench.running.runner import Facts
from bench.spec import Task

ENDS = 3
"""Ends of the process in a row after which the rest of a cell is not tried."""

T = TypeVar("T")
Read: TypeAlias = Callable[[dict[str, Any], bytearray], T]
"""What makes of an answer what it says; raises `wire.Broken` for one that cannot be."""


class Session:
    """The processes, one after another, in which a method is loaded for one task."""

    def __init__(  # noqa: PLR0913, PLR0917 - what, for what, on what, how long, where
        self,
        reference: str,
        task: Task,
        device: torch.device,
        timeout: float,
        place: Place,
        process: Asked | None = None,
    ) -> None:
        """Take a process that has imported the method, if there is one."""
        self.reference = reference
        self.task = task
        self.device = device
        self.timeout = timeout
        self._place = place
        self._process = process
        self._ends = 0
        self.closed = False

    def load(self) -> tuple[Facts, ...]:
        """Load the method, in a new process if there is none."""
        return self._again(self._load)

    def ask(self, request: Mapping[str, Any], calls: int, read: Read[T], *pictures: Tensor, most: int = 0) -> T:
        """Ask something of the loaded method and `read` the answer; a process that ended is followed by another."""

        def ask() -> T:
            if self._process is None:
                if self._ends >= ENDS + self._place.again:
                    raise Ended(f"not tried: the process of the method had ended {self._ends} times in a row before")
                self._load()
            found = self._tried(request, calls * self.timeout, read, *pictures, most=most)
            self._ends = 0
            return found

        return self._again(ask)

    def _again(self, do: Callable[[], T]) -> T:
        """Do something, if its process ends as often as the place allows."""
        left = self._place.again
        while True:
            try:
                return do()
            except Ended as ended:
                if self.closed or not left or isinstance(ended, Late):
                    raise
                left -= 1

    def _load(self) -> tuple[Facts, ...]:
        if self.closed:
            raise Ended("it was closed")
        if self._process is None:
            self._process = self._place.start(self.reference)
        request = {"do": "load", "task": asdict(self.task), "device": str(self.device)}
        return self._tried(request, max(self.timeout, START), answers.facts)

    def _tried(self, request: Mapping[str, Any], limit: float, read: Read[T], *pictures: Tensor, most: int = 0) -> T:
        """Ask once; a process whose answer cannot be read is ended, as its next could be about anything."""
        if self._process is None:
            raise Ended("its process ended")
        try:
            return read(*self._process.ask(request, limit, *pictures, most=most))
        except (Ended, wire.Broken) as error:
            self._end()
            self._ends += 1
            if isinstance(error, wire.Broken):
                raise Ended(f"its process {error}") from error
            raise

    def close(self) -> None:
        """End the process, whatever it is doing, and start no other."""
        self.closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(patience=0)
