"""Where the images of a card come from: rendered scenes, a folder of photographs, or an LMDB database as LSUN's."""

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from bench import files, lists, scenes
from bench.cache import Cache
from bench.images import crops, database, folder, photos
from bench.images.whereabouts import how_to_get, present
from bench.spec import BadFile, BadImage, Card, MissingImages, UnknownName

EVERY = sys.maxsize
"""`test_images` of a card that gives all there are."""
_BESIDE = 4
"""Scenes drawn at once, in half the time: a single one is thousands of operations on a few numbers each."""
_DRAWN: Cache[Tensor] = Cache(2**24, lambda images: images.nbytes)


@dataclass(frozen=True, slots=True)
class Source:
    """The images of a card: which there are, and how to get one."""

    where: str
    ids: Sequence[str]
    """In their order; an LMDB gives no more than the card's `test_images`."""
    pixels: Callable[[str], Tensor]
    """id -> (3, hr_size, hr_size) uint8; raises as `data.read` does."""
    allow_enlarge: bool
    state: Callable[[str], Hashable] = lambda _: None
    """id -> what changes when the image is replaced; scenes and databases stay as they are while we run."""
    content: Callable[[str], bytes] | None = None
    """id -> the bytes of its file, for images that are a file each."""
    large: Callable[[str], bool] | None = None
    """id -> whether its short side has the card's `hr_size`, found out without decoding it."""
    length: Callable[[str], int] | None = None
    """id -> how many bytes that are, found out without reading them."""


def open_card(card: Card, *, allow_enlarge: bool = False) -> Source:
    """Return the source of a card; `allow_enlarge` makes it enlarge photographs that are too small.

    Raises:
        MissingImages: the folder or the database is absent or empty; the message says what to put where.
        UnknownName: there is no such scene.
        BadFile: a database with keys that cannot be ids, or that LMDB cannot open.
        BenchError: the package lmdb is needed and not installed.
    """
    if card.crops:
        return _crops(card, allow_enlarge)
    readers = {"folder": _folder, "scenes": _scenes, "lmdb": _lmdb, "lr": _lr_alone}
    return readers[card.reader](card, allow_enlarge)


def open_training(card: Card) -> Source:
    """Return the source of a card's training crops, whose files are all there, and none of them a test image's.

    Raises as `open_card`, and `BadFile` for test images among those for training.
    """
    train, tested = crops.read_tables(card.train_crops), crops.read_tables(card.crops)
    sums = {crop.sha256 for crop in tested.values()}
    if shared := [name for name, crop in train.items() if crop.sha256 in sums or name in tested]:
        raise BadFile(
            f"{len(shared)} of the {len(train)} training images of {card.category} are test images, by their file or "
            f"their id ({', '.join(shared[:3])}); take them out of the tables of train_crops."
        )
    source = open_card(replace(card, crops=card.train_crops), allow_enlarge=True)
    if absent := [name for name in source.ids if source.state(name) is None]:
        raise MissingImages(
            f"{source.where} lacks {len(absent)} of the {len(train)} files with training images of {card.category} "
            f"({', '.join(absent[:3])}); put them, or the zip archives that hold them, there."
        )
    return source


def _scenes(card: Card, allow_enlarge: bool) -> Source:  # noqa: FBT001
    """Return the rendered scenes; an id is a seed."""
    if card.source not in scenes.SCENES:
        raise UnknownName("scene", card.source, scenes.SCENES)

    def pixels(image_id: str) -> Tensor:
        if not image_id.isdecimal() or int(image_id) >= scenes.FIRST_TRAINING_SEED:
            raise BadFile(
                f"{image_id!r} is no test image of the scene {card.source}; the ids are seeds below "
                f"{scenes.FIRST_TRAINING_SEED} (those from there on are for training)."
            )
        beside, index = divmod(int(image_id), _BESIDE)
        return _DRAWN.get((card.source, beside, card.hr_size), partial(_drawn, card, beside))[index].clone()

    count = min(card.test_images, scenes.FIRST_TRAINING_SEED)
    return Source(f"scene {card.source}", [f"{seed:04d}" for seed in range(count)], pixels, allow_enlarge)


def _drawn(card: Card, beside: int) -> Tensor:
    """Return the pictures of seeds next to each other: which ones does not depend on which are asked for."""
    return scenes.exact_images(card.source, torch.arange(_BESIDE) + _BESIDE * beside, card.hr_size)


def _folder(card: Card, allow_enlarge: bool) -> Source:  # noqa: FBT001
    """Return the photographs of a folder."""
    where = present(card)
    found = folder.listing(where)
    if not found:
        raise MissingImages(f"{where} holds no photographs ({folder.SHORT}); {how_to_get(card)}")

    def pixels(image_id: str) -> Tensor:
        if image_id not in found:
            raise MissingImages(f"{where} has no photograph {image_id}; put it there, or take it off the card's list.")
        if lists.unfit(image_id):
            reason = lists.unfit(found[image_id].stem)
            raise BadImage(f"{where}: the name of {image_id} has {reason}; give it another name.")
        data, name = photos.content(found[image_id]), str(found[image_id])
        return photos.photo(data, name, card.hr_size, card.fit, allow_enlarge=allow_enlarge)

    def state(image_id: str) -> Hashable:
        return files.state(found[image_id]) if image_id in found else None

    def length(image_id: str) -> int:
        path = found.get(image_id)
        return path.stat().st_size if path and path.is_file() else 0

    def content(image_id: str) -> bytes:
        return photos.content(found[image_id])

    def large(image_id: str) -> bool:
        return photos.short_side(found[image_id], state(image_id)) >= card.hr_size

    return Source(str(where), list(found), pixels, allow_enlarge, state, content, large, length)


def _lr_alone(card: Card, allow_enlarge: bool) -> Source:  # noqa: FBT001
    """Return the names of images of which there is no ground truth: those of LR images at any factor."""
    where = present(card)
    names = dict.fromkeys(name for place in folder.lr_folders(where) for name in folder.listing(place))
    if not names:
        raise MissingImages(f"{where} holds no LR images ({folder.SHORT}); {how_to_get(card)}")

    def pixels(image_id: str) -> Tensor:
        raise MissingImages(f"{card.category} has no ground truth, and so none of {image_id}: {where} holds LR images.")

    return Source(str(where), list(names), pixels, allow_enlarge)


def _crops(card: Card, allow_enlarge: bool) -> Source:  # noqa: FBT001
    """Return the squares of the photographs of a folder that the card's tables name."""
    where = present(card)
    table, held = crops.read_tables(card.crops), crops.Files(where)

    def pixels(image_id: str) -> Tensor:
        if image_id not in table:
            tables = " and ".join(str(path) for path in card.crops)
            raise MissingImages(f"{tables} has no crop {image_id}; add it, or take it off the card's list.")
        crop = table[image_id]
        data, name = held.read(crop.file, crop.sha256), str(where / crop.file)
        return photos.square(data, name, card.hr_size, crop.box, allow_enlarge=allow_enlarge)

    def state(image_id: str) -> Hashable:
        file = held.state(table[image_id].file) if image_id in table else None
        return file and (file, table[image_id])

    return Source(str(where), list(table), pixels, allow_enlarge, state)


def _lmdb(card: Card, allow_enlarge: bool) -> Source:  # noqa: FBT001
    """Return the images of an LMDB database as LSUN is published: key -> the bytes of an image file."""
    path = present(card)
    with database.transaction(path) as transaction:
        keys = list(islice(transaction.cursor().iternext(values=False), card.test_images))
    if not keys:
        raise MissingImages(f"{path} holds no images; {how_to_get(card)}")

    def pixels(image_id: str) -> Tensor:
        if lists.unfit(image_id):
            raise BadImage(f"{path}: the key {image_id} cannot be the id of an image; name others in the card's list.")
        return photos.photo(
            content(image_id), f"{path}: {image_id}", card.hr_size, card.fit, allow_enlarge=allow_enlarge
        )

    def content(image_id: str) -> bytes:
        with database.transaction(path) as transaction:
            data: bytes | None = transaction.get(image_id.encode())
        if data is None:
            raise MissingImages(
                f"{path} has no image {image_id}; take it off the card's list, or get {path.name} anew."
            )
        return data

    def length(image_id: str) -> int:
        with database.transaction(path, buffers=True) as transaction:
            return len(transaction.get(image_id.encode(errors="surrogateescape"), b""))

    return Source(str(path), [_id(key) for key in keys], pixels, allow_enlarge, content=content, length=length)


def _id(key: bytes) -> str:
    """Return the id of an LMDB's key: the text it is, or, where that is unfit, as it is shown."""
    name = key.decode(errors="surrogateescape")
    return lists.shown(name) if lists.unfit(name) else name
