"""The verb `inputs`: the images that every method gets, as files for whatever restores them elsewhere."""

import csv
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from bench import atomic, escape, resize, store
from bench import cards as card_files
from bench.console import say, tell
from bench.images import data
from bench.options import Categories, Factor, HrSize, Profile
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
    allow_enlarge: Annotated[bool, typer.Option(help="Also take photographs smaller than the HR size.")] = False,
    with_hr: Annotated[bool, typer.Option("--with-hr", help="Write the ground truth as well.")] = False,
) -> None:
    """Write the images that every method gets, to be restored elsewhere; `table --with FOLDER` takes the results."""
    found = card_files.cards(profile, hr_size)
    for name in categories or ():
        if name not in found:
            raise UnknownName(f"category of {profile}:", name, found)
    rows: list[list[str]] = []
    for category in categories or found:
        say(f"{category}: writing its inputs at {factor}x ...")
        for entry in data.batches(found[category], factor, _BATCH, limit, allow_enlarge):
            if isinstance(entry, data.BadEntry):
                tell("left out", f"{category}, {entry.id}: {entry.reason}")
            else:
                rows += _written(target, found[category], factor, entry, with_hr=with_hr)
    if not rows:
        raise BenchError(f"{profile} has no image that can be used, so nothing was written to {target}.")
    atomic.write(target / "manifest.csv", _csv(rows).encode())
    say(
        f"written: {len(rows)} images and manifest.csv to {target}. Restore each to its hr_size, under its own name as "
        f"RESULTS/<category>/x{factor}/<id>.png, then: table NAME --with RESULTS"
    )


def _written(target: Path, card: Card, factor: int, batch: data.Batch, *, with_hr: bool) -> list[list[str]]:
    """Write the files of a batch; return their rows of the manifest."""
    rows = []
    for image_id, lr, hr in zip(batch.ids, resize.eight_bit(batch.lr), batch.hr, strict=True):
        folder = Path(store.file_name(card.category))
        path = folder / f"x{factor}" / _file(image_id)
        store.save(target / path, lr)
        if with_hr:
            store.save(target / folder / "hr" / _file(image_id), resize.eight_bit(hr))
        sizes = (factor, card.hr_size // factor, card.hr_size)
        facts = (image_id, card.category, *map(str, sizes), data.pixel_sha256(lr), resize.IN_WORDS, path.as_posix())
        rows.append([escape.cell(fact) for fact in facts])
    return rows


def _file(image_id: str) -> str:
    """Return the name of an image's file: its id as it is, unless no file can be called so."""
    plain = len(image_id.encode(errors="surrogatepass")) <= _LONGEST and not image_id.startswith(".")
    return f"{image_id if plain else store.file_name(image_id)}.png"


def _csv(rows: list[list[str]]) -> str:
    """Return the manifest as CSV."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([_FACTS, *rows])
    return text.getvalue()
