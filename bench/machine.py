"""The machine that a run is on: its cores and memory, and whether others are at work on it."""

import os
import re
from pathlib import Path

HERE = "here"
"""In place of the address of a cluster: one of this machine alone, which ends with the run."""
_A_PROCESS = 2**31
"""Bytes of memory that a process of ours may come to need: a network and its features at 1024 px."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """Return how many processes wanted to run at once over the last minute; None where nobody counts them."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows; a container without /proc
        return None


def memory() -> int | None:
    """Return how many bytes of memory a program can get without pushing others out; None where nobody counts them."""
    try:
        found = re.search(r"^MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def jobs() -> int:
    """Return how many processes may work side by side: one a core, as far as the memory that is free goes."""
    free = memory()
    return cores() if free is None else max(1, min(cores(), free // _A_PROCESS))


def busy() -> str:
    """Return a sentence if more is at work than there are cores, before a run of ours adds to it; else ""."""
    wanted, there = load(), cores()
    if wanted is None or wanted <= there:
        return ""
    return (
        f"This machine is busy: a load of {wanted:.1f} on {there} core{'s' if there > 1 else ''}. "
        "That makes the table slow; it will still finish."
    )
