"""Where the weight files lie that come with the suite."""

from pathlib import Path

SHIPPED = Path(__file__).parent
"""A folder for each preset whose files come with the suite, such as mini/."""


def shipped(preset: str) -> list[Path]:
    """Return the folder of what comes with the suite for a preset; none if nothing does."""
    return [folder] if (folder := SHIPPED / preset).is_dir() else []


def every_shipped() -> list[Path]:
    """Return the folders of all presets that have files in the suite."""
    return sorted(path for path in SHIPPED.iterdir() if path.is_dir() and path.name != "__pycache__")
