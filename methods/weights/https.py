"""One request over https, that ends: in an answer, or in an error within a minute."""

from http.client import HTTPMessage, HTTPResponse
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from bench.spec import MissingWeights

_TIMEOUT = 60  # seconds without a byte, and for an answer to begin


def opened(request: Request, *, http_on_localhost: bool) -> HTTPResponse:
    """Return the answer to a request, redirects followed.

    A server that sends its headers byte by byte would keep a socket's timeout from ever passing, so another thread
    waits for it. `http_on_localhost` is for tests.

    Raises `MissingWeights` for an address that is not https, `ValueError` for what is no address, `TimeoutError`, and
    what urllib raises.
    """
    _refuse_insecure(request.full_url, http_on_localhost=http_on_localhost)
    found: SimpleQueue[HTTPResponse | Exception] = SimpleQueue()

    def wait() -> None:
        try:
            found.put(build_opener(_Redirects(http_on_localhost=http_on_localhost)).open(request, timeout=_TIMEOUT))
        except Exception as error:  # noqa: BLE001 - raised in the other thread
            found.put(error)

    Thread(target=wait, daemon=True).start()
    try:
        answer = found.get(timeout=_TIMEOUT)
    except Empty as error:
        raise TimeoutError(f"no answer in {_TIMEOUT} seconds") from error
    if isinstance(answer, Exception):
        raise answer
    return answer


def _refuse_insecure(address: str, *, http_on_localhost: bool) -> None:
    """Raise `MissingWeights` unless the address is https, `ValueError` if it is none."""
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
        """Refuse before anything is sent there; the body of the redirect, which may be endless, is not read."""
        fp.close()
        _refuse_insecure(newurl, http_on_localhost=self.http_on_localhost)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
