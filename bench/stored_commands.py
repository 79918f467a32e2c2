"""The verbs for tables that were measured before: render them, join parts of one, compare two runs."""

import glob
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench import atomic
from bench.console import say
from bench.errors import BenchError
from bench.options import Columns

if TYPE_CHECKING:
    from bench.report.compare import Comparison

_HEAD = ("category", "factor", "method", "metric", "n", "second minus first", "farthest", "")


def render(
    folder: Annotated[Path, typer.Argument(help="Where a run wrote its tables.")], *, columns: Columns = None
) -> None:
    """Write the tables of a folder anew from their <table>.json, by today's rules; nothing is measured.

    Pages, too, where the pictures lie; where they do not, a page that was handed on stays, which holds them.
    """
    say(f"{folder}: rendering its tables ...")
    from bench import fingerprint, profiles
    from bench.report import figures, stored, storing
    from bench.report import render as layout
    from bench.viewer import page, pictures

    commit = fingerprint.commit()  # before a file of the checkout may change
    names = stored.names(folder)
    for name in names:
        profiles.check_table_name(name, folder / f"{name}.json")
    for name in names:
        found = stored.read(folder / f"{name}.json")
        other = {"rendered anew": f"commit {commit}"} if found.machine.get("commit") != commit else {}
        texts = layout.texts(found.table, {**found.machine, **other}, columns or ())
        texts[".json"] = storing.text(found.table, found.records, found.machine)
        for ending, text in texts.items():
            atomic.write(folder / f"{name}{ending}", text.encode(errors="backslashreplace"))
        curves = figures.curves(found.table, folder / f"{name}.curves.png")
        written = [folder / f"{name}{ending}" for ending in texts] + curves
        if pictures.find(found.records, folder):
            written += page.write(folder, found.table, found.records, found.machine)
        else:
            say(f"{name}: no page is written, as the pictures of the run do not lie in {folder}.")
        say(f"written: {', '.join(map(str, written))}")


def merge(
    parts: Annotated[list[Path], typer.Argument(help="<table>.json of two or more runs of one table.")],
    *,
    out: Annotated[Path, typer.Option(help="A folder for the joined table, where there is none of its name.")],
    columns: Columns = None,
) -> None:
    """Join a table that was measured in parts; a cell of a later one replaces that of an earlier one.

    It is judged anew as a whole, and says which cells were measured with other versions or at another commit.
    """
    say(f"joining {', '.join(map(str, parts))} ...")
    from bench.report import figures, joined, sealing, spreadsheet, stored
    from bench.report import render as layout

    if len(set(parts)) < 2:  # noqa: PLR2004 - one is no part
        raise BenchError(f"there is one table alone, {parts[0]}; give two or more parts of it.")
    contents = {path: sealing.content(path) for path in parts}
    content, seconds = joined.join(contents), joined.timing(contents)
    name = joined.named(content)
    if there := sorted(out.glob(f"{glob.escape(name)}.*")):
        raise BenchError(f"{there[0]} is there already, and is not written over; give another folder with --out.")
    found = stored.of(Path(" + ".join(map(str, parts))), content)
    out.mkdir(parents=True, exist_ok=True)
    written = layout.write(found.table, found.records, found.machine, out, columns or ())
    atomic.write(out / f"{name}.timing.csv", spreadsheet.text(seconds).encode())
    say(f"written: {', '.join(map(str, [*written, *figures.curves(found.table, out / f'{name}.curves.png')]))}")


def compare(
    first: Annotated[Path, typer.Argument(help="A folder of results, a <table>.json or a <table>.images.csv.")],
    second: Annotated[Path, typer.Argument(help="The same, of the run that is judged.")],
    *,
    tolerance: Annotated[
        str, typer.Option(help="How much worse means may be: psnr=0.05,lpips=0.002; unsaid, not at all.")
    ] = "",
) -> None:
    """Compare two runs image by image; exit status 1 if the second is worse, or of other protocols or images.

    Without a tolerance, a mean that is worse at all counts, or an image that failed; docs/results.md says more.
    """
    say(f"comparing {second} with {first} ...")
    from bench.report import compare as comparison
    from bench.report import runs

    allowed = comparison.tolerances(tolerance)
    one, other = runs.read(first), runs.read(second)
    names = [name for name in one if name in other] if first.is_dir() or second.is_dir() else []
    pairs = [(name, one[name], other[name]) for name in names] or [
        (name, run, judged) for (name, run), judged in zip(one.items(), other.values(), strict=False)
    ]
    if first.is_dir() and second.is_dir() and not names:
        raise BenchError(f"{first} has {', '.join(one)} and {second} has {', '.join(other)}: no table of both.")
    worse = False
    for name, run, judged in pairs:
        found = comparison.compare(run, judged, allowed)
        _show(name, found)
        worse |= found.refused or bool(found.lost) or any(each.worse for each in found.differences)
        if not found.differences and not found.lost:
            raise BenchError(f"{name}: the two runs have no image and metric of one protocol in common.")
    if worse:
        raise typer.Exit(1)


def _show(name: str, found: "Comparison") -> None:
    """Print a comparison: every cell that differs, in a line."""
    from tabulate import tabulate

    rows = [
        (*each.place, each.metric, each.n, _interval(each.mean, each.half_width), each.farthest, each.worse)
        for each in found.differences
        if each.mean or each.farthest or each.worse
    ]
    equal = len(found.differences) - len(rows)
    cells = f"{equal} of {len(found.differences)} cells and metrics are equal image by image"
    say("\n".join([f"{name}: {cells}.", *found.remarks]))
    if rows:
        say(tabulate(rows, _HEAD, disable_numparse=True))
    for each in found.differences:
        if each.worse:
            say(f"worse: {' '.join(map(str, each.place))}, {each.metric}: {each.worse}")
    for sentence in found.lost:
        say(f"worse: {sentence}")


def _interval(mean: float, half_width: float) -> str:
    """Return a difference with its interval."""
    return f"{mean:+.6f}" + ("" if math.isinf(half_width) else f" ± {half_width:.6f}")
