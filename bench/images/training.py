"""Which photographs of a card are for training, and where they lie."""

from dataclasses import replace

from bench.images import data, sources
from bench.spec import BenchError, Card, MissingImages


def tested_too(card: Card, count: int) -> bool:
    """Tell whether, of so many test images, some are for training: more of a folder than it keeps for testing."""
    apart = card.reader != "folder" or card.ids or card.train_source or card.train_crops
    return not apart and count > card.test_images


def photographs(card: Card) -> tuple[sources.Source, list[str]]:
    """Return where the training images of a card come from, and their ids.

    They are all of its training set, or of its tables of crops; of a folder without either, all that are not tested.

    Raises as `sources.open_training` and `open_card` do, and:
        MissingImages: the training set is not here, or the folder holds test images only.
        BenchError: a card that names neither.
    """
    if card.train_crops:
        source = sources.open_training(card)
        return source, list(source.ids)
    everything = replace(card, ids=(), sha256={}, test_images=sources.EVERY)
    if card.train_source:
        training = replace(
            everything,
            source=card.train_source,
            reader=card.train_reader,
            crops=(),
            test_set=card.train_set,
            address="",
        )
        source = sources.open_card(training, allow_enlarge=True)
        return source, list(source.ids)
    if card.reader != "folder":
        raise BenchError(
            f"the card of {card.category} in the profile {card.profile} says where the test images are "
            f"({card.source}), and not where those for training are; name them with --train-data, or in the card: "
            "train_source, train_reader."
        )
    source, tested = sources.open_card(everything, allow_enlarge=True), set(data.image_ids(card))
    ids = [name for name in source.ids if name not in tested]
    if not ids:
        raise MissingImages(
            f"{source.where} holds the {len(tested)} test images of {card.category} and no others. "
            "Put the training images beside them; the card's list says which are for testing."
        )
    return source, ids
