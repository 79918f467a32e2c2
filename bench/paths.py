"""The home folder, which a container may not have (Python's own functions raise there), and the folder of caches."""

import os
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def expanded(text: str) -> Path:
    """Return a path with ~ replaced by the home folder it stands for; as it is, if there is none."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - `Path.expanduser` raises RuntimeError


def home() -> Path:
    """Return the user's home folder; where there is none, the working directory stands for it."""
    found = expanded("~")
    return found if found.is_absolute() else Path.cwd()


def user_weights() -> list[Path]:
    """Return the user's folders of weight files in order: $GLEAN_WEIGHTS if it is set, then the cache."""
    given = os.environ.get("GLEAN_WEIGHTS")
    own = [expanded(given)] if given else []
    return [*own, home() / ".cache" / "glean-bench" / "weights"]


def cache() -> Path:
    """Return the folder for what is kept from run to run and can be made anew."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (expanded(given) if given else home() / ".cache") / "glean-bench"


def short(path: Path) -> str:
    """Return a path for a message, which may end in a published table: without what only this machine has.

    That is the name of the user, our place and the folder that $GLEAN_WEIGHTS names.
    """
    given = expanded(os.environ.get("GLEAN_WEIGHTS", ""))
    own = [("$GLEAN_WEIGHTS/", given)] if given.is_absolute() else []
    for prefix, base in (("", _ROOT), ("~/", expanded("~")), ("", home()), *own):
        if path.is_relative_to(base):
            return f"{prefix}{path.relative_to(base)}".removesuffix("/.")
    return str(path)
