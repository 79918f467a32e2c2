"""The verbs of the command line: parse, call one function per verb, print. `python -m bench --help` lists them."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import methods as suite
from bench import (
    atomic,
    data_command,
    devices,
    fetch_command,
    file_commands,
    fingerprint,
    flops_command,
    inventory,
    pipeline,
    progress,
    report_files,
    store,
)
from bench import cards as card_files
from bench.console import STOPPED, detail, say, set_verbose, tell
from bench.options import (
    Categories,
    Choice,
    ChosenWeights,
    Columns,
    Device,
    Folder,
    HrSize,
    Profile,
    Seeds,
    Timeout,
    Unfinished,
)
from bench.pipeline import Measurement
from bench.restore import RunSettings
from bench.running import runner, runners
from bench.spec import BenchError, Record

app = typer.Typer(
    pretty_exceptions_enable=False,
    help="Benchmark of large-factor image super-resolution. Every verb has a --help of its own.",
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    """Print the version and end."""
    if wanted:
        say(f"glean-bench {fingerprint.package_version('glean-bench')}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print results and errors, no progress.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print a line for every image, too.")] = False,
) -> None:
    """Take the options of all verbs, which come before the verb."""
    del version
    progress.silence(quiet=quiet)
    set_verbose(verbose=verbose)


class Step(StrEnum):
    """The steps that can be run alone."""

    RESTORE = "restore"
    SCORE = "score"
    RENDER = "render"


@app.command("table")
def make_table(
    name: Annotated[str, typer.Argument(help="table2, factors, ablation_bank: a file of reports/.")],
    *,
    profile: Profile = "mini",
    categories: Categories = None,
    guests: Annotated[list[str] | None, typer.Option("--with", help="A further method: a name, or FILE:CLASS.")] = None,
    only: Annotated[Step | None, typer.Option(help="Run one step alone.")] = None,
    limit: Annotated[int | None, typer.Option("-n", "--limit", min=1, help="Images per category.")] = None,
    device: Device = "auto",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images at once.")] = None,
    hr_size: HrSize = None,
    allow_enlarge: Annotated[bool, typer.Option(help="Also take photographs smaller than the HR size.")] = False,
    seeds: Seeds = None,
    columns: Columns = None,
    folder: Folder = Path("reports/out"),
    weights: ChosenWeights = Choice.ANY,
    unfinished: Unfinished = False,
    timeout: Timeout = None,
) -> None:
    """Measure a table of the paper: restore, score, render. Run again, it goes on where it stopped."""
    report = report_files.read(name)
    say(f"{report.title}: looking for images and weights ...")
    names = [method for method in report.methods if method not in report.pending or method in suite.BY_NAME]
    wanted: list[str] = [*names, *(guests or [])]
    methods = [runners.named(method, timeout, report.factors) for method in dict.fromkeys(wanted)]
    settings = RunSettings(folder, devices.named(device), batch_size, limit, allow_enlarge)
    measurement = pipeline.prepare(
        report,
        methods,
        settings,
        profile=profile,
        hr_size=hr_size,
        seeds=seeds or (0,),
        weights=weights.value,
        unfinished=unfinished,
        categories=categories or (),
    )
    say(measurement.describe())
    if only in (None, Step.RESTORE):
        for sentence in measurement.durations():
            say(sentence)
    failed = _restore(measurement) if only in (None, Step.RESTORE) else False
    if only is not Step.RESTORE:
        records = measurement.stored() if only is Step.RENDER else list(measurement.score())
        failed |= any(record.status == "failed" for record in records)
        if only is not Step.SCORE:
            _render(measurement, records, columns or ())
    if failed:
        raise typer.Exit(1)


def _restore(measurement: Measurement) -> bool:
    """Restore what is missing, print what is wrong once, and return whether something failed.

    A cell that is refused, such as for want of weights, is in order: the table says why.
    """
    failed, told = False, set()
    for cell, image in measurement.restore():
        failed |= image.status == "failed"
        where = f"{pipeline.label(cell)}, {image.image}" if image.image else pipeline.label(cell)
        detail(f"{where}: {'kept' if image.kept else image.status}")
        wrong = image.status == "failed" or (image.status == "refused" and image.image is not None)
        if wrong and image.reason not in told:
            told.add(image.reason)
            tell(image.status, f"{where}: {image.reason}")
    return failed


def _render(measurement: Measurement, records: Sequence[Record], columns: Sequence[str]) -> None:
    """Write the table and its pictures, and print it."""
    # Statistics, data frames and figures take seconds to import; the other verbs do without.
    from bench.report import figures, render, table  # noqa: PLC0415

    report, cells, cards, settings = measurement.report, measurement.cells, measurement.cards, measurement.settings
    result = table.build(report, cells, records, cards)
    target = store.profile_folder(settings.out, cells[0].task.profile)
    written = render.write(result, records, fingerprint.machine(settings.device), target, columns)
    # The pictures of one seed are enough.
    first = {cell: measurement.state(cell) for cell in cells if cell.task.seed == cells[0].task.seed}
    written += figures.strip(first, cards, settings, target / f"{report.name}.png")
    written += figures.curves(result, target / f"{report.name}.curves.png")
    say(f"\n{render.summary(result)}\n\nWritten: {', '.join(map(str, written))}")


@app.command("again")
def render_again(
    folder: Annotated[Path, typer.Argument(help="Where a run wrote its tables.")], *, columns: Columns = None
) -> None:
    """Render the tables of a folder anew from the values of their images; nothing is measured."""
    from bench.report import again, render  # noqa: PLC0415 - as above

    commit = fingerprint.commit()  # before a file of the checkout may change
    for name in again.names(folder):
        result, machine = again.read(folder, name)
        machine["rendered anew"] = f"commit {commit}"
        for ending, text in render.texts(result, machine, columns or ()).items():
            atomic.write(folder / f"{name}{ending}", text.encode())
            say(f"written: {folder / f'{name}{ending}'}")


@app.command()
def check(
    method: Annotated[str, typer.Argument(help="A name, or FILE:CLASS.")],
    *,
    profile: Profile = "mini",
    device: Device = "auto",
    weights: ChosenWeights = Choice.ANY,
    unfinished: Unfinished = False,
    timeout: Timeout = None,
) -> None:
    """Put a method through the contract: shapes, range, repeatability, for every category and factor it declares."""
    found = runners.named(method, timeout, factors=(1,))
    cards = card_files.cards(profile).values()
    fitting = [card.task(factor) for card in cards for factor in found.spec.factors if card.hr_size % factor == 0]
    tasks = [replace(task, weights=weights.value, unfinished=unfinished) for task in fitting]
    broken = checked = 0
    for task, problems in runner.sweep(found, tasks, devices.named(device)):
        checked += 1
        broken += bool(problems)
        say(f"{task.category} {task.factor}x: {'; '.join(problems) or 'ok'}")
    say(f"{found.spec.title}: {checked} tasks checked, {broken} with problems.")
    if broken or not checked:
        raise typer.Exit(1)


@app.command("list")
def list_all(
    *, as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the path of every weight file.")] = False
) -> None:
    """List the methods, tables, profiles and weights there are."""
    say(inventory.as_json() if as_json else inventory.as_text())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def train(context: typer.Context) -> None:
    """Train a bank or a method, or all that is missing: see `python -m bench train --help`."""
    from methods.training.__main__ import main as start  # noqa: PLC0415 - the other verbs do without

    raise typer.Exit(start(context.args))


for verb in (file_commands.upscale, file_commands.diagnose, file_commands.sheet, file_commands.convert):
    app.command()(verb)
app.command()(data_command.data)
app.command()(fetch_command.fetch)
app.command("flops")(flops_command.count_flops)
app.command("lists")(file_commands.write_lists)


def _called() -> str:
    """Return how the suite was called: shells complete the words of a command, not those of a module."""
    return "glean-bench" if Path(sys.argv[0]).name == "glean-bench" else "python -m bench"


def start(words: Sequence[str]) -> int:
    """Run a verb with its words; return the exit status. Raises `BenchError` for words that are none of its options."""
    try:
        status = app(list(words) or ["--help"], prog_name=_called(), standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except Exception as error:
        # Where the class of a usage error lies differs between versions of typer; it alone has a message to format.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        raise BenchError(f"{message().rstrip('.')}. See python -m bench --help, or that of a verb.") from error
    if status == STOPPED:  # what typer makes of Ctrl-C
        raise KeyboardInterrupt
    return status or 0
