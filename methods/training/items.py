"""What can be trained, how far each file is, and where the files go: float16, with what made them in the header."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bench import atomic, cards
from bench.spec import Card, Task
from methods import specs
from methods.formats import own_files
from methods.presets import biggan
from methods.presets.lookup import chosen
from methods.presets.mixtures import parted
from methods.presets.programme import PROGRAMMES
from methods.training.loop import Training
from methods.training.regression import APART
from methods.weights import load
from methods.weights.trained import FACTS, facts, file_name


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to train: "bank", "biggan", or a method by its spec's name; a bank has the factor 1.

    A "biggan" is of all categories of the profile; its task is that of one of them.
    """

    what: str
    task: Task

    @property
    def label(self) -> str:
        """Name it for a person."""
        if self.what == biggan.NAME:
            return self.what
        factor = "" if self.is_bank else f" {self.task.factor}x"
        return f"{load.named(self.what, replace(self.task, mixture=''))} {self.task.category}{factor}"

    @property
    def is_bank(self) -> bool:
        """Whether it is a generator with its discriminator."""
        return self.what in ("bank", biggan.NAME)

    @property
    def of_pixels(self) -> bool:
        """Whether it is trained by the squared error alone."""
        return parted(self.what)[0] == specs.ESRGAN_MSE.name

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that come of it, a file each."""
        return ("bank", "discriminator") if self.is_bank else ("network",)

    def file(self, part: str) -> str:
        """Return the name of a part's file."""
        return file_name(load.named(self.what, replace(self.task, mixture="")), self.task, part)


def everything(profile: str) -> Iterator[Item]:
    """Yield what the tables of a profile need, most valuable first: banks, then part by part of its programme.

    What a user's profile has not the images for, or not the places of its faces, is left out. Raises `UnknownName` for
    a card whose preset has no programme.
    """
    found = [(card, chosen(PROGRAMMES, card.task(1))) for card in cards.cards(profile).values()]
    categories = [card.category for card, _ in found]
    for card, _ in found:
        yield Item("bank", card.task(1))
    for part in dict.fromkeys(part for _, programme in found for part in programme):
        for factor in part.factors:
            for card, programme in found:
                wanted = part in programme and (not part.categories or card.category in part.categories)
                if wanted and card.hr_size % factor == 0:
                    possible = (method for method in part.methods if _possible(method, card, categories))
                    yield from (Item(method, card.task(factor)) for method in possible)


def _possible(method: str, card: Card, categories: Collection[str]) -> bool:
    """Tell whether a method can be trained for a card of a profile with these categories."""
    if method == specs.DFDNET.name:
        return card.face_box is not None
    if method not in (biggan.NAME, biggan.METHOD):
        return True
    recipe = biggan.BIGGAN[card.preset]
    return card.hr_size == recipe.size and card.category in recipe.classes and set(recipe.classes) <= set(categories)


def ship(item: Item, training: Training, folder: Path, facts: Mapping[str, str | int | float]) -> list[Path]:
    """Write the networks of a training into a folder, unless what is there was trained for more steps.

    Returns the files written: none before there is a network to keep.
    """
    written = []
    for part, network in training.networks().items():
        path = folder / item.file(part)
        if steps(path) < training.step:
            told = {"steps": training.step, "of": training.steps, **facts}
            without = next((part for part in APART if _frozen(network, part)), None)
            content = own_files.safetensors(
                network, dtype=torch.float16, without=without, facts={FACTS: json.dumps(told)}
            )
            atomic.write(path, content)
            written.append(path)
    return written


def _frozen(network: torch.nn.Module, part: str) -> bool:
    """Tell whether a network has a part, and none of it is trained: it is a file of its own then."""
    found = [parameter.requires_grad for name, parameter in network.named_parameters() if name.startswith(part)]
    return bool(found) and not any(found)


def steps(path: Path) -> int:
    """Return for how many steps a file was trained; 0 if it is not there."""
    return int(facts(path).get("steps", 0)) if path.is_file() else 0
