"""What a method may know beside its input: training images of its card, and never those that are tested on.

A method says in its spec that it does (`Spec.needs_reference`), and asks while it is loaded:

    "training"  `training` gives it images that its category, or another one, has for training
    "truth"     `Truths` shows it the true image itself: a bound, which the tables set apart

Where the components of faces lie is a fact of the card: the same for each image (`component_boxes`), or of a table, a
line for each part of each (`Located`).

What a method gets here it holds, so that it is a part of the fingerprint of its results.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from bench import cards, resize, scenes
from bench.components import Rectangle, boxes
from bench.images import boxes as boxes_table
from bench.images import data
from bench.images.tested import Tested
from bench.images.training import photographs
from bench.spec import BenchError, Card, ContractError, Images, MissingImages, Spec, Task

_PART = 8  # images read at once
_SHOWN = 3


def training(spec: Spec, task: Task, count: int, *, other: bool = False) -> Images:
    """Return training images (N, 3, hr_size, hr_size), float32, [0, 1], on the CPU; N is `count`, or all there are.

    They are of the task's category, or, if `other`, of the next one of its profile. Of scenes they are those of the
    first seeds for training; photographs are spread evenly over their names.

    Raises:
        ContractError: the method's spec does not say that it needs them.
        MissingImages: there are none here, or there is no other category.
        BenchError: one of them is a test image of any category of the profile, by the checksum of its file or of its
            pixels.
    """
    if spec.needs_reference != "training":
        raise ContractError(f'{spec.name} asks for training images; its spec must say needs_reference="training".')
    card = _other(task) if other else cards.card(task.profile, task.category, task.hr_size)
    return of_card(card, count)


def component_boxes(task: Task, size: int) -> dict[str, Rectangle]:
    """Return where eyes, nose and mouth lie in the images of a task, brought to `size` px (bench/components.py).

    Raises `BenchError` if its card has no square of the faces.
    """
    face_box = cards.card(task.profile, task.category).face_box
    if face_box is None:
        raise BenchError(
            f"the card of {task.category} in the profile {task.profile} does not say where its faces are; add the "
            "square in which they are aligned, such as face_box = [0.12, 0.12, 0.765] of faces cut out as FFHQ's."
        )
    return boxes(face_box, size)


def of_card(card: Card, count: int) -> Images:
    """Return training images of a card, as `training`; for trainings, which have a card."""
    if card.reader == "scenes":
        seeds = torch.arange(scenes.FIRST_TRAINING_SEED, scenes.FIRST_TRAINING_SEED + count)
        return scenes.exact_images(card.source, seeds, card.hr_size).float() / 255
    source, ids = photographs(card)
    tested = [Tested.of(each, source, ids) for each in _photographed(card)]
    if known := sorted({name for each in tested for name in each.ids}):
        raise _shared(card, known, source.where)
    chosen = [ids[k * len(ids) // count] for k in range(count)] if count < len(ids) else ids
    images = [source.pixels(name) for name in chosen]
    if same := [name for name, image in zip(chosen, images, strict=True) if any(each.shows(image) for each in tested)]:
        raise _shared(card, same, source.where)
    return torch.stack(images).float() / 255


def _photographed(card: Card) -> list[Card]:
    """Return a card and the others of its profile that have photographs: a column may be of another's test images."""
    others = cards.cards(card.profile, card.hr_size).values()
    return [card, *(each for each in others if each.category != card.category and each.reader != "scenes")]


def _shared(card: Card, names: list[str], where: str) -> BenchError:
    """Return the error for training images that are tested on."""
    told = f"{', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
    return BenchError(
        f"the training images of {card.category} in {where} hold {len(names)} that are tested on ({told}, by "
        "checksum); a method must not see the answer, so take them out of there."
    )


def _other(task: Task) -> Card:
    """Return the card of the category behind a task's own in its profile, the first one's for the last."""
    found = cards.cards(task.profile, task.hr_size)
    names = list(found)
    name = names[(names.index(task.category) + 1) % len(names)]
    if name == task.category:
        raise MissingImages(
            f"the profile {task.profile} has no category but {name}, and images of another one are asked for; "
            "add a card, or a folder of photographs, of any other."
        )
    return found[name]


def knows_by_input(spec: Spec, task: Task) -> bool:
    """Return whether a method tells the test images of a task by their inputs, as `Spec.knows_by_input`."""
    return spec.knows_by_input(cards.card(task.profile, task.category))


@dataclass(frozen=True)
class Located:
    """The boxes of the components of each of a card's test images, from its table, told by the pixels of the input."""

    path: Path
    mean: Tensor
    """(4, 4): the mean over the images of the table."""
    boxes: dict[str, Tensor]
    """The checksum of an LR image -> its boxes (4, 4): left, top, right, bottom of `components.PARTS`."""

    @classmethod
    def of_task(cls, task: Task, size: int, device: torch.device) -> "Located | None":
        """Read the table of a task's card, for images brought to `size` px; None: it names none.

        On the meta device no image is read.

        Raises `BadFile` as `boxes.read`, `BenchError` for a test image without boxes, and as `data.batches`.
        """
        card = cards.card(task.profile, task.category, task.hr_size)
        if card.component_boxes is None:
            return None
        of_table = cards.card(task.profile, task.category).hr_size  # the table's pixels are those of the card
        table = boxes_table.read(card.component_boxes, of_table)
        scale = size / of_table
        found: dict[str, Tensor] = {}
        for batch in data.batches(card, task.factor, _PART) if device.type != "meta" else ():
            if isinstance(batch, data.Batch):
                places = (table.of(batch.ids) * scale).round().long()
                found.update(zip(map(_sum, batch.lr), places, strict=True))
        mean = (table.of(list(table.by_id)) * scale).mean(0).round().long()
        return cls(table.path, mean, found)

    @property
    def remark(self) -> str:
        """Whose boxes are taken, in words."""
        return f"each test image's own, by {self.path.name}, and their mean for any other input"

    def of(self, lr: Images) -> Tensor:
        """Return the boxes (N, 4, 4), whole pixels, of inputs (N, 3, lr_size, lr_size); the mean ones of unknown ones.

        A table takes known ones alone: bench/stock.py refuses what changes the inputs.
        """
        if lr.is_meta:
            return self.mean.expand(len(lr), 4, 4)
        return torch.stack([self.boxes.get(_sum(image), self.mean) for image in lr])


@dataclass(frozen=True)
class Truths:
    """The true image of each input of a card's test images, told by the pixels of the input."""

    card: Card
    device: torch.device
    ids: dict[str, str] = field(default_factory=dict)
    """The checksum of an LR image -> the id of its image."""
    digests: list[bytes] = field(default_factory=list)
    """Of what it shows: other true images make other results."""

    @classmethod
    def of_task(cls, spec: Spec, task: Task, device: torch.device) -> "Truths":
        """Read a task's test images. Raises `ContractError` for a spec that says nothing of it, and as `data.batches`.

        On the meta device nothing is read.
        """
        if spec.needs_reference != "truth":
            raise ContractError(f'{spec.name} asks for the true images; its spec must say needs_reference="truth".')
        made = cls(cards.card(task.profile, task.category, task.hr_size), device)
        if device.type != "meta":
            for batch in data.batches(made.card, task.factor, _PART):
                if isinstance(batch, data.Batch):
                    made.ids.update(zip(map(_sum, batch.lr), batch.ids, strict=True))
                    made.digests.extend(_sum(image).encode() for image in batch.hr)
        return made

    def of(self, lr: Images) -> Images:
        """Return the true images (N, 3, hr_size, hr_size) in [0, 1] of inputs (N, 3, lr_size, lr_size).

        Raises `BenchError` for an input that is not of a test image.
        """
        if lr.is_meta:
            return lr.new_empty((len(lr), 3, self.card.hr_size, self.card.hr_size))
        return torch.stack([self._image(_sum(image)) for image in lr]).to(lr.device)

    def _image(self, lr_sum: str) -> Images:
        if lr_sum not in self.ids:
            raise BenchError(
                f"an oracle is shown the true image, and this input is of none of the {len(self.ids)} test images of "
                f"{self.card.category} in the profile {self.card.profile}; ask another method."
            )
        return data.read(self.card, self.ids[lr_sum]).float() / 255


def _sum(image: Tensor) -> str:
    """Return the sha256 of an image (3, H, W) in [0, 1] on the 8-bit grid."""
    return hashlib.sha256(resize.eight_bit(image.cpu()).contiguous().numpy().tobytes()).hexdigest()
