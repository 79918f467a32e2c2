"""The verb `check`: whether a method keeps the contract."""

from dataclasses import replace
from typing import Annotated

import typer

from bench import cards as card_files
from bench.console import say
from bench.options import Choice, ChosenWeights, Device, Profile, Timeout, Unfinished
from bench.spec import BenchError


def check(
    method: Annotated[str, typer.Argument(help="A name, FILE:CLASS, or a network FILE.pth.")],
    *,
    profile: Profile = "mini",
    device: Device = "auto",
    weights: ChosenWeights = Choice.ANY,
    unfinished: Unfinished = False,
    timeout: Timeout = None,
) -> None:
    """Check a method: shapes, range, repeatability, for every category and factor it declares."""
    say(f"{method}: checking it ...")
    from bench import devices
    from bench.running import runner, runners

    found = runners.named(method, timeout, factors=(1,))
    if found.spec.oracle:
        raise BenchError(
            f"{found.spec.title}: an oracle is shown the true image of its input, and check makes inputs up; see what "
            "a table says of it."
        )
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
