"""Restored images from elsewhere as a row: what they are paired with, what is wrong with them, what they cost."""

import csv
import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bench import cards, report_files, resize, variants
from bench.images import data, results
from bench.images.data import pixel_sha256
from bench.running import handed, runners
from bench.spec import BadFile, BenchError, Cell


def read(path) -> np.ndarray:
    return np.array(Image.open(path).convert("RGB"))


def restored(inputs, target, change=lambda image: image, ending=".png", factor=8) -> None:
    """A program of somebody else's: bicubic interpolation of every file, under the same name."""
    for path in sorted(inputs.rglob(f"x{factor}/*.png")):
        lr = torch.from_numpy(read(path)).permute(2, 0, 1)[None].float() / 255
        sr = resize.eight_bit(resize.upsample(lr, factor))[0].permute(1, 2, 0).numpy()
        place = (target / path.relative_to(inputs)).with_suffix(ending)
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(change(sr)).save(place)


TABLE = """
title = "Mine"
caption = "A small table."
source = "none"
metrics = ["psnr", "lpips"]
also = ["lr_psnr"]
categories = ["face", "cat"]
factors = [8]
methods = ["bicubic"]
"""


@pytest.fixture
def measure(bench, photos, tmp_path):
    """Measure a table of one cheap method with further rows; returns exit status, output, and the rows of its CSV."""
    (tmp_path / "mine.toml").write_text(TABLE)

    def run(*words, out="out"):
        options = ("--profile", photos, "--hr-size", 64, "--out", tmp_path / out)
        status, told, err = bench("table", tmp_path / "mine.toml", *options, *words)
        (folder,) = (tmp_path / out).iterdir() if (tmp_path / out).exists() else [tmp_path]
        path = folder / "mine.csv"
        rows = list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []
        return status, told + err, {(row["method"], row["category"], row["metric"]): row for row in rows}

    return run


@pytest.fixture
def theirs(bench, photos, tmp_path):
    """Inputs of the photographs, and what somebody made of them."""
    status, out, err = bench("inputs", tmp_path / "inputs", "--profile", photos, "--hr-size", 64, "--factor", 8)
    assert (status, err) == (0, "")
    assert "6 images" in out
    restored(tmp_path / "inputs", tmp_path / "theirs")
    return tmp_path / "theirs"


def test_what_another_program_made_of_the_inputs_has_its_figures(measure, theirs, photos, tmp_path):
    status, told, rows = measure("--with", theirs)
    assert status == 0, told
    for category in ("face", "cat"):
        for metric in ("psnr", "lpips", "lr_psnr"):
            ours, handed_in = (rows[name, category, metric] for name in ("bicubic", "theirs"))
            assert ours["mean"] == handed_in["mean"] != ""
            assert ours["ci95"] == handed_in["ci95"]
    manifest = list(csv.DictReader((tmp_path / "inputs" / "manifest.csv").read_text().splitlines()))
    assert [row["file"] for row in manifest] == [f"{c}/x8/{i}.png" for c in ("face", "cat") for i in range(3)]
    assert manifest[0]["lr_sha256"] == pixel_sha256(
        torch.from_numpy(read(tmp_path / "inputs/face/x8/0.png")).permute(2, 0, 1)
    )


@pytest.mark.slow
def test_a_missing_and_an_unsound_file_fail_their_image_alone(measure, theirs):
    (theirs / "face/x8/0.png").unlink()
    (theirs / "face/x8/1.png").write_bytes(b"no picture")
    Image.new("RGB", (32, 32)).save(theirs / "cat/x8/0.png")
    (theirs / "cat/x8/1.jpg").write_bytes((theirs / "cat/x8/1.png").read_bytes())
    (theirs / "cat/x8/other.png").write_bytes((theirs / "cat/x8/1.png").read_bytes())
    status, told, rows = measure("--with", f"Ours={theirs}")
    assert status == 1
    assert (rows["Ours", "face", "psnr"]["n_ok"], rows["Ours", "cat", "psnr"]["n_ok"]) == ("1", "1")
    assert rows["bicubic", "cat", "psnr"]["n_ok"] == "3"
    for sentence in (
        "there is no file of it",
        "1.png is not an image",
        "0.png has 32 x 32 pixels; 64 x 64 are wanted",
        "several files are of it: 1.jpg, 1.png",
        "Ours, cat 8x: 1 file is of no image that is measured (other.png)",
    ):
        assert sentence in told
    assert str(theirs) not in told


@pytest.mark.slow
def test_a_changed_file_is_scored_anew_and_the_others_stay(measure, theirs):
    _, _, before = measure("--with", theirs)
    path = theirs / "face/x8/2.png"
    Image.fromarray(255 - read(path)).save(path)
    status, _, after = measure("--with", theirs)
    assert status == 0
    assert float(after["theirs", "face", "psnr"]["mean"]) < float(before["theirs", "face", "psnr"]["mean"])
    assert after["theirs", "cat", "psnr"] == before["theirs", "cat", "psnr"]
    path.unlink()
    status, told, gone = measure("--with", theirs)
    assert (status, gone["theirs", "face", "psnr"]["n_ok"]) == (1, "2"), told


@pytest.mark.parametrize(
    ("kind", "how", "note"),
    [
        ("TIFF", {"compression": "jpeg"}, "saved as TIFF with jpeg compression, which loses detail"),
        ("TIFF", {"compression": "tiff_lzw"}, ""),
        ("JPEG2000", {"irreversible": True}, "saved as JPEG 2000, which may lose detail"),
        ("WEBP", {"quality": 60}, "saved as WEBP, which loses detail"),
        ("WEBP", {"lossless": True}, ""),
        ("WEBP", {"lossless": True, "icc_profile": bytes(400)}, ""),  # which stands before the picture
    ],
)
def test_loss_is_told_by_how_the_pixels_are_kept_and_not_by_the_kind_of_file(kind, how, note):
    file = BytesIO()
    Image.new("RGB", (16, 16), (10, 200, 30)).save(file, kind, **how)
    assert results.result(file.getvalue(), "a", 16)[1] == note


@pytest.mark.slow
@pytest.mark.parametrize(
    "saved",
    [
        (".jpg", lambda image: image, "saved as JPEG, which loses detail"),
        (".png", lambda image: (image / 127.5 - 1).clip(0, 1).astype(np.uint8), "only if they are read as RGB in"),
        (".png", lambda image: np.dstack([image, np.full_like(image[..., 0], 99)]), "with an alpha channel"),
        (".png", lambda image: image[..., 0], "saved in grey"),
        (".tif", lambda image: image, ""),
    ],
)
def test_what_was_lost_when_it_was_saved_is_told(measure, theirs, tmp_path, saved):
    ending, change, note = saved
    restored(tmp_path / "inputs", tmp_path / "changed", change, ending)
    status, told, rows = measure("--with", tmp_path / "changed")
    assert status == 0, told
    text = next((tmp_path / "out").glob("*/mine.md")).read_text()
    assert note in text
    assert ("3 of 3 images" in text) == bool(note)
    assert rows["changed", "face", "psnr"]["mean"] != ""


@pytest.mark.slow
def test_a_folder_for_another_factor_is_refused_and_the_table_goes_on(measure, theirs):
    (theirs / "face/x8").rename(theirs / "face/x16")
    status, told, rows = measure("--with", theirs)
    assert status == 0
    assert rows["theirs", "cat", "psnr"]["mean"] != ""
    assert "no restored images of face at 8x: none in theirs/face/x8" in told
    assert "there is x16" in told
    assert rows["bicubic", "face", "psnr"]["mean"] != ""


@pytest.mark.slow
def test_rows_that_cannot_be_told_apart_are_refused(measure, theirs, tmp_path):
    status, told, _ = measure("--with", f"bicubic={theirs}")
    assert (status, "two rows are called 'bicubic'" in told) == (2, True)
    status, told, _ = measure("--with", tmp_path / "gone")
    assert status == 2
    assert "gone" in told


@pytest.mark.slow
def test_a_pattern_is_a_row_named_after_its_folder(measure, theirs):
    for path in theirs.rglob("*.png"):
        path.rename(path.with_name(f"{path.stem}_SR.png"))
    status, told, rows = measure("--with", f"{theirs}/{{category}}/x{{factor}}/{{id}}_SR.png")
    assert status == 0, told
    assert rows["theirs", "face", "psnr"]["mean"] == rows["bicubic", "face", "psnr"]["mean"]


@pytest.mark.slow
def test_seconds_are_nobodys(measure, theirs, tmp_path):
    measure("--with", theirs)
    (path,) = (tmp_path / "out").glob("*/mine.timing.csv")
    assert {row["method"] for row in csv.DictReader(path.read_text().splitlines())} == {"bicubic"}


def test_a_file_that_changes_while_a_table_is_made_is_not_taken_for_what_it_was(photos, theirs):
    found = {"face": cards.card(str(photos), "face", 64)}
    runner = runners.handed(str(theirs), (8,)).among([Cell(found["face"].task(8), "theirs", "theirs")], found, None)
    loaded = runner.load(found["face"].task(8), torch.device("cpu"))
    Image.new("RGB", (64, 64)).save(theirs / "face/x8/0.png")
    outcomes = loaded.attempt(torch.zeros(2, 3, 8, 8), ["0", "1"])
    assert "was changed while it was read" in outcomes[0].reason
    assert outcomes[1].image is not None


def test_inputs_are_those_that_every_method_gets(bench, tmp_path):
    words = ("--factor", 16, "-n", 2, "--category", "cat", "--with-hr")
    status, _, err = bench("inputs", tmp_path / "inputs", *words)
    assert (status, err) == (0, "")
    names = sorted(str(path.relative_to(tmp_path / "inputs")) for path in (tmp_path / "inputs").rglob("*.png"))
    ids = data.image_ids(cards.card("mini", "cat"), 2)
    assert names == sorted([*(f"cat/hr/{name}.png" for name in ids), *(f"cat/x16/{name}.png" for name in ids)])
    (batch,) = data.batches(cards.card("mini", "cat"), 16, 2, 2)
    for index, name in enumerate(ids):
        lr = read(tmp_path / f"inputs/cat/x16/{name}.png")
        assert np.array_equal(lr, resize.eight_bit(batch.lr[index]).permute(1, 2, 0).numpy())
    status, _, err = bench("inputs", tmp_path / "inputs", "--category", "dog")
    assert (status, "did you mean" in err or "dog" in err) == (2, True)


def test_inputs_that_are_not_small_are_refused(bench, tmp_path, photos):
    """They were written at full size, and the manifest said that they were small."""
    card = 'title = "F"\nhr_size = 64\nreader = "folder"\nsource = "face"\ntest_set = "x"\ntrain_set = ""\n'
    (photos / "face.toml").write_text(f'{card}degradation = ["mask 0.9"]\n')
    status, _, err = bench("inputs", tmp_path / "inputs", "--profile", photos, "--category", "face", "--factor", 16)
    assert status == 2
    assert "face: its degradation (mask 0.9) has no `down`" in err
    assert not (tmp_path / "inputs").exists()


def test_inputs_of_a_table_are_those_of_its_variants(bench, tmp_path):
    """Those of a profile alone were written, so that no results could be handed to a table of variants."""
    status, _, err = bench("inputs", tmp_path / "in", "--table", "robustness", "-n", 1)
    assert (status, err) == (0, "")
    report, found = variants.expanded(report_files.read("robustness"), cards.cards("mini"))
    told = list(csv.DictReader((tmp_path / "in/manifest.csv").read_text().splitlines()))
    assert [(row["category"], row["file"]) for row in told] == [
        (category, f"{category}/x16/0000.png") for category in report.categories
    ]
    for row in told:
        (batch,) = data.batches(found[row["category"]], 16, 1, 1)
        lr = resize.eight_bit(batch.lr[0])
        assert np.array_equal(read(tmp_path / "in" / row["file"]), lr.permute(1, 2, 0).numpy()), row["category"]
        assert row["lr_sha256"] == data.pixel_sha256(lr)
    assert told[1]["operator"] == "rotate 15, down"


@pytest.mark.slow
def test_inputs_of_a_table_at_their_own_size_come_back_as_its_row_of_inputs(bench, tmp_path):
    assert bench("inputs", tmp_path / "mine", "--table", "tasks", "-n", 2)[0] == 0
    words = ("table", "tasks", "--method", "input", "--with", tmp_path / "mine", "-n", 2, "--out", tmp_path / "out")
    status, _, err = bench(*words)
    assert status == 0, err
    rows = pd.read_csv(tmp_path / "out/mini/tasks.csv")
    values = {name: list(of["mean"].astype(str)) for name, of in rows.groupby("method")}
    assert len(values["mine"]) == 15, "three metrics of five variants"
    assert values["mine"] == values["input"]


def test_inputs_are_of_the_factors_that_are_asked_for_and_fit(bench, tmp_path, photos):
    words = ("--table", "factors", "--category", "cat", "-n", 1)
    assert bench("inputs", tmp_path / "in", *words, "--factor", 8, "--factor", 64)[0] == 0
    assert sorted(path.name for path in (tmp_path / "in/cat").iterdir()) == ["x64", "x8"]
    assert "factors has no 4x" in bench("inputs", tmp_path / "in", *words, "--factor", 4)[2]
    status, _, err = bench("inputs", tmp_path / "of 48", *words, "--hr-size", 48)
    assert status == 0, err
    assert "note: cat at 32x is left out: 32 does not divide 48 px" in err
    status, out, err = bench("inputs", tmp_path / "theirs", "--table", "table1", "--profile", photos, "--hr-size", 64)
    assert (status, err) == (0, "note: cat is left out: table1 is about face\n")
    assert f"table table1 --profile {photos} --hr-size 64 --with RESULTS" in " ".join(out.split())
    status, _, err = bench("inputs", tmp_path / "none", "--table", "flops")
    assert (status, "flops names no metric" in err) == (2, True)
    assert "did you mean table2" in bench("inputs", tmp_path / "none", "--table", "tabel2")[2]


@pytest.mark.slow
def test_a_table_of_ones_own_is_read_from_its_path(measure, tmp_path):
    status, told, rows = measure()
    assert status == 0, told
    assert {key[0] for key in rows} == {"bicubic"}
    (tmp_path / "mine.toml").rename(tmp_path / "table2.toml")
    with pytest.raises(BadFile, match="another name"):
        report_files.read(str(tmp_path / "table2.toml"))
    with pytest.raises(BenchError, match=r"gone\.toml"):
        report_files.read(str(tmp_path / "gone.toml"))


def test_a_folder_that_is_called_as_a_method_does_not_take_its_place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("glean", "bicubic+bp", "mine"):
        (tmp_path / name).mkdir()
    rows = {text: runners.row(text, None, (8,)) for text in ("glean", "bicubic+bp", "./glean", "mine", "Ours=glean")}
    assert [isinstance(each, handed.Handed) for each in rows.values()] == [False, False, True, True, True]
    with pytest.raises(BenchError, match="there is no method ''"):
        runners.row("", None, (8,))


def test_a_pattern_may_be_named_and_may_have_an_equals_sign_in_its_folder(monkeypatch, tmp_path):
    """NAME=PATTERN was a pattern that begins with NAME=, of which no file is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=8").mkdir()
    texts = ("Ours=out/{category}/{id}.png", "Ours=/out/{id}.png", "lr=8/{id}.png", "Ours=lr=8/{id}.png", "lr=8",
             "Ours={category}/{id}.png", "Ours={id}.png")  # fmt: skip
    found = [runners.row(text, None, (8,)) for text in texts]
    assert [(row.spec.name, row.where) for row in found] == [
        ("Ours", "out/{category}/{id}.png"), ("Ours", "/out/{id}.png"), ("lr=8", "lr=8/{id}.png"),
        ("Ours", "lr=8/{id}.png"), ("lr=8", "lr=8"), ("Ours", "{category}/{id}.png"), ("Ours", "{id}.png"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "words", "told"),
    [
        (
            (),
            "{}",
            "no restored images of face at 8x: none in theirs/face/x8 .*; the first would be {}/face/x8/0.png",
        ),
        (("face/x16/0.png", "cat/x16/0.png"), "{}", "there is x16; the first would be"),
        (("face/x8/a.png", "cat/x8/a.png"), "{}", "of the 1 files for face at 8x none is of an image .* \\(a.png\\); "),
        ((), "{}/{{category}}-{{id}}_SR.png", "no file is named .*; the first would be {}/face-0_SR.png"),
        (("0.png",), "{}/{{id}}.png", "put it in, or limit the table with --category\\.$"),
    ],
)
def test_a_delivery_of_which_nothing_is_found_is_an_error_before_anything_is_measured(
    measure, tmp_path, made, words, told
):
    """The row was empty, with a note below the table, and the exit status that of success."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name in made:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64)).save(folder / name)
    status, text, rows = measure("--with", words.format(folder))
    assert (status, rows) == (2, {})
    assert re.search(r"not one image of the table is there: .*" + told.format(folder), text.rstrip()), text
    assert not (tmp_path / "out").exists()


def test_a_part_of_a_delivery_or_a_cell_that_is_refused_already_is_no_error(photos, tmp_path):
    """One category of several, or two files of one image, are told in the table; so is another reason to refuse."""
    found = cards.cards(str(photos), 64)
    for name in ("cat/x8/0.png", "cat/x8/0.jpg"):
        (tmp_path / "theirs" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64)).save(tmp_path / "theirs" / name)
    cells = [Cell(found[category].task(8), "theirs", "theirs") for category in ("face", "cat")]
    runner = runners.handed(str(tmp_path / "theirs"), (8,))
    assert runner.among(cells, found, None).nothing(cells) == ""
    refused = [cells[0], replace(cells[1], refusal="no images of cat")]
    assert runner.among(refused, found, None).nothing(refused) == "", "there are images of what cannot be measured"
    empty = replace(runner, where=str(photos / "face"))
    assert "the first would be" in empty.among(refused, found, None).nothing(refused)
    every = [replace(cell, refusal="too small") for cell in cells]
    assert empty.among(every, found, None).nothing(every) == "", "the reason is another one"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonexist", "^'nonexist' is no folder in {here} .*FOLDER/<category>/x<factor>/<id>.png.*no method 'nonexist'"),
        ("gleam", "^'gleam' is no folder in {here} .*there is no method 'gleam'; did you mean glean"),
        ("Ours=nonexist", "^there is no folder {here}/nonexist; .*FOLDER/<category>/x<factor>/<id>.png"),
        ("out/nonexist", "^there is no folder {here}/out/nonexist; "),
        ("~nobody-here/out", "^there is no folder {here}/~nobody-here/out; "),
        ("Ours=glean", "^'Ours=glean': a method of the suite has its own name; write glean"),
        ("a.zip", "^a.zip is a file that is no row: "),
        ("=good", "'=good': the name before the = is empty"),
        ("=good.pth", "'=good.pth': the name before the = is empty"),
        ("good=", "'good=': what is behind the = is empty"),
    ],
)
def test_a_folder_that_is_not_there_is_not_told_as_a_method_alone(monkeypatch, tmp_path, text, told):
    """Who misspelt a folder read thirty names of methods."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"")
    with pytest.raises(BenchError) as raised:
        runners.row(text, None, (8,))
    assert re.search(told.format(here=re.escape(str(tmp_path))), str(raised.value))
    assert ("bicubic" in str(raised.value)) == (text == "nonexist"), "the list of methods is for a plain word"
