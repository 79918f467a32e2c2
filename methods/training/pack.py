"""Weight files that training made, in 8 bits: `python -m methods.training.pack FILE ...` halves those to be handed on.

A file keeps its name and what its header says of its training. Only a training that has ended is packed: one that goes
on would go on from rounded weights. docs/adr/0011-eight-bits.md says what the rounding costs.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors import safe_open

from bench import atomic
from bench.console import run as run_command
from bench.console import say
from bench.spec import BadFile
from methods.formats import eight_bits, sealed
from methods.weights import trained

_BEGUN_WITH = ("stylegan2", "stylegan2_discriminator", "biggan")
"""The kinds of networks that files are named as the beginning of: banks and discriminators."""


def pack(path: Path) -> tuple[int, int]:
    """Write a finished file of the suite anew in 8 bits; return its bytes before and after.

    Raises `BadFile` for a file of something else, of a training that has not ended, or packed before.
    """
    if not trained.facts(path):
        raise BadFile(f"{path} does not say how it was trained; only files that `train` wrote are packed.")
    if begun := trained.unfinished(path):
        raise BadFile(f"{path} has been trained for {begun}; it is packed when it is finished.")
    with safe_open(path, "pt") as file:
        metadata, entries = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    if eight_bits.FACT in metadata:
        raise BadFile(f"{path} is packed already.")
    if (kind := metadata.get("network", "").partition(".")[0]) in _BEGUN_WITH:
        raise BadFile(f"{path} is a {kind}, which other trainings have begun with; rounded, it would be another one.")
    before = path.stat().st_size
    atomic.write(path, sealed.pack(eight_bits.packed(entries), {**metadata, eight_bits.FACT: "8"}))
    return before, path.stat().st_size


def main(words: Sequence[str] | None = None) -> int:
    """Pack the files that are named; return the exit status."""
    return run_command(_pack, sys.argv[1:] if words is None else words)


def _pack(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m methods.training.pack", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="weight files that `train` wrote")
    for path in parser.parse_args(words).files:
        before, after = pack(path)
        say(f"{path}: {before / 1e3:,.0f} -> {after / 1e3:,.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
