"""Ground truth and LR images of a card: reads or makes, checks and batches them. The same pixels on every machine."""

import hashlib
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from bench import degradation, resize
from bench.cache import Cache
from bench.images import degraded, given, retouching, sources
from bench.spec import BadImage, Card, Images, MissingImages, TooSmall


@dataclass(frozen=True, slots=True)
class Batch:
    """Images of one size that go through a method together."""

    ids: tuple[str, ...]
    lr: Images
    hr: Images
    """(N, 3, 0, 0) if there is no ground truth."""
    mask: Tensor | None = None
    """(N, 1, H, W) float32: 1 where an edit was, else 0; None if the card edits nothing."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One image, uint8, and its LR image if that is given."""

    id: str
    hr: Tensor
    lr: Tensor | None
    edited: retouching.Retouched | None


@dataclass(frozen=True, slots=True)
class BadEntry:
    """An image that cannot be used, and why; `refused` if the image is sound and only too small."""

    id: str
    reason: str
    refused: bool


HELD = 304 * 2**20
"""Bytes of the images last used, which are held: each is read once for all methods and factors. A hundred faces of 1024
px are 300 MiB."""
_CACHE: Cache[Tensor] = Cache(HELD, lambda image: image.nbytes)
_EDITED: Cache[retouching.Retouched] = Cache(2**26, lambda edited: edited.nbytes)
_NO_HR = torch.empty(3, 0, 0, dtype=torch.uint8)
_BATCH = 24 * 2**20  # bytes of the ground truth of a batch in float32, but for a single image that has more


def image_ids(card: Card, limit: int | None = None) -> tuple[str, ...]:
    """Return the ids of the test images, in the order of the card or of the source; of these the first `limit`.

    Where a card lists no images, `limit` comes before its `test_images`, also if it is larger.

    Raises `MissingImages` if the source is absent or empty, saying what to put where.
    """
    card = _widened(card, limit)
    return _ids(card, sources.open_card(card))[:limit]


def _widened(card: Card, limit: int | None) -> Card:
    """Return a card that gives as many images as are asked for, if it does not list which there are."""
    return card if limit is None or card.ids else replace(card, test_images=limit)


def read(card: Card, image_id: str, allow_enlarge: bool = False) -> Tensor:  # noqa: FBT001, FBT002
    """Return one ground truth image, (3, hr_size, hr_size) uint8.

    Raises:
        BadImage: it cannot be decoded, or its pixels are not those of the card's list.
        TooSmall: its short side is below `hr_size`, unless `allow_enlarge`.
        MissingImages: it, or its whole folder, is not there.
    """
    return _read(card, sources.open_card(card, allow_enlarge=allow_enlarge), image_id).clone()


def edited(card: Card, image_id: str, allow_enlarge: bool = False) -> Tensor:  # noqa: FBT001, FBT002
    """Return what the LR image of one is made of, as `read`: the edited image, or the truth without an edit."""
    source = sources.open_card(card, allow_enlarge=allow_enlarge)
    found = _edited(card, source, image_id)
    return (found.image if found else _read(card, source, image_id)).clone()


def batches(
    card: Card,
    factor: int,
    batch_size: int,
    limit: int | None = None,
    allow_enlarge: bool = False,  # noqa: FBT001, FBT002
) -> Iterator[Batch | BadEntry]:
    """Yield the test images with their LR images, and, as it is met, each image that cannot be used.

    Large images come in smaller batches, so that they fit the memory.

    Raises `MissingImages` if there are no images at all, or no LR images where they are given.
    """
    card = _widened(card, limit)
    batch_size = max(1, min(batch_size, _BATCH // (12 * card.hr_size**2)))
    source = sources.open_card(card, allow_enlarge=allow_enlarge)
    ids = _ids(card, source)[:limit]
    files = given.given(card, factor, ids) if card.lr else None
    found: list[_Pair] = []
    for image_id in ids:
        try:
            image = _read(card, source, image_id) if card.has_hr else _NO_HR
            lr = files.image(image_id)[0] if files else None
            edited = _edited(card, source, image_id)
        except (BadImage, TooSmall, MissingImages) as error:
            yield BadEntry(image_id, _short(str(error), source.where), refused=isinstance(error, TooSmall))
            continue
        found.append(_Pair(image_id, image, lr, edited))
        if len(found) == batch_size:
            yield _batch(found, card, factor)
            found = []
    if found:
        yield _batch(found, card, factor)


def _short(reason: str, where: str) -> str:
    """Return a reason without the folder that the image lies in, as a table is published that holds it."""
    return reason.replace(f"{where}{os.sep}", "").replace(where, Path(where).name)


def _batch(found: Sequence[_Pair], card: Card, factor: int) -> Batch:
    """Return a batch of images; LR images that are given are all given."""
    hr = torch.stack([each.hr for each in found])
    theirs = [each.lr for each in found if each.lr is not None]
    if theirs:
        lr = (torch.stack(theirs).double() / 255).float()
    else:  # one by one: in float64 an image of 1024 px takes 25 MB
        sources_of = [(each.id, each.edited.image if each.edited else each.hr) for each in found]
        lr = torch.stack([low_resolution(image, factor, card.degradation, name) for name, image in sources_of])
    masks = [each.edited.mask for each in found if each.edited]
    return Batch(tuple(each.id for each in found), lr, hr.float() / 255, torch.stack(masks) if masks else None)


def low_resolution(
    hr: Tensor, factor: int, degradation: tuple[str, ...] = degradation.PLAIN, image_id: str = ""
) -> Images:
    """Return what a method gets of (3, H, W) uint8: M · HR · Mᵀ if nothing else is said, made in float64, in 8 bits.

    Raises `BenchError` if the factor does not divide the size.
    """
    made = degraded.degraded(hr.cpu().double().div_(255), degradation, factor, image_id)
    return resize.quantise(made)


def pixel_sha256(image: Tensor) -> str:
    """Return the sha256 of the pixels of (3, H, W) uint8, as bytes in the order rows, columns, R G B."""
    return hashlib.sha256(image.permute(1, 2, 0).contiguous().numpy().tobytes()).hexdigest()


def _ids(card: Card, source: sources.Source) -> tuple[str, ...]:
    """Return the ids that the card lists, or the first ones of the source, of the large ones if the card says so."""
    if card.ids or not card.large_enough or source.large is None:
        return card.ids or tuple(source.ids[: card.test_images])
    return tuple(islice(filter(source.large, source.ids), card.test_images))


def _read(card: Card, source: sources.Source, image_id: str) -> Tensor:
    """Return one image, checked against the card's list; not to be changed in place, the cache holds it."""
    if edited := _edited(card, source, image_id):
        return edited.truth
    listed = card.sha256.get(image_id)

    def checked() -> Tensor:
        image = source.pixels(image_id)
        if listed is not None and (found := pixel_sha256(image)) != listed:
            raise BadImage(
                f"{source.where}: the pixels of {image_id} have sha256 {found[:12]}..., the list of {card.profile}/"
                f"{card.category} says {listed[:12]}...: the image, the renderer or the list has changed. Get the "
                f"listed image or, if the change is wanted, run `python -m bench lists {shlex.quote(card.profile)}`."
            )
        return degraded.truth(image, card.degradation)

    state = source.state(image_id)
    how = (
        card.reader,
        source.where,
        card.hr_size,
        card.fit,
        source.allow_enlarge,
        degradation.of_truth(card.degradation),
    )
    key = (*how, image_id, state, listed)
    return _CACHE.get(key, checked)


def _edited(card: Card, source: sources.Source, image_id: str) -> retouching.Retouched | None:
    """Return one image with its edit; None if the card edits nothing. Raises as `read`."""
    if not degradation.edit(card.degradation):
        return None
    image = _read(replace(card, degradation=degradation.PLAIN), source, image_id)
    key = (card.degradation, card.reader, card.face_box, image_id, pixel_sha256(image))
    return _EDITED.get(key, lambda: retouching.retouched(card, image_id, image))
