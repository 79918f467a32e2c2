"""The nouns of the metrics: what one may look at, and what a column of a table is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from bench import degradation
from bench.spec import Card, Cell, FaceBox, Images


@dataclass(frozen=True, slots=True)
class Pair:
    """What a metric may look at: a batch of results, the ground truth, and the input of the method."""

    sr: Images
    hr: Images
    """(N, 3, 0, 0) if there is none; then only metrics that do not need it are asked."""
    lr: Images
    factor: int
    how: tuple[str, ...] = degradation.PLAIN
    """What was done to the ground truth, as in `Card`."""
    mask: Tensor | None = None
    """(N, 1, H, W) float32: 1 where an edit was, else 0; None if nothing was edited."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One column of a table."""

    name: str
    title: str
    protocol: Callable[[], str]
    """How the number is made, in the manner of sacreBLEU: numbers of different protocols are never compared.
    A function, because ArcFace's depends on the network that is found."""
    higher_is_better: bool
    digits: int
    """Decimals as printed."""
    function: Callable[[Pair], Tensor]
    """(N,) for N images, on the CPU; of a metric of sets what `pooled` takes."""
    categories: tuple[str, ...] | None = None
    """None: every category."""
    span: float = math.inf
    """The largest difference that two values can have."""
    exact: float = math.nan
    """The value that the ground truth itself has and next to nothing else; NaN if there is none."""
    window: int = 1
    """The smallest side it can be computed on."""
    needs_hr: bool = True
    """False if it looks at the result and the input alone."""
    through: bool = False
    """True if it puts the result through what was done to the truth."""
    region: Literal["", "outside", "inside", "border"] = ""
    """The part of an image with an edit that it looks at: what was left alone, all of it without an edit; what was
    edited, which takes the true picture of that; or the edge between."""
    cropped: bool = False
    """True if a border of `factor` pixels is left out first."""
    packages: tuple[str, ...] = ()
    """The packages besides torch whose version a value depends on."""
    lacks: Callable[[int], str] = lambda _: ""
    """Says why it cannot be computed on this machine on images of a side in pixels; empty if it can."""
    located: Callable[[FaceBox], "Metric"] | None = None
    """Returns the column for images whose faces are in a square of them; None: it looks at the whole image."""
    box: FaceBox | None = None
    """Where the faces are that it looks at, of a column that `located` returned."""
    pooled: Callable[[Tensor], Tensor] | None = None
    """Of a metric of sets: (N, ...), what `function` gives of the N images -> (N,), what each of them adds to the
    figure, which is the mean of these shares. They mean nothing one by one, nor of another set. None: a value each."""
    images: int = 1
    """The least number of images that it says something of."""
    rough_below: int = 1
    """The number of images below which its figure is rough."""

    @property
    def degree(self) -> int:
        """By how much wider an interval is than that of a mean: twice, of a figure that is a mean over pairs."""
        return 1 if self.pooled is None else 2

    @property
    def margin(self) -> float:
        """Half a unit of the last printed digit."""
        return 0.5 * 10.0**-self.digits

    def refuses(self, hr_size: int, factor: int) -> str | None:
        """Return why images of a size cannot be measured, or None if they can."""
        least = self.window + 2 * factor * self.cropped
        if hr_size >= least:
            return None
        return f"{self.name} at {factor}x takes images of at least {least} px, not {hr_size}: take a larger --hr-size"

    def applies(self, card: Card) -> bool:
        """Return whether the metric means anything for what a card's images show."""
        return self.categories is None or card.shows in self.categories

    def measures(self, card: Card) -> bool:
        """Return whether it means anything for a card's category, and has what it looks at."""
        return self.tells(card) and (card.has_hr or not self.needs_hr)

    def tells(self, card: Card) -> bool:
        """Return whether it means anything for images that were made and degraded in this way."""
        return self.applies(card) and self.finds(card) and self.explains(card) and not self.unseen(card)

    def finds(self, card: Card) -> bool:
        """Return whether it looks at the whole image, or the card says where on it the faces are."""
        return self.located is None or card.face_box is not None

    def explains(self, card: Card) -> bool:
        """Return whether it does without putting the result through what was done to the truth, or that can be done."""
        return not self.through or degradation.repeatable(card.degradation)

    def unseen(self, card: Card) -> str:
        """Return why a card's images have nothing that it looks at, if that is a region; "" if they have."""
        edit = degradation.edit(card.degradation)
        if self.region in ("inside", "border") and edit is None:
            return "nothing of it is edited"
        if self.region == "inside" and not degradation.drawable(card.degradation, card.reader):
            return f"nobody knows what is true inside of {edit}; of drawn faces with wider eyes it can be drawn"
        return ""

    def takes(self, cell: Cell) -> bool:
        """Return whether it measures a cell: sets are of methods' results, not of ground truth in another order."""
        return self.pooled is None or not cell.reference

    def of(self, card: Card) -> "Metric":
        """Return the column as it is of a card's images: where their faces are is a part of its protocol."""
        return self if self.located is None or card.face_box is None else self.located(card.face_box)
