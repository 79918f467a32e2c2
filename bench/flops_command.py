"""The verb `flops`: what the methods cost, counted."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bench import atomic
from bench import cards as card_files
from bench.console import say
from bench.errors import UnknownName
from bench.options import Categories, Factors, Folder, Methods, named
from bench.progress import track


def count_flops(
    *,
    profile: Annotated[str | None, typer.Option(help="A profile or a folder; none: paper and mini.")] = None,
    categories: Categories = None,
    factors: Factors = None,
    methods: Methods = None,
    folder: Folder = Path("reports/out"),
) -> None:
    """Count operations and parameters of every method, or of some, at the paper's sizes and those of `mini`."""
    say("Counting the operations of every method, which takes about a minute for all ...")
    import torch

    import methods as suite
    from bench import fingerprint, report_files
    from bench.cost import cost_table
    from bench.report import spreadsheet

    report = report_files.read("flops")
    cards = [card_files.cards(name) for name in ([profile] if profile else ("paper", "mini"))]
    there = list(dict.fromkeys(category for each in cards for category in each))
    for category in categories or []:
        if category not in there:
            raise UnknownName("category", category, there)
    names = named(methods)
    report = replace(
        report,
        categories=tuple(categories or (there if profile else report.categories)),
        factors=tuple(factors or report.factors),
        methods=tuple(suite.find(name).spec.name for name in names) if names else report.methods,
    )
    chosen = {**suite.BY_NAME, **{name: suite.find(name) for name in names}}
    planned = cost_table.planned(report, [list(each.values()) for each in cards])
    found = list(track(cost_table.counted(planned, chosen), "count", len(planned)))
    text = cost_table.markdown(report, found, fingerprint.machine(torch.device("meta")))
    files = [folder / "flops.md", folder / "flops.csv"]
    atomic.write(files[0], text.encode())
    atomic.write(files[1], spreadsheet.text(cost_table.frame(found)).encode())
    say(f"{text}\nWritten: {', '.join(map(str, files))}")
