"""The verb `inputs`: the images that every method gets, as files for whatever restores them elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from bench import atomic, degradation
from bench import cards as card_files
from bench.console import say
from bench.errors import BenchError, UnknownName
from bench.options import Categories, Factor, HrSize, Lr, Profile


def inputs(
    target: Annotated[Path, typer.Argument(file_okay=False, help="The folder to write.")],
    *,
    profile: Profile = "mini",
    factor: Factor = 16,
    categories: Categories = None,
    limit: Annotated[int | None, typer.Option("-n", "--limit", min=1, help="Images per category.")] = None,
    hr_size: HrSize = None,
    lr: Lr = "",
    allow_enlarge: Annotated[bool, typer.Option(help="Also take photographs smaller than the HR size.")] = False,
    with_hr: Annotated[bool, typer.Option("--with-hr", help="Write the ground truth as well.")] = False,
) -> None:
    """Write the images that every method gets, to be restored elsewhere; `table --with FOLDER` takes the results."""
    from bench.images import given
    from bench.verbs import inputs as work

    found = card_files.cards(profile, hr_size)
    for name in categories or ():
        if name not in found:
            raise UnknownName(f"category of {profile}:", name, found)
    measured = categories or list(found)
    if lr:
        found = given.instead(found, lr, measured)
    if with_hr and (without := [name for name in measured if not found[name].has_hr]):
        raise BenchError(f"{without[0]} has no ground truth that could be written: leave out --with-hr.")
    for category in measured:
        if why := degradation.fits(found[category].degradation, factor):
            raise BenchError(f"{category}: {why}.")
    rows: list[dict[str, str]] = []
    for category in measured:
        say(f"{category}: writing its inputs at {factor}x ...")
        rows += work.written(target, found[category], factor, limit=limit, allow_enlarge=allow_enlarge, with_hr=with_hr)
    if not rows:
        raise BenchError(f"{profile} has no image that can be used, so nothing was written to {target}.")
    atomic.write(target / "manifest.csv", work.manifest(rows).encode())
    say(
        f"written: {len(rows)} images and manifest.csv to {target}. Restore each to its hr_size, under its own name as "
        f"RESULTS/<category>/x{factor}/<id>.png, then: table NAME --with RESULTS"
    )
