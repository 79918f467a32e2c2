"""Lists of the test images of a card, and what may be the id of an image."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.spec import BadFile

_LINE = re.compile(r"(?:(?P<sha256>[0-9a-f]{64})  )?(?P<id>\S.*)")


def read(path: Path) -> list[tuple[str, str]]:
    """Return (id, sha256 or '') for each line `id` or `sha256  id` of a list; lines that begin with # are comments."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"the list {path} cannot be read: {error}; write it with `python -m bench lists`.") from error
    found = [_LINE.fullmatch(line.rstrip()) for line in lines if line.strip() and not line.startswith("#")]
    pairs = [(match["id"], match["sha256"] or "") for match in found if match]
    if len(pairs) != len(found) or not pairs:
        raise BadFile(f"the list {path} must have one line `id` or `sha256  id` for each image, and at least one.")
    return pairs


def check_ids(where: Path | str, ids: Sequence[str]) -> None:
    """Raise `BadFile` for ids that are no file names, or come twice: results are stored under them."""
    for name in ids:
        if not name.strip() or "/" in name or "\\" in name or not name.isprintable():
            raise BadFile(f"{where}: {name!r} is no id of an image; an id is a plain file name without its folder.")
    if twice := sorted(name for name, count in Counter(ids).items() if count > 1):
        raise BadFile(f"{where}: {', '.join(twice[:3])} listed more than once.")
