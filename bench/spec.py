"""The nouns of the suite. Plain frozen values, and the errors of bench/errors.py; it imports nothing else of ours.

Nor does it import torch, before somebody asks for `Images`: what says what there is does without, and starts at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

from bench.errors import (
    BadFile,
    BadGuest,
    BadImage,
    BenchError,
    ContractError,
    MissingImages,
    MissingWeights,
    OutputError,
    TooSmall,
    UnknownName,
)

__all__ = [
    "BadFile",
    "BadGuest",
    "BadImage",
    "BenchError",
    "Card",
    "Cell",
    "ContractError",
    "Effort",
    "FaceBox",
    "Images",
    "Method",
    "MissingImages",
    "MissingWeights",
    "OutputError",
    "Published",
    "PublishedOn",
    "Record",
    "Refining",
    "Report",
    "Spec",
    "Status",
    "Task",
    "TooSmall",
    "UnknownName",
    "Variant",
    "Weights",
]

if TYPE_CHECKING:
    import torch

    Images: TypeAlias = torch.Tensor
    """(N, 3, H, W), float32, RGB, [0, 1]."""


def __getattr__(name: str) -> object:
    """Return `Images`, for annotations that are evaluated: torch's `Tensor`, and torch takes seconds to import."""
    if name != "Images":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from torch import Tensor  # noqa: PLC0415

    return Tensor


FaceBox: TypeAlias = tuple[float, float, float]
"""Left, top and side of the square of an image in which its face is aligned, in shares of the image's side."""

Status = Literal["ok", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a method: this category, this factor, images of this size."""

    profile: str
    category: str
    factor: int
    hr_size: int
    """Side of the ground truth and of the result, in pixels."""
    seed: int = 0
    """The suite's seed; a method that draws random numbers draws them from this and from the image."""
    preset: str = "paper"
    """Which sizes, steps and rates a method has (methods/presets), and so which weights fit; from the card."""
    weights: Literal["any", "published", "own"] = "any"
    """Which weight files are taken: those that were trained here, published ones, or the first of both that fits."""
    unfinished: bool = False
    """True: a file that was trained here is taken although its training has not ended."""
    dtype: Literal["float32", "tf32", "bfloat16"] = "float32"
    """What networks compute in, of methods of one pass."""
    compiled: bool = False
    """True: what these do is compiled by torch."""
    network: str = ""
    """The category whose networks restore it, where these are not its own."""
    mixture: str = ""
    """The degradations that its networks were trained with (methods/presets/mixtures.py); empty: `down` alone."""
    bank: Literal["", "stylegan", "stylegan2"] = ""
    """The kind of generator that GLEAN is made around; empty: that of the preset."""
    training: int = 0
    """The seed of the training that its networks come from; 0: those that are taken if nobody asks."""
    degradation: str = ""
    """What is done to its images, in words, where that is not `down` alone: tables may call two lists by one name."""

    def __post_init__(self) -> None:
        """Refuse a factor that does not divide the size."""
        if self.factor < 1 or self.hr_size % self.factor:
            raise BenchError(
                f"factor {self.factor} does not divide hr_size {self.hr_size} of {self.profile}/{self.category}; "
                f"choose one of {', '.join(str(f) for f in range(2, self.hr_size + 1) if self.hr_size % f == 0)}, "
                "or another size."
            )

    @property
    def lr_size(self) -> int:
        """Side of the input, in pixels."""
        return self.hr_size // self.factor

    @property
    def place(self) -> "Task":
        """The task that those of other seeds and trainings share: they make one cell of a table."""
        return replace(self, seed=0, training=0) if self.seed or self.training else self

    @property
    def asked(self) -> "Task":
        """The task as a method gets it, which has networks by category and knows nothing of variants."""
        return replace(self, category=self.network or self.category, network="", degradation="")


@dataclass(frozen=True, slots=True)
class Spec:
    """What a method says of itself before any weight is read."""

    name: str
    title: str
    family: str
    """interpolation, feed-forward, latent-bank, inversion, internal-learning, reference-based"""
    paper: str
    factors: tuple[int, ...]
    categories: tuple[str, ...] | None = None
    """None: every category."""
    max_batch: int = 32
    seeded: bool = False
    """True if the result depends on `Task.seed`: it is then measured with each of the seeds of a run."""
    needs_reference: Literal[False, "training", "truth"] = False
    """What it looks at beside its input (bench/reference_images.py): training images of its card, never a test image;
    or the true image itself, a bound that no result can be."""
    trained_on: str = ""
    """The training set, to mark a method that has seen the test images; for what its weight files say: `Weights`."""
    files: tuple[str, ...] = ()
    """Data files that decide what a guest makes, relative to its own file: another content makes its results anew."""
    trained: bool = field(default=False, repr=False)  # what tells results apart is the content of its weight files
    """True if its networks are looked for by `Task.training`: it is then measured with each that a run names."""
    takes_boxes: bool = field(default=False, repr=False)  # it holds those that it was given
    """True if it takes where eyes, nose and mouth lie in each image, from a table of the card (`component_boxes`)."""

    @property
    def searches(self) -> bool:
        """True if it optimises anew for each image, which takes seconds to minutes."""
        return self.family in ("inversion", "internal-learning")

    @property
    def oracle(self) -> bool:
        """True if it is shown the true image: the tables set it apart, and never call it the best."""
        return self.needs_reference == "truth"

    def knows_by_input(self, card: "Card") -> bool:
        """Return whether it tells a card's test images by their inputs, which must then be those that the card says."""
        return self.oracle or (self.takes_boxes and card.component_boxes is not None)

    def refuses(self, task: Task) -> str | None:
        """Return why this method cannot do the task, or None if it can."""
        if task.factor not in self.factors:
            of = ", ".join(map(str, self.factors))
            return (
                f"{self.title} is for {f'factors {of}' if len(self.factors) > 1 else f'{of}x alone'}, not {task.factor}"
            )
        if self.categories is not None and task.category not in self.categories:
            return f"{self.title} is for {', '.join(self.categories)}, not {task.category}"
        return None


@dataclass(frozen=True, slots=True)
class Effort:
    """What an optimisation spent on one image, and what a reader should know of the result."""

    g_forward: int = 0
    """Forward passes of a generator."""
    g_backward: int = 0
    note: str = ""
    """Such as a stopping criterion that was missed; the table counts how many images have it."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A weight file that a method read (bench/origins.py)."""

    file: str
    """Its name, without a folder."""
    trained_on: str
    """The training images, in words; a test set that is named there was seen."""


class Method(Protocol):
    """What a method must offer. It inherits nothing; see docs/adding.md.

    It may also have `efforts`, an `Effort` for each image of the last batch that `upscale` restored, and `remark`, a
    short text on its size or settings, for the tables. For the cost table: `dead_macs`, work of the published code
    without effect; `loops`, the names of its attributes that say how often it repeats what always costs the same: they
    are counted, not all run. Nested loops are one text, "epochs steps", if only the innermost costs anything.
    `any_threads`, True: its pictures do not depend on the number of torch's threads.
    """

    spec: ClassVar[Spec]

    @classmethod
    def load(cls, task: Task, device: "torch.device") -> Self:
        """Read what the method needs for this task; raises `MissingWeights` if it is not there."""
        ...

    def upscale(self, lr: "Images") -> "Images":
        """Return (N, 3, hr_size, hr_size) for (N, 3, lr_size, lr_size), on the device of `lr`."""
        ...


@runtime_checkable
class Refining(Protocol):
    """A method that is made of another's result: its costs are the other's, and so are the results that it starts from.

    Where the inner method searches, the harness stores the inner result, or takes the one that is stored, and calls
    `refine` alone; `upscale` gives the same picture.
    """

    spec: ClassVar[Spec]
    inner_class: ClassVar[type[Method]]
    inner: Method

    def refine(self, sr: "Images", lr: "Images") -> "Images":
        """Return what becomes of the inner method's result (N, 3, hr_size, hr_size), in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class Card:
    """The facts of one category in one profile: which images, of what size, from where."""

    profile: str
    category: str
    title: str
    hr_size: int
    reader: Literal["folder", "scenes", "lmdb", "lr"]
    """lr: there are LR images alone, and no ground truth."""
    source: str
    """folder, lr: its path; lmdb: the path of the database; scenes: the name of the scene."""
    test_set: str
    train_set: str
    ids: tuple[str, ...] = ()
    """The test images by name; empty: the first `test_images` of the folder in the order of their names."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """id -> sha256 of the 8-bit RGB pixels in row order; images that are not listed are not checked."""
    looks: Mapping[str, str] = field(default_factory=dict)
    """id -> how a known image looks (bench/images/known.py), by which files that are mere numbers are told."""
    test_images: int = 100
    searched_images: int | None = None
    """How many of the test images, the first ones, the methods that search get; None: all."""
    large_enough: bool = False
    """True: without `ids`, only photographs whose short side has `hr_size` pixels count among the first ones."""
    fit: Literal["crop", "stretch"] = "crop"
    """How a photograph that is not square is made square: its centre is cut out, or its aspect is given up."""
    train_source: str = ""
    """Where the training images are, as `source`; empty: scenes are drawn anew, a folder gives what is not tested."""
    train_reader: Literal["folder", "lmdb"] = "folder"
    """How `train_source` is read."""
    lr: str = ""
    """The folder, or the pattern, of LR images that are given (bench/images/given.py); empty: the suite makes them."""
    crops: tuple[Path, ...] = ()
    """Tables of squares in the files of a folder (bench/images/crops.py), which are then the images; `folder` alone."""
    train_crops: tuple[Path, ...] = ()
    """The same, for training; without, everything is trained on that is not tested on."""
    face_box: FaceBox | None = None
    """Where the faces are, of images that are all aligned in the same way; None: it is not known."""
    component_boxes: Path | None = None
    """A table of where the parts of the face lie in each test image (bench/images/boxes.py); None: `face_box` says."""
    licence: str = ""
    address: str = ""
    """Where the test images can be had, in words."""
    download: str = ""
    """The address below which a program gets the files of `crops`; empty: only a person does."""
    preset: str = "paper"
    """As in `Task`: `mini` for small drawn images, `paper` for everything that is restored with published networks."""
    degradation: tuple[str, ...] = ("down",)
    """What is done to the ground truth before a method gets it (bench/degradation.py)."""
    network: str = ""
    """As in `Task`."""
    mixture: str = ""
    """As in `Task`."""
    bank: Literal["", "stylegan", "stylegan2"] = ""
    """As in `Task`."""
    subject: str = ""
    """The category that its images show, of a variant (bench/variants.py), whose own is a column; empty: its own."""

    @property
    def shows(self) -> str:
        """The category that its images show."""
        return self.subject or self.category

    @property
    def draws_faces(self) -> bool:
        """Whether its images are drawn faces, of which it is known where eyes and mouth are."""
        return self.reader == "scenes" and self.source == "face"

    @property
    def has_hr(self) -> bool:
        """Whether there is a ground truth."""
        return self.reader != "lr"

    def task(self, factor: int, seed: int = 0) -> Task:
        """Return the task of restoring these images at a factor; raises `BenchError` if it does not divide the size."""
        return Task(
            self.profile,
            self.category,
            factor,
            self.hr_size,
            seed,
            self.preset,
            network=self.network,
            mixture=self.mixture,
            bank=self.bank,
            degradation=", ".join(self.degradation) if self.degradation != ("down",) else "",
        )


@dataclass(frozen=True, slots=True)
class Published:
    """One figure a paper prints."""

    method: str
    category: str
    factor: int
    metric: str
    value: float
    digits: int
    """Decimals as printed."""


@dataclass(frozen=True, slots=True)
class PublishedOn:
    """What published figures of a category were measured on."""

    hr_size: int
    sha256: str = ""
    """Of the list of the images, as `python -m bench lists` writes it, a line `sha256  id` each; "": unknown."""
    operator: str = ""
    """How LR was made, such as matlab-bicubic; "": unknown."""
    names: str = ""
    """Of the publisher's list, a line `id` each, where no checksums are known and the names are the publisher's own."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A further column beside each category of a table, or one alone: its images degraded otherwise, or others."""

    name: str
    degradation: tuple[str, ...] = ("down",)
    of: str = ""
    """The category whose images these are; empty: each of the table."""
    network: str = ""
    """The category whose networks restore them; empty: that of the images."""
    mixture: str = ""
    """As in `Task`."""


@dataclass(frozen=True, slots=True)
class Report:
    """The facts of one table: the grid that is measured, and what was published for it."""

    name: str
    title: str
    caption: str
    source: str
    """The publication the figures are from."""
    metrics: tuple[str, ...]
    """The metrics of the table, in its order."""
    categories: tuple[str, ...]
    factors: tuple[int, ...]
    methods: tuple[str, ...]
    also: tuple[str, ...] = ()
    """Further metrics, for the details below the table."""
    pending: Mapping[str, str] = field(default_factory=dict)
    """Methods of the table that are still to come: name -> title."""
    test_sets: Mapping[str, str] = field(default_factory=dict)
    """category -> the name of the test set of the published figures."""
    test_data: Mapping[str, PublishedOn] = field(default_factory=dict)
    """category -> what it consists of, as far as is known; a figure is only set against one of the same."""
    published: tuple[Published, ...] = ()
    full: str = ""
    """In a table of a method's variants, the name of the full one, with which the others are compared."""
    margin: Mapping[str, float] = field(default_factory=dict)
    """metric -> up to which mean difference methods are level; without it half a unit of the last printed digit."""
    references: tuple[str, ...] = ()
    """Rows for comparison that are made of the ground truth itself (bench/scores/references.py)."""
    variants: tuple[Variant, ...] = ()
    """Further columns (bench/variants.py)."""
    trainings: tuple[int, ...] = (0,)
    """The seeds of the trainings whose networks are measured, unless a run names others."""
    front: int = 0
    """The factor whose tables open the report, if it is measured; else that at which most was, of several the first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One method on one task; `refusal` says why it will not be run."""

    task: Task
    method: str
    title: str
    refusal: str | None = None
    trained_on: str = ""
    """As in `Spec`."""
    images: int | None = None
    """How many test images it gets, if a run does not say; None: all."""
    reference: bool = False
    """True: no method, but something made of the ground truth, to see what values are low and high."""
    oracle: bool = False
    """As in `Spec`."""

    @property
    def aside(self) -> bool:
        """True if the tables set it apart: it was made with the ground truth, and is compared with nothing."""
        return self.reference or self.oracle


@dataclass(frozen=True, slots=True)
class Record:
    """One image of one cell, or (image None) one cell that could not be run."""

    task: Task
    method: str
    image: str | None
    status: Status
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Protocol name -> value; empty if nothing could be scored."""
    seconds: float = math.nan
    g_forward: int = 0
    """Forward passes of a generator that an optimisation made for this image."""
    g_backward: int = 0
    note: str = ""
    """As in `Effort`."""
    remark: str = ""
    """As in `Method`."""
    weights: tuple[Weights, ...] = ()
    """The weight files that the method read."""
    run: str = ""
    """The fingerprint of the cell this image was restored under."""
