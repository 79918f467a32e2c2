"""Training from the command line: `python -m bench train WHAT --category C`, or `python -m bench train --missing`.

Needs no more than torch, numpy, pillow, safetensors and rich, so that it runs on a machine that has only PyTorch:
there as `python -m methods.training`, with the same words; blurs and noise (`glean.blind`) need scipy, too. Under
torchrun every process trains on a part of each batch.
"""

import argparse
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.markup import escape

from bench import cards
from bench.console import run as run_command
from bench.spec import BenchError, Task
from methods.presets import biggan
from methods.presets.bank import bank_recipes
from methods.presets.lookup import chosen
from methods.training import lanes, published, queue, run, trained_report
from methods.training.drawn import POOL
from methods.training.items import Item, everything
from methods.training.processes import rank
from methods.training.settings import TrainingSettings
from methods.training.stop import Stopped
from methods.training.words import device, duration, number
from methods.weights import trained


def parser() -> argparse.ArgumentParser:
    """Return the parser of the words."""
    made = argparse.ArgumentParser(
        prog="python -m bench train",
        description="Train a bank or a method, or all that is missing; goes on where it stopped.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = made.add_argument
    add("what", nargs="?", help="bank, biggan, or a method by name: glean, esrgan_plus, srgan, glean.no-decoder ...")
    add("--missing", action="store_true", help="all files that are missing or not trained to the end, one by one")
    add("--report", type=Path, metavar="FOLDER", help="write what is trained so far, and samples, into a folder")
    add(
        "--profile",
        default="mini",
        help="mini, portraits, paper, or a folder with one sub-folder of photographs per category",
    )
    add("--category", help="face, cat, car, bedroom, tower, ...")
    add("--factor", type=number(1, 1024), default=16, help="of a method")
    add(
        "--hr-size",
        type=number(4, cards.LARGEST),
        metavar="N",
        help="side of the images in pixels, for the card's own",
    )
    add("--budget", type=duration, default=math.inf, metavar="TIME", help="stop after 90s, 25m, 2h")
    add(
        "--at-once",
        type=number(1, 64),
        default=1,
        metavar="N",
        help="trainings side by side, with --missing: small networks leave most of a GPU idle",
    )
    add("--seed", type=number(0, 2**31 - 1), default=0, help="of weights, images and noise")
    add("--device", type=device, default="cuda" if torch.cuda.is_available() else "cpu", help="cpu, cuda, cuda:1 ...")
    add("--runs", type=Path, default=Path("runs"), help="for checkpoints, logs and samples")
    add("--out", type=Path, help="for the weight files, instead of where the profile looks for them")
    add("--train-data", type=Path, metavar="PATH", help="photographs or an LMDB to train on, in place of the card's")
    add("--unfinished", action="store_true", help="also begin with a bank whose own training has not ended")
    add("--vgg16", type=Path, help="VGG16's weights in torchvision's names, instead of the published file")
    add(
        "--batch-size",
        type=number(1, 4096),
        metavar="N",
        help="images at once in a process, to fit its memory; gradients are gathered to the recipe's batch",
    )
    add(
        "--pool",
        type=number(1, 10**7),
        default=POOL,
        help="scenes in memory on a CPU; another number is another training",
    )
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Train; return the exit status: 0 also if the time ended before the training."""
    return run_command(_train, sys.argv[1:] if words is None else words)


def _train(words: Sequence[str]) -> int:
    """Train as the words say."""
    told = parser().parse_args(words)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    settings = TrainingSettings(
        device=told.device,
        seed=told.seed,
        runs=told.runs,
        out=told.out,
        pool=told.pool,
        vgg16=told.vgg16,
        train_data=told.train_data,
        batch_size=told.batch_size,
    )
    try:
        if told.report:
            _report(told, console)
        else:
            _advance(told, settings, console)
    except BenchError as error:
        console.print(f"[red]error[/]: {escape(str(error))}")
        return 2
    except Stopped as stopped:
        console.print(f"stopped by {stopped}; a checkpoint is written, and the same command goes on from there.")
        return stopped.status
    except KeyboardInterrupt:
        console.print("stopped by SIGINT before the first step; there was nothing to write.")
        return 128 + signal.SIGINT
    return 0


def _report(told: argparse.Namespace, console: Console) -> None:
    """Write what there is to say of all trained files."""
    card = next(iter(cards.cards(told.profile).values()))
    folder = told.out or trained.folder(card.profile, card.preset)
    for path in trained_report.write(everything(told.profile), folder, told.report):
        console.print(f"written: {escape(str(path))}")


def _advance(told: argparse.Namespace, settings: TrainingSettings, console: Console) -> None:
    """Train what is asked for and is not at its end; say how far each has come."""
    wanted = list(queue.missing(_items(told), settings)) if told.missing else _items(told)
    if not any(queue.unfinished(wanted, settings)):
        console.print(
            "nothing to do: what was asked for is trained to its end. `--seed 1 --out FOLDER` trains another, "
            "`--factor 8` a restorer for another factor; `--help` says what else there is."
        )
    if told.missing:
        wanted = list(_unpublished(wanted, settings))
    trained_items = (
        lanes.train_all(wanted, settings, told.at_once, told.budget)
        if told.at_once > 1
        else queue.train_all(wanted, settings, told.budget)
    )
    for item, ended in trained_items:
        if rank() == 0:
            reached = "trained" if ended else "stopped when the time was up; the same command goes on from there"
            console.print(f"{escape(item.label)}: {reached}")


def _unpublished(items: Sequence[Item], settings: TrainingSettings) -> Iterator[Item]:
    """Yield the items that have no published files here that can be read; say which the others have."""
    for item in queue.unfinished(items, settings):
        if files := published.standing(item):
            run.say(f"{item.label} is not trained: {' and '.join(files)}, which is published, is here and can be read.")
        else:
            yield item


def _items(told: argparse.Namespace) -> list[Item]:
    """Return what is to be trained. Raises `BenchError` if the words do not say."""
    if told.missing:
        if told.train_data or told.hr_size:
            option = "--train-data" if told.train_data else "--hr-size"
            raise BenchError(f"{option} is for the images of one category; name what to train and --category.")
        again = told.out is not None and told.out.name == f"training{told.seed}"  # where only networks are looked for
        return [
            _begun(item, told)
            for item in everything(told.profile)
            if not (again and item.what in ("bank", biggan.NAME))
        ]
    if told.what == biggan.NAME:
        return [_begun(_biggan(told), told)]
    if told.what is None or told.category is None:
        raise BenchError("say what to train: a name and --category, or --missing; --help lists the rest.")
    card = cards.card(told.profile, told.category, told.hr_size)
    factor = 1 if told.what == "bank" else told.factor
    item = _begun(Item(told.what, card.task(factor)), told)
    if told.hr_size and told.what == "bank":
        _check_side(item.task)
    return [item]


def _biggan(told: argparse.Namespace) -> Item:
    """Return the BigGAN of a profile. Raises `BenchError` if the words or the profile do not go with it."""
    if told.category or told.train_data or told.hr_size:
        raise BenchError("biggan is trained on all categories of a profile; leave out --category and what is for one.")
    item = Item(biggan.NAME, next(iter(cards.cards(told.profile).values())).task(1))
    biggan.biggan(item.task)
    return item


def _check_side(task: Task) -> None:
    """Raise `BenchError` if the bank of a task's preset grows to another side than the task's."""
    side = chosen(bank_recipes(task.hr_size), task).stages[-1].size
    if side != task.hr_size:
        raise BenchError(
            f"a bank of the preset {task.preset} grows to {side} px, and {task.hr_size} px are asked for; leave out "
            "--hr-size, or take a profile whose banks have the size of their images: paper."
        )


def _begun(item: Item, told: argparse.Namespace) -> Item:
    """Return an item that begins with what the words allow."""
    return replace(item, task=replace(item.task, unfinished=told.unfinished))


if __name__ == "__main__":
    sys.exit(main())
