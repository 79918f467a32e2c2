"""What of a table can be measured on the images and with the weights there are, and why the rest cannot."""

from collections.abc import Mapping
from dataclasses import replace

from bench import degradation
from bench.profiles import profiles
from bench.scores.metrics import columns
from bench.spec import Card, MissingWeights, Report


def divides(factor: int, card: Card) -> bool:
    """Return whether LR images of whole pixels can be made."""
    return card.hr_size % factor == 0


def refusal(report: Report, card: Card, factor: int) -> str | None:
    """Return why a card's images are too small for a metric of the table, or have nothing it could be measured by.

    To be known before any is restored.
    """
    if why := degradation.fits(card.degradation, factor):
        return f"{card.category}: {why}"
    if degradation.of_faces(card.degradation) and card.face_box is None and not card.draws_faces:
        return (
            f"where the eyes and the mouth of {card.category} are is not known, so that they cannot be edited: add a "
            "face_box to its card"
        )
    metrics = [metric for metric in columns((*report.metrics, *report.also)) if metric.measures(card)]
    if not metrics and not card.has_hr:
        return (
            f"{card.category} has no ground truth, and every metric of {report.name} needs one: add lr_psnr to `also`"
        )
    if not metrics and card.face_box is None:
        return f"every metric of {report.name} needs a face_box in the card of {card.category}: add arcface to `also`"
    found = (metric.refuses(card.hr_size, factor) for metric in metrics if divides(factor, card))
    return next((refusal for refusal in found if refusal), None)


def left_out(report: Report, cards: Mapping[str, Card]) -> list[str]:
    """Return a sentence for each factor and metric of the table that cannot be measured on a category's images."""
    blind = [
        f"{metric.name} of {category} is left out: its card does not say where the faces are (face_box)"
        for metric in columns((*report.metrics, *report.also))
        for category in report.categories
        if category in cards and metric.applies(cards[category]) and not metric.finds(cards[category])
    ]
    random = [
        f"{metric.name} of {category} is left out: {degradation.words(cards[category].degradation)} draws random "
        "numbers, so that no result explains its input"
        for metric in columns((*report.metrics, *report.also))
        for category in report.categories
        if category in cards and metric.applies(cards[category]) and not metric.explains(cards[category])
    ]
    unseen = [
        f"{metric.name} of {category} is left out: {why}"
        for metric in columns((*report.metrics, *report.also))
        for category in report.categories
        if category in cards and metric.applies(cards[category]) and (why := metric.unseen(cards[category]))
    ]
    return blind + random + unseen + indivisible(report, cards)


def indivisible(report: Report, cards: Mapping[str, Card]) -> list[str]:
    """Return a sentence for each factor of the table that does not divide the side of a category's images."""
    return [
        f"{category} at {factor}x is left out: {factor} does not divide {cards[category].hr_size} px"
        for category in report.categories
        for factor in report.factors
        if category in cards and not divides(factor, cards[category])
    ]


def unmeasured(report: Report, cards: Mapping[str, Card]) -> list[str]:
    """Return a sentence for each category of a user's folder that is none of the table's, not even by its variants."""
    shown = {*report.categories, *(cards[name].shows for name in report.categories if name in cards)}
    return [
        f"{category} is left out: {report.name} is about {', '.join(report.categories)}"
        for category, card in cards.items()
        if category not in shown and card.profile not in profiles()
    ]


def computable(report: Report, cards: Mapping[str, Card]) -> tuple[Report, tuple[str, ...]]:
    """Return a table without the metrics that cannot be computed here on its images, and a sentence for each of these.

    Raises `MissingWeights` if none of its metrics is left.
    """
    sides = dict.fromkeys(cards[category].hr_size for category in report.categories if category in cards)
    lacking = {
        metric.name: why
        for metric in columns((*report.metrics, *report.also))
        if (why := next(filter(None, map(metric.lacks, sides)), ""))
    }
    metrics, also = (tuple(name for name in names if name not in lacking) for names in (report.metrics, report.also))
    if report.metrics and not metrics:
        raise MissingWeights(lacking[report.metrics[0]])
    sentences = tuple(f"{name} is left out: {why}" for name, why in lacking.items())
    return replace(report, metrics=metrics, also=also), sentences
