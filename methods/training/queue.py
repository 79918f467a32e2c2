"""From an item to its training: the data, the networks, the run; and all items that are not trained to the end."""

import math
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

import torch
from rich.progress import Progress

from bench.spec import Card
from methods.formats import state_dicts, unpickle
from methods.training import ingredients, loop, processes, run, stop
from methods.training.feed import shared_feed
from methods.training.items import Item, ship, steps
from methods.training.key import Key, OtherTraining
from methods.training.loop import Training
from methods.training.photographs import card_of
from methods.training.settings import TrainingSettings
from methods.training.share import Share
from methods.weights import lock
from methods.weights.trained import facts


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
    training = ingredients.start(item, settings, share)
    key = ingredients.key(item, settings)
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


def _kept(item: Item, settings: TrainingSettings) -> dict[str, Path]:
    """Return part -> weight file of an item, if it is there. Raises `OtherTraining` for one of another."""
    found = {part: path for part in item.parts if (path := settings.folder(item) / item.file(part)).is_file()}
    for path in found.values():
        ingredients.key(item, settings).check(
            path, facts(path), "To keep it, have the new files written elsewhere (--out FOLDER); else delete it."
        )
    return found


def _say(words: str) -> None:
    """Tell a person something, if there is something."""
    if words:
        run.say(words)


def machine(settings: TrainingSettings) -> dict[str, str]:
    """Return what the training ran on, for the files."""
    cuda = settings.device.type == "cuda"
    name = torch.cuda.get_device_name(settings.device) if cuda else f"{platform.machine()} CPU"
    threads = {} if cuda else {"threads": str(torch.get_num_threads())}
    with run.precision(settings.device):
        arithmetic = "bfloat16" if torch.is_autocast_enabled(settings.device.type) else "float32"
    return {"device": name, **threads, "arithmetic": arithmetic, "torch": torch.__version__}


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
