"""Seconds per image that work took on this machine, kept from run to run: what the estimate of a table rests on.

A small file in the user's cache. It is no result: one that is damaged or cannot be written is done without.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bench import store
from bench.paths import cache
from bench.spec import OutputError


def known() -> dict[str, float]:
    """Return what was kept, by what was done."""
    found = store.read_json(_file()) or {}
    return {name: float(value) for name, value in found.items() if isinstance(value, (int, float)) and value >= 0}


def keep(seconds: Mapping[str, float]) -> None:
    """Keep new seconds beside the older ones of other work."""
    with suppress(OutputError):
        store.write_json(_file(), known() | dict(seconds))


def _file() -> Path:
    return cache() / "timings.json"
