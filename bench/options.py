"""Options that several verbs of the command line share."""

from collections.abc import Sequence
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


class Step(StrEnum):
    """The steps of a table that can be run alone."""

    RESTORE = "restore"
    SCORE = "score"
    RENDER = "render"


class Part(StrEnum):
    """What `convert` takes of a file."""

    NETWORK = "network"
    DISCRIMINATOR = "discriminator"


ChosenWeights = Annotated[
    Choice, typer.Option("--weights", help="any: your own come first, if their training has ended.")
]
Profile = Annotated[
    str, typer.Option(help="mini, portraits, paper, or a folder with one sub-folder of photographs per category.")
]
Lr = Annotated[
    str,
    typer.Option(
        "--lr",
        help="LR images of your own in place of the suite's: a folder with <category>/x<factor>/<id>.png, or a pattern "
        "such as 'lr/{category}/{id}_LR.png'.",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
HrSize = Annotated[
    int | None, typer.Option(min=1, max=LARGEST, help="Side of the ground truth in pixels, in place of the cards'.")
]
Folder = Annotated[Path, typer.Option("--out", file_okay=False, help="Where results go.")]
Categories = Annotated[
    list[str] | None, typer.Option("--category", help="Only this category of the table; may be repeated.")
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        "--methods",
        metavar="NAME[,NAME]",
        help="Only these methods, whether or not the table lists them; may be repeated.",
    ),
]
Factors = Annotated[
    list[int] | None, typer.Option("--factor", min=1, max=LARGEST, help="Only this factor; may be repeated.")
]
Guests = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        help="A further row: a method's name, FILE:CLASS, a network FILE.pth, or restored images: FOLDER, or a pattern "
        "such as 'out/{category}/{id}_SR.png'. NAME=... names the row. Repeatable.",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", help="A category to show in the LaTeX tables, in place of all; may be repeated."),
]
Hidden = Annotated[
    list[str] | None,
    typer.Option("--hide", help="Leave out the pictures of a method, of lr or of hr; may be repeated."),
]
Seeds = Annotated[
    list[int] | None,
    typer.Option(
        "--seed", min=0, max=2**32 - 1, help="Seed of the methods that draw random numbers; several are averaged."
    ),
]
Trainings = Annotated[
    list[int] | None,
    typer.Option(
        "--training",
        min=0,
        max=2**31 - 1,
        help="Seed of a training whose networks are measured (docs/training.md); several are averaged, and the "
        "intervals hold them.",
    ),
]
Unfinished = Annotated[
    bool, typer.Option("--unfinished", help="Also take weights of your own whose training has not ended.")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=10**7,  # four months; the system's clocks take no more than some centuries
        help="Seconds an image may take; every method then runs in a process of its own. Guests always do, and have an "
        "hour.",
    ),
]


class Dtype(StrEnum):
    """What networks compute in."""

    FLOAT32 = "float32"
    TF32 = "tf32"
    BFLOAT16 = "bfloat16"


Computed = Annotated[
    Dtype, typer.Option("--dtype", help="What networks of one pass compute in; searches stay in float32.")
]
Compile = Annotated[bool, typer.Option("--compile", help="Compile methods of one pass; on a CPU it takes a compiler.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        max=1024,
        help="Processes side by side, of one thread each. Default: one a core; one on a GPU.",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="[=ADDRESS]",
        help="Let workers of a Ray cluster restore and score: --ray those of this machine, --ray=ADDRESS or --ray=auto "
        "of one that runs. Needs the extra: pip install 'glean-bench\\[ray]'.",
    ),
]
RayShare = Annotated[
    float, typer.Option(min=0.01, max=1024, help="Of a GPU, or how many cores, that each worker of --ray takes.")
]


def named(words: Sequence[str] | None) -> list[str]:
    """Return the names of `--method`, each once: commas part them, but for those of a file's path."""
    parts = [part for word in words or () for part in ([word] if ":" in word else word.split(","))]
    return list(dict.fromkeys(part.strip() for part in parts))
