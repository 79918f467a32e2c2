"""The cost of every method on a grid of tasks, as a table: Markdown and CSV."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from tabulate import tabulate

from bench.cost.count import Cost, count
from bench.cost.flop_counter import Known
from bench.escape import markdown as escaped
from bench.spec import BenchError, Card, Method, Report, Task


@dataclass(frozen=True, slots=True)
class Line:
    """One method on one size and factor, for all categories of a profile that have it; no cost: `refusal` says why."""

    task: Task
    categories: tuple[str, ...]
    method: str
    title: str
    cost: Cost | None
    refusal: str = ""


def planned(report: Report, profiles: Sequence[Sequence[Card]]) -> list[Line]:
    """Return a line for each method, size and factor, to be counted; `profiles` are the cards of each profile."""
    found = []
    for cards in profiles:
        sizes: dict[int, tuple[str, ...]] = {}
        for card in cards:
            if card.category in report.categories:
                sizes[card.hr_size] = (*sizes.get(card.hr_size, ()), card.category)
        for name in report.methods:
            for hr_size, categories in sizes.items():
                for factor in report.factors:
                    task = next(card for card in cards if card.hr_size == hr_size).task(factor)
                    found.append(Line(task, categories, name, report.pending.get(name, name), None))
    return found


def counted(planned: Sequence[Line], methods: Mapping[str, type[Method]]) -> Iterator[Line]:
    """Yield each line with what its method costs."""
    known: Known = {}
    return (_counted(line, methods.get(line.method), known) for line in planned)


def _counted(line: Line, method: type[Method] | None, known: Known) -> Line:
    """Return a line with what its method costs, or with why that could not be counted."""
    if method is None:
        return replace(line, refusal=f"{line.title} is not implemented yet")
    line = replace(line, title=method.spec.title)
    of = method.spec.categories
    if fitting := tuple(name for name in line.categories if of is None or name in of):
        line = replace(line, categories=fitting, task=replace(line.task, category=fitting[0]))
    refusal = method.spec.refuses(line.task)
    if refusal is None:
        try:
            return replace(line, cost=count(method, line.task, known))
        except BenchError as error:
            refusal = str(error)
    return replace(line, refusal=refusal)


def frame(found: Sequence[Line]) -> pd.DataFrame:
    """Return every figure, a row for each line; whole numbers, empty where nothing could be counted."""
    return pd.DataFrame([_row(line) for line in found])


def _row(line: Line) -> dict[str, object]:
    """Return one row."""
    task, cost = line.task, line.cost
    row: dict[str, object] = {
        "profile": task.profile,
        "method": line.method,
        "categories": " ".join(line.categories),
        "lr_size": task.lr_size,
        "hr_size": task.hr_size,
        "factor": task.factor,
    }
    if cost is None:
        return row | {"remark": line.refusal}
    row |= {"macs": cost.macs, "flops": cost.flops, "trainable": cost.trainable, "frozen": cost.frozen}
    for name, part in cost.parts.items():
        row |= {f"{name}_macs": part.macs, f"{name}_parameters": part.trainable + part.frozen}
    return row | {"dead_macs": cost.dead, "remark": cost.remark}


def markdown(report: Report, found: Sequence[Line], machine: Mapping[str, str]) -> str:
    """Return the table: totals for every method, the split of those that have parts, what was not counted, versions."""
    whole = [[*_heads(line), *_totals(line.cost)] for line in found if line.cost]
    split = [[*_heads(line), *_split(line.cost)] for line in found if line.cost and line.cost.parts["bank"].macs]
    heads = ["profile", "method", "pixels", "factor"]
    totals = [*heads, "GMACs", "GFLOPs", "trainable parameters", "frozen parameters", "remark"]
    parts = [*heads, *(f"{name}: GMACs; parameters" for name in ("encoder", "fusion", "bank", "decoder", "rest"))]
    refusals = dict.fromkeys(line.refusal for line in found if line.refusal)
    blocks = [f"# {escaped(report.title)}", escaped(report.caption), _grid(whole, totals)]
    if split:
        blocks += ["## By part", _grid(split, [*parts, "dead: GMACs"])]
    if refusals:
        blocks += ["## Not counted", "\n".join(f"- {escaped(refusal)}" for refusal in refusals)]
    blocks += [
        "## How it was made",
        "\n".join(f"- {escaped(name)}: {escaped(value)}" for name, value in machine.items()),
    ]
    return "\n\n".join(blocks) + "\n"


def _heads(line: Line) -> list[str]:
    """Return what a line is about."""
    task = line.task
    where = f"{task.lr_size} to {task.hr_size} ({', '.join(map(escaped, line.categories))})"
    return [escaped(task.profile), escaped(line.title), where, f"{task.factor}x"]


def _totals(cost: Cost) -> list[str]:
    """Return the figures of a whole method."""
    return [
        f"{cost.macs / 1e9:.4f}",
        f"{cost.flops / 1e9:.4f}",
        f"{cost.trainable:,}",
        f"{cost.frozen:,}",
        escaped(cost.remark),
    ]


def _split(cost: Cost) -> list[str]:
    """Return the figures of its parts."""
    parts = [f"{part.macs / 1e9:.4f}; {part.trainable + part.frozen:,}" for part in cost.parts.values()]
    return [*parts, f"{cost.dead / 1e9:.4f}"]


def _grid(rows: Sequence[Sequence[str]], heads: Sequence[str]) -> str:
    """Return a Markdown table."""
    return tabulate(rows, headers=heads, tablefmt="pipe", disable_numparse=True)
