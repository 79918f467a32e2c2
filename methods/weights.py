"""The weight files that were published (weights.toml), and where they are.

A published file is looked for in methods/weights/mini/ (the `mini` profile), then in $GLEAN_WEIGHTS, then in
~/.cache/glean-bench/weights, and is only handed out if its sha256, where one was published, is right. (The 8 digits
that most publishers give tell a broken file, not a forged one; methods/unpickle.py runs nothing either way.)
methods/download.py brings them. What `python -m bench train` made comes first: methods/trained.py.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

from bench.spec import BadFile, MissingWeights, Task, UnknownName
from methods import trained

_CATALOGUE = Path(__file__).with_name("weights.toml")
_FORMS = {"name": r"[A-Za-z0-9][A-Za-z0-9._-]*", "sha256": r"([0-9a-f]{8,64})?", "address": r"(https?://\S+)?"}


@dataclass(frozen=True, slots=True)
class Weights:
    """The facts of one weight file."""

    name: str
    """The file's name, without a folder."""
    methods: tuple[str, ...]
    profile: str
    category: str
    """`any`: every category."""
    factor: int
    """0: every factor."""
    layout: str
    """Who named the tensors in it."""
    trained_on: str
    licence: str
    part: str = "network"
    """network, bank, mapping, discriminator, ...: a method may need several."""
    hr_size: int = 0
    """Side of the images it makes, in pixels; 0: every side."""
    address: str = ""
    """What gives the file itself; empty if only a person can get it."""
    where: str = ""
    """In words, where a person finds it."""
    sha256: str = ""
    """In hexadecimal, whole or its beginning; empty if none was published."""
    size: int = 0
    """In bytes; 0: unknown."""

    @property
    def source(self) -> str:
        """Return where the file comes from, in words."""
        return self.address or self.where or "nowhere public"


def catalogue() -> tuple[Weights, ...]:
    """Return every weight file of weights.toml, in its order; raises `BadFile` naming the file and the key."""
    try:
        values = tomllib.loads(_CATALOGUE.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadFile(f"{_CATALOGUE} cannot be read as TOML: {error}") from error
    if list(values) != ["file"] or not isinstance(values["file"], list):
        raise BadFile(f"{_CATALOGUE} holds {', '.join(values) or 'nothing'}; it must hold [[file]] entries alone.")
    files = tuple(_entry(entry) for entry in values["file"])
    names = [file.name for file in files]
    for name in names:
        if names.count(name) > 1:
            raise BadFile(
                f"{_CATALOGUE}: two entries have the name {name!r}; files of one folder need different names."
            )
    return files


def find(method: str, task: Task, *, part: str = "network") -> Path:
    """Return the first file for a method (its spec's name) and a task that is on this machine, a checksum verified.

    `part` is for methods that need several files. A profile that weights.toml does not name is a user's folder of
    photographs and gets the weights of `paper`.

    Raises `MissingWeights`: what is missing or wrong, from where, where to put it.
    """
    own = trained.locate(method, task, part)
    if own is not None:
        return own
    files = catalogue()
    trained_for = task.profile if task.profile in {"mini", *(file.profile for file in files)} else "paper"
    fitting = [
        file
        for file in files
        if (file.profile, file.part) == (trained_for, part)
        and method in file.methods
        and file.category in (task.category, "any")
        and file.factor in (task.factor, 0)
        and file.hr_size in (task.hr_size, 0)
    ]
    for file in fitting:
        if path := locate(file):
            if problem := wrong(file, path):
                raise MissingWeights(f"{trained.short(path)} {problem}. Delete it, and {advice(file)}")
            return path
    if not fitting:  # no category is named, so that the cells of a table share one note
        raise MissingWeights(
            f"methods/weights.toml knows no {part} of {method} for this category, {task.factor}x and "
            f"{task.hr_size} px, in the profile {trained_for}" + trained.advice(method, task, part)
        )
    what = f"the {part} of {method} for {task.category}, {task.factor}x, {task.hr_size} px"
    looked = ", ".join(trained.short(folder) for folder in trained.folders(trained_for))
    others = ", ".join(file.name for file in fitting[1:])
    raise MissingWeights(
        f"{what} ({fitting[0].name}) is not on this machine; looked in {looked}. To have it, {advice(fitting[0])}"
        + (f" Others that would do: {others}." if others else "")
    )


def present() -> list[tuple[Weights, Path]]:
    """Return the files of the catalogue that are on this machine, and where; their checksums are left to `find`."""
    return [(file, path) for file in catalogue() if (path := locate(file))]


def _entry(values: Mapping[str, Any]) -> Weights:
    """Return one [[file]] of the catalogue, its keys, types and forms checked."""
    place = f"{_CATALOGUE}: {values.get('name', 'an entry without a name')}"
    types = get_type_hints(Weights)
    for key, value in values.items():
        if key not in types:
            raise BadFile(f"{place}: {UnknownName('key', key, types)}")
        names = isinstance(value, list) and value and all(isinstance(name, str) for name in value)
        if not names if key == "methods" else type(value) is not types[key]:
            kind = {str: "a string", int: "a whole number"}.get(types[key], "a list of names")
            raise BadFile(f"{place}: {key} must be {kind}, not {value!r}.")
        if key in _FORMS and not re.fullmatch(_FORMS[key], str(value)):
            raise BadFile(f"{place}: {key} = {value!r} is not of the form {_FORMS[key]}.")
    for field in fields(Weights):
        if field.name not in values and field.default is MISSING:
            raise BadFile(f"{place}: the key {field.name!r} is missing.")
    return Weights(**{**values, "methods": tuple(values["methods"])})


def target(file: Weights) -> Path:
    """Return where a file is fetched to: the first folder that is the user's."""
    return (
        next(folder for folder in trained.folders(file.profile) if folder not in trained.SHIPPED.values()) / file.name
    )


def advice(file: Weights) -> str:
    """Return the end of a message: from where, where to put it."""
    return f"get it from {file.source} and put it at {trained.short(target(file))}."


def locate(file: Weights) -> Path | None:
    """Return where a file is on this machine."""
    return next((path for folder in trained.folders(file.profile) if (path := folder / file.name).is_file()), None)


def wrong(file: Weights, path: Path) -> str:
    """Return what tells the file on disk from the published one; empty if nothing does."""
    state = path.stat()
    if file.size and state.st_size != file.size:
        return f"has {state.st_size} bytes, not {file.size}"
    if file.sha256 and not (found := _sha256(path, state.st_size, state.st_mtime_ns)).startswith(file.sha256):
        return f"has the sha256 {found}, not {file.sha256}"
    return ""


@lru_cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - a changed file is read again
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
