"""What a meta-learned bank is worth: `python -m methods.training.meta --category tower`. Ours; no paper has the table.

A bank of 32 px is trained by Reptile on all other categories of the profile (bank/reptile.py), another as any bank is,
on the same images in the same order. Both go on for a few steps on the category that was left out, and are compared
with a bank trained anew for as many: KID of its images from renders that no training has seen, both enlarged to 128 px.
The trainings go on from their checkpoints, and need no other file.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from bench import atomic, cards, resize, scenes
from bench.console import run as run_command
from bench.scores.kid import features, kid
from bench.spec import BenchError, Card, Images
from methods.presets.bank import BankRecipe, BankStage
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.training import loop
from methods.training.bank.bank import BankTraining
from methods.training.bank.reptile import Alternating, Reptile
from methods.training.feed import open_feed
from methods.training.key import Key
from methods.training.likeness import FIRST_SEED
from methods.training.run import Run
from methods.training.share import Share
from methods.training.stop import Stopped
from methods.training.words import number
from methods.weights import lock
from methods.weights.advice import option

SIDE = 32  # px, where an image costs a tenth
STEPS = (0, 1, 10, 100)
_BATCH, _POOL = 16, 1024
_META = BankRecipe(stages=(BankStage(SIDE, 96_000, _BATCH),), rate=0.008, gamma=0.5, half_life=0, noise=False)
_HALF_LIFE = 1_000  # images, of the average of what is not meta-learned
_COMPARED = 500  # images
_ENLARGED = 128  # px: KID's network wants at least 63
_LEAST = 2  # categories to learn from
_CPU = torch.device("cpu")
Weights = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table."""

    start: str
    seed: int
    steps: int
    kid: float


def begun(profile: str, left_out: str, runs: Path) -> dict[str, Weights]:
    """Train on all categories but one, or go on with it; return the networks of each way, by its name in the table.

    Raises `BenchError` if there are none, `BadFile` for a checkpoint of another training.
    """
    found = cards.cards(profile, SIDE)
    drawn = all(card.reader == "scenes" for card in found.values())
    if left_out not in found or len(found) <= _LEAST or not drawn:
        raise BenchError(
            f"{profile} has {', '.join(found)}; a meta-learned bank takes drawn categories, at least "
            f"{_LEAST} beside the one that is left out, which has to be one of them: not {left_out}."
        )
    others = [card for card in found.values() if card.category != left_out]
    if len({card.preset for card in found.values()}) > 1:
        raise BenchError(f"the cards of {profile} name several presets; a meta-learned bank has the sizes of one.")
    sizes, share = chosen(SIZES, others[0].task(1)), Share()
    # A path's last part alone: behind `/`, an absolute one would take the place of `runs`.
    folder, joint = runs / Path(profile).name, replace(_META, half_life=_HALF_LIFE)
    meta = Reptile(_META, sizes, _CPU, share=share)
    usual = BankTraining(joint, sizes, _CPU, share=share)
    return {
        "meta-learned": _trained(meta, _META, others, folder / f"meta_{left_out}"),
        "trained on all": _trained(usual, joint, others, folder / f"joint_{left_out}"),
    }


def _trained(training: BankTraining, recipe: BankRecipe, others: Sequence[Card], folder: Path) -> Weights:
    """Train on the images of some categories in turn, or go on with it; return its networks."""
    feed = Alternating([open_feed(card, training.share, _CPU, pool=_POOL) for card in others])
    key = Key(others[0].task(1), 0, recipe, (), _POOL, categories=tuple(card.category for card in others))
    at = Run(folder, key)
    with lock.held(at.folder, doing=f"training in {at.folder}"):
        loop.train(training, feed, at, folder.name)
    return {part: network.state_dict() for part, network in training.networks().items()}


def adapted(start: Weights | None, card: Card, seed: int) -> Iterator[tuple[int, Images]]:
    """Yield images (N, 3, 32, 32), [0, 1], of a bank after each of `STEPS` on a card's images.

    It begins with weights, or anew, drawn from the seed; so are its images.
    """
    share = Share(seed)
    recipe = replace(_META, half_life=_HALF_LIFE)
    training = BankTraining(recipe, chosen(SIZES, card.task(1)), _CPU, share=share)
    if start is not None:
        training.adopt(start, 0)
    feed = open_feed(card, share, _CPU, pool=_POOL)
    z = torch.randn(_COMPARED, training.generator.z_dim, generator=torch.Generator().manual_seed(seed))
    for step in range(max(STEPS) + 1):
        if step in STEPS:
            with torch.no_grad():
                yield step, ((training.generator(z) + 1) / 2).clamp(0, 1)
        training.advance(feed.batch(step, training.batch))


def _reals(card: Card, part: int = 0) -> Tensor:
    """Return the features of renders that no training has seen; each part has others."""
    first = FIRST_SEED + part * _COMPARED
    return _features(scenes.render(card.source, torch.arange(first, first + _COMPARED), SIDE))


def floor(card: Card) -> float:
    """Return the KID of two sets of renders: as near as a bank can come."""
    return kid(_reals(card, 1), _reals(card))


def measured(starts: Mapping[str, Weights], card: Card, seeds: Sequence[int]) -> Iterator[Line]:
    """Yield the lines of the table: each beginning and one anew, for each seed and number of steps."""
    wanted = _reals(card)
    for seed in seeds:
        for name, weights in (*starts.items(), ("anew", None)):
            for step, images in adapted(weights, card, seed):
                yield Line(name, seed, step, kid(_features(images), wanted))


def _features(images: Images) -> Tensor:
    enlarged = resize.upsample(images, _ENLARGED // SIDE)
    return torch.cat([features(part) for part in enlarged.split(100)])


def markdown(lines: Sequence[Line], card: Card, others: Sequence[str], nearest: float) -> str:
    """Return the table: the mean over seeds, and the least and the largest; `nearest` is the `floor`."""
    heads = ("1 step" if step == 1 else f"{step} steps" for step in STEPS)
    rows = [f"| start | {' | '.join(heads)} |", "|---" * (len(STEPS) + 1) + "|"]
    for start in dict.fromkeys(line.start for line in lines):
        cells = map(partial(_cell, [line for line in lines if line.start == start]), STEPS)
        rows.append(f"| {start} | " + " | ".join(cells) + " |")
    count = len({line.seed for line in lines})
    over = f"the mean of {count} seeds of these steps, and the least and the largest" if count > 1 else "one seed"
    return (
        f"# A meta-learned bank: {card.category} after a few steps\n\nOurs; no paper has this table. Written by "
        f"`python -m methods.training.meta --category {card.category}{option(card.profile)}`. KID (features of "
        f"AlexNet, images enlarged from {SIDE} to {_ENLARGED} px) of {_COMPARED} images from as many renders, lower is "
        "better: "
        f"{over}; of other renders it is {nearest:z.3f}. The first two, of one training each, have seen "
        f"{', '.join(others)} in {_META.end(0):,} steps of {_BATCH} images, ten of a category in turn, and no "
        f"{card.category}: the first by Reptile, the second as any bank is trained. The third begins with random "
        "weights.\n\n" + "\n".join(rows) + "\n"
    )


def _cell(lines: Sequence[Line], step: int) -> str:
    values = [line.kid for line in lines if line.steps == step]
    spread = f" ({min(values):z.3f} to {max(values):z.3f})" if len(values) > 1 else ""
    return f"{fmean(values):z.3f}{spread}"


def main(words: Sequence[str] | None = None) -> int:
    """Train, measure, write <out>/meta_<category>.md; return the exit status."""
    return run_command(_main, sys.argv[1:] if words is None else words)


def _main(words: Sequence[str]) -> int:
    made = argparse.ArgumentParser(prog="python -m methods.training.meta", description="A bank that begins others.")
    made.add_argument("--profile", default="mini")
    made.add_argument("--category", default="tower", help="the one that is left out")
    made.add_argument(
        "--seeds", type=number(1, 100), default=3, help="of what follows the meta-learned beginning, and of the new one"
    )
    made.add_argument("--runs", type=Path, default=Path("runs"), help="for checkpoints, logs and samples")
    made.add_argument("--out", type=Path, help="instead of reports/out/<profile>")
    told = made.parse_args(words)
    try:
        starts = begun(told.profile, told.category, told.runs)
    except Stopped as stopped:
        sys.stderr.write(f"stopped by {stopped}; a checkpoint is written, and the same command goes on from there.\n")
        return stopped.status
    card = cards.card(told.profile, told.category, SIDE)
    others = [name for name in cards.cards(told.profile) if name != told.category]
    lines = list(measured(starts, card, range(told.seeds)))
    path = (told.out or Path("reports/out") / Path(told.profile).name) / f"meta_{told.category}.md"
    atomic.write(path, markdown(lines, card, others, floor(card)).encode())
    sys.stderr.write(f"written: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
