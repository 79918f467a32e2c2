"""The transfer of one file from one address to a piece on disk, which goes on where an earlier one was cut."""

import re
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.error import HTTPError
from urllib.request import Request

from bench.spec import MissingWeights
from methods.formats.file_kinds import LARGEST
from methods.formats.state_dicts import shown
from methods.weights import drive, https

_BLOCK = 1 << 20
_OVER = 60  # seconds over which the rate is taken
_SLOWEST = 1024  # bytes a second


class Progress(NamedTuple):
    """How far a download is, in bytes; a total of 0 means that the server does not say."""

    done: int
    total: int
    name: str


class Offered(Protocol):
    """What is known of a file before it comes."""

    @property
    def name(self) -> str:
        """Its name, without a folder."""
        ...

    @property
    def sha256(self) -> str:
        """In hexadecimal, whole or its beginning; empty if it is not known."""
        ...

    @property
    def size(self) -> int:
        """In bytes; 0 if it is not known."""
        ...


def discard(part: Path) -> None:
    """Delete a piece, and what is noted of it."""
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)


def moved(part: Path, path: Path) -> None:
    """Give a whole piece its name."""
    part.replace(path)
    discard(part)


def download(file: Offered, address: str, part: Path, *, http_on_localhost: bool) -> Iterator[Progress]:
    """Append to `part` what it lacks, or begin anew if the server will not go on in the middle.

    Raises `MissingWeights` with the reason; `OSError` if the disk takes no more.
    """
    have, headers = _going_on(file, address, part)
    request = Request(address, headers=headers)  # noqa: S310 - checked by `opened`
    try:
        answer = https.opened(request, http_on_localhost=http_on_localhost)
        if answer.headers.get_content_type() == "text/html":
            answer = _confirmed(answer, headers, http_on_localhost=http_on_localhost)
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if error.headers.get("Content-Range") != f"bytes */{have}":  # else it was cut just before its renaming
                discard(part)
                yield from download(file, address, part, http_on_localhost=http_on_localhost)
            return
        raise MissingWeights(f"{address} answers {error.code} {shown(error.reason, 200)}") from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a redirect to what is no address
        reason = shown(getattr(error, "reason", error), 200)
        raise MissingWeights(f"{address} cannot be reached ({reason})") from error
    with answer:
        yield from _written(file, address, part, answer, have)


def _going_on(file: Offered, address: str, part: Path) -> tuple[int, dict[str, str]]:
    """Return how many bytes of a cut download can be gone on with, and the headers that ask for the rest.

    Without a checksum it must be the same address, and the server compares what it said of the file (RFC 9110, 13.1.5).
    """
    have = part.stat().st_size if part.is_file() else 0
    if not have:
        return 0, {}
    if file.sha256:
        return have, {"Range": f"bytes={have}-"}
    noted = _validator(part)
    from_there, _, validator = noted.read_text(encoding="utf-8").partition("\n") if noted.is_file() else ("", "", "")
    if validator and from_there == address:
        return have, {"Range": f"bytes={have}-", "If-Range": validator}
    discard(part)
    return 0, {}


def _validator(part: Path) -> Path:
    """Return where it is noted what tells a server whether its file is still the one of a piece: address, validator."""
    return part.with_name(part.name + ".of")


def _note_validator(address: str, answer: HTTPResponse, part: Path) -> None:
    """Note the strong ETag of what is being downloaded, or else its date; nothing if the server gives neither."""
    etag = answer.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
    if re.fullmatch(r"[ -~]{1,200}", validator):
        _validator(part).write_text(f"{address}\n{validator}", encoding="ascii")
    else:
        _validator(part).unlink(missing_ok=True)


def _confirmed(page: HTTPResponse, headers: dict[str, str], *, http_on_localhost: bool) -> HTTPResponse:
    """Return the answer behind a page of Google Drive that asks whether to download; raises `MissingWeights`."""
    text = b""
    with page:
        for block in _blocks(page, page.url):
            text += block
            if len(text) > drive.LARGEST:
                break
    target = drive.confirmed(text.decode("utf-8", errors="replace"), page.url)
    if target is None:
        raise MissingWeights(f"{page.url} gives a web page, not the file")
    return https.opened(Request(target, headers=headers), http_on_localhost=http_on_localhost)  # noqa: S310 - as above


def _written(file: Offered, address: str, part: Path, answer: HTTPResponse, have: int) -> Iterator[Progress]:
    """Write the body of an answer to `part`, behind the `have` bytes that are there if the server goes on with them."""
    resumed = answer.status == HTTPStatus.PARTIAL_CONTENT and (
        answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    )
    if answer.status != HTTPStatus.OK and not resumed:
        raise MissingWeights(f"{address} answers {answer.status}, not with the file")
    if answer.headers.get_content_type() == "text/html":
        raise MissingWeights(f"{address} gives a web page, not the file")
    done = have if resumed else 0
    rest = length(address, answer)
    total = done + rest if rest else file.size
    most = file.size or total or LARGEST
    if total > min(most, LARGEST):
        raise MissingWeights(f"{address} offers {total:,} bytes, more than the {min(most, LARGEST):,} expected")
    if not file.sha256:
        _note_validator(address, answer, part)
    with part.open("ab" if resumed else "wb") as out:
        for block in _blocks(answer, address):
            done += len(block)
            if done > most:
                discard(part)
                raise MissingWeights(f"{address} sends more than the {most:,} bytes expected; it was deleted")
            out.write(block)
            yield Progress(done, total, file.name)
    if done < total:
        raise MissingWeights(f"{address} was cut after {done} of {total} bytes; fetch again to go on")


def length(address: str, answer: HTTPResponse) -> int:
    """Return how many bytes an answer says that it has; 0 if it does not say. Raises `MissingWeights` for nonsense."""
    text = answer.headers.get("Content-Length") or "0"
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise MissingWeights(f"{address} says that it has {shown(text)!r} bytes, which is no number")
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
