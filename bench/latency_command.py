"""The verb `latency`: seconds and memory of the methods, measured one by one, each in a process of its own."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench import cards as card_files
from bench.console import say
from bench.options import Categories, Device, Factors, Folder, HrSize, Methods, Profile, named
from bench.progress import track
from methods import specs

_BATCHES = (1, 4)
_ALL = "table2"
"""The table whose methods and factors are measured if none are named."""


def latency(
    *,
    profile: Profile = "mini",
    categories: Categories = None,
    factors: Factors = None,
    methods: Methods = None,
    batches: Annotated[list[int] | None, typer.Option("--batch", min=1, help="Images at once; 1 and 4.")] = None,
    budget: Annotated[float, typer.Option(min=0.1, help="Seconds for each measurement, about.")] = 10.0,
    device: Device = "auto",
    hr_size: HrSize = None,
    folder: Folder = Path("reports/out"),
    one: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Measure how long each method takes for images of each size, and how much memory."""
    from bench import devices, report_files
    from bench.verbs import latency as work

    if one:
        say(json.dumps(work.measured(json.loads(one))))
        return
    say("Measuring the methods one by one, each in a process of its own ...")
    report = report_files.read(_ALL)
    words = named(methods) or [name for name in report.methods if name in specs.BY_NAME]
    cards = card_files.cards(profile, hr_size)
    chosen = [cards[name] for name in categories] if categories else list(cards.values())
    places = work.places(chosen, factors or list(report.factors))
    todo = [
        (word, card.task(factor), batch) for card, factor in places for word in words for batch in batches or _BATCHES
    ]
    where = devices.named(device)
    lines = [work.line(*each, device=where, budget=budget) for each in track(todo, "latency", len(todo))]
    work.write(lines, where, folder, profile)
