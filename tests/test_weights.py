"""Weight files: the catalogue is read strictly, a wrong file is never handed out, a download survives cuts."""

import hashlib
import http.server
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from safetensors.torch import save

from bench import shipped
from bench.spec import BadFile, BenchError, MissingWeights, Task, UnknownName
from methods.weights import catalogue, download, folders, load, trained

from .conftest import serving

CONTENT = bytes(range(256)) * 4096  # 1 MiB: two blocks
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FACTS = {
    "name": '"a.pth"',
    "methods": '["glean"]',
    "preset": '"paper"',
    "category": '"cat"',
    "factor": "16",
    "layout": '"x"',
    "trained_on": '"LSUN cat"',
    "licence": '"unknown"',
}


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch) -> Path:
    """The user's folder, empty; the home folder is the test's too."""
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "own"


@pytest.fixture
def entries(tmp_path, monkeypatch) -> Callable[..., None]:
    """Replace the catalogue by these entries (keys of FACTS, replaced or added)."""

    def write(*changes):
        path = tmp_path / "catalogue.toml"
        texts = ["[[file]]\n" + "\n".join(f"{k} = {v}" for k, v in (FACTS | c).items() if v) for c in changes]
        path.write_text("\n".join(texts))
        monkeypatch.setattr(catalogue, "_CATALOGUE", path)
        monkeypatch.setattr(folders, "SHIPPED", tmp_path)

    return write


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; the path says how it misbehaves."""

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append((self.path, wanted))
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.path != "/norange" else 0
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.end_headers()
            return
        if self.path == "/absent" or start >= len(CONTENT):
            self.send_response(404 if self.path == "/absent" else 416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8" if self.path == "/page" else "binary/octet-stream")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        cut = self.path == "/cut" and not start
        self.wfile.write(CONTENT[start : 300_000 if cut else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with serving(Handler) as server:
        server.redirects = {}
        yield server


def fetch(*names) -> list[download.Progress]:
    return list(download.fetch(names, http_on_localhost=True))


def found(method="glean", part="network", **wanted) -> Path:
    usual = {"profile": "paper", "category": "cat", "factor": 16, "hr_size": 256}
    return load.find(method, Task(**usual | wanted), part=part)


def test_every_published_entry_is_read_and_its_digest_is_that_of_its_name():
    files = catalogue.catalogue()
    assert len(files) > 50
    for file in files:
        assert file.state or file.gone, f"{file.name}: when its address was last seen is not said"
        assert file.address or file.where, f"{file.name}: nobody is told where it is"
        assert not file.address or urlsplit(file.address).scheme == "https", f"{file.name} would not be fetched"
        in_name = re.search(r"-([0-9a-f]{8})\.pth$", file.name)
        assert file.sha256 == (in_name[1] if in_name else ""), f"{file.name}: not the digits its publisher gave"
        assert "nvidia-tf" not in file.layout, f"{file.name}: no layout of ours reads it, yet a missing file names it"
        assert file.address.split("/")[-1] == file.name or "openmmlab" not in file.address, f"{file.name}: another file"


@pytest.mark.parametrize(
    ("category", "factor", "hr_size"), [("cat", 8, 256), ("cat", 16, 256), ("face", 16, 1024), ("face", 8, 1024)]
)
def test_each_released_glean_is_the_only_network_of_its_task(category, factor, hr_size):
    files = [f for f in catalogue.catalogue() if "glean" in f.methods and f.part == "network"]
    fitting = [f for f in files if (f.category, f.factor, f.hr_size) == (category, factor, hr_size)]
    assert len(files) == 4
    assert len(fitting) == 1


@pytest.mark.parametrize("category", ["face", "cat", "car", "bedroom", "tower"])
@pytest.mark.parametrize("method", ["pulse", "mganprior"])
def test_the_inversion_methods_have_a_generator_for_every_column_of_the_table(method, category):
    assert any(method in f.methods and f.category == category and f.part == "bank" for f in catalogue.catalogue())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": '"../a.pth"'}, "name"),
        ({"name": '"/etc/a.pth"'}, "name"),
        ({"name": '".."'}, "name"),
        ({"name": r'"a\\b.pth"'}, "name"),
        ({"name": '"a.pth\\n"'}, "name"),
        ({"sha265": '"00"'}, "did you mean sha256"),
        ({"sha256": '"12"'}, "sha256"),
        ({"sha256": '"ABCDEF01"'}, "sha256"),
        ({"address": '"file:///etc/passwd"'}, "address"),
        ({"factor": '"16"'}, "factor must be a whole number"),
        ({"factor": "true"}, "factor must be a whole number"),
        ({"methods": '"glean"'}, "methods must be a list, not empty, of entries"),
        ({"methods": "[]"}, "methods must be a list, not empty, of entries"),
        ({"layout": ""}, "'layout' is missing"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused_by_key(entries, change, message):
    entries(change)
    with pytest.raises(BadFile, match=message) as error:
        catalogue.catalogue()
    assert "catalogue.toml" in str(error.value), "the message does not say which file is wrong"


def test_two_files_of_one_name_and_a_broken_catalogue_are_refused(entries):
    entries({}, {})
    with pytest.raises(BadFile, match=r"a\.pth"):
        catalogue.catalogue()
    catalogue._CATALOGUE.write_text("[[file]\n")
    with pytest.raises(BadFile, match="TOML"):
        catalogue.catalogue()
    catalogue._CATALOGUE.write_text("files = 1\n")
    with pytest.raises(BadFile, match="files"):
        catalogue.catalogue()


def test_a_missing_file_says_what_from_where_and_where_to_put_it(entries, own):
    entries({"address": '"https://example.org/a.pth"'}, {"name": '"b.pth"', "where": '"a folder of Ann\'s"'})
    with pytest.raises(MissingWeights) as error:
        found()
    text = str(error.value)
    for part in ("network of glean for cat, 16x", "https://example.org/a.pth", "$GLEAN_WEIGHTS/a.pth", "b.pth"):
        assert part in text, f"the message lacks {part}"
    with pytest.raises(MissingWeights, match="knows no network of glean for this category"):
        found(category="car")


@pytest.mark.parametrize(
    ("method", "part", "profile", "command"),
    [
        ("srgan", "network", "mini", "train srgan --factor 8 --category NAME --profile mini`"),
        ("pulse", "bank", "mini", "train bank --category NAME --profile mini`"),
        ("glean", "network", "paper", "train glean --factor 8 --category NAME --profile paper`"),
        ("dgp", "discriminator", "my photos", "train bank --category NAME --profile 'my photos'`"),
    ],
)
def test_what_training_would_make_comes_with_the_command_that_makes_it(entries, method, part, profile, command):
    entries(FACTS)
    with pytest.raises(MissingWeights, match=re.escape(f"`python -m bench {command} makes it")) as error:
        load.find(method, Task(profile, "face", 8, 128, preset="mini" if profile == "mini" else "paper"), part=part)
    assert str(Path.home()) not in str(error.value), "a published table would name the user"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not the file that came"), (bytes(400), "not the file that came"), (None, "came with the suite and is not")],
)
def test_a_file_of_the_suite_that_is_damaged_or_gone_is_to_be_put_back(tmp_path, monkeypatch, content, words):
    """Advice was to delete it and to train it anew, for an hour, and of a discriminator that DGP lacked it."""
    path = tmp_path / "methods" / "weights" / "mini" / "bank_face_128_discriminator.safetensors"
    path.parent.mkdir(parents=True)
    monkeypatch.setattr(shipped, "_ROOT", tmp_path)
    monkeypatch.setattr(shipped, "listed", lambda: {path.relative_to(tmp_path).as_posix(): DIGEST})
    monkeypatch.setattr(folders, "SHIPPED", path.parents[1])
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BenchError, match=words) as error:
        load.find("dgp", Task("mini", "face", 16, 128, preset="mini"), part="discriminator")
    assert "put it back (git checkout" in str(error.value)
    assert "train" not in str(error.value)
    assert "dgp" not in str(error.value)


def test_what_training_does_not_make_comes_without_a_command(entries):
    entries(FACTS)
    with pytest.raises(MissingWeights) as error:
        load.find("dgp.biggan", Task("mini", "face", 8, 128, preset="mini"), part="bank")
    assert "bench train" not in str(error.value)


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (Task("portraits", "face", 16, 128, preset="portraits"), "for the preset mini alone, not for portraits"),
        (Task("mini", "face", 16, 64, preset="mini"), "makes images of 128 px, the task asks for 64"),
        (Task("mini", "dog", 16, 128, preset="mini"), "has no class 'dog'"),
    ],
)
@pytest.mark.parametrize("part", ["network", "bank"])
def test_what_no_training_makes_for_a_task_is_no_advice(entries, task, why, part):
    """Tables said that `train glean.biggan` makes it; that then refused it."""
    entries(FACTS)
    with pytest.raises(MissingWeights, match=why) as error:
        load.find("glean.biggan", task, part=part)
    assert "bench train" not in str(error.value)


def test_a_file_is_chosen_by_method_profile_category_factor_part_and_size(entries, own):
    entries(
        {"name": '"cat16"'},
        {"name": '"any"', "category": '"any"', "factor": "0", "methods": '["esrgan", "srgan"]'},
        {"name": '"bank256"', "part": '"bank"', "factor": "0", "hr_size": "256"},
        {"name": '"bank512"', "part": '"bank"', "factor": "0", "hr_size": "512"},
    )
    own.mkdir()
    for name in ("cat16", "any", "bank256", "bank512"):
        (own / name).touch()
    assert found().name == "cat16"
    assert found(profile="/home/ann/photos").name == "cat16", "a user's photographs get no weights"
    assert found(method="srgan", category="car", factor=4).name == "any"
    assert found(part="bank").name == "bank256"
    assert found(part="bank", hr_size=512).name == "bank512"
    for wanted in ({"factor": 8}, {"preset": "mini"}, {"part": "bank", "hr_size": 1024}, {"category": "face"}):
        with pytest.raises(MissingWeights):
            found(**wanted)


def test_the_folders_are_searched_in_order(entries, own, tmp_path, monkeypatch):
    entries({"preset": '"mini"'}, {"name": '"p"'})
    cache = tmp_path / "home" / ".cache" / "glean-bench" / "weights"
    for folder in (cache, own, tmp_path / "mini"):
        folder.mkdir(parents=True)
        (folder / "a.pth").touch()
        (folder / "p").touch()
        assert found(profile="mini", preset="mini") == folder / "a.pth", f"{folder.name} is not searched in its turn"
        assert found() == (own if folder != cache else cache) / "p", "the paper profile is given the mini folder's"
    assert [(file.name, path) for file, path in catalogue.present()] == [
        ("a.pth", tmp_path / "mini/a.pth"),
        ("p", own / "p"),
    ]
    monkeypatch.delenv("GLEAN_WEIGHTS")
    assert found() == cache / "p"


@pytest.mark.parametrize("facts", [{"sha256": '"00000000"'}, {"size": "5"}])
def test_a_file_with_another_checksum_or_size_is_not_handed_out(entries, own, facts):
    entries(facts | {"where": '"a drive"'})
    own.mkdir()
    (own / "a.pth").write_bytes(b"1234")
    with pytest.raises(MissingWeights, match="Delete it, and get it from a drive"):
        found()


def test_a_checksum_is_taken_anew_when_the_file_changes(entries, own):
    entries({"sha256": f'"{hashlib.sha256(b"good").hexdigest()[:8]}"'})
    own.mkdir()
    (own / "a.pth").write_bytes(b"good")
    assert found() == own / "a.pth"
    (own / "a.pth").write_bytes(b"worse")
    with pytest.raises(MissingWeights):
        found()


@pytest.mark.parametrize("digits", [64, 8])
def test_a_file_is_fetched_with_its_progress(entries, own, server, digits):
    entries({"address": server.at("/a"), "sha256": f'"{DIGEST[:digits]}"'})
    progress = fetch("a.pth")
    assert found().read_bytes() == CONTENT
    assert [done for done, *_ in progress] == sorted({done for done, *_ in progress}), "a bar would run backwards"
    assert progress[-1] == (len(CONTENT), len(CONTENT), "a.pth")
    kept = {"a.pth"} if digits == 64 else {"a.pth", "a.pth.sha256"}
    assert {path.name for path in own.iterdir()} == kept, "pieces are left behind"


def test_a_file_that_is_there_is_not_fetched_again(entries, server):
    entries({"address": server.at("/a"), "sha256": f'"{DIGEST}"'})
    fetch("a.pth", "a.pth")
    assert fetch("a.pth") == [(len(CONTENT), len(CONTENT), "a.pth")]
    assert len(server.asked) == 1


def test_a_cut_download_says_so_and_goes_on_where_it_was_cut(entries, own, server):
    entries({"address": server.at("/cut"), "sha256": f'"{DIGEST}"'})
    with pytest.raises(MissingWeights, match="cut"):
        fetch("a.pth")
    assert not (own / "a.pth").exists(), "half a file passes for the whole"
    fetch("a.pth")
    assert [wanted for _, wanted in server.asked] == [None, "bytes=300000-"]
    assert found().read_bytes() == CONTENT


def test_an_abandoned_download_is_resumed_too(entries, own, server):
    entries({"address": server.at("/a"), "sha256": f'"{DIGEST}"'})
    (own).mkdir()
    (own / "a.pth.part").write_bytes(CONTENT[:10])
    assert fetch("a.pth")[0].done > 10
    assert server.asked == [("/a", "bytes=10-")]
    assert found().read_bytes() == CONTENT


@pytest.mark.parametrize(
    "case",
    [
        ("/norange", CONTENT[:10], DIGEST, 1),  # a server that sends all of it anyway
        ("/a", CONTENT, DIGEST, 1),  # cut between the last byte and the renaming
        ("/a", CONTENT + b"x", DIGEST, 2),  # a piece of something longer
        ("/a", b"of another version", "", 1),  # no checksum would tell
    ],
)
def test_a_piece_that_cannot_be_gone_on_with_does_no_harm(entries, own, server, case):
    path, piece, sha256, requests = case
    entries({"address": server.at(path), "sha256": f'"{sha256}"'})
    own.mkdir()
    (own / "a.pth.part").write_bytes(piece)
    fetch("a.pth")
    assert found().read_bytes() == CONTENT
    assert len(server.asked) == requests


def test_a_wrong_checksum_leaves_nothing_behind(entries, own, server):
    entries({"address": server.at("/a"), "sha256": f'"{"0" * 64}"'})
    with pytest.raises(MissingWeights, match=DIGEST):
        fetch("a.pth")
    assert list(own.iterdir()) == []


def test_what_cannot_be_fetched_is_told_file_by_file_and_does_not_stop_the_rest(entries, own, server):
    entries(
        {"name": '"absent"', "address": server.at("/absent")},
        {"name": '"offline"', "address": '"http://127.0.0.1:9/x"'},
        {"name": '"page"', "address": server.at("/page")},
        {"name": '"by-hand"', "where": '"a drive"'},
        {"address": server.at("/a")},
    )
    with pytest.raises(MissingWeights) as error:
        fetch("absent", "offline", "page", "by-hand", "a.pth")
    lines = str(error.value).splitlines()
    reasons = ("404", "cannot be reached", "web page", "no address")
    assert len(lines) == 4
    for line, name, reason in zip(lines, ("absent", "offline", "page", "by-hand"), reasons, strict=True):
        assert line.startswith(name + ": "), "the message does not say which file"
        assert reason in line
        assert f"$GLEAN_WEIGHTS/{name}" in line, "the message does not say where to put it"
    assert "a drive" in lines[3]
    assert {path.name for path in own.iterdir()} == {"a.pth", "a.pth.sha256"}


def test_only_https_is_fetched_and_only_https_is_redirected_to(entries, own, server):
    plain = f"http://localhost:{server.server_port}/a"  # answers, and is not the one address that a test may use
    server.redirects = {"/plain": plain, "/ftp": "ftp://127.0.0.1/x", "/file": "file:///etc/passwd", "/good": "/a"}
    entries(*({"name": f'"{path[1:]}"', "address": server.at(path)} for path in server.redirects))
    with pytest.raises(MissingWeights, match="is not https"):
        list(download.fetch(["good"]))
    assert server.asked == [], "http was spoken without being allowed"
    for name, reason in (("plain", "is not https"), ("ftp", "is not https"), ("file", "is not allowed")):
        with pytest.raises(MissingWeights, match=reason):
            fetch(name)
    assert [path for path, _ in server.asked] == ["/plain", "/ftp", "/file"], "a redirect was followed"
    fetch("good")
    assert {path.name for path in own.iterdir()} == {"good", "good.sha256"}


@pytest.mark.parametrize("name", ["b.pth", "../a.pth", "/etc/passwd", ""])
def test_a_name_that_is_not_in_the_catalogue_is_refused_before_anything_is_fetched(entries, own, server, name):
    entries({"address": server.at("/a")})
    with pytest.raises(UnknownName):
        fetch("a.pth", name)
    assert server.asked == []
    assert not own.exists()


def test_a_wrong_file_in_place_is_not_overwritten_by_fetch(entries, own, server):
    entries({"address": server.at("/a"), "sha256": f'"{DIGEST}"'})
    own.mkdir()
    (own / "a.pth").write_bytes(b"mine")
    with pytest.raises(MissingWeights, match="delete it"):
        fetch("a.pth")
    assert (own / "a.pth").read_bytes() == b"mine"


def test_a_file_that_was_trained_is_found_by_its_name_in_its_profile_s_folder(entries, own, tmp_path):
    entries(FACTS)
    face = Task("mini", "face", 16, 128, preset="mini")
    names = [trained.file_name("glean", face), trained.file_name("bank", face, "discriminator")]
    assert names == ["glean_face_16x_128.safetensors", "bank_face_128_discriminator.safetensors"]
    for folder in (tmp_path / "mini", own):
        folder.mkdir()
        for name in (*names, trained.file_name("bank", face, "bank")):
            (folder / name).write_bytes(save({"x": torch.zeros(1)}))
    mini = tmp_path / "mini"
    assert load.find("glean", face) == mini / names[0]
    assert load.find("dgp", face, part="discriminator") == mini / names[1]
    for method in ("pulse", "mganprior", "dgp", "glean"):
        assert load.find(method, face, part="bank") == mini / "bank_face_128.safetensors"
    photographs = Task(str(tmp_path / "photos"), "face", 16, 128)
    assert load.find("glean", photographs) == own / names[0], "photographs must not get the weights of drawn images"
    (tmp_path / "photos" / "weights").mkdir(parents=True)
    beside = trained.folder(photographs.profile, "paper") / names[0]
    beside.write_bytes(save({"x": torch.zeros(1)}))
    assert load.find("glean", photographs) == beside, "two folders of photographs share their weights"
    assert load.find("glean", Task("paper", "face", 16, 128)) == own / names[0]
    further = own / "mini" / "training1" / names[0]
    further.parent.mkdir(parents=True)
    further.write_bytes(save({"x": torch.zeros(1)}))
    (own / "mini" / "trainings").mkdir()
    (own / "mini" / "trainings" / names[0]).write_bytes(b"")
    assert {path.parent for path in trained.present()} == {mini, own, further.parent}, "what list and doctor see"


@pytest.mark.parametrize(
    ("method", "task", "part", "trainable"),
    [
        ("glean", Task("mini", "cat", 16, 128, preset="mini"), "network", True),
        ("glean", Task("mini", "face", 8, 128, preset="mini"), "network", True),
        ("glean", Task("mini", "face", 16, 256, preset="mini"), "network", True),
        ("dgp.biggan", Task("mini", "face", 16, 128, preset="mini"), "bank", False),
        ("mganprior", Task("mini", "face", 16, 128, preset="mini"), "vgg16", False),
    ],
)
def test_a_file_trained_for_something_else_is_not_handed_out(entries, tmp_path, method, task, part, trainable):  # noqa: PLR0913, PLR0917
    entries(FACTS)
    mini = tmp_path / "mini"
    mini.mkdir()
    for name in ("glean_face_16x_128", "bank_face_128", "bank_face_128_vgg16"):
        (mini / f"{name}.safetensors").write_bytes(save({"x": torch.zeros(1)}))
    with pytest.raises(MissingWeights) as error:
        load.find(method, task, part=part)
    assert ("bench train" in str(error.value)) == trainable, "training is offered for what it cannot make, or not"
