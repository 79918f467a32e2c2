"""The verb `inputs`: the images that every method gets, as files for whatever restores them elsewhere."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

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

    part = Part(list(dict.fromkeys(categories or ())), list(dict.fromkeys(factors or ())))
    found = card_files.cards(profile, hr_size)
    tasks = work.of_table(table, found, part, lr) if table else work.of_profile(profile, found, part, lr)
    if with_hr and (without := [card.category for card, _ in tasks if not card.has_hr]):
        raise BenchError(f"{without[0]} has no ground truth that could be written: leave out --with-hr.")
    count = work.Inputs(tasks, limit, allow_enlarge, with_hr).write(target)
    options: dict[str, object] = {
        "--profile": "" if profile == "mini" else profile,
        "--lr": lr,
        "--category": categories,
        "--factor": factors if table or factors else [work.FACTOR],
        "-n": limit,
        "--hr-size": hr_size,
        "--allow-enlarge": allow_enlarge,
        "--with": "RESULTS",
    }
    say(
        f"written: {count} {'image' if count == 1 else 'images'} and manifest.csv to {target}. "
        "Restore each to its hr_size, and save it in a folder RESULTS under the path that manifest.csv has for it "
        "(file); then:\n"
        f"python -m bench {shlex.join(['table', table or 'NAME', *_words(options)])}"
    )


def _words(options: Mapping[str, object]) -> Iterator[str]:
    """Yield the words of the options that are given: without all of these `table` would measure other images."""
    for option, value in options.items():
        if value is True:
            yield option
        elif value:
            for each in value if isinstance(value, list) else [value]:
                yield from (option, str(each))
