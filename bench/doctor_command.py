"""The verb `doctor`: what is installed, what is here, what each table could fill, and what is broken."""

from pathlib import Path
from typing import Annotated

import typer

from bench.console import say, tell
from bench.options import Folder


def doctor(
    *,
    folder: Folder = Path("reports/out"),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what is installed and here, what each table could fill now, and what is broken; then the exit status is 1."""
    from bench.verbs import doctor as work

    if not as_json:
        say("Looking at packages, weights, images and tables, which takes about half a minute ...")
    found = list(work.findings(folder))
    say(work.as_json(found) if as_json else work.text(found))
    problems = [finding.problem for finding in found if finding.problem]
    for problem in problems:
        tell("broken", problem)
    if problems:
        raise typer.Exit(1)
    if not as_json:
        say("Nothing is broken.")
