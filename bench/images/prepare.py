"""Takes the test images of a category out of a data set: one plain folder, a list with checksums, and a card."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bench import atomic
from bench.images import holding, listing, sources
from bench.images.holding import Holding
from bench.spec import Card, OutputError

_KINDS = ((b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"), (b"RIFF", ".webp"))


def prepare(card: Card, found: Holding, out: Path) -> int:
    """Write the test images of a card, byte by byte as they are, to `out`/<category>/, and return how many there are.

    Beside the folder come <category>.sha256, the list with the checksum of each image's pixels at the card's size, and
    <category>.toml, a card for it: `out` is a profile then. Raises `OutputError` if the folder is there already.
    """
    target = out / card.category
    if target.exists():
        raise OutputError(f"{target} is there already; delete it to have it made anew, or choose another --out.")
    if found.use == "zip":
        read, ids = holding.reader(found), card.ids
    else:
        kind: Literal["folder", "lmdb"] = "lmdb" if found.use == "lmdb" else "folder"
        source = sources.open_card(replace(card, source=str(found.path), reader=kind))
        ids = card.ids or tuple(source.ids[: card.test_images])
        if source.content is None:
            raise OutputError(f"{found.path} gives no files.")
        read = source.content
    for image_id in ids:
        content = read(image_id)
        suffix = next((suffix for start, suffix in _KINDS if content.startswith(start)), ".img")
        atomic.write(target / f"{image_id}{suffix}", content)
    plain = replace(card, source=str(target), reader="folder", ids=ids, sha256={}, train_source="")
    listing.write_list(plain, out / f"{card.category}.sha256")
    atomic.write(out / f"{card.category}.toml", _card(card).encode())
    return len(ids)


def _card(card: Card) -> str:
    """Return the card of a category's folder; it says nothing of training, for which the profile itself is."""
    facts = {
        "title": card.title,
        "reader": "folder",
        "source": card.category,
        "list": f"{card.category}.sha256",
        "fit": card.fit,
        "test_set": card.test_set,
        "train_set": card.train_set,
        "preset": card.preset,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items()]
    return "\n".join([*lines, f"hr_size = {card.hr_size}"]) + "\n"
