"""Options that several verbs of the command line share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.cards import LARGEST


class Choice(StrEnum):
    """Which weight files are taken, as in `Task`."""

    ANY = "any"
    PUBLISHED = "published"
    OWN = "own"


ChosenWeights = Annotated[
    Choice, typer.Option("--weights", help="any: your own that are trained to their end come first.")
]
Profile = Annotated[
    str, typer.Option(help="mini, portraits, paper, or a folder with one sub-folder of photographs per category.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
HrSize = Annotated[
    int | None, typer.Option(min=1, max=LARGEST, help="Side of the ground truth in pixels, for the cards' own.")
]
Folder = Annotated[Path, typer.Option("--out", file_okay=False, help="Where results go.")]
Categories = Annotated[
    list[str] | None, typer.Option("--category", help="Of the table's categories this one alone; may be repeated.")
]
Columns = Annotated[
    list[str] | None, typer.Option("--columns", help="A category that the LaTeX tables show, for all; repeatable.")
]
Seeds = Annotated[
    list[int] | None,
    typer.Option("--seed", min=0, max=2**32 - 1, help="Of the methods that draw random numbers; several are averaged."),
]
Factor = Annotated[int, typer.Option(min=2, max=LARGEST, help="How many times larger the result is.")]
Unfinished = Annotated[
    bool, typer.Option("--unfinished", help="Also take weights of your own whose training has not ended.")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=10**7,  # four months; the system's clocks take no more than some centuries
        help="Seconds an image may take: every method then runs in a process of its own. Guests do anyhow; an hour.",
    ),
]
