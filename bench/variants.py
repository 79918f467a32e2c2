"""The further columns of a table: the images of a category degraded otherwise, or restored with another's networks."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bench import degradation
from bench.spec import BadFile, BenchError, Card, Report, UnknownName, Variant


def without_absent(report: Report, cards: Mapping[str, Card]) -> tuple[Report, tuple[str, ...]]:
    """Return a table without the variants of categories that a profile lacks, and a sentence for each of them."""
    absent = {
        variant.name: f"{variant.name} is left out: {UnknownName('category', name, cards)}"
        for variant in report.variants
        for name in (variant.of, variant.network)
        if name and name not in cards
    }
    here = tuple(variant for variant in report.variants if variant.name not in absent)
    return replace(report, variants=here), tuple(absent.values())


def clashing(report: Report, cards: Mapping[str, Card]) -> list[str]:
    """Return a sentence for each variant that would put its degradation in the place of one that a card itself has."""
    pairs = ((variant, variant.of or name) for variant in report.variants for name in report.categories)
    return [
        f"{variant.name} of {name} is left out: the card of {name} has a degradation of its own "
        f"({', '.join(cards[name].degradation)}), and the variant another"
        for variant, name in dict.fromkeys(pairs)
        if name in cards and _clash(variant, cards[name])
    ]


def _clash(variant: Variant, card: Card) -> bool:
    return degradation.PLAIN not in (variant.degradation, card.degradation)


def expanded(report: Report, cards: Mapping[str, Card]) -> tuple[Report, dict[str, Card]]:
    """Return a table whose variants are categories of it, and the cards with theirs; each stands behind its category.

    A category that cannot be measured as it is, at none of the table's factors, gives its place to its variants. A
    card's own degradation stays, and a variant that has another is left out (`clashing`).

    Raises `UnknownName` for a category that is none of the profile, `BadFile` for a degradation that the table's
    factors do not go with, or a card that has the name of a variant.
    """
    found = dict(cards)
    categories: list[str] = []
    first = next((category for category in report.categories if category in cards), "")
    for category in report.categories:
        if category not in cards or _measured(report, cards[category]):
            categories.append(category)
        if category in cards:
            beside = {card.category: card for card in _beside(report, cards, category, alone=category == first)}
            if twice := next(iter(beside.keys() & cards.keys()), ""):
                raise BadFile(
                    f"{twice} is a card of {cards[twice].profile} and a variant of {report.name}: rename one of them."
                )
            found |= beside
            categories += beside
    return replace(report, categories=tuple(dict.fromkeys(categories)), variants=()), found


def _measured(report: Report, card: Card) -> bool:
    """Tell whether the images of a category stand in the table as they are, not as variants alone.

    At 1x, what all tables do, making images small, is not done: a table of variants has those then.
    """
    fitting = (not degradation.fits(card.degradation, factor) for factor in report.factors)
    return not report.variants or card.degradation != degradation.PLAIN or any(fitting)


def _beside(report: Report, cards: Mapping[str, Card], category: str, *, alone: bool) -> Iterator[Card]:
    """Yield the cards of the variants that stand beside a category; `alone`: also of those that stand there once."""
    for variant in report.variants:
        for factor in report.factors:
            if why := degradation.fits(variant.degradation, factor):
                raise BadFile(f"{variant.name} of {report.name} cannot be measured at {factor}x: {why}.")
        name = variant.of or category
        if (alone or not variant.of) and not (name in cards and _clash(variant, cards[name])):
            yield _card(variant, cards, name)


def _card(variant: Variant, cards: Mapping[str, Card], category: str) -> Card:
    """Return the card of a variant of a category."""
    for name in filter(None, (category, variant.network)):
        if name not in cards:
            raise UnknownName(f"category that the variant {variant.name} names:", name, cards)
    card = cards[category]
    if card.lr or not card.has_hr:
        raise BenchError(
            f"{variant.name}: the LR images of {category} are given, so that they cannot be degraded here."
        )
    return replace(
        card,
        category=f"{category}.{variant.name}",
        subject=card.shows,
        network=variant.network or card.network or category,
        mixture=variant.mixture or card.mixture,
        degradation=card.degradation if variant.degradation == degradation.PLAIN else variant.degradation,
        looks={},
    )
