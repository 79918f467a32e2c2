"""The home folder, which a container or another user's process may not have; Python's own functions raise there."""

import os
from pathlib import Path


def expanded(text: str) -> Path:
    """Return a path with ~ replaced by the home folder it stands for; as it is, if there is none."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - `Path.expanduser` raises RuntimeError


def home() -> Path:
    """Return the user's home folder; where there is none, the working directory stands for it."""
    found = expanded("~")
    return found if found.is_absolute() else Path.cwd()
