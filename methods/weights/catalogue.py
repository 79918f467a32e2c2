"""The weight files that were published (catalogue.toml), and where they are.

A published file is looked for among those that come with the suite for its preset, then in the user's folders
(methods/weights/folders.py), and is only used if its sha256, where one was published, is right. (The 8 digits
that most publishers give tell a broken file, not a forged one; methods/formats/unpickle.py runs nothing either way.)
methods/weights/download.py brings them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import schema
from bench.paths import short, user_weights
from bench.spec import BadFile, Task
from methods.weights import digests
from methods.weights.folders import shipped

_CATALOGUE = Path(__file__).with_name("catalogue.toml")
_WORD = schema.form(r"\w[\w.+-]*", "of letters, digits, _ . + and -")
_COUNT = schema.whole(0, 2**63 - 1)
_ADDRESS = schema.form(r"(https?://\S+)?", "that begins with https:// or http://, or is empty")
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
        "address": _ADDRESS,
        "mirrors": schema.ListOf(_ADDRESS),
        "where": schema.TEXT,
        "state": schema.NAME,
        "gone": schema.NAME,
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
    mirrors: tuple[str, ...] = ()
    """What else gives the file itself, tried in order if the address does not."""
    where: str = ""
    """In words, where a person finds it."""
    state: str = ""
    """In words, when the address was last seen, and where."""
    gone: str = ""
    """In words, who says that the address gives nothing any more; empty if nobody does."""
    sha256: str = ""
    """In hexadecimal, whole or its beginning; empty if none was published."""
    size: int = 0
    """In bytes; 0: unknown."""

    @property
    def source(self) -> str:
        """Return where the file comes from, in words."""
        if self.gone:
            return f"{self.where or 'whoever still has it'} ({self.address} is gone: {self.gone})"
        return self.address or self.where or "nowhere public"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return what may still give the file to a program, in order."""
        own = (self.address,) if self.address and not self.gone else ()
        return (*own, *self.mirrors)


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
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return WeightFile(**{**values, **lists})


def target(file: WeightFile) -> Path:
    """Return where a file is fetched to: the first folder that is the user's."""
    return user_weights()[0] / file.name


def advice(file: WeightFile) -> str:
    """Return the end of a message: from where, where to put it."""
    return f"get it from {file.source} and put it at {short(target(file))}."


def places(preset: str) -> list[Path]:
    """Return where the published files of a preset are looked for, in order."""
    return [*shipped(preset), *user_weights()]


def locate(file: WeightFile) -> Path | None:
    """Return where a file is on this machine."""
    return next((path for folder in places(file.preset) if (path := folder / file.name).is_file()), None)


def wrong(file: WeightFile, path: Path) -> str:
    """Return what tells the file on disk from the published one, or from the one first seen; empty if nothing does."""
    state = path.stat()
    if file.size and state.st_size != file.size:
        return f"has {state.st_size} bytes, not {file.size}"
    if file.sha256 and not (found := digests.sha256(path)).startswith(file.sha256):
        return f"has the sha256 {found}, not {file.sha256}"
    if (seen := digests.recorded(path)) and (found := digests.sha256(path)) != seen:
        return f"has the sha256 {found}, not {seen}, which {digests.record(path).name} has of when it was fetched"
    return ""


def checked(file: WeightFile, path: Path) -> str:
    """Return in words how a file on disk, of which `wrong` finds nothing, is known to be the published one."""
    if len(file.sha256) == digests.WHOLE:
        return "its sha256 is the published one"
    published = (
        f"the publisher gives {f'{len(file.sha256)} digits of its sha256, which fit' if file.sha256 else 'none'}"
    )
    seen = digests.recorded(path)
    kept = (
        f"recorded in {short(digests.record(path))}, and holds from now on"
        if seen
        else "not recorded, as it was put there by hand"
    )
    return f"sha256 {seen or digests.sha256(path)}: {published}; this one, seen first, is {kept}"
