"""A training run: its folder, its time, its processes.

<folder>/checkpoint.pt   everything, every few minutes; with the one before it (methods/training/checkpoint.py)
<folder>/state.safetensors  its weights in float16, small enough to be carried elsewhere; read if there is no other
<folder>/log.csv, samples.png  a line every few steps, and what the network makes at the time of the checkpoint
"""

import csv
import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from torch import Tensor

from bench import atomic
from bench.spec import BadFile
from methods.training import carry, checkpoint, stop
from methods.training.key import Key
from methods.training.processes import agreed, anyone, rank

_LOG = "log.csv"
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
        self._lines: list[dict[str, float | Tensor]] = []
        self.asked = stop.Asked()

    @property
    def begun(self) -> bool:
        """True if there is something to go on from."""
        return bool(self._states)

    @property
    def _states(self) -> list[Path]:
        """Return the files with a state, the one to go on from first."""
        files = (self.folder / name for name in (checkpoint.NEWEST, checkpoint.BEFORE, _CARRIED))
        return [path for path in files if path.is_file()]

    def clean(self) -> None:
        """Remove what a killed process left half written; only who alone trains here may do so."""
        if rank() == 0:
            for part in (*self.folder.glob("*.part"), *self.folder.glob(".*.part")):
                part.unlink(missing_ok=True)

    def load(self, take: Callable[[dict[str, Any]], object]) -> None:
        """Hand the last state that is whole, if there is one, to `take`; say so if it is not the newest.

        Raises `BadFile` if none can be read, or if it is of another training; one of an older version does not say.
        """
        path, state = self._whole()
        if path is None:
            return
        if self._key:
            self._key.check(path, _key_of(path, state), "Move or delete its folder to begin anew.")
        adopted(path, lambda: take(state))
        self._before = state["seconds"]
        self._lines = [{**line} for line in self._read_log() if line["step"] < state["step"]]

    def _whole(self) -> tuple[Path | None, dict[str, Any]]:
        """Return the first state that is whole, and its file; none if there is no file."""
        damaged = []
        for path in self._states:
            try:
                state = carry.unpack(path) if path.name == _CARRIED else checkpoint.read(path)
            except BadFile as error:
                damaged.append(str(error))
                continue
            if damaged:
                say(f"{' '.join(damaged)} The training goes on from {path.name}, step {state['step']:,}.")
            return path, state
        if damaged:
            raise BadFile(f"{' '.join(damaged)} Delete {self.folder} to begin anew.")
        return None, {}

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint and the log; only the first process writes."""
        self._saved = time.monotonic()
        if rank() == 0:
            key = json.dumps(self._key.facts() if self._key else {})
            whole = {**state, "key": key, "seconds": self.seconds}
            checkpoint.write(self.folder, whole)
            atomic.write(self.folder / _CARRIED, carry.pack(whole))
            self._write_log()

    @property
    def seconds(self) -> float:
        """Return how long the run took so far, with the parts before it was stopped."""
        return self._before + time.monotonic() - self._start

    def log(self, step: int, values: Mapping[str, float | Tensor]) -> None:
        """Keep a line for the log; what is on a GPU is read when the log is written."""
        kept = {name: value.clone() if isinstance(value, Tensor) else value for name, value in values.items()}
        self._lines.append({"step": step, **kept})

    @property
    def due(self) -> bool:
        """True if it is time for a checkpoint."""
        return agreed(time.monotonic() - self._saved > self._every)

    @property
    def over(self) -> bool:
        """True if the run has used its time."""
        return agreed(self._seconds is not None and time.monotonic() - self._start > self._seconds)

    @property
    def interrupted(self) -> bool:
        """True if a signal has asked one of the processes to end."""
        return anyone(self.asked.number > 0)

    def _write_log(self) -> None:
        lines = [{name: _number(value) for name, value in line.items()} for line in self._lines]
        names = list(dict.fromkeys(name for line in lines for name in line))
        text = io.StringIO()
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(lines)
        atomic.write(self.folder / _LOG, text.getvalue().encode())

    def _read_log(self) -> list[dict[str, float]]:
        """Return the lines of the log. It is for people alone: one that cannot be read is put aside, and said so."""
        path, reason = self.folder / _LOG, ""
        if not path.is_file():
            return []
        try:
            text = path.read_text(encoding="utf-8")
            reader = csv.DictReader(io.StringIO(text))
            lines = [{name: float(value) for name, value in line.items() if value} for line in reader]
            if text.strip() and "step" in (reader.fieldnames or ()):
                return [line | {"step": int(line["step"])} for line in lines]
            reason = "it has no column step" if text.strip() else ""
        except (OSError, ValueError, KeyError, TypeError, OverflowError, csv.Error) as error:
            reason = str(error)
        if reason:
            aside = path.with_name("log.damaged.csv")
            say(f"{path} cannot be read ({reason}); it is now {aside.name}, and a new one is begun.")
            if rank() == 0:
                path.replace(aside)
        return []


def _number(value: float | Tensor) -> float:
    return value.item() if isinstance(value, Tensor) else value


def say(words: str) -> None:
    """Tell a person something of the run that is no error; the first process does."""
    if rank() == 0:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[yellow]note[/]: {escape(words)}")


def _key_of(path: Path, state: Mapping[str, Any]) -> dict[str, object]:
    """Return what a state says of its training."""
    try:
        return dict(json.loads(state.get("key", "{}")))
    except (TypeError, ValueError) as error:
        raise BadFile(f"{path} does not say of which training it is; delete its folder to begin anew.") from error


def adopted(path: Path, take: Callable[[], object]) -> None:
    """Run what puts the content of a file into networks; raises `BadFile` if it is of other networks."""
    try:
        take()
    except BadFile as error:
        raise BadFile(f"{path}: {error}") from error
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[-1].strip()
        raise BadFile(
            f"{path} is of another network than the one to be trained ({reason}). "
            "Its recipe or sizes have changed since; delete it to begin anew."
        ) from error


def precision(device: torch.device, *, half: bool = True) -> torch.autocast:
    """Return the context in which networks are computed: in bfloat16 if `half` and if that is faster, else in float32.

    Of CPUs that is those which multiply in it, with matrix tiles (AMX) or with 512-bit vectors (AVX512_BF16): others
    compute convolutions in bfloat16 at a ninth (AVX2) to two thirds (512-bit vectors) of their speed in float32.
    """
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # since torch 2.10
    fast = device.type != "cpu" or any(able.get(each, False) for each in ("amx_bf16", "avx512_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=half and fast)
