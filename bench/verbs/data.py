"""What `data` finds: what of the paper's test images is on this machine, what is missing, and where it can be had."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.console import say
from bench.images import known
from bench.images.holding import Holding
from bench.paths import expanded
from bench.spec import BenchError, Card, UnknownName


def named(words: Sequence[str], categories: Sequence[str], cards: Mapping[str, Card]) -> dict[str, Path]:
    """Return category -> the place that was named for it.

    Raises `BenchError` for words of another form, and for a category, of these words or alone, that has no card.
    """
    for word in words:
        if "=" not in word:
            raise BenchError(f"--from takes CATEGORY=PATH, such as {next(iter(cards))}=/data/images, not {word}.")
    named = {word.partition("=")[0]: expanded(word.partition("=")[2]) for word in words}
    for category in [*categories, *named]:
        if category not in cards:
            raise UnknownName("category", category, cards)
    return named


def tell(card: Card, found: Sequence[Holding], named: Path | None) -> Holding | None:
    """Say what was found of a category, and return the one place that its test images can be read from."""
    wanted = len(card.ids) or card.test_images
    for each in found:
        what = f"{each.count:,} images, " if each.count else ""
        of = f"{each.listed} of {wanted} {'listed, by name' if card.ids else 'wanted'}"
        say(f"{card.category}: {each.path} ({each.layout}): {what}{each.size / 1e6:,.1f} MB; {each.why or of}")
    whole = [each for each in found if each.use and each.listed == wanted]
    if named is not None:
        whole = [each for each in whole if each.path.resolve() == named.resolve()]
    if len(whole) == 1:
        return whole[0] if _is_the_list(card, whole[0]) else None
    if whole:
        places = " or ".join(f"--from {card.category}={each.path}" for each in whole)
        say(f"{card.category}: which of them is meant? {places}")
    else:
        say(f"{card.category}: missing; {card.test_set} can be had from {card.address}; keep it as {card.source}")
    return None


def _is_the_list(card: Card, found: Holding) -> bool:
    """Say how a place's images are known to be the test images; return False if they are known to be others."""
    if not card.looks or found.use != "folder":
        say(
            f"{card.category}: not verified: no checksums of these images are published, so they are known by their "
            "names alone"
        )
        return True
    try:
        known.check(replace(card, source=str(found.path)))
    except BenchError as error:
        say(f"{card.category}: {error}")
        return False
    say(f"{card.category}: verified by {len(card.looks)} images of the list of which it is known how they look")
    return True
