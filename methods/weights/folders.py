"""Where weight files that come with the suite lie, and what a folder is called in a message."""

from pathlib import Path

from bench.paths import expanded, home

_ROOT = Path(__file__).parents[2]
SHIPPED = Path(__file__).parent
"""A folder for each preset whose files come with the suite, such as mini/."""


def shipped(preset: str) -> list[Path]:
    """Return the folder of what comes with the suite for a preset; none if nothing does."""
    return [folder] if (folder := SHIPPED / preset).is_dir() else []


def every_shipped() -> list[Path]:
    """Return the folders of all presets that have files in the suite."""
    return sorted(path for path in SHIPPED.iterdir() if path.is_dir() and path.name != "__pycache__")


def short(path: Path) -> str:
    """Return a path for a message, which may end in a published table: without the name of the user or our place."""
    for prefix, base in (("", _ROOT), ("~/", expanded("~")), ("", home())):
        if path.is_relative_to(base):
            return f"{prefix}{path.relative_to(base)}"
    return str(path)
