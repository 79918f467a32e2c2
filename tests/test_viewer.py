"""Pages of tables as files: what is in them, where their pictures are, and the verbs that write and find them."""

import html
import json
import re
import shutil
import subprocess
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench import commands, store
from bench.report import sealing, stored, storing
from bench.viewer import page

from .conftest import ROOT, textured

FOLDER = ROOT / "bench" / "viewer"
TABLE = """
title = "A & B <i>table</i>"
caption = "Two categories."
source = "nowhere"
metrics = ["psnr"]
categories = ["face", "cat"]
factors = [16]
methods = ["bicubic", "pseudo_inverse"]
"""


def data(path) -> dict[str, Any]:
    """What is in the page for its script."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(found)


def measured(photos, place) -> Path:
    """Measure the table of a folder of photographs; returns the folder of its profile."""
    (place / "small.toml").write_text(TABLE)
    words = ["-q", "table", str(place / "small.toml"), "--profile", str(photos), "--hr-size", "64"]
    assert commands.start([*words, "--out", str(place / "out")]) == 0
    (folder,) = (place / "out").iterdir()
    return folder


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for category, shift in (("face", 0), ("cat", 40)):
        (folder / category).mkdir()
        for index in range(3):
            Image.fromarray(textured(64, shift + index)).save(folder / category / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def results(photographs, tmp_path_factory) -> Path:
    return measured(photographs, tmp_path_factory.mktemp("results"))


@pytest.fixture
def run(results, tmp_path) -> Path:
    """A copy of the results of two methods on three photographs of two categories."""
    return Path(shutil.copytree(results, tmp_path / "out" / results.name))


def pixels(content) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(content)).convert("RGB"))


def test_the_page_holds_the_table_as_it_is_stored(run):
    assert data(run / "small.html")["table"] == json.loads((run / "small.json").read_text())
    text = (run / "small.html").read_text()
    assert "<h1>A &amp; B &lt;i&gt;table&lt;/i&gt;</h1>" in text
    assert not re.search(r'(src|href)="(?!data:|#)', text), "nothing is loaded from elsewhere"


def test_the_pictures_are_the_stored_results_and_the_images_they_are_of(run, photographs):
    found = {(p["category"], p["kind"], p["method"]): p for p in data(run / "small.html")["page"]["pictures"]}
    assert len(found) == 2 * (2 + 2)
    for (category, kind, _), pictures in found.items():
        assert list(pictures["files"]) == ["0", "1", "2"]
        for image, name in pictures["files"].items():
            shown = pixels((run / pictures["common"].replace("%40", "@") / name).read_bytes())
            assert shown.shape == ((4, 4, 3) if kind == "lr" else (64, 64, 3))
            if kind == "hr":
                np.testing.assert_array_equal(shown, pixels((photographs / category / f"{image}.png").read_bytes()))


def test_pictures_of_other_images_do_not_stay(photos, tmp_path):
    """A photograph that was replaced would be shown as the truth of what another one gave."""
    measured(photos, tmp_path)
    shutil.copy(photos / "cat" / "1.png", photos / "face" / "0.png")
    (truth,) = measured(photos, tmp_path).glob("@inputs/face/hr-64/0.png")
    np.testing.assert_array_equal(pixels(truth.read_bytes()), pixels((photos / "cat" / "1.png").read_bytes()))


def test_a_name_that_ends_the_element_does_not_end_it(run):
    table = json.loads((run / "small.json").read_text())
    for cell in table["cells"]:
        cell["title"] = "</script><!--<script>"
    del table["sha256"]
    (run / "small.json").write_text(sealing.sealed(table))
    found = stored.read(run / "small.json")
    page.write(run, found.table, found.records, found.machine)
    assert {cell["title"] for cell in data(run / "small.html")["table"]["cells"]} == {"</script><!--<script>"}
    assert (run / "small.html").read_text().count("</script>") == 2


def test_no_script_runs_but_ours(run):
    text = (run / "small.html").read_text()
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', text)[0])
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"script-src 'sha256-[\w+/]+='", policy)


def test_render_writes_the_page_anew_where_the_pictures_lie(run, bench):
    before = (run / "small.html").read_bytes()
    (run / "small.html").unlink()
    assert bench("render", run)[0] == 0
    assert data(run / "small.html")["page"] == json.loads(re.findall(rb'"page": (\{.*?\})\}</script>', before)[0])


def test_render_leaves_a_page_that_was_handed_on(run, bench, tmp_path):
    """Beside published tables there are no pictures, but a page that holds them."""
    handed = tmp_path / "handed"
    handed.mkdir()
    shutil.copy(run / "small.json", handed)
    assert bench("export", run / "small.json", handed / "small.html", "--single")[0] == 0
    before = (handed / "small.html").read_bytes()
    assert bench("render", handed)[0] == 0
    assert (handed / "small.html").read_bytes() == before


def test_view_prints_the_address_and_opens_it_where_there_is_a_screen(run, bench, photographs, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("sys.platform", "linux")
    address = (run / "small.html").resolve().as_uri()
    for display, expected in (("", []), (":0", [address])):
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.setenv("WAYLAND_DISPLAY", "")
        status, out, _ = bench("view", "small", "--profile", photographs, "--out", tmp_path / "out")
        assert status == 0
        assert address in out.splitlines()
        assert opened == expected
    assert bench("view", "--print", "--profile", photographs, "--out", tmp_path / "out")[1].splitlines()[-1] == address
    assert opened == [address]


def test_view_says_which_pages_there_are(run, bench, photographs, tmp_path):
    status, _, err = bench("view", "smal", "--profile", photographs, "--out", tmp_path / "out")
    assert status == 2
    assert "small" in err
    status, _, err = bench("view", "table2", "--out", tmp_path / "nothing")
    assert status == 2
    assert "python -m bench table table2" in err


def test_an_export_holds_the_first_pictures_and_says_so(run, bench, tmp_path):
    assert bench("export", run / "small.json", tmp_path / "on", "-n", "2")[0] == 0
    shutil.rmtree(run)
    for pictures in data(tmp_path / "on" / "small.html")["page"]["pictures"]:
        assert list(pictures["files"]) == ["0", "1"]
        for name in pictures["files"].values():
            assert (tmp_path / "on" / pictures["common"] / name).is_file()
    assert "first 2 images" in (tmp_path / "on" / "small.html").read_text()


def test_one_file_holds_the_pictures_themselves(run, bench, tmp_path):
    for words, kind in (((), "png"), (("--quality", "70"), "webp")):
        assert bench("export", run / "small.json", tmp_path / "one.html", "--single", *words)[0] == 0
        for pictures in data(tmp_path / "one.html")["page"]["pictures"]:
            expected = "png" if pictures["kind"] == "lr" else kind
            assert pictures["common"] == f"data:image/{expected};base64,"
            for content in pictures["files"].values():
                assert Image.open(BytesIO(b64decode(content))).format == expected.upper()
    assert "WebP of quality 70" in (tmp_path / "one.html").read_text()


def test_pictures_of_another_run_are_shown_where_they_are_asked_for_and_told_apart(run, bench, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(run / "small.json", alone)
    status, _, err = bench("export", alone / "small.json", tmp_path / "page.html", "--single")
    assert status == 2
    assert "--images" in err, "what to do about it"
    status, _, err = bench("export", alone / "small.json", tmp_path / "page.html", "--single", "--images", run)
    assert status == 0, err
    assert "made again" not in (tmp_path / "page.html").read_text(), "they are those that were measured"
    found = stored.read(alone / "small.json")
    (alone / "small.json").write_text(storing.text(found.table, found.records, {**found.machine, "commit": "f" * 12}))
    status, _, err = bench("export", alone / "small.json", tmp_path / "page.html", "--single", "--images", run)
    assert status == 0, err
    assert "made again, in another run" in (tmp_path / "page.html").read_text()
    assert "at most 0.00 in PSNR away" in (tmp_path / "page.html").read_text()


def test_pictures_that_are_hidden_are_not_in_a_page(run, bench, tmp_path):
    """A page of photographs that may not be handed on would hold them."""
    words = ("--single", "--hide", "hr", "--hide", "lr", "--hide", "bicubic")
    status, _, err = bench("export", run / "small.json", tmp_path / "page.html", *words)
    assert status == 0, err
    shown = {(each["kind"], each["method"]) for each in data(tmp_path / "page.html")["page"]["pictures"]}
    assert shown == {("sr", "pseudo_inverse")}
    status, _, err = bench("export", run / "small.json", tmp_path / "no.html", "--single", "--hide", "bicubik")
    assert status == 2
    assert "no picture to hide 'bicubik'; did you mean bicubic" in err, "it would be shown after all"


def test_a_single_page_is_no_folder(run, bench, tmp_path):
    (tmp_path / "there").mkdir()
    status, _, err = bench("export", run / "small.json", tmp_path / "there", "--single")
    assert status == 2
    assert "name the file to write" in err


def test_the_script_is_short_and_whole():
    files = sorted(path.name for path in FOLDER.glob("*.js"))
    assert files == sorted(page.SCRIPTS), "a file that is in no page"
    assert json.loads((FOLDER / "jsconfig.json").read_text())["files"] == ["types.d.ts", *page.SCRIPTS]
    assert sum(len((FOLDER / name).read_text().splitlines()) for name in files) < 700
    for name in files:
        assert "innerHTML" not in (FOLDER / name).read_text(), "names of others would be parsed"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
@pytest.mark.parametrize("name", [*page.SCRIPTS, "the whole"])
def test_node_reads_the_script(name, tmp_path):
    path = tmp_path / "script.mjs"
    path.write_text(page._script() if name == "the whole" else (FOLDER / name).read_text())
    done = subprocess.run([shutil.which("node"), "--check", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_everything_of_the_page_is_installed():
    import tomllib

    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["bench"]
    patterns = [pattern for pattern in told if pattern.startswith("viewer/")]
    installed = {path.name for pattern in patterns for path in (ROOT / "bench").glob(pattern)}
    assert installed >= {*page.SCRIPTS, "page.css", "page.html.j2"}


def test_no_category_is_called_as_the_folder_of_inputs():
    from bench.escape import file_name
    from bench.viewer import pictures

    assert file_name(pictures.INPUTS) != pictures.INPUTS


def test_the_folder_of_results_is_as_before(run):
    (record, *_) = stored.read(run / "small.json").records
    path = run / store.task_folder(record.task) / record.method / record.run
    assert sorted(each.name for each in path.glob("*.png")) == ["0.png", "1.png", "2.png"]
