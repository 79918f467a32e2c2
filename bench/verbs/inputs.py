"""What `inputs` writes: the images that every method gets, as files for whatever restores them elsewhere."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TypeAlias

from bench import atomic, degradation, escape, files, report_files, resize, store
from bench.console import say, tell
from bench.images import data, given, pairing, whereabouts
from bench.images.provenance import provenance
from bench.measurable import divides, indivisible, refusal, unmeasured
from bench.paths import expanded
from bench.plan import Part, columns_of, plan
from bench.spec import BenchError, Card, OutputError, UnknownName

Row: TypeAlias = dict[str, str]
"""An image's line of the manifest."""

_FACTS = ("id", "category", "factor", "lr_size", "hr_size", "lr_sha256", "operator", "file")
_BATCH = 16
FACTOR = 16
"""If nobody says."""
_LONGEST = 240
"""Bytes of an id that is the name of a file as it is."""


def of_profile(profile: str, cards: Mapping[str, Card], part: Part, lr: str) -> list[tuple[Card, int]]:
    """Return the categories of a profile that are asked for, each with each factor; of none, all at 16x.

    Raises `BenchError` for one that is not there, or whose images cannot be made as its card says or at a factor.
    """
    for name in part.categories:
        if name not in cards:
            raise UnknownName(f"category of {profile}:", name, cards)
    names = tuple(part.categories or cards)
    cards = given.instead(cards, lr, names) if lr else cards
    tasks = [(cards[name], factor) for name in names for factor in part.factors or (FACTOR,)]
    for card, factor in tasks:
        card.task(factor)  # which a size that the factor does not divide has none of
        if why := degradation.fits(card.degradation, factor):
            raise BenchError(f"{card.category}: {why}.")
    return tasks


def of_table(name: str, cards: Mapping[str, Card], part: Part, lr: str) -> list[tuple[Card, int]]:
    """Return the categories and variants of a table with its factors; what it leaves out is told.

    Raises `BenchError` for a table that is not there, a part that is none of it, and where nothing would be measured.
    """
    report = report_files.read(name, next(iter(cards.values())).preset)
    if not report.metrics:
        raise BenchError(f"{report.name} names no metric: it is counted, not measured, and has no inputs.")
    report, cards, absent = columns_of(report, cards, part)
    plan(report, {}, cards)  # it says why, where there is nothing to measure
    names = [each for each in report.categories if each in cards]
    cards = given.instead(cards, lr, names) if lr else cards
    tasks = [(cards[each], factor) for each in names for factor in report.factors if divides(factor, cards[each])]
    refused = {(card.category, factor): refusal(report, card, factor) for card, factor in tasks}
    others = (*absent, *indivisible(report, cards), *unmeasured(report, cards))
    for why in dict.fromkeys((*others, *filter(None, refused.values()))):
        tell("note", why)
    return [(card, factor) for card, factor in tasks if not refused[card.category, factor]]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of some categories, each at a factor."""

    tasks: Sequence[tuple[Card, int]]
    limit: int | None
    allow_enlarge: bool
    with_hr: bool

    def write(self, target: Path) -> int:
        """Write them to a folder, with the manifest as the last file; return how many images they are.

        The folder holds nothing else then, and no file is replaced: one that is there is as it would be written.
        Raises `OutputError`, before anything is written, where that cannot be, and `BenchError` if there are none.
        """
        self._check(target)
        atomic.remove_parts(target)
        rows: list[Row] = []
        for name, content in self._files(rows, aloud=True):
            if not _is_there(target / name, content):
                atomic.write(target / name, content)
        if not rows:
            raise BenchError(f"none of the images can be used, for the reasons above; nothing was written to {target}.")
        return len(rows)

    def _check(self, target: Path) -> None:
        """Raise `OutputError` for a folder that holds what they are made of, or a file that they would not."""
        for source in (source for card, _ in self.tasks for source in _sources(card)):
            if source.resolve().is_relative_to(target.resolve()):
                raise OutputError(f"{target} is, or holds, {source}, of which inputs are made; give another folder.")
        if not any(_held(target)):
            return
        say(f"{target} is not empty: comparing what it holds with what would be written ...")
        own = {target / name for name, content in self._files([], aloud=False) if _is_there(target / name, content)}
        if stranger := next((path for path in _held(target) if path not in own), None):
            raise OutputError(
                f"{stranger} is none of these inputs, and {target} is to hold nothing else. Give another folder, or an "
                "empty one."
            )

    def _files(self, rows: list[Row], *, aloud: bool) -> Iterator[tuple[str, bytes]]:
        """Yield the path within the folder and the content of each file; `rows` gets those of the manifest.

        `aloud`: an image that cannot be used is told.
        """
        for card, factor in self.tasks:
            if aloud:
                say(f"{card.category}: writing its inputs at {factor}x ...")
            operator = degradation.words(card.degradation) or resize.IN_WORDS
            if card.lr:
                operator = provenance(card, factor, self.limit, allow_enlarge=self.allow_enlarge).in_words
            for entry in data.batches(card, factor, _BATCH, self.limit, self.allow_enlarge):
                if isinstance(entry, data.Batch):
                    yield from self._of_batch(card, factor, entry, operator, rows)
                elif aloud:
                    tell("left out", f"{card.category}, {entry.id}: {entry.reason}")
        if rows:
            yield "manifest.csv", _manifest(rows).encode()

    def _of_batch(
        self, card: Card, factor: int, batch: data.Batch, operator: str, rows: list[Row]
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the files of a batch, as `_files`."""
        folder = escape.file_name(card.category)
        for image_id, lr, hr in zip(batch.ids, resize.eight_bit(batch.lr), batch.hr, strict=True):
            name = f"{folder}/x{factor}/{_file(image_id)}"
            sizes = {"factor": str(factor), "lr_size": str(card.hr_size // factor), "hr_size": str(card.hr_size)}
            facts = {"id": image_id, "category": card.category, "lr_sha256": data.pixel_sha256(lr)}
            told = name if escape.cell(name) == name else f"./{name}"  # a path, and no formula either
            rows.append({**facts, **sizes, "operator": operator, "file": told})
            yield name, store.png(lr)
            if self.with_hr:
                yield f"{folder}/hr/{_file(image_id)}", store.png(resize.eight_bit(hr))


def _sources(card: Card) -> Iterator[Path]:
    """Yield the folders of a card's photographs and of the LR images that it is given."""
    if card.reader != "scenes":
        yield whereabouts.where(card)
    if card.lr:
        yield expanded(str(pairing.root(card.lr)))


def _held(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder but for hidden ones, which no input is: a desktop's, parts of a stopped run."""
    for path in folder.rglob("*"):
        if not path.is_dir() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _is_there(path: Path, content: bytes) -> bool:
    """Return whether a file is there already. Raises `OutputError` for one of other content: it may be a user's."""
    if not path.exists():
        return False
    if files.found(path, len(content)) != content:
        raise OutputError(
            f"{path} is there already and is not what would be written, so it is left as it is. Give another folder, "
            "or an empty one."
        )
    return True


def _file(image_id: str) -> str:
    """Return the name of an image's file: its id as it is, unless no file can be called so."""
    plain = len(image_id.encode(errors="surrogatepass")) <= _LONGEST and not image_id.startswith(".")
    return f"{image_id if plain else escape.file_name(image_id)}.png"


def _manifest(rows: Sequence[Row]) -> str:
    """Return the manifest as CSV."""
    text = StringIO()
    lines = [[escape.cell(row[fact]) for fact in _FACTS] for row in rows]
    csv.writer(text, lineterminator="\n").writerows([_FACTS, *lines])
    return text.getvalue()
