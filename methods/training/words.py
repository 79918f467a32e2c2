"""What stands on the command line of training, read: numbers, devices, times."""

import argparse
import re
from collections.abc import Callable

import torch

from bench import devices
from bench.spec import BenchError

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number within bounds."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return value

    return read


def device(text: str) -> torch.device:
    """Return a device that is there and computes."""
    try:
        return devices.named(text)
    except BenchError as error:
        raise argparse.ArgumentTypeError(f"there is no device {text!r} on this machine; take cpu, or cuda") from error


def duration(text: str) -> float:
    """Return the seconds of 90s, 25m, 1.5h."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 90s, 25m or 2h")
    return float(match[1]) * _SECONDS[match[2]]
