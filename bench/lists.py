"""Lists of the test images of a card, and what may be the id of an image.

Results are stored under ids and tables print them. A file name of any script may be one, with joiners, narrow spaces
and other characters that are not printed; only what no file can be called (separators of folders) and what would
deceive a reader may not: line breaks and other controls, and the characters that turn the direction of a text.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench import files
from bench.spec import BadFile

# As sha256sum writes it, for text or (with a star) bytes; such an id may begin and end with spaces.
_SUMMED = re.compile(r"(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<id>.+)", re.DOTALL)
_SEPARATORS = "/\\"
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # embeddings, overrides, isolates of text
_UNSAFE = ("Cc", "Cs", "Zl", "Zp")  # controls, halves of characters, ends of lines and paragraphs
_UNSEEN = ("Zs", "Cf")


def read(path: Path) -> list[tuple[str, str]]:
    """Return (id, sha256 or '') for each line `id` or `sha256  id` of a list; lines that begin with # are comments."""
    try:
        lines = [line.removesuffix("\r") for line in files.text(path).split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise BadFile(f"the list {path} cannot be read: {reason}; write it with `python -m bench lists`.") from error
    pairs = [_pair(line) for line in lines if line.strip() and not line.startswith("#")]
    if not pairs or any(not name.strip() for name, _ in pairs):
        raise BadFile(f"the list {path} must have one line `id` or `sha256  id` for each image, and at least one.")
    return pairs


def _pair(line: str) -> tuple[str, str]:
    """Return id and sha256 of a line; an id that begins with a space where a checksum should be is none."""
    if match := _SUMMED.fullmatch(line):
        return match["id"], match["sha256"].lower()
    return ("" if line[0].isspace() else line.rstrip()), ""


def unfit(name: str) -> str:
    """Return why a name cannot be an id, or "" if it can."""
    if any(char in _SEPARATORS for char in name):
        return "a separator of folders"
    if any(char in _TURNING for char in name):
        return "a character that turns the direction of the text"
    if any(unicodedata.category(char) in _UNSAFE for char in name):
        return "a line break or another character that is not text"
    return "nothing that can be seen" if _blank(name) else ""


def shown(name: str) -> str:
    """Return a name as it may be displayed: backslashes and what would deceive as Python's escapes.

    No two names are shown alike, and one that is unfit is so as it is shown.
    """
    escape = name if _blank(name) else [char for char in name if char != "/" and unfit(f"_{char}")]
    return "".join(_escaped(char) if char in escape else char for char in name)


def _blank(name: str) -> bool:
    return all(unicodedata.category(char) in _UNSEEN for char in name)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"  # noqa: PLR2004 - four digits


def check_ids(where: Path | str, ids: Sequence[str]) -> None:
    """Raise `BadFile` for ids that are no file names, or come twice: results are stored under them."""
    for name in ids:
        if reason := unfit(name):
            raise BadFile(
                f"{where}: '{shown(name)}' is no id of an image, as it has {reason}; "
                "an id is a plain file name without its folder."
            )
    if twice := sorted(name for name, count in Counter(ids).items() if count > 1):
        raise BadFile(f"{where}: {', '.join(twice[:3])} listed more than once.")
