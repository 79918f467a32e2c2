"""safetensors with a checksum of the whole file in their header: what this suite writes, and checks when it reads.

The checksum is the sha256 of the file with 64 zeros in its place. A changed bit of a weight, a name, a shape, a type or
a fact shows. It tells damage, not forgery.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench import shipped
from bench.spec import BadFile

if TYPE_CHECKING:
    from torch import Tensor

_KEY = "checksum"
_EMPTY = "0" * 64


def pack(tensors: Mapping[str, "Tensor"], metadata: Mapping[str, str]) -> bytes:
    """Return the content of a .safetensors file with its checksum."""
    from safetensors.torch import save  # noqa: PLC0415 - it imports torch, which who verifies does without

    content = save(dict(tensors), metadata={**metadata, _KEY: _EMPTY})
    field = f'"{_KEY}":"{_EMPTY}"'.encode()
    return content.replace(field, f'"{_KEY}":"{hashlib.sha256(content).hexdigest()}"'.encode(), 1)


def verify(path: Path) -> None:
    """Raise `BadFile` for a .safetensors file that is not what it was when it was written.

    A file without a checksum in its header is one of those that come with the suite, which are in its list, or somebody
    else's, of which nothing is known. Each file is read once, unless it has changed.
    """
    state = path.stat()
    told, found = _checksums(path, state.st_size, state.st_mtime_ns)
    if not told:
        shipped.check(path)
    elif told != found:
        raise BadFile(
            f"{path} is damaged: its checksum is {found[:12]}, its header says {told[:12]}. Make it again; if it "
            "was trained here, delete it and continue its training, which writes it anew."
        )


@lru_cache(maxsize=256)
def _checksums(path: Path, size: int, mtime_ns: int) -> tuple[str, str]:  # noqa: ARG001 - a changed file is read again
    """Return the checksum that a file tells, empty if none, and its own."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    field = re.search(rf'"{_KEY}":"([0-9a-f]{{64}})"'.encode(), content[8 : 8 + length])
    if field is None:
        return "", ""
    emptied = content[: 8 + field.start(1)] + _EMPTY.encode() + content[8 + field.end(1) :]
    return field[1].decode(), hashlib.sha256(emptied).hexdigest()
