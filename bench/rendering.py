"""The last step of a table: its files and pictures, and what is printed of it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bench import fingerprint, store
from bench.console import say
from bench.measurement import Measurement
from bench.report import figures, render, strips, table
from bench.restore import State
from bench.spec import Cell, Record, Task
from bench.viewer import page, pictures


def write(measurement: Measurement, records: Sequence[Record], columns: Sequence[str], hidden: Collection[str]) -> None:
    """Write the table and its pictures, and print it; `columns` are of LaTeX's tables, `hidden` of the strip."""
    report, cells, cards, settings = measurement.report, measurement.cells, measurement.cards, measurement.settings
    shown = [*cells, *measurement.references]
    result = table.build(report, shown, records, cards, measurement.provenances())
    result = replace(result, left_out=(*result.left_out, *measurement.lacking))
    target = store.profile_folder(settings.out, cells[0].task.profile)
    facts = fingerprint.machine(settings.device)
    written = render.write(result, records, facts, target, columns)
    pictures.write_inputs([cell.task for cell in cells if cell.refusal is None], cards, settings, target)
    written += page.write(target, result, records, facts)
    written += strips.strip(_shown(measurement), cards, settings, target / f"{report.name}.png", hidden)
    written += figures.curves(result, target / f"{report.name}.curves.png")
    say(f"\n{render.summary(result)}\n\nWritten: {', '.join(map(str, written))}")


def _shown(measurement: Measurement) -> dict[Cell, State]:
    """Return the cells of the strip: of a method the first seed and training that has images; of none, the first."""
    states = {cell: measurement.state(cell) for cell in measurement.cells}
    best: dict[tuple[Task, str], Cell] = {}
    for cell, state in states.items():
        place = cell.task.place, cell.method
        if place not in best or (states[best[place]].status != "ok" and state.status == "ok"):
            best[place] = cell
    return {cell: states[cell] for cell in best.values()}
