"""The verb `inputs`: the images that every method gets, as files for whatever restores them elsewhere."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from bench import atomic
from bench import cards as card_files
from bench.console import say
from bench.errors import BenchError
from bench.options import Categories, Factors, HrSize, Lr, Profile


def inputs(
    target: Annotated[Path, typer.Argument(file_okay=False, help="The folder to write.")],
    *,
    profile: Profile = "mini",
    table: Annotated[
        str, typer.Option(help="A table, whose categories, factors and variants are written in place of the profile's.")
    ] = "",
    factors: Factors = None,
    categories: Categories = None,
    limit: Annotated[int | None, typer.Option("-n", "--limit", min=1, help="Images per category.")] = None,
    hr_size: HrSize = None,
    lr: Lr = "",
    allow_enlarge: Annotated[bool, typer.Option(help="Also take photographs smaller than the HR size.")] = False,
    with_hr: Annotated[bool, typer.Option("--with-hr", help="Write the ground truth as well.")] = False,
) -> None:
    """Write the images that every method gets, to be restored elsewhere; `table --with FOLDER` takes the results."""
    from bench.plan import Part
    from bench.verbs import inputs as work

    part = Part(categories or (), factors or ())
    found = card_files.cards(profile, hr_size)
    tasks = work.of_table(table, found, part, lr) if table else work.of_profile(profile, found, part, lr)
    if with_hr and (without := [card.category for card, _ in tasks if not card.has_hr]):
        raise BenchError(f"{without[0]} has no ground truth that could be written: leave out --with-hr.")
    rows: list[dict[str, str]] = []
    for card, factor in tasks:
        say(f"{card.category}: writing its inputs at {factor}x ...")
        rows += work.written(target, card, factor, limit=limit, allow_enlarge=allow_enlarge, with_hr=with_hr)
    if not rows:
        raise BenchError(f"{profile} has no image that can be used, so nothing was written to {target}.")
    atomic.write(target / "manifest.csv", work.manifest(rows).encode())
    of = "" if profile == "mini" else f" --profile {shlex.quote(profile)}"
    say(
        f"written: {len(rows)} images and manifest.csv to {target}. Restore each to its hr_size, under its own name as "
        f"RESULTS/<category>/x<factor>/<id>.png, then: table {table or 'NAME'}{of} --with RESULTS"
    )
