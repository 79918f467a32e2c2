"""Test images that a program can bring: the files of a table of crops, from where the card says that they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.images import crops, whereabouts
from bench.spec import Card, MissingImages, MissingWeights, OutputError
from methods.weights import digests, lock, transfer

_IN_A_ROW = 3
"""After so many failures one after another no further file is asked for: there is no network, or nothing there."""


@dataclass(frozen=True, slots=True)
class _Photograph:
    """A file as the transfer knows it."""

    name: str
    sha256: str
    size: int = 0


def wanted(card: Card) -> dict[str, str]:
    """Return file -> sha256 of a card's test images. Raises `BadFile` for a table that cannot be read."""
    return {crop.file: crop.sha256 for crop in crops.read_tables(card.crops).values()}


def lacking(card: Card) -> dict[str, str]:
    """Return of `wanted` what is not there, unpacked or in an archive.

    Raises `BadImage` for a file that is there and is another one, `MissingImages` if it is not said where images are.
    """
    folder = whereabouts.where(card)
    held = crops.Files(folder)
    there = {file for file, sha256 in wanted(card).items() if held.state(file) and held.read(file, sha256)}
    return {file: sha256 for file, sha256 in wanted(card).items() if file not in there}


def fetch(card: Card, files: Mapping[str, str], *, http_on_localhost: bool = False) -> Iterator[str]:
    """Download files of a card, yielding each when it is there; the download happens as this is iterated.

    A file that was cut is gone on with; what comes is put in place only if its checksum is right. `http_on_localhost`
    is for tests.

    Raises:
        MissingImages: at the end, if some did not come: why, what to get from where, where to put it.
        OutputError: the folder cannot be written.
    """
    folder = whereabouts.where(card)
    reasons: dict[str, str] = {}
    missed = 0
    try:
        with lock.held(folder, doing=f"fetching into {folder}"):
            for file, sha256 in files.items():
                try:
                    _brought(
                        f"{card.download}{quote(file)}", folder / file, sha256, http_on_localhost=http_on_localhost
                    )
                    missed = 0
                    yield file
                except MissingWeights as error:
                    reasons[file], missed = str(error), missed + 1
                if missed == _IN_A_ROW:
                    break
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error}; make room, or set GLEAN_DATA to another folder."
        ) from error
    left = [file for file in files if not (folder / file).is_file()]
    if left:
        raise MissingImages(
            f"{len(left)} of {len(wanted(card))} files of {card.category} are missing: {next(iter(reasons.values()))}. "
            f"Fetch again to go on, or get them by hand: {card.download}{left[0]} is to lie at {folder / left[0]}, and "
            "so on; a zip archive in that folder may hold them under these names."
        )


def _brought(address: str, path: Path, sha256: str, *, http_on_localhost: bool) -> None:
    """Bring one file here. Raises `MissingWeights`, the transfer's own error, with the reason; `OSError`."""
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    for _ in transfer.download(_Photograph(path.name, sha256), address, part, http_on_localhost=http_on_localhost):
        pass
    if digests.sha256(part) != sha256:
        transfer.discard(part)
        raise MissingWeights(f"what {address} gives is not the listed file, by its checksum; it was deleted")
    transfer.moved(part, path)
