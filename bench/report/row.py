"""A row of a table: one cell by one metric, as values."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench import degradation
from bench.scores import stats
from bench.scores.metric import Metric
from bench.spec import Cell, FaceBox, Published


@dataclass(frozen=True, slots=True)
class Row:
    """One cell and metric, measured and published."""

    cell: Cell
    metric: Metric
    values: Mapping[str, float]
    """image -> value, the mean over seeds and trainings; a failed image has its bicubic result's."""
    n_ok: int
    """Of how many images every result is the method's own."""
    n: int
    """Images that are scored."""
    reason: str
    """Why there are no values, or why some images are not ok; empty if all are."""
    summary: stats.Summary | None
    published: Published | None
    test_set: str
    """What was measured here."""
    apart: str
    """Why the published figure cannot be set against the measured one; empty if both are of the same images."""
    likeness: tuple[str, ...] = ()
    """What is known of the images only by their names, and of LR images that were given, a sentence each."""
    lr: str = ""
    """By what LR images that were given were made, in words; empty: the suite made them."""
    has_hr: bool = True
    """Whether there is a ground truth."""
    face_box: FaceBox | None = None
    """Where the faces are, of images that are all aligned in the same way."""
    remark: str = ""
    """The method's settings."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """The weight files that the method read -> what they were trained on."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """What the method says of its results -> of how many images."""
    unusable: Mapping[str, str] = field(default_factory=dict)
    """Images that cannot be read, or are too small -> why: they are scored for no method."""
    seeds: tuple[int, ...] = (0,)
    """Those that were measured."""
    trainings: tuple[int, ...] = (0,)
    """Those that were measured."""
    spread: stats.Spread | None = None
    """Of the seeds or the trainings; None for one."""
    sources: Mapping[tuple[int, int], Mapping[str, float]] = field(default_factory=dict)
    """(seed, training) -> image -> value, of which `values` are the means."""
    idle: tuple[tuple[int, int], ...] = ()
    """Seeds and trainings that gave no image of their own, and are left out; as long as others did."""
    degradation: tuple[str, ...] = degradation.PLAIN
    """As in `Card`."""
    subject: str = ""
    """As in `Card`."""
    machine: Mapping[str, str] = field(default_factory=dict)
    """The facts in which what measured it differs from the machine of the table (bench/report/parts.py)."""
    undefined: int = 0
    """Of so many images the metric has no value: it gave none that is a number."""
    best: bool = False
    """One of those that no other beats."""

    @property
    def several(self) -> bool:
        """True if its values are means of several seeds or trainings."""
        return len(self.sources) > 1

    @property
    def status(self) -> str:
        """What became of the cell: ok, incomplete (some images are not ok), or not measured."""
        if self.summary is None:
            return "not measured"
        return "ok" if self.n_ok == self.n and not self.unusable and not self.undefined else "incomplete"

    @property
    def why(self) -> str:
        """Why there are no values, or not of all images, or not all a method's own; empty if all is well."""
        undefined = f"{self.metric.name} is undefined, not a number, on {self.undefined} of {self.n} images"
        return "; ".join(filter(None, (undefined if self.undefined else "", self.reason)))

    @property
    def protocol(self) -> str:
        """How its values are made."""
        return f"{self.metric.protocol()} {self.lr}".strip()

    @property
    def seen(self) -> bool:
        """True if the method was trained on the images it is tested on.

        What a weight file was trained on stands before the first semicolon; how it was chosen behind it.
        """
        told = (self.cell.trained_on, *(text.partition(";")[0] for text in self.weights.values()))
        return any(_names(text, self.test_set) for text in told)

    @property
    def difference(self) -> float:
        """Measured minus published; NaN if one of them is missing, or they are not of the same images."""
        if self.summary is None or self.published is None or self.apart:
            return math.nan
        return self.summary.mean - self.published.value

    @property
    def verdict(self) -> str:
        """What the difference from the published figure says."""
        if self.summary is None or self.published is None:
            return ""
        if self.apart:
            return "other images"
        return stats.consistency(self.summary, self.published.value, self.published.digits)


def _names(text: str, test_set: str) -> bool:
    """Return whether a text on training images names a test set, as a word of its own."""
    return bool(test_set) and re.search(rf"(?<![\w-]){re.escape(test_set)}(?![\w-])", text) is not None
