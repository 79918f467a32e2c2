"""From an item to its training: the data, the networks, the run; and all items that are not trained to the end."""

import math
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress
from torch import nn

from bench import cards
from bench.spec import BenchError, Card, MissingWeights, Task
from methods.dfdnet import Dfdnet
from methods.formats import state_dicts, stylegan2, unpickle, vgg16
from methods.presets import biggan
from methods.presets.bank import bank_recipes
from methods.presets.dfdnet import DFDNET
from methods.presets.lookup import chosen
from methods.presets.mixtures import parted
from methods.presets.restorer import RestorerRecipe, restorer_recipes
from methods.presets.sizes import SIZES
from methods.presets.srntt import SRNTT
from methods.srntt import Srntt, vgg_file
from methods.training import loop, processes, regression, restorer, run, stop, transfer
from methods.training.bank.bank import BankTraining
from methods.training.biggan import BigganTraining
from methods.training.drawn import POOL, pooled
from methods.training.feed import shared_feed
from methods.training.items import Item, ship, steps
from methods.training.key import Key, OtherTraining
from methods.training.loop import Training
from methods.training.photographs import card_of
from methods.training.settings import TrainingSettings
from methods.training.share import Share
from methods.training.start import GLEANS, check, untrained
from methods.weights import catalogue, critic, glean_bank, load, lock
from methods.weights.trained import facts

_FIRST_SIDE = 4  # px, of a bank
_VGG_LAYER = 21  # conv4_3, before its ReLU


def train(item: Item, settings: TrainingSettings, seconds: float = math.inf) -> bool:
    """Train an item to the end or as long as it may, going on where it stopped; return whether the end was reached.

    Without a checkpoint it goes on from its weight files, if they are there.
    Its weight files are written with each checkpoint, once there is something to keep.
    """
    with stop.asked() as asked, loop.bars() as shown:
        return loop.run_through(course(item, settings, seconds, asked, shown))


def course(item: Item, settings: TrainingSettings, seconds: float, asked: stop.Asked, shown: Progress) -> loop.Course:
    """Train an item as `train` does, a step each time one is asked for."""
    rank, ranks = processes.join()
    share = Share(settings.seed, rank, ranks, settings.batch_size)
    training = start(item, settings, share)
    key = _key(item, settings)
    processes.once(lambda: _say(key.old_run(settings.runs, item.label)))
    at = run.Run(key.folder(settings.runs, item.label), key, seconds=seconds)
    at.asked = asked
    alone = lock.held(at.folder, doing=f"training in {at.folder}")
    with alone if rank == 0 else nullcontext():
        at.clean()
        keep = _adopted(item, settings, training, key, at, share)
        feed, new = shared_feed(key.cards, share, settings.device, pool=settings.pool)
        _say(feed.told if new else "")
        yield from loop.steps(training, feed, at, shown, item.label, keep)
    return training.step >= training.steps


def _adopted(  # noqa: PLR0913, PLR0917 - what, how, and what was found out of both
    item: Item, settings: TrainingSettings, training: Training, key: Key, at: run.Run, share: Share
) -> Callable[[], None]:
    """Have an item go on from its weight files, if nothing else is there; return what writes them anew."""
    known = _kept(item, settings)
    card = card_of(item.task, settings.train_data)
    if not at.begun and len(known) == len(item.parts):
        kept = {part: state_dicts.floating(unpickle.load(path), path) for part, path in known.items()}
        run.adopted(next(iter(known.values())), lambda: training.adopt(kept, min(map(steps, known.values()))))

    def keep() -> None:
        if share.rank == 0:
            told: dict[str, str | int | float] = {
                **key.facts(),
                "seed": settings.seed,
                "factor": item.task.factor,
                "minutes": round(at.seconds / 60, 1),
                "processes": share.ranks,
                **_data(card),
                **machine(settings),
            }
            ship(item, training, settings.folder(item), told)

    return keep


def _data(card: Card) -> dict[str, str]:
    """Return what a weight file says of its training images: what the card calls them, if it has a training set."""
    return {"data": card.train_set} if card.train_set and (card.train_source or card.train_crops) else {}


def _key(item: Item, settings: TrainingSettings) -> Key:
    """Return what tells an item's training from others."""
    task = item.task
    matters = settings.pool != POOL and pooled(cards.card(task.profile, task.category), settings.device)
    pool = settings.pool if matters else None
    if item.what == biggan.NAME:
        recipe = biggan.biggan(task)
        return Key(task, settings.seed, recipe, (), pool, settings.train_data, categories=recipe.classes)
    if item.what == "bank":
        return Key(task, settings.seed, chosen(bank_recipes(task.hr_size), task), (), pool, settings.train_data)
    files = [] if item.of_pixels else [_critic(task)]
    if parted(item.what)[0] in GLEANS:
        files.append(glean_bank.find(parted(item.what)[0], task))
    if item.what == Srntt.spec.name:
        files.append(vgg_file(task))
    files += [] if item.of_pixels else _other_vgg16(task, settings)
    return Key(task, settings.seed, _recipe(item), tuple(files), pool, settings.train_data, **_own(item))


def _own(item: Item) -> dict[str, Any]:
    """Return what the weights of DFDNet and SRNTT depend on besides, as facts of `Key`; nothing of the others."""
    method, _ = parted(item.what)
    if method == Srntt.spec.name:
        return {"own": chosen(SRNTT, item.task)}
    if method == Dfdnet.spec.name:
        face_box = cards.card(item.task.profile, item.task.category).face_box
        return {"own": chosen(DFDNET, item.task), "face_box": face_box}
    return {}


def _recipe(item: Item) -> RestorerRecipe:
    """Return how a restorer is trained."""
    _, mixture = parted(item.what)
    found = replace(chosen(restorer_recipes(item.task.category, item.what), item.task), mixture=mixture)
    return found.of_pixels() if item.of_pixels else found


def _kept(item: Item, settings: TrainingSettings) -> dict[str, Path]:
    """Return part -> weight file of an item, if it is there. Raises `OtherTraining` for one of another."""
    found = {part: path for part in item.parts if (path := settings.folder(item) / item.file(part)).is_file()}
    for path in found.values():
        _key(item, settings).check(
            path, facts(path), "To keep it, have the new files written elsewhere (--out FOLDER); else delete it."
        )
    return found


def _say(words: str) -> None:
    """Tell a person something, if there is something."""
    if words:
        run.say(words)


def start(item: Item, settings: TrainingSettings, share: Share) -> Training:
    """Return an item's training at its beginning. Raises `BenchError` for what cannot be trained."""
    task = item.task
    if item.what == biggan.NAME:
        return BigganTraining(biggan.biggan(task), settings.device, share=share)
    if item.what == "bank":
        if task.hr_size < _FIRST_SIDE or task.hr_size & (task.hr_size - 1):
            raise BenchError(
                f"a bank grows from {_FIRST_SIDE} px by doubling, and never has {task.hr_size} px; set the card's "
                "hr_size to a power of two."
            )
        stages = chosen(bank_recipes(task.hr_size), task)
        return BankTraining(stages, chosen(SIZES, task), settings.device, share=share)
    check(item.what, task)
    torch.manual_seed(share.seed)
    recipe = _recipe(item)
    if item.what == Srntt.spec.name:
        card = card_of(task, settings.train_data)
        return transfer.begin(task, card, *_judges(item, settings), recipe, device=settings.device, share=share)
    method = untrained(item.what, task, settings.train_data)
    if item.of_pixels:
        return regression.Regression(method, recipe, factor=task.factor, device=settings.device, share=share)
    return restorer.Restorer(
        method, *_judges(item, settings), recipe, factor=task.factor, device=settings.device, share=share
    )


def _judges(item: Item, settings: TrainingSettings) -> tuple[nn.Module, nn.Module]:
    """Return the discriminator and the VGG16 that a restorer's images are judged by."""
    return (
        stylegan2.discriminator(unpickle.load(_critic(item.task))),
        vgg16.vgg16(unpickle.load(settings.vgg16 or _vgg16(item.task)), layer=_VGG_LAYER),
    )


def _critic(task: Task) -> Path:
    """Return the discriminator of the category's bank."""
    return critic.path(replace(task, factor=1))


def _vgg16(task: Task) -> Path:
    """Return the published VGG16, which is the same for every preset and method.

    Raises `MissingWeights`, in the words of training: that it is mganprior's in the catalogue explains nothing here.
    """
    try:
        return load.find("mganprior", replace(task, preset="paper"), part="vgg16")
    except MissingWeights as error:
        (file, *_) = catalogue.fitting("mganprior", replace(task, preset="paper"), "vgg16")
        raise MissingWeights(
            f"the perceptual loss of training needs VGG16 ({file.name}), which is not on this machine or not whole. "
            f"Name it with --vgg16, or {catalogue.advice(file)}"
        ) from error


def _other_vgg16(task: Task, settings: TrainingSettings) -> list[Path]:
    """Return the VGG16 that was given, unless it is the published one. Raises `MissingWeights` if it is not there."""
    path = settings.vgg16
    if path is None:
        return []
    if not path.is_file():
        raise MissingWeights(f"there is no {path}; --vgg16 takes VGG16's weights in torchvision's names.")
    published = catalogue.fitting("mganprior", replace(task, preset="paper"), "vgg16")
    return [path] if all(catalogue.wrong(file, path) for file in published) else []


def machine(settings: TrainingSettings) -> dict[str, str]:
    """Return what the training ran on, for the files."""
    cuda = settings.device.type == "cuda"
    name = torch.cuda.get_device_name(settings.device) if cuda else f"{platform.machine()} CPU"
    threads = {} if cuda else {"threads": str(torch.get_num_threads())}
    return {"device": name, **threads, "torch": torch.__version__}


def unfinished(items: Iterable[Item], settings: TrainingSettings) -> Iterator[Item]:
    """Yield the items of which a file is missing or was not trained to the end, in their order."""
    for item in items:
        told = [facts(path) for path in _kept(item, settings).values()]
        if len(told) < len(item.parts) or any(each.get("steps") != each.get("of") for each in told):
            yield item


def missing(items: Iterable[Item], settings: TrainingSettings) -> Iterator[Item]:
    """Yield the unfinished items, pass over those that have files of another recipe, VGG16 or bank, and say so.

    They are not missing, and may be what the user has; those of another seed are no such case, and raise.
    """
    for item in items:
        try:
            yield from unfinished([item], settings)
        except OtherTraining as other:
            if other.fact == "seed":
                raise
            _say(f"{item.label} is left as it is: {other}")


def train_all(
    items: Iterable[Item], settings: TrainingSettings, seconds: float = math.inf
) -> Iterator[tuple[Item, bool]]:
    """Train the unfinished items one after another as long as the time lasts; yield each, and whether it was ended."""
    end = time.monotonic() + seconds
    for item in list(unfinished(items, settings)):
        if not processes.agreed(time.monotonic() < end):
            return
        yield item, train(item, settings, end - time.monotonic())
