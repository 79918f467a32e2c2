"""Downloads of published weight files: over https, with resume and checksum, put in place whole or not at all."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from bench.spec import MissingWeights, OutputError, UnknownName
from methods.weights import catalogue
from methods.weights.catalogue import WeightFile

_BLOCK = 1 << 20
_TIMEOUT = 60  # seconds without a byte


class Progress(NamedTuple):
    """How far a download is, in bytes; a total of 0 means that the server does not say."""

    done: int
    total: int
    name: str


def fetch(names: Iterable[str], *, http_on_localhost: bool = False) -> Iterator[Progress]:
    """Download weight files by name, over https, yielding the progress; the download happens as this is iterated.

    A file that is there is not fetched again; a download that was cut goes on where a checksum can tell whether the
    pieces belong together. One file's failure does not stop the next. `http_on_localhost` is for tests.

    Raises:
        UnknownName: a name that catalogue.toml does not have; nothing was fetched.
        MissingWeights: at the end, a line for each file that failed: what, from where, where to put it.
        OutputError: the folder cannot be written.
    """
    known = {file.name: file for file in catalogue.catalogue()}
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise UnknownName("weight file", name, known)
    failures = []
    for file in (known[name] for name in wanted):
        try:
            yield from _fetch(file, http_on_localhost=http_on_localhost)
        except MissingWeights as error:
            failures.append(f"{file.name}: {error}. By hand: {catalogue.advice(file)}")
    if failures:
        raise MissingWeights("\n".join(failures))


def _fetch(file: WeightFile, *, http_on_localhost: bool) -> Iterator[Progress]:
    """Bring one file here, unless it is; raises `MissingWeights` with the reason."""
    if path := catalogue.locate(file):
        if problem := catalogue.wrong(file, path):
            raise MissingWeights(f"{path} {problem}; delete it and fetch again")
        yield Progress(path.stat().st_size, path.stat().st_size, file.name)
        return
    if not file.address:
        raise MissingWeights("it has no address that a program can use")
    path = catalogue.target(file)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not file.sha256:
            part.unlink(missing_ok=True)
        yield from _download(file, part, http_on_localhost=http_on_localhost)
        if problem := catalogue.wrong(file, part):
            part.unlink()
            raise MissingWeights(f"what {file.address} gives {problem}; it was deleted")
        part.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error}; make room, or set GLEAN_WEIGHTS to another folder."
        ) from error


def _download(file: WeightFile, part: Path, *, http_on_localhost: bool) -> Iterator[Progress]:
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
