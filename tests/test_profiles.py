"""One folder is one profile however it is written, and a word of ours is never a user's folder."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from bench import cards, pipeline, profiles
from bench.report import data_frames, published
from bench.report.row import Row
from bench.restore import RunSettings
from bench.scores.metrics import METRICS
from bench.spec import BenchError, Cell, MissingImages, Task, UnknownName
from methods import BY_NAME
from methods.training import key as keys
from methods.weights import advice, trained

from .conftest import ROOT, textured


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory with folders of photographs that are called as profiles of ours, and `photos`."""
    for name in ("photos", *profiles.profiles()):
        for index in range(2):
            path = tmp_path / name / "face" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(textured(32, index)).save(path)
    (tmp_path / "link").symlink_to("photos")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


WAYS = [
    "photos",
    "./photos",
    "photos/",
    "link",
    "face/../photos",
    "photos/face/..",
    "~/photos",
    "{}/photos",
    "{}/link/",
]


@pytest.mark.parametrize("way", WAYS[:4] + WAYS[5:])
def test_a_folder_is_one_profile_however_it_is_written(here, way):
    card = cards.card(way.format(here), "face")
    assert card.profile == card.task(8).profile == str(here / "photos")
    assert card.source == str(here / "photos" / "face")


def test_it_is_restored_once(here):
    settings = RunSettings(here / "out", torch.device("cpu"), allow_enlarge=True)
    for way in ("photos", "./photos/", "link"):
        measurement = pipeline.prepare(
            pipeline.report_files.read("table2"), [BY_NAME["bicubic"]], settings, profile=way, hr_size=48
        )
        kept = [image.kept for _, image in measurement.restore()]
        assert kept == [way != "photos"] * 2, f"{way}: what is there must be kept, and made the first time"


@pytest.mark.parametrize("name", ["mini", "paper", "portraits"])
def test_a_word_of_ours_is_ours_and_the_folder_of_that_name_its_own(here, name):
    ours, theirs = cards.cards(name, need_lists=False)["face"], cards.card(f"./{name}", "face")
    assert ours.profile == name
    assert theirs.profile == str(here / name)
    assert (theirs.sha256, theirs.ids, theirs.preset) == ({}, (), "paper"), "neither our list nor our weights"
    assert cards.card(f"{name}/", "face") == theirs
    assert trained.folder(theirs.profile, theirs.preset) == here / name / "weights"
    assert not str(trained.folder(name, ours.preset)).startswith(f"{here / name}/"), "our weights come from no folder"
    for report in ("table2", "factors"):
        assert published.apart(pipeline.report_files.read(report), theirs, 2), "our figures are of other images"


def test_a_link_of_our_name_does_not_rename_ours(here):
    (here / "mini" / "face" / "0.png").unlink()
    (here / "mini" / "face" / "1.png").unlink()
    (here / "mini" / "face").rmdir()
    (here / "mini").rmdir()
    (here / "mini").symlink_to("photos")
    facts = data_frames._facts(
        Row(Cell(Task("mini", "face", 8, 128), "a", "A"), METRICS["psnr"], (), 0, 0, "", None, None, "", "")
    )
    assert facts["profile"] == "mini"
    key = keys.Key(Task("mini", "face", 8, 128, preset="mini"), 0, 1, ())
    assert keys._old_folder(Path("runs"), key.task, "x") == Path("runs/mini/x")


def test_a_table_tells_a_folder_of_our_name_from_ours(here):
    assert profiles.profile_title("mini") == "mini"
    assert profiles.profile_title(str(here / "photos")) == "photos"
    assert profiles.profile_title(str(here / "mini")) == "./mini"


def test_our_own_folder_is_our_profile(here):
    path = ROOT / "datasets" / "mini"
    (here / "m").symlink_to(path)
    assert {cards.card(str(way), "face").profile for way in (path, here / "m", f"{path}/")} == {"mini"}


@pytest.mark.parametrize(
    "name",
    [
        "x" * 256,
        "./" + "y" * 5000,
        "a\0b",
        "~nobody-of-this-name/photos",
        "loop",
        "a\x1b[2J\nb",
        "\udcff",
        "",
        "photos/face/0.png",
    ],
    ids=ascii,
)
def test_what_can_be_no_folder_is_a_sentence(here, name):
    (here / "loop").symlink_to("loop")
    with pytest.raises((MissingImages, UnknownName)) as error:
        cards.cards(name)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 6000


def test_a_folder_that_may_not_be_entered_is_a_sentence(here, monkeypatch):
    original = Path.resolve

    def refusing(self, **how):
        if self.name == "photos":
            raise PermissionError(13, "Permission denied")
        return original(self, **how)

    monkeypatch.setattr(Path, "resolve", refusing)
    with pytest.raises(BenchError, match="Permission denied"):
        profiles.profile_name("./photos")


def test_an_advice_names_no_user(here):
    task = replace(cards.card("photos", "face").task(8))
    assert "--profile '~/photos'" not in advice.command("glean", task, "network")
    assert "--profile ~/photos" in advice.command("glean", task, "network"), "tables print it; a shell expands it"
    assert os.fspath(here) not in advice.command("glean", task, "network")


@pytest.mark.parametrize("size", [10**9, 16_385, 10**100])
def test_a_size_that_no_machine_holds_is_a_sentence(here, size):
    with pytest.raises(BenchError, match=r"hr_size .* can hold; it can be \d+ at most|hr_size must be from 1 to 16384"):
        cards.cards("photos", size)
    with pytest.raises(BenchError, match=r"can hold|from 1 to 16384"):
        pipeline.task("face", 16, hr_size=size * 16)


def test_the_size_depends_on_the_memory(here, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else 100_000)
    with pytest.raises(BenchError, match="at most"):
        cards.cards("photos", 4096)
    assert cards.card("photos", "face", 1024).hr_size == 1024
