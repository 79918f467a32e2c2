"""The verb `inputs`: the images that every method gets, as files for whatever restores them elsewhere."""

import csv
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from bench import atomic, escape, resize, store
from bench import cards as card_files
from bench.console import say, tell
from bench.images import data, given
from bench.images.provenance import provenance
from bench.options import Categories, Factor, HrSize, Lr, Profile
from bench.spec import BenchError, Card, UnknownName

_FACTS = ("id", "category", "factor", "lr_size", "hr_size", "lr_sha256", "operator", "file")
_BATCH = 16
_LONGEST = 240
"""Bytes of an id that is the name of a file as it is."""


def inputs(
    target: Annotated[Path, typer.Argument(file_okay=False, help="The folder to write.")],
    *,
    profile: Profile = "mini",
    factor: Factor = 16,
    categories: Categories = None,
    limit: Annotated[int | None, typer.Option("-n", "--limit", min=1, help="Images per category.")] = None,
    hr_size: HrSize = None,
    lr: Lr = "",
    allow_enlarge: Annotated[bool, typer.Option(help="Also take photographs smaller than the HR size.")] = False,
    with_hr: Annotated[bool, typer.Option("--with-hr", help="Write the ground truth as well.")] = False,
) -> None:
    """Write the images that every method gets, to be restored elsewhere; `table --with FOLDER` takes the results."""
    found = card_files.cards(profile, hr_size)
    for name in categories or ():
        if name not in found:
            raise UnknownName(f"category of {profile}:", name, found)
    measured = categories or list(found)
    if lr:
        found = given.instead(found, lr, measured)
    if with_hr and (without := [name for name in measured if not found[name].has_hr]):
        raise BenchError(f"{without[0]} has no ground truth that could be written: leave out --with-hr.")
    rows: list[dict[str, str]] = []
    for category in measured:
        say(f"{category}: writing its inputs at {factor}x ...")
        card, operator = found[category], resize.IN_WORDS
        if card.lr:
            operator = provenance(card, factor, limit, allow_enlarge=allow_enlarge).in_words
        for entry in data.batches(card, factor, _BATCH, limit, allow_enlarge):
            if isinstance(entry, data.BadEntry):
                tell("left out", f"{category}, {entry.id}: {entry.reason}")
            else:
                rows += [
                    {**row, "operator": operator} for row in _written(target, card, factor, entry, with_hr=with_hr)
                ]
    if not rows:
        raise BenchError(f"{profile} has no image that can be used, so nothing was written to {target}.")
    atomic.write(target / "manifest.csv", _csv(rows).encode())
    say(
        f"written: {len(rows)} images and manifest.csv to {target}. Restore each to its hr_size, under its own name as "
        f"RESULTS/<category>/x{factor}/<id>.png, then: table NAME --with RESULTS"
    )


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


def _csv(rows: list[dict[str, str]]) -> str:
    """Return the manifest as CSV."""
    text = StringIO()
    lines = [[escape.cell(row[fact]) for fact in _FACTS] for row in rows]
    csv.writer(text, lineterminator="\n").writerows([_FACTS, *lines])
    return text.getvalue()
