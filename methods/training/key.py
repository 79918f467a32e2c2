"""What the weights of a training depend on, told in a few short facts, so that no training takes up another's.

    seed     of weights, images and noise
    recipe   a digest of the recipe and of the networks' sizes
    start    a digest of the weight files that a restorer begins with: the discriminator's, for GLEAN the bank's; and of
             VGG16's, if it is not the published file
    images   a digest of the training images; and how many scenes are kept in memory, where that decides which are drawn

Together with the profile's real path they name the folder of a run; its checkpoints and its weight files carry them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.images import data
from bench.images.training import photographs
from bench.paths import expanded
from bench.profiles import profiles
from bench.spec import BadFile, Card, FaceBox, Task
from methods.presets.bank import BankRecipe
from methods.presets.biggan import BigganRecipe
from methods.presets.lookup import chosen
from methods.presets.sizes import SIZES
from methods.training.photographs import card_of

_LOOKED_AT = 8  # photographs of which the pixels count; the names of all do

_TOLD = {
    "seed": "with another seed ({old}; this training has {new})",
    "recipe": "by another recipe or at other sizes",
    "start": "from another bank, discriminator or VGG16",
    "images": "on other images, or with another --pool",
}
"""How weights differ from those wanted, by the fact that does."""


class OtherTraining(BadFile):
    """A file of another training than the one that is wanted."""

    def __init__(self, text: str, fact: str) -> None:
        """Keep the first fact of `Key` that differs."""
        super().__init__(text)
        self.fact = fact


@dataclass(frozen=True)
class Key:
    """The facts of one training, each found out when it is asked for."""

    task: Task
    seed: int
    numbers: object
    """The recipe, a dataclass."""
    files: tuple[Path, ...]
    """The weight files it begins with; none for a bank, or for the squared error alone."""
    pool: int | None = None
    """Scenes kept in memory, if the images depend on it and it is not the usual number."""
    train_data: Path | None = None
    """Where the training images are, if not where the card says."""
    _: KW_ONLY
    own: object = None
    """The sizes of a method that has a preset of its own, a dataclass."""
    face_box: FaceBox | None = None
    """Where the faces are, if its weights were cut out there: DFDNet's dictionaries."""
    categories: tuple[str, ...] = ()
    """Of the images, if it is trained on several."""

    @property
    def recipe(self) -> str:
        """Return a digest of the recipe and of the sizes of what is trained."""
        if isinstance(self.numbers, BigganRecipe):
            return digest(_described(self.numbers))  # its sizes are in it
        sizes, side = chosen(SIZES, self.task), self.task.hr_size
        bank = isinstance(self.numbers, BankRecipe)
        used = (sizes.stylegan2(side), sizes.critic_channels(side)) if bank else sizes
        own = () if self.own is None else (_described(self.own),)
        where = () if self.face_box is None else (repr(self.face_box),)
        return digest(_described(self.numbers), _described(used), *own, *where)

    @cached_property
    def start(self) -> str:
        """Return a digest of the weight files that it begins with."""
        return digest(*(hashlib.sha256(path.read_bytes()).hexdigest() for path in self.files))

    @property
    def cards(self) -> list[Card]:
        """Return the cards of the training images. Raises as `card_of`."""
        tasks = [replace(self.task, category=category) for category in self.categories or (self.task.category,)]
        return [card_of(task, self.train_data) for task in tasks]

    @cached_property
    def images(self) -> str:
        """Return a digest of the training images. Raises `MissingImages` if they are not here."""
        each = [images(card) for card in self.cards]
        found = each[0] if len(each) == 1 else digest(*each)
        return found if self.pool is None else digest(found, str(self.pool))

    def facts(self) -> dict[str, str]:
        """Return all of them."""
        return {name: str(getattr(self, name)) for name in _TOLD}

    def check(self, path: Path, told: Mapping[str, object], advice: str) -> None:
        """Raise `OtherTraining` if a file says that it is of another; what it does not say is not checked."""
        for name, words in _TOLD.items():
            if name in told and (old := str(told[name])) != (new := str(getattr(self, name))):
                raise OtherTraining(f"{path} was trained {words.format(old=old, new=new)}. {advice}", name)

    def folder(self, runs: Path, label: str) -> Path:
        """Return where the run is kept: a part to read, and a digest of the profile's real path and of the facts."""
        path = self.task.profile if self._ours else str(expanded(self.task.profile).resolve())
        old = _old_folder(runs, self.task, label)
        return old.with_name(f"{old.name}-{digest(path, *self.facts().values())}")

    def old_run(self, runs: Path, label: str) -> str:
        """Take over the run of a version whose folders told neither seed nor images; return what to say of it.

        Only what can be no other's: with the default seed, of a profile of the suite. Without such a run it is ''.
        """
        old, new = _old_folder(runs, self.task, label), self.folder(runs, label)
        if new.exists() or not old.is_dir():
            return ""
        if self._ours and self.seed == 0:
            old.rename(new)
            return (
                f"{old}, begun by an older version that noted neither seed nor images, goes on as {new} with the seed 0"
            )
        return (
            f"{old} was begun by an older version and does not say for which folder and seed, so this training begins "
            f"anew; if it is this one, stop, and rename it {new}"
        )

    @property
    def _ours(self) -> bool:
        return self.task.profile in profiles()


def _old_folder(runs: Path, task: Task, label: str) -> Path:
    """Return where older versions kept a run."""
    return runs / Path(task.profile).name / label.replace(" ", "_")


def images(card: Card) -> str:
    """Return a digest of the training images of a card.

    Of scenes, the listed pixels of the test images, which are drawn alike, tell one renderer from another. Of
    photographs, all names count, and the pixels of eight, from the first to the last.
    """
    if card.reader == "scenes":
        return digest(card.source, str(card.hr_size), *sorted(card.sha256.values()))
    source, ids = photographs(card)
    some = ids[:: -(-len(ids) // _LOOKED_AT)]
    return digest(*ids, *(data.pixel_sha256(source.pixels(name)) for name in some))


def digest(*parts: str) -> str:
    """Return twelve digits that differ where the parts do."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _described(numbers: object) -> str:
    """Return the numbers of a dataclass; those at their default are left out, so that a new one changes nothing."""
    if not is_dataclass(numbers):
        return repr(numbers)
    values = {each.name: (getattr(numbers, each.name), each.default) for each in fields(numbers)}
    return repr({name: value for name, (value, default) in values.items() if value != default})
