"""What is to be said of LR images that were given: whether a factor has any, by what they were made, what was lost."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench.diagnosis import likely
from bench.images import data
from bench.images.given import Given, given
from bench.spec import BadImage, Card, MissingImages

_FIRST = 3
"""Images whose LR is compared with what the known down-samplings make."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the LR images of a category at a factor are from."""

    in_words: str
    """As it stands in a protocol: without figures, so that it is the same from run to run."""
    remarks: tuple[str, ...]
    """Sentences for below a table."""


def refusal(card: Card, factor: int, limit: int | None) -> str:
    """Return why no image of a card has an LR image at a factor, or ""; the first that is sound is enough."""
    if not card.lr:
        return ""
    reason = ""
    try:
        ids = data.image_ids(card, limit)
        files = given(card, factor, ids)
        for image_id in ids:
            try:
                files.image(image_id)
            except (BadImage, MissingImages) as error:
                reason = reason or str(error)
            else:
                return ""
    except MissingImages as error:
        return str(error)
    return f"none of the {len(ids)} LR images of {card.category} at {factor}x can be used: {reason}"


def provenance(card: Card, factor: int, limit: int | None, *, allow_enlarge: bool) -> Provenance:
    """Return what is known of given LR images. Raises `MissingImages` if there are none."""
    made, judged = _made(card, factor, limit, allow_enlarge=allow_enlarge)
    place = f"LR images of {card.category} at {factor}x"
    files = given(card, factor, data.image_ids(card, limit))
    return Provenance(f"LR given, {made}", (f"{place}: given, {judged}", *_of_files(place, files)))


def _made(card: Card, factor: int, limit: int | None, *, allow_enlarge: bool) -> tuple[str, str]:
    """Return by what the first LR images were probably made, in a few words and with figures."""
    if not card.has_hr:
        made = "with no ground truth to tell by what they were made"
        return made, f"{made}; LR-PSNR takes MATLAB bicubic"
    entries = data.batches(card, factor, _FIRST, limit, allow_enlarge)
    first = next((entry for entry in entries if isinstance(entry, data.Batch)), None)
    if first is None:
        return "none of them sound", "and none is sound"
    found = likely(first.lr, first.hr, factor)
    nearest = "" if found.found else f"; the nearest, {found.names[0]}{found.order}, is"
    theirs = f"{nearest} {found.distance:.2f} grey levels away on average of the first {len(first.ids)} images"
    ours = "" if found.is_ours else f", MATLAB bicubic {found.ours:.2f}; LR-PSNR takes MATLAB bicubic all the same"
    return f"made {found.in_words}", f"made {found.in_words}{'' if nearest else ','}{theirs}{ours}"


def _of_files(place: str, files: Given) -> Iterator[str]:
    """Yield a sentence on each thing that kinds of files took away, and on files of no image."""
    lost: Counter[str] = Counter()
    for image_id in files.pairs.files:
        try:
            _, told = files.image(image_id)
        except BadImage:  # which is told of the image
            continue
        lost.update({told} if told else ())
    for told, count in lost.items():
        yield f"{place}: {count} of {len(files.pairs.files)} {told}"
    if names := sorted(path.name for path in files.pairs.strangers):
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        are = "file is" if len(names) == 1 else "files are"
        yield f"{place}: {len(names)} {are} of no image that is measured ({', '.join(names[:_SHOWN])}{more})"
