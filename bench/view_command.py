"""The verbs for the pages of tables: open one, write one to hand on."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from bench import profiles
from bench.console import say
from bench.errors import BenchError, UnknownName
from bench.options import Folder, Hidden, Profile

_RESULTS = Path("reports/out")


def view(
    name: Annotated[
        str, typer.Argument(metavar="[TABLE]", help="table2, factors ...; without it, all there are.")
    ] = "",
    *,
    profile: Profile = "mini",
    folder: Folder = _RESULTS,
    show: Annotated[bool, typer.Option("--open/--print", help="Open a browser, where there is a screen.")] = True,
) -> None:
    """Print the address of a table's page, and open it in a browser."""
    say(f"looking for pages in {folder} ...")
    place = _place(folder, profile)
    pages = [_page(place, name)] if name else sorted(place.glob("*.html"))
    if not pages:
        raise BenchError(f"{place} holds no page of a table; write one: python -m bench table table2")
    for path in pages:
        say(path.resolve().as_uri())
    if show and len(pages) == 1 and _screen():
        webbrowser.open(pages[0].resolve().as_uri())


def export(
    table: Annotated[str, typer.Argument(help="table2, factors ..., or the <table>.json of a run.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; with --single, the file.")],
    *,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, help="Images per category whose pictures it holds.")
    ] = 25,
    single: Annotated[bool, typer.Option("--single", help="One file, pictures included.")] = False,
    quality: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Pictures as WebP of this quality, to be small; the page says so."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Where another run of the table, such as reports/out/mini, left its pictures."
        ),
    ] = None,
    hidden: Hidden = None,
    profile: Profile = "mini",
    folder: Folder = _RESULTS,
) -> None:
    """Write a table's page with its first pictures, to hand on: it needs nothing else, and no network."""
    say(f"{table}: writing its page ...")
    from bench.viewer import handout

    path = Path(table) if table.endswith(".json") else _place(folder, profile) / f"{table}.json"
    if single and target.is_dir():
        raise BenchError(
            f"{target} is a folder; with --single, name the file to write, such as {target}/{path.stem}.html."
        )
    written = handout.write(path, target, handout.Form(limit, single, quality, tuple(hidden or ())), images)
    say(f"written: {', '.join(map(str, written))}")


def _place(folder: Path, profile: str) -> Path:
    """Return the folder of a profile's results."""
    from bench import store

    return store.profile_folder(folder, profiles.profile_name(profile))


def _page(place: Path, name: str) -> Path:
    """Return the page of a table. Raises `UnknownName` or `BenchError` if it is not there."""
    path = place / f"{name}.html"
    if path.is_file():
        return path
    there = [each.stem for each in place.glob("*.html")]
    if there:
        raise UnknownName(f"page in {place}:", name, there)
    raise BenchError(f"{path} is not there; write it: python -m bench table {name}, or bench render {place}")


def _screen() -> bool:
    """Return whether a browser would have where to show itself."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
