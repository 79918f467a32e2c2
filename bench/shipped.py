"""The weight files that come with the suite: each is what it was when it was listed, or it is not used.

shipped.sha256 is the one list of them, in the form of `sha256sum`. It is made in a checkout by

    git ls-files bench/weights 'methods/weights/*/*.safetensors' | xargs sha256sum > bench/shipped.sha256

and a test fails if a file is not in it. A checksum is taken once per process.
"""

import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path

from bench.spec import BadFile

_ROOT = Path(__file__).resolve().parents[1]
_LIST = Path(__file__).with_name("shipped.sha256")
AGAIN = "put it back (git checkout, or install the package again)."
"""The end of a sentence on a file that is damaged or gone."""


@cache
def listed() -> dict[str, str]:
    """Return path -> sha256 of the files, paths being relative to the folder of the packages. Raises `BadFile`."""
    try:
        lines = _LIST.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{_LIST} cannot be read; it is part of the package: install it again.") from error
    found = [re.fullmatch(r"([0-9a-f]{64}) [ *](\S+)", line) for line in lines]
    if not found or None in found:
        raise BadFile(f"{_LIST} has a line that is not `sha256  path`; it is part of the package: install it again.")
    return {match[2]: match[1] for match in found if match}


def check(path: Path) -> None:
    """Raise `BadFile` if a file is one of the list and is no longer what it was; other files are not looked at."""
    wanted = _wanted(path)
    if wanted and (found := sha256(path.resolve())) != wanted:
        raise BadFile(
            f"{path} is not the file that came with the suite: its sha256 is {found[:12]}, not {wanted[:12]}. It is "
            f"damaged; {AGAIN}"
        )


def gone(path: Path) -> bool:
    """Tell whether a file is one of the list and is not there any more."""
    return _wanted(path) is not None and not path.is_file()


def _wanted(path: Path) -> str | None:
    real = path.resolve()
    return listed().get(real.relative_to(_ROOT).as_posix()) if real.is_relative_to(_ROOT) else None


def sha256(path: Path) -> str:
    """Return the sha256 of a file, which is read again only if its size or time has changed."""
    state = path.stat()
    return _sha256(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - as `sha256` says
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
