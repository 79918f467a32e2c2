"""The weight files that were published (catalogue.toml), and where they are.

A published file is looked for among those that come with the suite for its preset, then in the user's folders
(methods/weights/folders.py), and is only used if its sha256, where one was published, is right. (The 8 digits
that most publishers give tell a broken file, not a forged one; methods/formats/unpickle.py runs nothing either way.)
methods/weights/download.py brings them.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench import schema
from bench.spec import BadFile, Task
from methods.weights.folders import shipped, short, users

_CATALOGUE = Path(__file__).with_name("catalogue.toml")
_WORD = schema.form(r"\w[\w.+-]*", "of letters, digits, _ . + and -")
_COUNT = schema.whole(0, 2**63 - 1)
_ENTRY = schema.Table(
    {
        "name": schema.form(r"[A-Za-z0-9][A-Za-z0-9._-]*", "that is a plain file name of letters, digits, . _ and -"),
        "methods": schema.ListOf(_WORD, least=1),
        "preset": _WORD,
        "category": _WORD,
        "factor": _COUNT,
        "layout": schema.NAME,
        "trained_on": schema.NAME,
        "licence": schema.NAME,
    },
    {
        "part": _WORD,
        "hr_size": _COUNT,
        "address": schema.form(r"(https?://\S+)?", "that begins with https:// or http://, or is empty"),
        "where": schema.TEXT,
        "sha256": schema.form(r"([0-9a-f]{8,64})?", "of 8 to 64 hexadecimal digits in lower case, or empty"),
        "size": _COUNT,
    },
)


@dataclass(frozen=True, slots=True)
class WeightFile:
    """The facts of one weight file."""

    name: str
    """The file's name, without a folder."""
    methods: tuple[str, ...]
    preset: str
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


def catalogue() -> tuple[WeightFile, ...]:
    """Return every weight file of catalogue.toml, in its order; raises `BadFile` naming the file and the key."""
    values = schema.parse(_CATALOGUE)
    if list(values) != ["file"] or not isinstance(values["file"], list):
        raise BadFile(f"{_CATALOGUE} holds {', '.join(values) or 'nothing'}; it must hold [[file]] entries alone.")
    files = tuple(_entry(index, entry) for index, entry in enumerate(values["file"]))
    names = [file.name for file in files]
    for name in names:
        if names.count(name) > 1:
            raise BadFile(
                f"{_CATALOGUE}: two entries have the name {name!r}; files of one folder need different names."
            )
    return files


def fitting(method: str, task: Task, part: str) -> list[WeightFile]:
    """Return the published files of a part of a method, by its spec's name, for a task; the first is preferred."""
    return [
        file
        for file in catalogue()
        if (file.preset, file.part) == (task.preset, part)
        and method in file.methods
        and file.category in (task.category, "any")
        and file.factor in (task.factor, 0)
        and file.hr_size in (task.hr_size, 0)
    ]


def present() -> list[tuple[WeightFile, Path]]:
    """Return the files of the catalogue that are on this machine, and where; their checksums are left to `find`."""
    return [(file, path) for file in catalogue() if (path := locate(file))]


def _entry(index: int, values: Any) -> WeightFile:  # noqa: ANN401 - checked here
    """Return one [[file]] of the catalogue, its keys, types and forms checked."""
    name = values.get("name") if isinstance(values, dict) else None
    _ENTRY.check(f"{_CATALOGUE}: {name if isinstance(name, str) else f'file[{index}]'}", "", values)
    return WeightFile(**{**values, "methods": tuple(values["methods"])})


def target(file: WeightFile) -> Path:
    """Return where a file is fetched to: the first folder that is the user's."""
    return users()[0] / file.name


def advice(file: WeightFile) -> str:
    """Return the end of a message: from where, where to put it."""
    return f"get it from {file.source} and put it at {short(target(file))}."


def places(preset: str) -> list[Path]:
    """Return where the published files of a preset are looked for, in order."""
    return [*shipped(preset), *users()]


def locate(file: WeightFile) -> Path | None:
    """Return where a file is on this machine."""
    return next((path for folder in places(file.preset) if (path := folder / file.name).is_file()), None)


def wrong(file: WeightFile, path: Path) -> str:
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
