"""The command line: parses, calls one function per verb, prints. `python -m bench --help` lists the verbs."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.markup import escape

import methods as suite
from bench import atomic, fingerprint, pipeline, report_files, resize, store
from bench import cards as card_files
from bench.images import data, photos
from bench.pipeline import Measurement
from bench.profiles import profiles
from bench.progress import follow
from bench.restore import RunSettings
from bench.running import runner
from bench.running.isolated import Isolated
from bench.running.runner import Runner
from bench.spec import BenchError, Record
from methods.formats import checkpoints, own_files, unpickle
from methods.weights import catalogue, download, trained

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
out = Console(soft_wrap=True, markup=False, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Profile = Annotated[
    str, typer.Option(help="mini, portraits, paper, or a folder with one sub-folder of photographs per category.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
HrSize = Annotated[int | None, typer.Option(min=1, help="Side of the ground truth in pixels, for the cards' own.")]
Folder = Annotated[Path, typer.Option("--out", help="Where results go.")]
Factor = Annotated[int, typer.Option(min=2, help="How many times larger the result is.")]


Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="Seconds an image may take: every method then runs in a process of its own. Guests do anyhow; an hour.",
    ),
]


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
    guests: Annotated[list[str] | None, typer.Option("--with", help="A further method: a name, or FILE:CLASS.")] = None,
    only: Annotated[Step | None, typer.Option(help="Run one step alone.")] = None,
    limit: Annotated[int | None, typer.Option("-n", "--limit", min=1, help="Images per category.")] = None,
    device: Device = "auto",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images at once.")] = None,
    hr_size: HrSize = None,
    allow_enlarge: Annotated[bool, typer.Option(help="Also take photographs smaller than the HR size.")] = False,
    seeds: Annotated[
        list[int] | None, typer.Option("--seed", help="Of the methods that draw random numbers; several are averaged.")
    ] = None,
    folder: Folder = Path("reports/out"),
    timeout: Timeout = None,
) -> None:
    """Measure a table of the paper: restore, score, render. Run again, it goes on where it stopped."""
    report = report_files.read(name)
    names = [method for method in report.methods if method not in report.pending or method in suite.BY_NAME]
    wanted: list[str] = [*names, *(guests or [])]
    methods = [_runner(method, timeout, report.factors) for method in dict.fromkeys(wanted)]
    settings = RunSettings(folder, _device(device), batch_size, limit, allow_enlarge)
    measurement = pipeline.prepare(report, methods, settings, profile=profile, hr_size=hr_size, seeds=seeds or (0,))
    out.print(measurement.describe())
    if only in (None, Step.RESTORE):
        for sentence in measurement.durations():
            out.print(sentence)
    failed = _restore(measurement) if only in (None, Step.RESTORE) else False
    if only is not Step.RESTORE:
        records = measurement.stored() if only is Step.RENDER else list(measurement.score())
        failed |= any(record.status == "failed" for record in records)
        if only is not Step.SCORE:
            _render(measurement, records)
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
        wrong = image.status == "failed" or (image.status == "refused" and image.image is not None)
        if wrong and image.reason not in told:
            told.add(image.reason)
            err.print(f"[red]{image.status}[/]: {escape(f'{where}: {image.reason}')}")
    return failed


def _render(measurement: Measurement, records: Sequence[Record]) -> None:
    """Write the table and its pictures, and print it."""
    # Statistics, data frames and figures take seconds to import; the other verbs do without.
    from bench.report import figures, render, table  # noqa: PLC0415

    report, cells, cards, settings = measurement.report, measurement.cells, measurement.cards, measurement.settings
    result = table.build(report, cells, records, cards)
    target = store.profile_folder(settings.out, cells[0].task.profile)
    written = render.write(result, records, fingerprint.machine(settings.device), target)
    # The pictures of one seed are enough.
    first = {cell: measurement.state(cell) for cell in cells if cell.task.seed == cells[0].task.seed}
    written += figures.strip(first, cards, settings, target / f"{report.name}.png")
    written += figures.curves(result, target / f"{report.name}.curves.png")
    out.print(f"\n{render.summary(result)}\n\nWritten: {', '.join(map(str, written))}")


@app.command("again")
def render_again(folder: Annotated[Path, typer.Argument(help="Where a run wrote its tables.")]) -> None:
    """Render the tables of a folder anew from the values of their images; nothing is measured."""
    from bench.report import again, render  # noqa: PLC0415 - as above

    commit = fingerprint.commit()  # before a file of the checkout may change
    for name in again.names(folder):
        result, machine = again.read(folder, name)
        machine["rendered anew"] = f"commit {commit}"
        for ending, text in render.texts(result, machine).items():
            atomic.write(folder / f"{name}{ending}", text.encode())
            out.print(f"written: {folder / f'{name}{ending}'}")


@app.command()
def check(
    method: Annotated[str, typer.Argument(help="A name, or FILE:CLASS.")],
    *,
    profile: Profile = "mini",
    device: Device = "auto",
    timeout: Timeout = None,
) -> None:
    """Put a method through the contract: shapes, range, repeatability, for every category and factor it declares."""
    cards = card_files.cards(profile).values()
    found = _runner(method, timeout, factors=(1,))
    tasks = [card.task(factor) for card in cards for factor in found.spec.factors if card.hr_size % factor == 0]
    broken = checked = 0
    for task, problems in runner.sweep(found, tasks, _device(device)):
        checked += 1
        broken += bool(problems)
        out.print(f"{task.category} {task.factor}x: {'; '.join(problems) or 'ok'}")
    out.print(f"{found.spec.title}: {checked} tasks checked, {broken} with problems.")
    if broken or not checked:
        raise typer.Exit(1)


@app.command("list")
def list_all() -> None:
    """List the methods, tables and profiles there are."""
    for method in suite.ALL:
        spec = method.spec
        out.print(
            f"{spec.name:16} {spec.title}: {spec.family}, {spec.paper}; factors {', '.join(map(str, spec.factors))}"
        )
    out.print(f"{'<name>+bp':16} any of these with back-projection onto its input")
    there = catalogue.present()
    out.print(f"weights: {len(there)} of {len(catalogue.catalogue())} published files are on this machine")
    for file, path in there:
        out.print(f"  {file.name}: {path}")
    own = trained.present()
    out.print(f"trained with this suite: {len(own)} files")
    for path in own:
        out.print(f"  {path}")
    out.print(f"tables: {', '.join(report_files.names())}; profiles: {', '.join(profiles())}, or a folder")


@app.command()
def upscale(
    source: Annotated[Path, typer.Argument(help="A square low-resolution image.")],
    target: Annotated[Path, typer.Argument(help="The PNG to write.")],
    *,
    method: Annotated[str, typer.Option(help="A name, or FILE:CLASS.")] = "bicubic",
    factor: Factor = 16,
    category: Annotated[str, typer.Option(help="What the picture shows.")] = "face",
    profile: Profile = "mini",
    device: Device = "auto",
    timeout: Timeout = None,
) -> None:
    """Restore one low-resolution image with one method."""
    lr = photos.read(source)[None].to(_device(device)) / 255
    task = pipeline.task(category, factor, profile=profile, hr_size=lr.shape[-1] * factor)
    store.save(target, pipeline.picture(_runner(method, timeout, (factor,)), lr, task))


@app.command()
def diagnose(
    lr: Annotated[Path, typer.Argument(help="A low-resolution image of unknown making.")],
    hr: Annotated[Path, typer.Argument(help="The image it was made from.")],
) -> None:
    """Say how a low-resolution image was probably made."""
    small, large = photos.read(lr)[None] / 255, photos.read(hr)[None] / 255
    out.print(resize.diagnose(small, large, large.shape[-1] // small.shape[-1]))


@app.command()
def sheet(
    target: Annotated[Path, typer.Argument(help="The PNG to write.")],
    *,
    profile: Profile = "mini",
    hr_size: HrSize = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Images of each category.")] = 8,
) -> None:
    """Draw a contact sheet: the first test images of each category."""
    found = card_files.cards(profile, hr_size).values()
    rows = [torch.stack([data.read(card, image_id) for image_id in data.image_ids(card, count)]) for card in found]
    store.save_sheet(target, rows)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="A published checkpoint: .pth, .pt, .ckpt, .pkl, .safetensors ...")],
    target: Annotated[Path, typer.Argument(help="The .safetensors file to write.")],
) -> None:
    """Rewrite a published checkpoint as safetensors in this suite's names; its layout is told by its own."""
    own_files.check_target(target, source)
    checkpoint = unpickle.load(source)
    network = checkpoints.any_network(checkpoint)
    atomic.write(target, own_files.safetensors(network))
    if note := checkpoints.remark(checkpoint):
        err.print(f"[yellow]note[/]: {escape(note)}")
    count = sum(parameter.numel() for parameter in network.parameters())
    out.print(f"{target}: {type(network).__name__}, {count:,} parameters")


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Files by name; none: all that a program can get.")] = None,
) -> None:
    """Download published weight files, with resume and checksum; offline, say what to get from where."""
    wanted = names or [file.name for file in catalogue.catalogue() if file.address]
    for name in follow(download.fetch(wanted)):
        out.print(f"{name}: there")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def train(context: typer.Context) -> None:
    """Train a bank or a method, or all that is missing: see `python -m bench train --help`."""
    from methods.training.__main__ import main as start  # noqa: PLC0415 - the other verbs do without

    raise typer.Exit(start(context.args))


@app.command("lists")
def write_lists(profile: Annotated[str, typer.Argument(help="A profile whose cards name a `list`.")] = "mini") -> None:
    """Write the lists of a profile's test images anew, each with the checksum of its pixels."""
    for path in data.write_lists(profile):
        out.print(f"written: {path}")


@app.command("flops")
def count_flops(*, folder: Folder = Path("reports/out")) -> None:
    """Count operations and parameters of every method at the paper's sizes and those of `mini`."""
    from bench.cost import cost_table  # noqa: PLC0415 - data frames take a second to import

    report = report_files.read("flops")
    profiles = [list(card_files.cards(name).values()) for name in ("paper", "mini")]
    found = list(cost_table.lines(report, suite.BY_NAME, profiles))
    text = cost_table.markdown(report, found, fingerprint.machine(torch.device("meta")))
    written = [folder / "flops.md", folder / "flops.csv"]
    atomic.write(written[0], text.encode())
    atomic.write(written[1], cost_table.frame(found).to_csv(index=False).encode())
    out.print(f"{text}\nWritten: {', '.join(map(str, written))}")


def _runner(name: str, timeout: float | None, factors: tuple[int, ...]) -> Runner:
    """Return a method by name or FILE:CLASS; a guest, and with a time limit any, runs in a process of its own."""
    if timeout is None and ":" not in name:
        return runner.of(suite.find(name))
    return Isolated(name, timeout=timeout, factors=factors)


def _device(name: str) -> torch.device:
    """Return a device that is there. Raises `BenchError` for one that is not."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        raise BenchError(f"no device {name!r} on this machine; use --device cpu, or auto.") from error


def main() -> None:
    """Run the command line; an error a user can put right is one sentence and exit status 2."""
    try:
        app()
    except BenchError as error:
        err.print(f"[red]error[/]: {escape(str(error))}")
        sys.exit(2)


if __name__ == "__main__":
    main()
