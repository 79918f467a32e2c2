"""Servers that misbehave: a download ends in a sentence, soon, and leaves nothing that passes for the file."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.spec import BenchError, MissingWeights
from methods.weights import download, https, lock, transfer

from .test_weights import CONTENT, DIGEST, entries, own  # noqa: F401 - fixtures

# ruff: noqa: F811 - as above


class Handler(BaseHTTPRequestHandler):
    """Does what the server's `act` does."""

    def do_GET(self):
        with suppress(OSError):
            self.server.act(self)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[ThreadingHTTPServer]:
    """A server that does what `act` says, and is waited for a second."""
    monkeypatch.setattr(https, "_TIMEOUT", 1)
    monkeypatch.setattr(transfer, "_OVER", 1)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.ended = True, threading.Event()
        server.address = f'"http://127.0.0.1:{server.server_port}/a"'
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


def fetched(seconds=8) -> str:
    """What is said of a download that fails; it must not take long."""
    start = time.monotonic()
    with pytest.raises(MissingWeights) as error:
        list(download.fetch(["a.pth"], http_on_localhost=True))
    assert time.monotonic() - start < seconds, "the download took as long as the server liked"
    assert "\n" not in str(error.value)
    return str(error.value)


def headers(**fields):
    """Send a status line and headers, as raw as they are given."""

    def act(request):
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        request.wfile.write(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + CONTENT)

    return act


def endless(request):
    request.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    while not request.server.ended.is_set():
        request.wfile.write(CONTENT)


def dribble(first, line=b"x"):
    def act(request):
        request.wfile.write(first)
        while not request.server.ended.wait(0.1):
            request.wfile.write(line)

    return act


@pytest.mark.parametrize("facts", [{"size": str(len(CONTENT))}, {"sha256": f'"{DIGEST}"'}])
def test_an_endless_body_ends(entries, own, server, monkeypatch, facts):
    monkeypatch.setattr(transfer, "LARGEST", 5 * len(CONTENT))
    entries({"address": server.address} | facts)
    server.act = endless
    assert "sends more than" in fetched()
    assert list(own.iterdir()) == [], "a piece of it stays, and takes the space"


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (dribble(b"HTTP/1.1 200 OK\r\nX: ", b"a"), "no answer in 1 seconds"),
        (dribble(b""), "no answer in 1 seconds"),
        (dribble(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"), "which would never end"),
        (dribble(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), "which would never end"),
        (dribble(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n"), "cannot be reached|answers 302"),
    ],
)
def test_a_server_that_sends_byte_by_byte_is_left(entries, server, act, says):
    """Each byte is within the socket's timeout, so that it alone would wait for ever."""
    entries({"address": server.address})
    server.act = act
    with pytest.raises(MissingWeights, match=says):
        raise MissingWeights(fetched())


@pytest.mark.parametrize("length", ["abc", "-5", "1e9", "٣", "5, 6", "9" * 40, " ", "0x10"])
def test_a_length_that_is_no_number_is_a_sentence(entries, server, length):
    entries({"address": server.address})
    server.act = headers(Content_Length=length)
    try:
        list(download.fetch(["a.pth"], http_on_localhost=True))
    except MissingWeights as error:
        assert "bytes" in str(error)  # noqa: PT017 - an empty one may be taken for none


@pytest.mark.parametrize("length", [10**13, len(CONTENT) + 1])
def test_more_than_the_known_size_is_not_begun(entries, own, server, length):
    entries({"address": server.address, "size": str(len(CONTENT))})
    server.act = headers(Content_Length=length)
    assert f"offers {length:,} bytes" in fetched()
    assert list(own.iterdir()) == []


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "201 Created", "299 x"])
def test_an_answer_that_is_not_the_whole_file_is_not_taken_for_it(entries, own, server, status):
    """A part of a file of which no checksum is known would be used."""
    entries({"address": server.address})
    server.act = lambda request: request.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nabc".encode())
    assert f"answers {status[:3]}" in fetched()
    assert list(own.iterdir()) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # urllib leaves a socket open
@pytest.mark.parametrize(
    "location",
    ["http://[::1", "https://127.0.0.1:x/", "https://" + "a" * 300 + "/", "//", "", "https:///x", "\x01", "é", "ftp:x",
     "https://127.0.0.1:99999/", "/" * 70000, "javascript:0", "file:///etc/passwd", "https://[::1]x/"],
)  # fmt: skip
def test_a_malformed_redirect_is_a_sentence(entries, server, location):
    entries({"address": server.address})
    server.act = lambda request: request.wfile.write(
        f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin1")
    )
    assert fetched()


@pytest.mark.parametrize(
    "answer", [b"", b"\r\n", b"HTTP/9.9 abc\r\n\r\n", b"\x00\xff" * 90, b"HTTP/1.1 200 OK\r\n" * 500]
)
def test_what_is_no_http_is_a_sentence(entries, server, answer):
    entries({"address": server.address, "sha256": f'"{DIGEST}"'})
    server.act = lambda request: request.wfile.write(answer)
    assert fetched()


def test_two_downloads_into_one_folder_do_not_mix(entries, own, server):
    """Both would append to one piece; without a checksum nobody would know."""
    entries({"address": server.address})
    server.act = headers()
    with lock.held(own, doing="fetching"), pytest.raises(BenchError, match="another process is fetching"):
        list(download.fetch(["a.pth"], http_on_localhost=True))
    assert [step.done for step in download.fetch(["a.pth"], http_on_localhost=True)][-1] == len(CONTENT)
