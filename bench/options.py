"""Options that several verbs of the command line share."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cards import LARGEST

Profile = Annotated[
    str, typer.Option(help="mini, portraits, paper, or a folder with one sub-folder of photographs per category.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
HrSize = Annotated[
    int | None, typer.Option(min=1, max=LARGEST, help="Side of the ground truth in pixels, for the cards' own.")
]
Folder = Annotated[Path, typer.Option("--out", file_okay=False, help="Where results go.")]
Columns = Annotated[
    list[str] | None, typer.Option("--columns", help="A category that the LaTeX tables show, for all; repeatable.")
]
Seeds = Annotated[
    list[int] | None,
    typer.Option("--seed", min=0, max=2**32 - 1, help="Of the methods that draw random numbers; several are averaged."),
]
Factor = Annotated[int, typer.Option(min=2, max=LARGEST, help="How many times larger the result is.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="Seconds an image may take: every method then runs in a process of its own. Guests do anyhow; an hour.",
    ),
]
