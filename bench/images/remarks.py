"""What a run should say of its images before it begins: what it leaves out, and how many it takes."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bench import lists
from bench.images import data, folder, known, sources
from bench.images.training import tested_too
from bench.profiles import profile_folder, profiles
from bench.spec import BenchError, Card, MissingImages


def remarks(cards: Mapping[str, Card], limit: int | None) -> list[str]:
    """Return a sentence for whatever of a profile's images is not measured, and for a number other than asked for.

    `cards` are those of one profile, by category. A category without images is left to the plan, which refuses it.
    """
    profile = next(iter(cards.values())).profile
    own = None if profile in profiles() else profile_folder(profile)
    found = [*_unread(own), *_without(own, cards), *_strays(own)] if own is not None else []
    for category, card in cards.items():
        try:
            found += [f"{category}: {sentence}" for sentence in _of_card(card, limit)]
        except BenchError:
            continue
    return found


def _unread(profile: Path) -> Iterator[str]:
    """Yield a sentence for each sub-folder that is no category because of its permissions or its name."""
    for path in folder.subfolders(profile):
        reason = lists.unfit(path.name)
        try:
            folder.listing(path)
        except MissingImages as error:
            yield f"{lists.shown(path.name)} is left out: {error}"
        else:
            if reason:
                yield f"{lists.shown(path.name)} is left out: its name has {reason}."


def _without(profile: Path, cards: Mapping[str, Card]) -> Iterator[str]:
    """Yield a sentence for each sub-folder that is no category because it holds no photographs itself."""
    used = {Path(source) for card in cards.values() for source in (card.source, card.train_source, card.lr)}
    for path in folder.subfolders(profile):
        if path in used or path.name in cards or lists.unfit(path.name) or any(path.glob("*.safetensors")):
            continue  # weights lie there that were trained for this folder
        with suppress(MissingImages):
            if not folder.listing(path):
                yield f"{path.name} is left out: it holds no photographs{_below(path)}."


def _below(path: Path) -> str:
    """Return what the folders in a folder hold, to go on with `no photographs`."""
    nested = folder.nested(path)
    if nested is None:
        return f" ({folder.SHORT})"
    where, count = nested
    few = f"{count} photograph{'s' if count > 1 else ''}"
    return f" itself, and folders in it are not looked into: move the {few} of {where.relative_to(path.parent)} into it"


def _strays(profile: Path) -> Iterator[str]:
    """Yield a sentence on photographs that lie beside the sub-folders."""
    if strays := folder.listing(profile):
        yield f"{len(strays)} left out, as they are in no sub-folder and so of no category."


def _of_card(card: Card, limit: int | None) -> Iterator[str]:
    """Yield the sentences on the images of a card."""
    count = len(data.image_ids(card, limit))
    if sentence := known.unverified(card):
        yield f"{sentence}."
    if card.reader == "folder" and not card.crops:
        where = Path(sources.open_card(card).where)
        if sentence := folder.left_out(where):
            yield sentence
        if nested := folder.nested(where):
            place = nested[0].relative_to(where)
            yield f"the photographs in {place} are not measured: folders in it are not looked into."
    if limit is not None and count < limit:
        yield f"{count} images, not the {limit} asked for: its {'list has' if card.ids else 'source holds'} no more."
    if card.reader != "folder" or card.ids:
        return
    there = len(data.image_ids(replace(card, test_images=sources.EVERY)))
    if limit is None and there > count:
        yield f"the first {count} of {there} images are measured; -n {there} takes all."
    elif tested_too(card, count):
        yield (
            f"{count} images, more than the first {card.test_images} that are kept for testing; "
            "a network that was trained on this folder has seen the others."
        )
