"""What `fetch` does: weight files that a table reads, or test images, by program and, where that cannot be, by hand."""

from collections.abc import Iterator, Sequence

from bench import cards as card_files
from bench import fetch_images, report_files
from bench.console import say
from bench.images.whereabouts import how_to_get, where
from bench.profiles import tables
from bench.progress import follow, track
from bench.spec import BenchError, MissingImages, Task, UnknownName
from methods import specs
from methods.weights import catalogue, download
from methods.weights.needs import Need, needs

_PROFILE = "paper"
"""Whose sizes the published files are of."""


def weights(names: Sequence[str], categories: Sequence[str] | None) -> None:
    """Fetch the weight files of tables, or by name; of none, what the methods can use.

    Raises `BenchError` for categories beside a file, and what `download.fetch` does.
    """
    words = list(dict.fromkeys(names))
    files = [word for word in words if word not in tables()]
    if files and categories:
        raise BenchError(f"--category limits tables, and {files[0]} is none; name tables alone, or leave it out.")
    say("looking for what is here, and asking the servers for what is not ...")
    of_tables = [word for word in words if word not in files]
    needed = list(needs(_rows(of_tables, categories))) if of_tables or not words else []
    wanted = list(dict.fromkeys([*(need.file.name for need in needed if need.file and need.fetched), *files]))
    _announce(wanted, needed)
    try:
        for name in follow(download.fetch(wanted)):
            say(_there(name))
    finally:
        _by_hand(needed, trained_too=bool(of_tables))


def photographs(profile: str, categories: Sequence[str] | None) -> None:
    """Fetch the test images of a profile's cards that say from where."""
    cards = card_files.cards(profile)
    failures = []
    for category in categories or cards:
        if category not in cards:
            raise UnknownName("category", category, cards)
        card = cards[category]
        if not card.download:
            drawn = card.reader == "scenes"
            say(f"{category}: {'drawn, so there is nothing to fetch.' if drawn else f'by hand: {how_to_get(card)}'}")
            continue
        lacking = fetch_images.lacking(card)
        say(f"{category}: {len(lacking)} of {len(fetch_images.wanted(card))} files are to be fetched.")
        try:
            for _ in track(fetch_images.fetch(card, lacking), f"fetch {category}", len(lacking)):
                pass
        except MissingImages as error:
            failures.append(str(error))
        else:
            say(f"{category}: all files are in {where(card)}; python -m bench table table1 --profile {profile}")
    if failures:
        raise MissingImages("\n".join(failures))


def _rows(tables: Sequence[str], categories: Sequence[str] | None) -> Iterator[tuple[str, Task]]:
    """Yield the method and task of each row of tables, or, without any, of every method at all of its factors."""
    cards = card_files.cards(_PROFILE)
    for category in categories or []:
        if category not in cards:
            raise UnknownName("category", category, cards)
    chosen = [card for card in cards.values() if not categories or card.category in categories]
    reports = [report_files.read(name) for name in tables]
    grids = [(report.methods, report.categories, report.factors) for report in reports]
    for names, among, factors in grids or [(tuple(specs.BY_NAME), tuple(cards), ())]:
        for spec in (specs.BY_NAME[name] for name in names if name in specs.BY_NAME):
            for card in (card for card in chosen if card.category in among):
                yield from (
                    (spec.name, card.task(factor))
                    for factor in factors or spec.factors
                    if factor in spec.factors and card.hr_size % factor == 0
                )


def _announce(wanted: Sequence[str], needed: Sequence[Need]) -> None:
    """Say what will be fetched, and how much that is, before anything is."""
    here = {need.file.name for need in needed if need.file and need.here}
    sizes = download.sizes([name for name in wanted if name not in here])
    known = sum(sizes.values())
    unknown = sum(not size for size in sizes.values())
    for name, size in sizes.items():
        say(f"to fetch: {name}, {f'{size / 1e6:,.1f} MB' if size else 'its server does not tell the size'}")
    say(
        f"{len(here)} files are here, {len(sizes)} are to be fetched: {known / 1e6:,.1f} MB"
        + (f" and {unknown} of unknown size." if unknown else ".")
    )


def _there(name: str) -> str:
    """Return the line of a file that has come, or was there."""
    file = next(file for file in catalogue.catalogue() if file.name == name)
    path = catalogue.locate(file)
    return f"{name}: there; {catalogue.checked(file, path)}" if path else f"{name}: there"


def _by_hand(needed: Sequence[Need], *, trained_too: bool) -> None:
    """Say what only a person can get, with where to put it, and what nobody published."""
    left = {need.file.name: need for need in needed if need.file and not need.file.addresses and not need.here}
    for need in left.values():
        if need.file:
            what = f"the {need.part} of {need.method} for {need.task.category}"
            say(f"by hand: {need.file.name}, {what}: {catalogue.advice(need.file)}")
    alone = {n.file.name: n for n in needed if n.file and n.file.addresses and not n.fetched}
    fetched = {need.file.name for need in needed if need.file and need.fetched}
    for name in alone.keys() - fetched:
        say(f"left: {name}, of no use to {alone[name].method} before its other files are here")
    never = [need for need in needed if not need.file and trained_too]
    for method, part in dict.fromkeys((need.method, need.part) for need in never):
        cells = [f"{n.task.category} {n.task.factor}x" for n in never if (n.method, n.part) == (method, part)]
        say(f"never published: the {part} of {method} for {', '.join(cells)}")
