"""Test images that come from a server: whole, listed and in place, or a sentence that says what to do."""

import hashlib
import re
import zipfile
from http.server import BaseHTTPRequestHandler

import pytest
from PIL import Image

from bench import cards, fetch_images
from bench.images import crops, whereabouts
from bench.spec import BadImage, MissingImages

from .conftest import serving, textured


class Handler(BaseHTTPRequestHandler):
    """Serves `files` with ranges; the first answer for a name in `cut` breaks off in the middle."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        name = self.path.removeprefix("/images/")
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        content = server.files.get(name)
        self.send_response(404 if content is None else 206 if start else 200)
        body = b"" if content is None else content[start:]
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body)))
        if start and content:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if name in server.cut and not start else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    with serving(Handler) as server:
        server.files, server.cut = {}, set()
        for index in range(5):
            path = tmp_path / "made" / f"{index}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(textured(40, index)).save(path)
            server.files[f"a/{index}%20x.png"] = path.read_bytes()
        yield server


@pytest.fixture
def card(server, tmp_path):
    """A profile of five crops, a file with a blank in its name each, at the server."""
    lines = ["id,file,sha256,left,top,side"]
    for index, content in enumerate(server.files.values()):
        lines.append(f"f{index},a/{index} x.png,{hashlib.sha256(content).hexdigest()},0,0,32")
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "face.csv").write_text("\n".join(lines) + "\n")
    (profile / "face.toml").write_text(
        'title = "Face"\nhr_size = 32\nreader = "folder"\nsource = "photos"\ncrops = "face.csv"\n'
        f'test_set = "T"\ntrain_set = ""\ndownload = {server.at("/images/")}\n'
    )
    return cards.card(str(profile), "face")


def fetch(card):
    return list(fetch_images.fetch(card, fetch_images.lacking(card), http_on_localhost=True))


def test_what_is_fetched_is_what_is_measured_and_is_not_fetched_twice(card, server):
    assert fetch(card) == [f"a/{index} x.png" for index in range(5)]
    held = crops.Files(whereabouts.where(card))
    for name, crop in crops.read_tables(card.crops).items():
        assert held.read(crop.file, crop.sha256) == server.files[crop.file.replace(" ", "%20")], name
    asked = len(server.asked)
    assert fetch(card) == []
    assert len(server.asked) == asked == 5
    assert not list(whereabouts.where(card).rglob("*.part*"))


def test_a_file_that_was_cut_is_gone_on_with(card, server):
    server.cut = {"a/3%20x.png"}
    with pytest.raises(MissingImages, match=r"1 of 5 files of face are missing: .* was cut .*Fetch again to go on"):
        fetch(card)
    half = len(server.files["a/3%20x.png"]) // 2
    assert fetch(card) == ["a/3 x.png"]
    assert server.asked[-1] == ("/images/a/3%20x.png", f"bytes={half}-")


def test_another_file_than_the_listed_one_is_not_kept(card, server):
    server.files["a/2%20x.png"] = server.files["a/1%20x.png"]
    with pytest.raises(MissingImages, match="not the listed file, by its checksum; it was deleted") as told:
        fetch(card)
    folder = whereabouts.where(card)
    assert f"{card.download}a/2 x.png is to lie at {folder / 'a' / '2 x.png'}" in str(told.value)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "0 x.png",
        "1 x.png",
        "3 x.png",
        "4 x.png",
    ]


def test_files_in_an_archive_are_there(card, server):
    folder = whereabouts.where(card)
    folder.mkdir()
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for name in list(server.files)[:4]:
            archive.writestr(name.replace("%20", " "), server.files[name])
    assert fetch(card) == ["a/4 x.png"]


def test_a_file_of_the_users_own_is_not_replaced(card):
    path = whereabouts.where(card) / "a" / "0 x.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(BadImage, match="get the listed file"):
        fetch(card)
    assert path.read_bytes() == b"mine"


def test_without_a_network_it_ends_soon_and_says_what_to_put_where(card, server):
    server.files.clear()
    with pytest.raises(
        MissingImages, match=r"5 of 5 files .* answers 404 .* is to lie at .*; a zip archive in that folder"
    ):
        fetch(card)
    assert len(server.asked) == 3, "a hundred files were asked for one after another"


def test_the_verb_says_what_there_is_to_do(bench, card, server, monkeypatch, tmp_path):
    status, _, err = bench("fetch", "--images", card.profile)
    assert status == 2
    assert "http://127.0.0.1" in err, "what comes over an insecure connection may be anything"
    assert "is not https, and nothing else is fetched" in err
    for file in fetch_images.wanted(card):
        path = whereabouts.where(card) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(server.files[file.replace(" ", "%20")])
    status, out, err = bench("fetch", "--images", card.profile)
    assert status == 0, err
    assert "face: 0 of 5 files are to be fetched." in out
    assert f"python -m bench table table1 --profile {card.profile}" in out
    monkeypatch.setenv("GLEAN_DATA", str(tmp_path / "data"))
    assert "bedroom: drawn, so there is nothing to fetch." in bench("fetch", "--images", "mini")[1]
    assert re.search(r"face: by hand: get CelebA-HQ from ", bench("fetch", "--images", "paper")[1])
    assert "fetch it by itself" in bench("fetch", "table1", "--images", "mini")[2]
    assert "did you mean face" in bench("fetch", "--images", "mini", "--category", "fcae")[2]


def test_without_a_folder_for_data_the_portraits_say_what_brings_them(bench, monkeypatch):
    monkeypatch.delenv("GLEAN_DATA", raising=False)
    for words in (("fetch", "--images", "portraits"), ("table", "table1", "--profile", "portraits")):
        status, _, err = bench(*words)
        assert status == 2
        assert "export GLEAN_DATA=/path/to/a/folder, and `python -m bench fetch --images portraits` brings them" in err


def test_the_portraits_are_at_the_commit_of_their_table():
    found = cards.card("portraits", "face")
    assert re.fullmatch(
        r"https://raw\.githubusercontent\.com/voteview/member_photos/[0-9a-f]{40}/images/", found.download
    )
    assert len(fetch_images.wanted(found)) == 100
