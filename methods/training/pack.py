"""Weight files that training made, in 8 bits: `python -m methods.training.pack FILE ...` halves those to be handed on.

A file keeps its name and what its header says of its training. Only a training that has ended is packed: one that goes
on would go on from rounded weights. docs/adr/0011-eight-bits.md says what the rounding costs.
"""

import argparse
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open

from bench import atomic, files
from bench.console import run as run_command
from bench.console import say
from bench.spec import BadFile, BenchError
from methods.formats import eight_bits, sealed
from methods.weights import trained

_BEGUN_WITH = ("stylegan2", "stylegan2_discriminator", "biggan")
"""The kinds of networks that files are named as the beginning of: banks and discriminators."""


def pack(path: Path) -> tuple[int, int]:
    """Write a finished file of the suite anew in 8 bits; return its bytes before and after, the same if it was packed.

    A link stays one: the file that it leads to is written. Raises `BadFile` for a file of something else, of a training
    that has not ended, or with weights that are not finite.
    """
    _check_readable(path)
    if not trained.facts(path):
        raise BadFile(f"{path} does not say how it was trained; only files that `train` wrote are packed.")
    if begun := trained.unfinished(path):
        raise BadFile(f"{path} has been trained for {begun}; it is packed when it is finished.")
    with safe_open(path, "pt") as file:
        metadata, entries = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    before = path.stat()
    if eight_bits.FACT in metadata:
        return before.st_size, before.st_size
    if (kind := metadata.get("network", "").partition(".")[0]) in _BEGUN_WITH:
        raise BadFile(f"{path} is a {kind}, which other trainings have begun with; rounded, it would be another one.")
    if bad := sum(int((~entry.isfinite()).sum()) for entry in entries.values()):
        raise BadFile(f"{path}: {bad} of its weights are not finite, which no rounding mends; train it anew.")
    atomic.write(path.resolve(), sealed.pack(eight_bits.packed(entries), {**metadata, eight_bits.FACT: "8"}))
    path.chmod(stat.S_IMODE(before.st_mode))
    return before.st_size, path.stat().st_size


def _check_readable(path: Path) -> None:
    """Raise `BadFile` for what is no weight file at all, before anything is said of its training."""
    if not files.is_regular(path):
        raise BadFile(f"{path} is no file; name weight files that `train` wrote.")
    try:
        with safe_open(path, "pt"):
            pass
    except (OSError, SafetensorError) as error:
        raise BadFile(f"{path} is no weight file that can be read ({error}); name those that `train` wrote.") from error


def main(words: Sequence[str] | None = None) -> int:
    """Pack the files that are named; return the exit status."""
    return run_command(_pack, sys.argv[1:] if words is None else words)


def _pack(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m methods.training.pack", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="weight files that `train` wrote")
    refused = []
    for path in dict.fromkeys(parser.parse_args(words).files):
        try:
            before, after = pack(path)
        except BenchError as error:
            refused.append(str(error))
        else:
            say(f"{path}: {f'{before / 1e3:,.0f} -> {after / 1e3:,.0f} kB' if after != before else 'packed already'}")
    if refused:
        raise BenchError(" ".join(refused))
    return 0


if __name__ == "__main__":
    sys.exit(main())
