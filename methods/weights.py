"""The weight files: which there are (weights.toml), where one is on this machine, and how one gets there.

A file is looked for in methods/weights/mini/ (the `mini` profile), then in $GLEAN_WEIGHTS, then in
~/.cache/glean-bench/weights, and is only handed out if its sha256, where one was published, is right. (The 8 digits
that most publishers give tell a broken file, not a forged one; methods/unpickle.py runs nothing either way.)
"""

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any, NamedTuple, get_type_hints
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from bench.spec import BadFile, MissingWeights, OutputError, UnknownName

_CATALOGUE = Path(__file__).with_name("weights.toml")
_MINI = Path(__file__).with_name("weights") / "mini"
_FORMS = {"name": r"[A-Za-z0-9][A-Za-z0-9._-]*", "sha256": r"([0-9a-f]{8,64})?", "address": r"(https?://\S+)?"}
_BLOCK = 1 << 20
_TIMEOUT = 60  # seconds without a byte


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


class Progress(NamedTuple):
    """How far a download is, in bytes; a total of 0 means that the server does not say."""

    done: int
    total: int
    name: str


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


def find(  # noqa: PLR0913 - each narrows the choice
    *, method: str, profile: str, category: str, factor: int, part: str = "network", hr_size: int = 0
) -> Path:
    """Return the first fitting file that is on this machine, its checksum verified.

    `part` is for methods that need several files; `hr_size` 0 takes any. A profile that weights.toml does not name is a
    user's folder of photographs and gets the weights of `paper`.

    Raises `MissingWeights`: what is missing or wrong, from where, where to put it.
    """
    files = catalogue()
    trained_for = profile if profile in {"mini", *(file.profile for file in files)} else "paper"
    fitting = [
        file
        for file in files
        if (file.profile, file.part) == (trained_for, part)
        and method in file.methods
        and file.category in (category, "any")
        and file.factor in (factor, 0)
        and (hr_size == 0 or file.hr_size in (hr_size, 0))
    ]
    for file in fitting:
        if path := _path(file):
            if wrong := _wrong(file, path):
                raise MissingWeights(f"{path} {wrong}. Delete it, and {_advice(file)}")
            return path
    what = f"the {part} of {method} for {category}, {factor}x" + (f", {hr_size} px" if hr_size else "")
    if not fitting:
        raise MissingWeights(f"{what}: no such weights are known for the profile {trained_for} ({_CATALOGUE}).")
    looked = ", ".join(str(folder) for folder in _folders(trained_for))
    others = ", ".join(file.name for file in fitting[1:])
    raise MissingWeights(
        f"{what} ({fitting[0].name}) is not on this machine; looked in {looked}. To have it, {_advice(fitting[0])}"
        + (f" Others that would do: {others}." if others else "")
    )


def present() -> list[tuple[Weights, Path]]:
    """Return the files of the catalogue that are on this machine, and where; their checksums are left to `find`."""
    return [(file, path) for file in catalogue() if (path := _path(file))]


def fetch(names: Iterable[str], *, http_on_localhost: bool = False) -> Iterator[Progress]:
    """Download weight files by name, over https, yielding the progress; the download happens as this is iterated.

    A file that is there is not fetched again; a download that was cut goes on where a checksum can tell whether the
    pieces belong together. One file's failure does not stop the next. `http_on_localhost` is for tests.

    Raises:
        UnknownName: a name that weights.toml does not have; nothing was fetched.
        MissingWeights: at the end, a line for each file that failed: what, from where, where to put it.
        OutputError: the folder cannot be written.
    """
    known = {file.name: file for file in catalogue()}
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise UnknownName("weight file", name, known)
    failures = []
    for file in (known[name] for name in wanted):
        try:
            yield from _fetch(file, http_on_localhost=http_on_localhost)
        except MissingWeights as error:
            failures.append(f"{file.name}: {error}. By hand: {_advice(file)}")
    if failures:
        raise MissingWeights("\n".join(failures))


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


def _folders(profile: str) -> list[Path]:
    """Return where the files of a profile are looked for, in order."""
    given = os.environ.get("GLEAN_WEIGHTS")
    own = [Path(given).expanduser()] if given else []
    return [_MINI] * (profile == "mini") + [*own, Path.home() / ".cache" / "glean-bench" / "weights"]


def _target(file: Weights) -> Path:
    """Return where a file is fetched to: the first folder that is the user's."""
    return next(folder for folder in _folders(file.profile) if folder != _MINI) / file.name


def _advice(file: Weights) -> str:
    """Return the end of a message: from where, where to put it."""
    return f"get it from {file.source} and put it at {_target(file)}."


def _path(file: Weights) -> Path | None:
    """Return where a file is on this machine."""
    return next((path for folder in _folders(file.profile) if (path := folder / file.name).is_file()), None)


def _wrong(file: Weights, path: Path) -> str:
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


def _fetch(file: Weights, *, http_on_localhost: bool) -> Iterator[Progress]:
    """Bring one file here, unless it is; raises `MissingWeights` with the reason."""
    if path := _path(file):
        if wrong := _wrong(file, path):
            raise MissingWeights(f"{path} {wrong}; delete it and fetch again")
        yield Progress(path.stat().st_size, path.stat().st_size, file.name)
        return
    if not file.address:
        raise MissingWeights("it has no address that a program can use")
    path = _target(file)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not file.sha256:
            part.unlink(missing_ok=True)
        yield from _download(file, part, http_on_localhost=http_on_localhost)
        if wrong := _wrong(file, part):
            part.unlink()
            raise MissingWeights(f"what {file.address} gives {wrong}; it was deleted")
        part.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error}; make room, or set GLEAN_WEIGHTS to another folder."
        ) from error


def _download(file: Weights, part: Path, *, http_on_localhost: bool) -> Iterator[Progress]:
    """Append to `part` what it lacks, or begin anew if the server will not go on in the middle."""
    have = part.stat().st_size if part.is_file() else 0
    request = Request(file.address, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - checked next
    _refuse_insecure(file.address, http_on_localhost=http_on_localhost)
    try:
        answer = build_opener(_Redirects(http_on_localhost=http_on_localhost)).open(request, timeout=_TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if error.headers.get("Content-Range") != f"bytes */{have}":  # else it was cut just before its renaming
                part.unlink()
                yield from _download(file, part, http_on_localhost=http_on_localhost)
            return
        raise MissingWeights(f"{file.address} answers {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise MissingWeights(f"{file.address} cannot be reached ({getattr(error, 'reason', error)})") from error
    with answer:
        if answer.headers.get_content_type() == "text/html":
            raise MissingWeights(f"{file.address} gives a web page, not the file")
        resumed = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        done = have if resumed else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else file.size
        with part.open("ab" if resumed else "wb") as out:
            for block in _blocks(answer, file.address):
                out.write(block)
                done += len(block)
                yield Progress(done, total, file.name)
    if done < total:
        raise MissingWeights(f"{file.address} was cut after {done} of {total} bytes; fetch again to go on")


def _blocks(answer: IO[bytes], address: str) -> Iterator[bytes]:
    """Read to the end; raises `MissingWeights` if the connection breaks."""
    try:
        while block := answer.read(_BLOCK):
            yield block
    except (OSError, HTTPException) as error:
        raise MissingWeights(f"{address} was cut ({error!r}); fetch again to go on") from error


def _refuse_insecure(address: str, *, http_on_localhost: bool) -> None:
    """Raise `MissingWeights` unless the address is https."""
    parts = urlsplit(address)
    local = parts.scheme == "http" and parts.hostname == "127.0.0.1" and http_on_localhost
    if parts.scheme != "https" and not local:
        raise MissingWeights(f"{address} is not https, and nothing else is fetched")


class _Redirects(HTTPRedirectHandler):
    """Follows a redirect to https only."""

    def __init__(self, *, http_on_localhost: bool) -> None:
        """Keep what is allowed."""
        self.http_on_localhost = http_on_localhost

    def redirect_request(  # noqa: PLR0913, PLR0917 - its base's
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """Refuse before anything is sent there."""
        _refuse_insecure(newurl, http_on_localhost=self.http_on_localhost)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
