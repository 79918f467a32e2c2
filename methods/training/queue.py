"""From an item to its training: the data, the networks, the run; and all items that are not trained to the end."""

import math
import platform
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bench import cards
from bench.spec import BenchError, Task
from methods import checkpoints, perceptual, sizes, trained, unpickle, weights
from methods.glean import ABLATIONS, Glean
from methods.training import bank, bank_recipe, esrgan, glean, loop, restorer, run
from methods.training.feed import Share, open_feed
from methods.training.items import RIVALS, Item, facts, ship, steps
from methods.training.loop import Training

_VGG_LAYER = 21  # conv4_3, before its ReLU


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How and where everything is trained."""

    device: torch.device
    seed: int = 0
    runs: Path = Path("runs")
    """For checkpoints, logs and samples, a folder for each item."""
    out: Path | None = None
    """For the weight files; None: where the profile looks for them."""
    pool: int = 8_192
    """Scenes that are kept in memory on a CPU."""
    vgg16: Path | None = None
    """Weights for the perceptual loss; None: the published file, where weight files are looked for."""

    def folder(self, item: Item) -> Path:
        """Return where an item's weight files go."""
        return self.out or trained.folder(item.task.profile)


def train(item: Item, settings: Settings, seconds: float = math.inf) -> bool:
    """Train an item to the end or as long as it may, going on where it stopped; return whether the end was reached.

    Without a checkpoint it goes on from its weight files, if they are there.
    Its weight files are written with each checkpoint, once there is something to keep.
    """
    rank, ranks = run.join()
    share = Share(settings.seed, rank, ranks)
    card = cards.card(item.task.profile, item.task.category)
    training = start(item, settings, ranks)
    at = run.Run(settings.runs / Path(item.task.profile).name / item.label.replace(" ", "_"), seconds=seconds)

    known = {part: path for part in item.parts if (path := settings.folder(item) / item.file(part)).is_file()}
    if not at.begun and len(known) == len(item.parts):
        kept = {part: unpickle.load(path) for part, path in known.items()}
        run.adopted(next(iter(known.values())), lambda: training.adopt(kept, min(map(steps, known.values()))))

    def keep() -> None:
        if rank == 0:
            told: dict[str, str | int | float] = {
                "seed": settings.seed,
                "minutes": round(at.seconds / 60, 1),
                "processes": ranks,
                **machine(settings),
            }
            ship(item, training, settings.folder(item), told)

    feed = open_feed(card, share, settings.device, pool=settings.pool)
    return loop.train(training, feed, at, item.label, keep)


def start(item: Item, settings: Settings, ranks: int = 1) -> Training:
    """Return an item's training at its beginning. Raises `BenchError` for what cannot be trained."""
    size = sizes.of(item.task.profile)
    small = size is not sizes.PAPER
    if item.what == "bank":
        recipe = bank_recipe.of(cards.card(item.task.profile, item.task.category))
        return bank.Bank(recipe, size, settings.device, ranks=ranks, seed=settings.seed)
    torch.manual_seed(settings.seed)
    return restorer.Restorer(
        _untrained(item),
        checkpoints.stylegan2_discriminator(
            unpickle.load(weights.find("dgp", replace(item.task, factor=1), part="discriminator"))
        ),
        perceptual.vgg16(unpickle.load(settings.vgg16 or _vgg16(item.task)), layer=_VGG_LAYER),
        restorer.MINI if small else restorer.paper(item.task.category),
        factor=item.task.factor,
        device=settings.device,
        ranks=ranks,
        seed=settings.seed,
    )


def _untrained(item: Item) -> restorer.Adapter:
    """Return a method with the weights it is trained from."""
    variants: tuple[type[Glean], ...] = (Glean, *ABLATIONS)
    known = {method.spec.name: method for method in variants}
    if item.what in known:
        return glean.start(known[item.what], item.task)
    if item.what in RIVALS:
        return esrgan.start(item.what, item.task)
    raise BenchError(
        f"there is no training for {item.what!r}; it must be one of {', '.join(('bank', *known, *RIVALS[1:]))}."
    )


def _vgg16(task: Task) -> Path:
    """Return the published VGG16, which is the same for every profile."""
    return weights.find("mganprior", replace(task, profile="paper"), part="vgg16")


def machine(settings: Settings) -> dict[str, str]:
    """Return what the training ran on, for the files."""
    cuda = settings.device.type == "cuda"
    name = torch.cuda.get_device_name(settings.device) if cuda else f"{platform.machine()} CPU"
    threads = {} if cuda else {"threads": str(torch.get_num_threads())}
    return {"device": name, **threads, "torch": torch.__version__}


def unfinished(items: Iterable[Item], settings: Settings) -> Iterator[Item]:
    """Yield the items of which a file is missing or was not trained to the end, in their order."""
    for item in items:
        told = [facts(path) for part in item.parts if (path := settings.folder(item) / item.file(part)).is_file()]
        if len(told) < len(item.parts) or any(each.get("steps") != each.get("of") for each in told):
            yield item


def train_all(items: Iterable[Item], settings: Settings, seconds: float = math.inf) -> Iterator[tuple[Item, bool]]:
    """Train the unfinished items one after another as long as the time lasts; yield each, and whether it was ended."""
    end = time.monotonic() + seconds
    for item in list(unfinished(items, settings)):
        if not run.agreed(time.monotonic() < end):
            return
        yield item, train(item, settings, end - time.monotonic())
