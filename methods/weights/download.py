"""Downloads of published weight files: over https, with resume and checksum, put in place whole or not at all."""

import re
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request

from bench.spec import MissingWeights, OutputError, UnknownName
from methods.formats.file_kinds import LARGEST
from methods.formats.state_dicts import shown
from methods.weights import catalogue, https, lock
from methods.weights.catalogue import WeightFile

_BLOCK = 1 << 20
_OVER = 60  # seconds over which the rate is taken
_SLOWEST = 1024  # bytes a second


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
        with lock.held(path.parent, doing=f"fetching into {path.parent}"):
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
    request = Request(file.address, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - checked by `opened`
    try:
        answer = https.opened(request, http_on_localhost=http_on_localhost)
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if error.headers.get("Content-Range") != f"bytes */{have}":  # else it was cut just before its renaming
                part.unlink()
                yield from _download(file, part, http_on_localhost=http_on_localhost)
            return
        raise MissingWeights(f"{file.address} answers {error.code} {shown(error.reason, 200)}") from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a redirect to what is no address
        reason = shown(getattr(error, "reason", error), 200)
        raise MissingWeights(f"{file.address} cannot be reached ({reason})") from error
    with answer:
        yield from _written(file, part, answer, have)


def _written(file: WeightFile, part: Path, answer: HTTPResponse, have: int) -> Iterator[Progress]:
    """Write the body of an answer to `part`, behind the `have` bytes that are there if the server goes on with them."""
    resumed = answer.status == HTTPStatus.PARTIAL_CONTENT and (
        answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    )
    if answer.status != HTTPStatus.OK and not resumed:
        raise MissingWeights(f"{file.address} answers {answer.status}, not with the file")
    if answer.headers.get_content_type() == "text/html":
        raise MissingWeights(f"{file.address} gives a web page, not the file")
    done = have if resumed else 0
    length = _length(file, answer)
    total = done + length if length else file.size
    most = file.size or total or LARGEST
    if total > min(most, LARGEST):
        raise MissingWeights(f"{file.address} offers {total:,} bytes, more than the {min(most, LARGEST):,} expected")
    with part.open("ab" if resumed else "wb") as out:
        for block in _blocks(answer, file.address):
            done += len(block)
            if done > most:
                part.unlink()
                raise MissingWeights(f"{file.address} sends more than the {most:,} bytes expected; it was deleted")
            out.write(block)
            yield Progress(done, total, file.name)
    if done < total:
        raise MissingWeights(f"{file.address} was cut after {done} of {total} bytes; fetch again to go on")


def _length(file: WeightFile, answer: HTTPResponse) -> int:
    """Return how many bytes an answer says that it has; 0 if it does not say."""
    text = answer.headers.get("Content-Length") or "0"
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise MissingWeights(f"{file.address} says that it has {shown(text)!r} bytes, which is no number")
    return int(text)


def _blocks(answer: HTTPResponse, address: str) -> Iterator[bytes]:
    """Read to the end; raises `MissingWeights` if the connection breaks or gives next to nothing."""
    start, count = time.monotonic(), 0
    try:
        while block := answer.read1(_BLOCK):
            yield block
            count += len(block)
            if (seconds := time.monotonic() - start) > _OVER:
                if count < _SLOWEST * seconds:
                    raise MissingWeights(
                        f"{address} sent {count:,} bytes in {seconds:.0f} seconds, which would never end; "
                        "fetch again to go on"
                    )
                start, count = time.monotonic(), 0
    except (OSError, HTTPException) as error:
        raise MissingWeights(f"{address} was cut ({error!r}); fetch again to go on") from error
