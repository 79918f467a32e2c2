"""The verb `table`: its words, and its outline."""

from pathlib import Path
from typing import Annotated

import typer

from bench import machine
from bench.console import say
from bench.options import (
    Categories,
    Choice,
    ChosenWeights,
    Columns,
    Compile,
    Computed,
    Device,
    Dtype,
    Factors,
    Folder,
    Guests,
    Hidden,
    HrSize,
    Jobs,
    Lr,
    Methods,
    Profile,
    Ray,
    RayShare,
    Seeds,
    Step,
    Timeout,
    Trainings,
    Unfinished,
    named,
)
from bench.running.template import TEMPLATE

_CARD = Path("/dev/nvidiactl")
"""It is there where a GPU of NVIDIA's is; torch would know better, and takes seconds."""


def make_table(
    name: Annotated[str, typer.Argument(help="table2, factors, ablation_bank ..., or a .toml file of your own.")],
    *,
    profile: Profile = "mini",
    categories: Categories = None,
    factors: Factors = None,
    rows: Methods = None,
    guests: Guests = None,
    only: Annotated[Step | None, typer.Option(help="Run one step alone.")] = None,
    limit: Annotated[int | None, typer.Option("-n", "--limit", min=1, help="Images per category.")] = None,
    device: Device = "auto",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images at once.")] = None,
    hr_size: HrSize = None,
    lr: Lr = "",
    allow_enlarge: Annotated[bool, typer.Option(help="Also take photographs smaller than the HR size.")] = False,
    seeds: Seeds = None,
    trainings: Trainings = None,
    columns: Columns = None,
    hidden: Hidden = None,
    folder: Folder = Path("reports/out"),
    weights: ChosenWeights = Choice.ANY,
    unfinished: Unfinished = False,
    dtype: Computed = Dtype.FLOAT32,
    compiled: Compile = False,
    timeout: Timeout = None,
    jobs: Jobs = None,
    ray: Ray = None,
    ray_share: RayShare = 1.0,
) -> None:
    """Measure a table of the paper: restore, score, render. Run again, it goes on where it stopped."""
    from bench import cards, devices, pipeline, report_files
    from bench.plan import Part
    from bench.restore import RunSettings
    from bench.verbs import table

    report = report_files.read(name, cards.preset(profile))
    say(f"{report.title}: looking for images and weights ...")
    settings = RunSettings(folder, devices.named(device), batch_size, limit, allow_enlarge)
    with table.placed(settings, jobs, ray, ray_share) as settings:
        chosen = table.chosen(named(rows), report, timeout, settings)
        others = table.chosen([*table.own(report, whole=not chosen), *(guests or [])], report, timeout, settings)
        measurement = pipeline.prepare(
            report,
            (chosen | others).values(),
            settings,
            profile=profile,
            hr_size=hr_size,
            lr=lr,
            seeds=seeds or (0,),
            trainings=trainings or (),
            weights=weights.value,
            unfinished=unfinished,
            dtype=dtype.value,
            compiled=compiled,
            part=Part(categories or (), factors or (), [method.spec.name for method in chosen.values()]),
        )
        say(measurement.describe())
        table.measure(measurement, only, columns or (), hidden or ())


def meanwhile(name: str, *, device: str = "auto", jobs: int | None = None, ray: str | None = None, **_: object) -> None:
    """Start the process that workers are forked from, if there will be any, while this one imports torch."""
    del name
    gpu = device not in ("auto", "cpu") or (device == "auto" and _CARD.exists())
    if ray is None and (jobs or (1 if gpu else machine.jobs())) > 1:
        TEMPLATE.start()
