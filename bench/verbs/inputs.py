"""What `inputs` writes: the images that every method gets, as files for whatever restores them elsewhere."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from bench import degradation, escape, report_files, resize, store
from bench.console import tell
from bench.images import data, given
from bench.images.provenance import provenance
from bench.measurable import divides, indivisible, refusal, unmeasured
from bench.plan import Part, columns_of
from bench.spec import BenchError, Card, UnknownName

_FACTS = ("id", "category", "factor", "lr_size", "hr_size", "lr_sha256", "operator", "file")
_BATCH = 16
_FACTOR = 16
"""If nobody says."""
_LONGEST = 240
"""Bytes of an id that is the name of a file as it is."""


def of_profile(profile: str, cards: Mapping[str, Card], part: Part, lr: str) -> list[tuple[Card, int]]:
    """Return the categories of a profile that are asked for, each with each factor; of none, all at 16x.

    Raises `BenchError` for one that is not there, or whose images cannot be made as its card says.
    """
    for name in part.categories:
        if name not in cards:
            raise UnknownName(f"category of {profile}:", name, cards)
    names = tuple(part.categories or cards)
    cards = given.instead(cards, lr, names) if lr else cards
    tasks = [(cards[name], factor) for name in names for factor in part.factors or (_FACTOR,)]
    for card, factor in tasks:
        if why := degradation.fits(card.degradation, factor):
            raise BenchError(f"{card.category}: {why}.")
    return tasks


def of_table(name: str, cards: Mapping[str, Card], part: Part, lr: str) -> list[tuple[Card, int]]:
    """Return the categories and variants of a table with its factors; what it leaves out is told.

    Raises `BenchError` for a table that is not there, or a part that is none of it.
    """
    report = report_files.read(name, next(iter(cards.values())).preset)
    if not report.metrics:
        raise BenchError(f"{report.name} names no metric: it is counted, not measured, and has no inputs.")
    report, cards, absent = columns_of(report, cards, part)
    names = [each for each in report.categories if each in cards]
    cards = given.instead(cards, lr, names) if lr else cards
    tasks = [(cards[each], factor) for each in names for factor in report.factors if divides(factor, cards[each])]
    refused = {(card.category, factor): refusal(report, card, factor) for card, factor in tasks}
    others = (*absent, *indivisible(report, cards), *unmeasured(report, cards))
    for why in dict.fromkeys((*others, *filter(None, refused.values()))):
        tell("note", why)
    return [(card, factor) for card, factor in tasks if not refused[card.category, factor]]


def written(  # noqa: PLR0913 - as the words
    target: Path,
    card: Card,
    factor: int,
    *,
    limit: int | None,
    allow_enlarge: bool,
    with_hr: bool,
) -> list[dict[str, str]]:
    """Write the inputs of a category; return their rows of the manifest. An image that cannot be used is told."""
    operator = degradation.words(card.degradation) or resize.IN_WORDS
    if card.lr:
        operator = provenance(card, factor, limit, allow_enlarge=allow_enlarge).in_words
    rows: list[dict[str, str]] = []
    for entry in data.batches(card, factor, _BATCH, limit, allow_enlarge):
        if isinstance(entry, data.BadEntry):
            tell("left out", f"{card.category}, {entry.id}: {entry.reason}")
        else:
            rows += [{**row, "operator": operator} for row in _written(target, card, factor, entry, with_hr=with_hr)]
    return rows


def _written(target: Path, card: Card, factor: int, batch: data.Batch, *, with_hr: bool) -> list[dict[str, str]]:
    """Write the files of a batch; return their rows of the manifest, but for the operator."""
    rows = []
    for image_id, lr, hr in zip(batch.ids, resize.eight_bit(batch.lr), batch.hr, strict=True):
        folder = Path(escape.file_name(card.category))
        path = folder / f"x{factor}" / _file(image_id)
        store.save(target / path, lr)
        if with_hr:
            store.save(target / folder / "hr" / _file(image_id), resize.eight_bit(hr))
        sizes = {"factor": str(factor), "lr_size": str(card.hr_size // factor), "hr_size": str(card.hr_size)}
        facts = {"id": image_id, "category": card.category, **sizes, "lr_sha256": data.pixel_sha256(lr)}
        rows.append({**facts, "file": path.as_posix()})
    return rows


def _file(image_id: str) -> str:
    """Return the name of an image's file: its id as it is, unless no file can be called so."""
    plain = len(image_id.encode(errors="surrogatepass")) <= _LONGEST and not image_id.startswith(".")
    return f"{image_id if plain else escape.file_name(image_id)}.png"


def manifest(rows: list[dict[str, str]]) -> str:
    """Return the manifest as CSV."""
    text = StringIO()
    lines = [[escape.cell(row[fact]) for fact in _FACTS] for row in rows]
    csv.writer(text, lineterminator="\n").writerows([_FACTS, *lines])
    return text.getvalue()
