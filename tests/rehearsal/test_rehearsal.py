"""The road to the paper's tables, walked: every command on `paper` with random weights and images of spots.

What each cell becomes is what docs/paper.md promises: a cell that a published file fills is measured, one that nobody
published is refused in one line, and so is one whose file or images are not here.
"""

import csv
import json
import os
import signal
import time

import pytest
from safetensors import safe_open

from bench import report_files
from methods.weights import catalogue, trained

from ..test_paper_doc import ROWS
from . import files, images

pytestmark = pytest.mark.slow

PLAIN = ("bicubic", "pseudo_inverse", "bicubic+bp")
GLEAN = "glean_cat_16x_20210527-68912543.pth"


def table(suite, name, *words, **environment):
    """Measure one image of each category; return what became of the command."""
    return suite.run("table", name, "--profile", "paper", "-n", 1, "--out", "out", *words, **environment)


def cells(suite, name, out="out") -> dict[tuple[str, str, int], str]:
    """(method, category, factor) -> why it was refused or failed; "" for a cell that was measured."""
    told = json.loads((suite.at / out / "paper" / f"{name}.json").read_text())["cells"]
    rows = csv.DictReader((suite.at / out / "paper" / f"{name}.images.csv").read_text().splitlines())
    measured = {(row["method"], row["category"], int(row["factor"])) for row in rows if row["status"] == "ok"}
    found = {}
    for cell in told:
        key = cell["method"], cell["task"]["category"], cell["task"]["factor"]
        reason = cell["refusal"] or cell["reason"]
        assert bool(reason) != (key in measured), f"{key}: {reason!r}, and yet it is measured, or not"
        found[key] = reason
    return found


def test_table_2_is_what_the_map_promises_and_goes_on_after_a_kill(suite, size):
    process = suite.start("table", "table2", "--profile", "paper", *size, "-n", "1", "--out", "out")
    wait(lambda: len(list(suite.at.glob("out/paper/**/*.png"))) >= 3)
    os.kill(process, signal.SIGKILL)
    killed = suite.end()
    assert killed.status == -signal.SIGKILL
    there = {path: path.stat().st_mtime_ns for path in suite.at.glob("out/paper/**/*.png")}
    done = table(suite, "table2", *size)
    assert done.status == 0, done.err
    assert sum(path.stat().st_mtime_ns == at for path, at in there.items()) >= 2, "restored again"
    found = cells(suite, "table2")
    report = report_files.read("table2")
    for method, *states in ROWS:
        for category, state in zip(report.categories, states, strict=True):
            reason = found[method, category, 16]
            assert bool(reason) == (state == "train"), f"{method}, {category}: {state}, and {reason!r}"
            if reason:
                assert reason.startswith("methods/weights/catalogue.toml knows no "), reason
                assert "--missing --profile paper" in reason


def wait(true, seconds=300) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def test_table_1_has_all_but_what_nobody_published(suite, size):
    assert table(suite, "table1", *size).status == 0
    found = cells(suite, "table1")
    without = {"srgan", "esrgan_plus", "another_person"}  # nobody published weights; of one image there is no other
    assert {method for (method, _, _), reason in found.items() if reason} == without
    assert len(found) == 12, "ten methods and two references"


def test_the_other_tables_say_what_they_lack(suite, size, side):
    assert table(suite, "factors", *size, "--category", "cat").status == 0
    found = cells(suite, "factors")
    refused = {(method, factor) for (method, _, factor), reason in found.items() if reason}
    untrained = ("srgan", "esrgan_plus", "esrgan_plus@16")  # `glean@16` has its file of 16x, at every factor
    missing = {(method, factor) for method in untrained for factor in (8, 16, 32, 64)}
    assert refused == missing | {("glean", 32), ("glean", 64)}
    assert table(suite, "ablation_bank", *size, "--category", "cat").status == 0
    assert {method: bool(reason) for (method, _, _), reason in cells(suite, "ablation_bank").items()} == {
        "glean.no-bank": True,
        "glean.coarse-bank": True,
        "glean": False,
    }


def test_a_picture_is_restored(suite, side):
    lr = images.photo(suite.at / "lr.png", (side or 256) // 16)
    done = suite.run("upscale", lr, "sr.png", "--method", "glean", "--category", "cat", "--profile", "paper")
    assert done.status == 0, done.err
    with images.Image.open(suite.at / "sr.png") as restored:
        assert restored.size == (side or 256,) * 2


def test_every_published_file_is_converted_or_refused(suite):
    """One of each layout and part; those without a reader are known."""
    chosen = {(file.layout, file.part): file for file in catalogue.catalogue() if file.preset == "paper"}
    for (layout, part), file in chosen.items():
        if layout in files.UNREAD or part == "mapping":
            continue
        second = ["--mapping", "weights/mapping.pt"] if layout == "pulse-stylegan1" else []
        done = suite.run("convert", f"weights/{file.name}", f"{layout}-{part}.safetensors", *second)
        assert done.status == 0, f"{file.name}: {done.err}"
    for name in ("stylegan2-cat-config-f-official_20210327_172444-15bc485b.pth", "ffhq.pkl"):
        done = suite.run("convert", f"weights/{name}", f"{name}.safetensors", "--part", "discriminator")
        assert "StyleGAN2Discriminator" in done.out


def train(suite, *words):
    """Start a training that has three seconds."""
    words = ("train", *words, "--profile", "paper", "--runs", "runs", "--device", "cpu", "--batch-size", "4")
    return suite.start(*words, "--budget", "3s")


def test_a_bank_is_trained_killed_and_resumed(suite, size):
    words = ("bank", "--category", "bedroom", *size)
    train(suite, *words)
    stopped = suite.end()
    assert (stopped.status, "stopped when the time was up" in stopped.err) == (0, True), stopped.err
    before = steps(suite, "bank_bedroom")
    process = train(suite, *words)
    wait(lambda: "none of the 12 training images" in " ".join((suite.at / "err.txt").read_text().split()))
    time.sleep(0.5)  # into the first steps
    os.kill(process, signal.SIGKILL)
    assert suite.end().status == -signal.SIGKILL
    train(suite, *words)
    assert suite.end().status == 0
    assert steps(suite, "bank_bedroom") > before >= 1, "it began anew, or did not go on"
    assert len(list(suite.at.glob("runs/paper/bank_bedroom-*"))) == 1


def steps(suite, what) -> int:
    """How long a file was trained."""
    (path,) = (path for path in suite.at.glob(f"weights/{what}_*.safetensors") if "discriminator" not in path.name)
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()[trained.FACTS])["steps"]


@pytest.mark.parametrize("what", ["glean", "esrgan_plus"])
def test_a_restorer_is_trained_and_not_taken_unfinished(suite, size, side, what):
    """Its critic is that of mmagic's file, GLEAN's bank the published one; after a few steps it is no network yet."""
    train(suite, what, "--category", "cat", "--factor", "8", *size)
    done = suite.end()
    assert (done.status, done.out) == (0, ""), done.err
    assert steps(suite, f"{what}_cat_8x") >= 1
    lr = images.photo(suite.at / "lr.png", (side or 256) // 8)
    words = ("upscale", lr, "sr.png", "--method", what, "--category", "cat", "--profile", "paper", "--factor", "8")
    taken, asked = suite.run(*words), suite.run(*words, "--unfinished")
    assert (taken.status, asked.status) == (0 if what == "glean" else 2, 0), taken.err + asked.err
    assert what == "glean" or "is used with --unfinished alone" in " ".join(taken.err.split())


def test_who_has_one_folder_and_one_file_gets_that_cell(suite, paper, side, size, tmp_path):
    """The cat column at 16x: what needs no weights, and GLEAN; all else is refused, one line each."""
    images.folder(tmp_path / "data/CAT_03", paper["cat"].ids, side or paper["cat"].hr_size)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / GLEAN).symlink_to(suite.at / "weights" / GLEAN)
    here = {"GLEAN_DATA": str(tmp_path / "data"), "GLEAN_WEIGHTS": str(tmp_path / "weights"), "HOME": str(tmp_path)}
    done = table(suite, "table2", *size, "--out", "alone", **here)
    assert done.status == 0, done.err
    found = cells(suite, "table2", "alone")
    assert {(method, category) for (method, category, _), reason in found.items() if not reason} == {
        (method, "cat") for method in (*PLAIN, "glean")
    }
    for (method, category, _), reason in found.items():
        assert "\n" not in reason
        if reason and category != "cat":
            assert paper[category].source in reason, f"{method}, {category}: which images are missing is not said"


def test_data_in_every_layout_is_told_and_prepared(suite, paper, tmp_path):
    images.scattered(tmp_path / "found", paper)
    words = ("data", "--prepare", "--category", "cat", "--category", "bedroom")
    out = suite.run(*words, GLEAN_DATA=str(tmp_path / "found")).out
    for sentence in ("cat: 100 images are now in", "bedroom: 100 images are now in"):
        assert sentence in out
    out = suite.run("data", GLEAN_DATA=str(tmp_path / "found")).out
    for layout, state in {
        "CelebA-HQ/data1024x1024 (the folder that the list is of)": "100 of 100 listed, by name",
        "CelebA-HQ-img (CelebAMask-HQ)": "numbered differently",
        "celeba_hq/val/female (StarGAN v2's split)": "numbered differently",
        "arrays (imgHQ*.npy)": "numbered differently",
        "cats/CAT_03 (CAT, unpacked)": "100 of 100 listed, by name",
        "cats/CAT_05 (CAT, unpacked)": "none of the listed names is there",
        "cars_test/cars_test (Stanford Cars, test images)": "100 of 100 wanted",
        "car_ims (Stanford Cars, all images in one)": "mixes training and test images",
        "bedroom_val_lmdb/bedroom_val_lmdb (LSUN bedroom, validation, LMDB)": "100 of 100 wanted",
        "tower_val (LSUN tower, validation)": "100 of 100 wanted",
        "hub/celeba-hq (1 parquet files)": "export its images",
        "hub/cars.zip (zip)": "unpack it",
    }.items():
        (line,) = (line for line in out.splitlines() if f"/{layout}:" in line)
        assert state in line
