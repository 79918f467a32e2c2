"""The names of profiles: `mini`, `paper` and `portraits` come with the suite, any other is the path of a user's folder.

The plain words always mean ours; a folder of such a name in the working directory is `./mini`. However a folder is
written (`photos`, `./photos/`, by way of a link), its profile is the real path, so that it is one. The names of
tables, too.
"""

import os
import sysconfig
from pathlib import Path

from bench import lists
from bench.paths import expanded
from bench.spec import BadFile, MissingImages, UnknownName

INNER = (".details", ".images", ".timing", ".curves")
"""What stands in files of a table before the last ending: <table>.details.md, <table>.images.csv ..."""


def facts_root() -> Path:
    """Return the folder that holds datasets/ and reports/: the checkout, or the installed copy.

    Hugging Face's `datasets` may lie beside this package in site-packages, so a card of ours is what is looked for.
    """
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    beside = Path(__file__).resolve().parent.parent  # where `pip install --target` puts share/, too
    installed = [beside, *(Path(sysconfig.get_path("data", scheme)) for scheme in schemes)]
    roots = [beside, *(path / "share" / "glean-bench" for path in installed)]
    for root in roots:
        if (root / "datasets" / "mini" / "face.toml").is_file():
            return root
    raise BadFile(f"no datasets/mini/face.toml in {', '.join(map(str, roots))}; install glean-bench again.")


def profiles() -> tuple[str, ...]:
    """Return the names of the profiles that come with the suite."""
    return tuple(sorted({card.parent.name for card in (facts_root() / "datasets").glob("*/*.toml")}))


def tables() -> tuple[str, ...]:
    """Return the names of the tables that come with the suite."""
    return tuple(sorted(path.stem for path in (facts_root() / "reports").glob("*.toml")))


def check_table(path: Path) -> None:
    """Raise `BadFile` for the file of a table whose results would replace those of another."""
    ours = (facts_root() / "reports").resolve()
    if path.stem in (*tables(), "latency") and path.resolve().parent != ours:
        raise BadFile(
            f"{path} has the name of a table of the suite, whose results it would replace; give it another name."
        )
    check_table_name(path.stem, path)


def check_table_name(name: str, where: Path) -> None:
    """Raise `BadFile` for a table called as another one's files; `where` names its file."""
    if found := next((part for part in INNER if name.lower().endswith(part)), ""):
        raise BadFile(
            f"{where}: a table cannot be called {name!r}, as a table {name[: -len(found)]!r} has files of that name; "
            f"give it a name without {found!r} at its end."
        )


def profile_name(profile: str) -> str:
    """Return the one name of a profile: a word for one of ours, the real path of a user's folder.

    Raises `UnknownName`, and `MissingImages` for a path that is no folder or cannot be looked into.
    """
    if profile in profiles():
        return profile
    try:
        real = expanded(profile).resolve(strict=True)
        there = real.is_dir()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _nowhere(profile) from error
    except (OSError, ValueError, RuntimeError) as error:  # a name that is too long, NUL, a loop of links, no such user
        reason = getattr(error, "strerror", None) or error
        raise MissingImages(
            f"the profile {lists.shown(profile)[:200]} is no folder that can be read: {reason}; "
            f"a profile is {', '.join(profiles())} or a folder."
        ) from error
    if not there:
        raise _nowhere(profile)
    ours = real.parent == (facts_root() / "datasets").resolve() and real.name in profiles()
    return real.name if ours else str(real)


def _nowhere(profile: str) -> MissingImages | UnknownName:
    """Return the error for a profile that is none of ours and no folder."""
    folder = expanded(profile)
    if len(folder.parts) > 1 or profile.startswith((".", "~")) or os.sep in profile:
        where = lists.shown(str(folder.absolute()))
        return MissingImages(f"there is no folder {where}; a profile is {', '.join(profiles())} or a folder.")
    return UnknownName("profile, and no folder,", profile, profiles())


def profile_folder(profile: str) -> Path:
    """Return the folder of a profile: one of ours, or the user's. Raises what `profile_name` does."""
    name = profile_name(profile)
    return facts_root() / "datasets" / name if name in profiles() else Path(name)


def profile_title(profile: str) -> str:
    """Return the name of a profile for a table: of a user's folder the last part, `./mini` for one named as ours.

    The path would say where its user keeps it. `profile` is a name as of `profile_name`.
    """
    name = Path(profile).name
    return f"./{name}" if name in profiles() and profile not in profiles() else name
