"""The verb `fetch`: weight files that a table reads, or test images."""

from typing import Annotated

import typer

from bench.errors import BenchError
from bench.options import Categories


def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Tables (table2, ...) or files by name; none: what the methods can use.")
    ] = None,
    *,
    categories: Categories = None,
    images: Annotated[
        str, typer.Option(metavar="PROFILE", help="The test images of a profile, in place of weights.")
    ] = "",
) -> None:
    """Download published weight files, or test images, with resume and checksum; offline, say what to get where."""
    from bench.verbs import fetch as work

    if images:
        if names:
            raise BenchError(f"--images is for test images, and {names[0]} is none; fetch it by itself.")
        work.photographs(images, categories)
    else:
        work.weights(names or (), categories)
