"""What `latency` does: seconds and memory of the methods, measured one by one, each in a process of its own."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import methods as suite
from bench import atomic, fingerprint, machine, store
from bench.console import say
from bench.cost import latency as cost
from bench.spec import BenchError, Card, Task

_NOTE = (
    "Seconds of a call, all images of the batch together: median and quartiles, once they had settled; the first call, "
    "which makes what is made once, and loading stand apart. Memory: on CUDA the most that was allocated and, behind "
    "it, reserved; on a CPU by how much the process grew. ~: of a few steps of a search, the others being like them. "
    "?: the times had not settled. !: more was at work on the machine than it has cores, so the figure is not good."
)


def places(cards: list[Card], factors: list[int]) -> list[tuple[Card, int]]:
    """Return a card and a factor for each pair of sizes: images of one size cost the same, whatever they show."""
    found: dict[tuple[int, int], tuple[Card, int]] = {}
    for card in cards:
        for factor in factors:
            if card.hr_size % factor == 0:
                found.setdefault((card.hr_size, factor), (card, factor))
    if not found:
        raise BenchError(f"none of the factors {', '.join(map(str, factors))} divides the size of the images.")
    return list(found.values())


def line(word: str, task: Task, batch: int, *, device: torch.device, budget: float) -> dict[str, Any]:
    """Measure one method in a process of its own, and return what is told of it."""
    known = {"method": word, "category": task.category, "factor": task.factor, "lr_size": task.lr_size}
    known |= {"hr_size": task.hr_size, "batch": batch, "device": fingerprint.device_name(device)}
    asked = {"method": word, "task": asdict(task), "device": str(device), "batch": batch, "budget": budget}
    busy = bool(machine.busy())
    command = [sys.executable, "-m", "bench", "-q", "latency", "--one", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1].removeprefix("error: ")
        return {**known, "reason": reason}
    return {**known, **json.loads(done.stdout), "busy": busy or bool(machine.busy()), "reason": ""}


def measured(asked: dict[str, Any]) -> dict[str, Any]:
    """Measure what `line` asks for, in this process."""
    method, task = suite.find(asked["method"]), Task(**asked["task"])
    if refusal := method.spec.refuses(task):
        raise BenchError(refusal)
    if asked["batch"] > method.spec.max_batch:
        raise BenchError(f"{method.spec.title} takes {method.spec.max_batch} images at once, not {asked['batch']}")
    found = cost.measure(method, task, torch.device(asked["device"]), asked["batch"], asked["budget"])
    return {"title": method.spec.title, "threads": torch.get_num_threads(), **cost.plain(found)}


def write(lines: list[dict[str, Any]], device: torch.device, folder: Path, profile: str) -> None:
    """Write latency.md, .csv and .json, and print the table."""
    from tabulate import tabulate  # noqa: PLC0415

    from bench.report import spreadsheet  # noqa: PLC0415

    facts = {**fingerprint.machine(device), "dtype": str(torch.get_default_dtype())}
    heads = ("method", "size", "batch", "seconds a call", "images a second", "first call", "loading", "memory")
    rows = [_shown(line) for line in lines]
    text = f"# Latency\n\n{tabulate(rows, heads, tablefmt='pipe', disable_numparse=True)}\n\n{_NOTE}\n\n"
    text += "".join(f"- {name}: {value}\n" for name, value in facts.items())
    target = store.profile_folder(folder, profile)
    contents = {
        ".md": text,
        ".csv": spreadsheet.text(spreadsheet.frame(lines)),
        ".json": json.dumps({"machine": facts, "measurements": lines}, indent=1) + "\n",
    }
    for ending, content in contents.items():
        atomic.write(target / f"latency{ending}", content.encode(errors="backslashreplace"))
    say(f"{text}\nWritten: {', '.join(str(target / f'latency{ending}') for ending in contents)}")


def _shown(line: dict[str, Any]) -> tuple[str, ...]:
    """Return a row of the table that people read."""
    size = f"{line['lr_size']} to {line['hr_size']}"
    if line["reason"]:
        return (line["method"], size, str(line["batch"]), f"- {line['reason']}", "", "", "", "")
    mark = ("~" if line["calls"] == 0 else "" if line["settled"] else "?") + ("!" if line["busy"] else "")
    spread = "" if line["low"] is None else f" ({line['low']:.4f} to {line['high']:.4f})"
    reserved = f" / {line['reserved'] / 1e6:.0f}" if line["reserved"] else ""
    return (
        line["title"],
        size,
        str(line["batch"]),
        f"{line['median']:.4f}{spread}{mark}",
        f"{line['batch'] / line['median']:.1f}" if line["median"] else "",
        "" if line["first"] is None else f"{line['first']:.3f}",
        f"{line['load']:.3f}",
        f"{line['memory'] / 1e6:.0f}{reserved} MB",
    )
