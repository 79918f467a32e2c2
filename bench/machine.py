"""The machine that a run is on: how many cores it may use, and whether others are at work on them."""

import os


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """Return how many processes wanted to run at once over the last minute; None where nobody counts them."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows; a container without /proc
        return None


def busy() -> str:
    """Return a sentence if more is at work than there are cores, before a run of ours adds to it; else ""."""
    wanted, there = load(), cores()
    if wanted is None or wanted <= there:
        return ""
    return (
        f"This machine is busy: a load of {wanted:.1f} on {there} core{'s' if there > 1 else ''}. "
        "The table is slow because of that; it ends all the same."
    )
