"""Downloads of published weight files: over https, with resume and checksum, put in place whole or not at all."""

from collections.abc import Iterable, Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request

from bench.spec import MissingWeights, OutputError, UnknownName
from methods.weights import catalogue, digests, https, lock, transfer
from methods.weights.catalogue import WeightFile
from methods.weights.transfer import Progress


def fetch(names: Iterable[str], *, http_on_localhost: bool = False) -> Iterator[Progress]:
    """Download weight files by name, over https, yielding the progress; the download happens as this is iterated.

    A file that is there is not fetched again; a download that was cut goes on where a checksum, or what the server says
    of the file (ETag, Last-Modified), can tell whether the pieces belong together. Where the publisher gives no whole
    sha256, the one seen is recorded beside the file, and holds from then on. One file's failure does not stop the next.
    `http_on_localhost` is for tests.

    Raises:
        UnknownName: a name that catalogue.toml does not have; nothing was fetched.
        MissingWeights: at the end, a line for each file that failed: what, from where, where to put it.
        OutputError: the folder cannot be written.
    """
    failures = []
    for file in _known(names):
        try:
            yield from _fetch(file, http_on_localhost=http_on_localhost)
        except MissingWeights as error:
            failures.append(f"{file.name}: {error}. By hand: {catalogue.advice(file)}")
    if failures:
        raise MissingWeights("\n".join(failures))


def sizes(names: Iterable[str], *, http_on_localhost: bool = False) -> dict[str, int]:
    """Return the bytes of each file by name, as its server says; 0 if it does not, or cannot be asked.

    Raises `UnknownName` as `fetch` does. Google Drive does not say it before the download.
    """
    return {file.name: file.size or _offered(file, http_on_localhost=http_on_localhost) for file in _known(names)}


def _known(names: Iterable[str]) -> list[WeightFile]:
    """Return the files of these names, each once."""
    known = {file.name: file for file in catalogue.catalogue()}
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise UnknownName("weight file", name, known)
    return [known[name] for name in wanted]


def _offered(file: WeightFile, *, http_on_localhost: bool) -> int:
    """Return how many bytes the first address says that it has which says anything; 0 if none does."""
    for address in file.addresses:
        try:
            request = Request(address, method="HEAD")  # noqa: S310 - checked by `opened`
            with https.opened(request, http_on_localhost=http_on_localhost) as answer:
                if answer.headers.get_content_type() != "text/html" and (length := transfer.length(address, answer)):
                    return length
        except HTTPError as error:
            error.close()
        except (OSError, HTTPException, ValueError, MissingWeights):
            continue
    return 0


def _fetch(file: WeightFile, *, http_on_localhost: bool) -> Iterator[Progress]:
    """Bring one file here, unless it is; raises `MissingWeights` with the reason."""
    if path := catalogue.locate(file):
        if problem := catalogue.wrong(file, path):
            raise MissingWeights(f"{path} {problem}; delete it and fetch again")
        yield Progress(path.stat().st_size, path.stat().st_size, file.name)
        return
    if not file.addresses:
        raise MissingWeights("it has no address that a program can use")
    path = catalogue.target(file)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock.held(path.parent, doing=f"fetching into {path.parent}"):
            yield from _from_any(file, part, http_on_localhost=http_on_localhost)
            if len(file.sha256) < digests.WHOLE:
                digests.record(path).write_text(f"{digests.sha256(part)}  {path.name}\n", encoding="utf-8")
            transfer.moved(part, path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error}; make room, or set GLEAN_WEIGHTS to another folder."
        ) from error


def _from_any(file: WeightFile, part: Path, *, http_on_localhost: bool) -> Iterator[Progress]:
    """Download a file from the first of its addresses that gives it; raises `MissingWeights` with all reasons."""
    reasons = []
    for address in file.addresses:
        try:
            yield from transfer.download(file, address, part, http_on_localhost=http_on_localhost)
            if not (problem := catalogue.wrong(file, part)):
                return
            transfer.discard(part)
            reasons.append(f"what {address} gives {problem}; it was deleted")
        except MissingWeights as error:
            reasons.append(str(error))
    raise MissingWeights("; ".join(reasons))
