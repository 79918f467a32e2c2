"""The verb `data`: what of the paper's test images is on this machine, what is missing, and where it can be had."""

import os
from pathlib import Path
from typing import Annotated

import typer

from bench import cards as card_files
from bench.console import say
from bench.errors import BenchError
from bench.options import Categories
from bench.paths import expanded

_PROFILE = "paper"


def data(
    *,
    categories: Categories = None,
    prepare: Annotated[bool, typer.Option("--prepare", help="Take the test images out into one plain folder.")] = False,
    chosen: Annotated[
        list[str] | None, typer.Option("--from", help="CATEGORY=PATH, where several places could be meant.")
    ] = None,
    out: Annotated[Path | None, typer.Option(file_okay=False, help="None: prepared/ in $GLEAN_DATA.")] = None,
) -> None:
    """Look into $GLEAN_DATA: what of the paper's test images is there, what is missing and where it can be had."""
    from bench.images import holding
    from bench.images.prepare import prepare as extract
    from bench.verbs import data as work

    root = os.environ.get("GLEAN_DATA", "")
    if root:
        say(f"{root}: looking for the paper's test images ...")
    cards = card_files.cards(_PROFILE)
    named = work.named(chosen or [], categories or [], cards)
    target, open_questions = out or expanded(root) / "prepared", 0
    for card in cards.values():
        if not categories or card.category in categories:
            found = holding.survey(card, expanded(root)) if root else []
            fit = work.tell(
                card, [each for each in found if not each.path.is_relative_to(target)], named.get(card.category)
            )
            open_questions += fit is None
            if fit and prepare:
                count = extract(card, fit, target)
                say(f"{card.category}: {count} images are now in {target / card.category}, their checksums beside it")
            elif fit:
                say(f"{card.category}: --prepare would put its test images into {target / card.category}")
    if not root:
        raise BenchError(
            "$GLEAN_DATA is not set, so nothing was looked for; name the folder with your data sets: "
            "export GLEAN_DATA=/path/to/it"
        )
    if prepare:
        say(f"To measure them: python -m bench table table2 --profile {target}")
    if open_questions and prepare:
        raise typer.Exit(1)
