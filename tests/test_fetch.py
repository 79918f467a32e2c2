"""What `fetch` asks for, in which order, and what it does with servers that give no checksum, a page, or nothing."""

from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import methods
from bench import cards, report_files
from bench.spec import MissingWeights, Task
from methods.weights import catalogue, download, load, needs

from .conftest import serving
from .test_weights import CONTENT, DIGEST, entries, own  # noqa: F401 - fixtures

# ruff: noqa: F811 - as above

QUESTION = """<html><body><form id="download-form" action="/confirmed" method="get">
<input type="submit" value="Download anyway"/><input type="hidden" name="id" value="1 a&amp;b">
<input type="hidden" name="confirm" value="t"></form></body></html>"""
QUOTA = "<html><title>Google Drive - Quota exceeded</title></html>"
ELSEWHERE = QUESTION.replace('"/confirmed"', '"https://example.org/x"')


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT with an ETag and ranges; /cut breaks off the first time, pages are pages."""

    def do_HEAD(self):
        self.server.asked.append(("HEAD", self.path))
        self.send_response(404 if self.path == "/absent" else 200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()

    def do_GET(self):
        server = self.server
        server.asked.append(("GET", self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        page = server.pages.get(self.path)
        same = self.headers.get("If-Range") in (
            None,
            server.validator.get("ETag"),
            server.validator.get("Last-Modified"),
        )
        start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if same else 0
        body = page.encode() if page else CONTENT[start:]
        self.send_response(404 if self.path == "/absent" else 206 if start else 200)
        self.send_header("Content-Type", "text/html" if page else "binary/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        for name, value in server.validator.items():
            self.send_header(name, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(body[: 300_000 if self.path == "/cut" and len(server.asked) == 1 else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with serving(Handler) as server:
        server.pages, server.validator = {}, {"ETag": '"v1"'}
        yield server


def fetch(*names) -> list[download.Progress]:
    return list(download.fetch(names, http_on_localhost=True))


@pytest.mark.parametrize(
    ("first", "then", "asked"),
    [
        ({"ETag": '"v1"'}, {"ETag": '"v1"'}, ("bytes=300000-", '"v1"')),
        ({"ETag": '"v1"'}, {"ETag": '"v2"'}, ("bytes=300000-", '"v1"')),
        (
            {"Last-Modified": "Mon, 1 Jan 2024"},
            {"Last-Modified": "Mon, 1 Jan 2024"},
            ("bytes=300000-", "Mon, 1 Jan 2024"),
        ),
        ({"ETag": 'W/"v1"'}, {"ETag": 'W/"v1"'}, (None, None)),  # says that it may differ in bytes
        ({}, {}, (None, None)),
    ],
)
def test_a_cut_download_without_checksum_goes_on_if_the_server_says_it_is_the_same_file(  # noqa: PLR0913, PLR0917
    entries, own, server, first, then, asked
):
    """A file of hundreds of megabytes began anew after every cut, or would be mixed of two versions."""
    entries({"address": server.at("/cut")})
    server.validator = first
    with pytest.raises(MissingWeights, match="cut"):
        fetch("a.pth")
    server.validator = then
    steps = fetch("a.pth")
    assert server.asked[1][2:] == asked
    assert (own / "a.pth").read_bytes() == CONTENT
    resumed = first == then and asked[0]
    assert (steps[0].done > 300_000) == bool(resumed)
    assert {path.name for path in own.iterdir()} == {"a.pth", "a.pth.sha256"}, "pieces are left behind"


def test_a_piece_of_another_address_is_not_gone_on_with(entries, own, server):
    entries({"address": server.at("/cut")})
    with pytest.raises(MissingWeights):
        fetch("a.pth")
    entries({"address": server.at("/other")})
    fetch("a.pth")
    assert server.asked[1] == ("GET", "/other", None, None)


def test_the_checksum_seen_first_is_recorded_said_and_holds(entries, own, server):
    """Of 20 files no checksum is published: one that is changed later would go into a table unnoticed."""
    entries({"address": server.at("/a")})
    fetch("a.pth")
    (file,) = catalogue.catalogue()
    assert (own / "a.pth.sha256").read_text() == f"{DIGEST}  a.pth\n"
    assert DIGEST in catalogue.checked(file, own / "a.pth")
    assert "seen first" in catalogue.checked(file, own / "a.pth")
    task = Task("paper", "cat", 16, 256)
    assert load.find("glean", task) == own / "a.pth"
    (own / "a.pth").write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(MissingWeights, match=f"not {DIGEST}"):
        load.find("glean", task)


def test_google_drive_s_question_is_answered(entries, own, server):
    entries({"address": server.at("/uc?id=1")})
    server.pages = {"/uc?id=1": QUESTION}
    fetch("a.pth")
    assert (own / "a.pth").read_bytes() == CONTENT
    assert server.asked[-1][1] == "/confirmed?id=1+a%26b&confirm=t"


@pytest.mark.parametrize(("page", "says"), [(QUOTA, "quota of this file is used up"), (ELSEWHERE, "gives a web page")])
def test_google_drive_s_quota_is_told_and_a_form_leads_nowhere_else(entries, own, server, page, says):
    entries({"address": server.at("/uc?id=1")})
    server.pages = {"/uc?id=1": page}
    with pytest.raises(MissingWeights, match=says):
        fetch("a.pth")
    assert list(own.iterdir()) == []


def test_a_mirror_is_taken_when_the_address_fails_or_gives_something_else(entries, own, server):
    entries({"address": server.at("/absent"), "mirrors": f"[{server.at('/page')}, {server.at('/a')}]"})
    server.pages = {"/page": "<html>"}
    fetch("a.pth")
    assert (own / "a.pth").read_bytes() == CONTENT
    assert [asked[1] for asked in server.asked] == ["/absent", "/page", "/a"]


def test_an_address_that_is_gone_is_not_asked_and_says_who_says_so(entries, own, server):
    entries({"address": server.at("/a"), "gone": '"closed, says Ann"'})
    with pytest.raises(MissingWeights, match="closed, says Ann"):
        fetch("a.pth")
    assert server.asked == []


@pytest.fixture
def command(bench, monkeypatch):
    """`fetch`, which may speak http with this machine."""
    for name in ("fetch", "sizes"):
        monkeypatch.setattr(download, name, partial(getattr(download, name), http_on_localhost=True))
    return partial(bench, "fetch")


def test_fetch_of_a_table_tells_sizes_first_and_what_only_a_person_can_get_last(entries, own, server, command):
    bank = {"methods": '["mganprior"]', "part": '"bank"', "factor": "0"}
    entries(
        {"address": server.at("/a")},
        {"name": '"car"', "category": '"car"', "hr_size": "512", "address": server.at("/car")},
        {"name": '"eight"', "factor": "8", "address": server.at("/eight")},
        {"name": '"no-method"', "methods": '["esrgan"]', "address": server.at("/esrgan")},
        {"name": '"bank"', "where": '"a drive"'} | bank,
        {"name": '"vgg16"', "address": server.at("/vgg16")} | bank | {"part": '"vgg16"'},
    )
    status, out, err = command("table2", "--category", "cat")
    assert (status, err) == (0, "")
    assert [asked[:2] for asked in server.asked] == [("HEAD", "/a"), ("GET", "/a")], "more than the table can use"
    lines = out.splitlines()[1:]  # behind the one that says what is being done
    assert lines[0] == "to fetch: a.pth, 1.0 MB"
    assert DIGEST in lines[2]
    assert (
        lines[3]
        == "by hand: bank, the bank of mganprior for cat: get it from a drive and put it at $GLEAN_WEIGHTS/bank."
    )
    assert lines[4].startswith("left: vgg16"), "a file that is of no use yet is fetched"


def test_the_list_of_what_to_get_by_hand_comes_also_when_a_download_fails(entries, server, command):
    entries(
        {"address": server.at("/absent")},
        {"name": '"m"', "methods": '["pulse"]', "part": '"bank"', "factor": "0", "where": '"a drive"'},
    )
    status, out, err = command("table2", "--category", "cat")
    assert status == 2
    assert "404" in err
    assert "by hand: m" in out


@pytest.mark.parametrize("words", [["table2", "--category", "dog"], ["a.pth", "--category", "cat"]])
def test_a_category_that_means_nothing_is_refused(entries, server, command, words):
    entries({"address": server.at("/a")})
    status, _, err = command(*words)
    assert (status, server.asked) == (2, [])
    assert "cat" in err


@pytest.mark.parametrize(("layout", "needed"), [("mmagic-stylegan2", False), ("basicsr-stylegan2", True)])
def test_a_discriminator_that_the_bank_s_file_holds_is_not_fetched(entries, own, layout, needed):
    """DGP finds it there; 116 MB were fetched for nothing."""
    bank = {"methods": '["dgp"]', "part": '"bank"', "factor": "0", "address": '"https://example.org/a.pth"'}
    judge = bank | {"name": '"judge"', "part": '"discriminator"', "address": '"https://example.org/judge"'}
    entries(bank | {"layout": f'"{layout}"'}, judge)
    found = list(needs.needs([("dgp", Task("paper", "cat", 16, 256))]))
    assert [need.part for need in found] == ["bank", *(["discriminator"] if needed else [])]
    assert all(need.fetched for need in found)


def test_without_argument_only_what_a_method_can_use_is_asked_for(bench, monkeypatch):
    """37 files were asked for, 12 on a host that is closed, 3 for methods that are not there."""
    asked = []
    monkeypatch.setattr(download, "fetch", lambda names, **_: asked.extend(names) or iter(()))
    monkeypatch.setattr(download, "sizes", lambda names, **_: dict.fromkeys(names, 0))
    assert bench("fetch")[0] == 0
    known = {file.name: file for file in catalogue.catalogue()}
    assert asked
    assert len(set(asked)) == len(asked)
    sizes = {card.category: card.hr_size for card in cards.cards("paper").values()}
    for file in map(known.get, asked):
        assert file.addresses, f"{file.name}: nothing answers there"
        assert set(file.methods) & methods.BY_NAME.keys(), f"{file.name}: no method reads it"
        assert file.hr_size in (0, sizes.get(file.category, file.hr_size)), f"{file.name}: no category has its size"


def test_of_several_files_the_one_that_is_here_is_chosen(entries, own):
    entries({"address": '"https://example.org/a"'}, {"name": '"b.pth"'})
    wanted = [("glean", Task("paper", "cat", 16, 256))]
    assert [need.file.name for need in needs.needs(wanted)] == ["a.pth"]
    own.mkdir()
    (own / "b.pth").write_bytes(b"x")
    assert [need.file.name for need in needs.needs(wanted)] == ["b.pth"]


def test_a_network_around_another_kind_of_bank_is_not_fetched(entries, own):
    """A card with `bank = "stylegan"` had the network of the StyleGAN2 fetched, which nothing then read."""
    entries({"address": '"https://example.org/a"'})
    (found,) = needs.needs([("glean", Task("paper", "cat", 16, 256, bank="stylegan"))])
    assert (found.part, found.file) == ("network", None)


def test_the_second_file_of_pulse_is_needed_with_the_first_only():
    tasks = {card.category: card.task(16) for card in cards.cards("paper").values()}
    found = [(n.task.category, n.part) for n in needs.needs(("pulse", tasks[name]) for name in ("face", "cat"))]
    assert found == [("face", "bank"), ("face", "mapping"), ("cat", "bank")]
    assert "pulse" in report_files.read("table2").methods
