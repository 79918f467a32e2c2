"""A training run: its folder, its time, its processes.

<folder>/checkpoint.pt   everything, replaced as a whole every few minutes; read with weights_only
<folder>/state.safetensors  its weights in float16, small enough to be carried elsewhere; read if there is no other
<folder>/log.csv         a line every few steps; lines after the checkpoint are dropped when a run goes on
<folder>/samples.png     what the network makes at the time of the checkpoint
"""

import csv
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench import atomic
from bench.spec import BadFile
from methods.training import carry
from methods.training.key import Key
from methods.training.processes import agreed, rank

_CHECKPOINT = "checkpoint.pt"
_CARRIED = "state.safetensors"


class Run:
    """Where a run keeps its things, and how long it may go on."""

    def __init__(
        self, folder: Path, key: Key | None = None, *, seconds: float | None = None, every: float = 300
    ) -> None:
        """Take the folder, of which training it is, the time it has, and the seconds between two checkpoints."""
        self.folder, self._key = folder, key
        self._every = every
        self._start = self._saved = time.monotonic()
        self._before = 0.0
        self._seconds = seconds
        self._lines: list[dict[str, float]] = []

    @property
    def begun(self) -> bool:
        """True if there is something to go on from."""
        return self._latest is not None

    @property
    def _latest(self) -> Path | None:
        files = (self.folder / name for name in (_CHECKPOINT, _CARRIED))
        return next((path for path in files if path.is_file()), None)

    def load(self, take: Callable[[dict[str, Any]], object]) -> None:
        """Hand the last state, if there is one, to `take`.

        Raises `BadFile` if it cannot be read or taken, or is of another training; one of an older version does not say.
        """
        path = self._latest
        if path is None:
            return
        try:
            state: dict[str, Any] = (
                carry.unpack(path) if path.name == _CARRIED else torch.load(path, map_location="cpu", weights_only=True)
            )
        except Exception as error:
            raise BadFile(f"{path} cannot be read ({error}); delete it to begin anew.") from error
        if self._key:
            self._key.check(path, json.loads(state.get("key", "{}")), "Move or delete its folder to begin anew.")
        adopted(path, lambda: take(state))
        self._before = state["seconds"]
        self._lines = [line for line in self._read_log() if line["step"] < state["step"]]

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint and the log; only the first process writes."""
        self._saved = time.monotonic()
        if rank() == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f"{_CHECKPOINT}.part"
            key = json.dumps(self._key.facts() if self._key else {})
            whole = {**state, "key": key, "seconds": self.seconds}
            torch.save(whole, partial)
            partial.replace(self.folder / _CHECKPOINT)
            atomic.write(self.folder / _CARRIED, carry.pack(whole))
            self._write_log()

    @property
    def seconds(self) -> float:
        """Return how long the run took so far, with the parts before it was stopped."""
        return self._before + time.monotonic() - self._start

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Keep a line for the log."""
        self._lines.append({"step": step, **values})

    @property
    def due(self) -> bool:
        """True if it is time for a checkpoint."""
        return agreed(time.monotonic() - self._saved > self._every)

    @property
    def over(self) -> bool:
        """True if the run has used its time."""
        return agreed(self._seconds is not None and time.monotonic() - self._start > self._seconds)

    def _write_log(self) -> None:
        names = list(dict.fromkeys(name for line in self._lines for name in line))
        with (self.folder / "log.csv.part").open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self._lines)
        (self.folder / "log.csv.part").replace(self.folder / "log.csv")

    def _read_log(self) -> list[dict[str, float]]:
        path = self.folder / "log.csv"
        if not path.is_file():
            return []
        with path.open(newline="") as file:
            lines = [{name: float(value) for name, value in line.items() if value} for line in csv.DictReader(file)]
        return [line | {"step": int(line["step"])} for line in lines]


def adopted(path: Path, take: Callable[[], object]) -> None:
    """Run what puts the content of a file into networks; raises `BadFile` if it is of other networks."""
    try:
        take()
    except BadFile as error:
        raise BadFile(f"{path}: {error}") from error
    except (IndexError, KeyError, RuntimeError, ValueError) as error:
        raise BadFile(
            f"{path} is of another network than the one to be trained ({str(error).splitlines()[-1].strip()}). "
            "Its recipe or sizes have changed since; delete it to begin anew."
        ) from error


def precision(device: torch.device, *, half: bool = True) -> torch.autocast:
    """Return the context in which networks are computed: in bfloat16 if `half` and if that is faster, else in float32.

    A CPU without 512-bit vectors computes convolutions in bfloat16 at a ninth of its speed in float32.
    """
    fast = device.type != "cpu" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.autocast(device.type, torch.bfloat16, enabled=half and fast)


def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an exponential moving average of a network's parameters; buffers are copied."""
    with torch.no_grad():
        for old, now in zip(average.parameters(), network.parameters(), strict=True):
            old.lerp_(now, 1 - decay)
        for buffer, new in zip(average.buffers(), network.buffers(), strict=True):
            buffer.copy_(new)
