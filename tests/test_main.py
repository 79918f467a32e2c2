"""The command line as a user meets it: what it prints and its exit status."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bench import report_files
from bench.images import data
from bench.report import sealing
from methods.bicubic import Bicubic
from methods.formats import checkpoints, unpickle
from methods.nets.rrdbnet import RRDBNet

from .conftest import SHARED, textured


def tables(out) -> Path:
    """Where the tables of the only profile lie."""
    (folder,) = out.glob("photos-*")
    return folder


@pytest.fixture
def table2(bench, photos, tmp_path) -> Callable[..., tuple[int, str, str]]:
    return lambda *words: bench(
        "table", "table2", "--profile", photos, "--hr-size", "64", "--out", tmp_path / "out", *words
    )


@pytest.mark.slow
def test_a_table_of_photographs(table2, tmp_path):
    status, out, err = table2()
    assert (status, err) == (0, ""), "refused cells are normal; nothing is printed where nothing is wrong"
    count = 2 * len(report_files.read("table2").methods)
    assert re.search(rf"{count} cells, (\d+) runnable, (\d+) refused: .* knows no .* of glean", out), (
        "the plan said `0 refused`, and the table then lacked every network of this size"
    )
    (left_out,) = re.findall(
        r"^Not run on these images, for the reasons in the notes: (.*)\.$", out.split("LPIPS at")[0], re.MULTILINE
    )
    assert int(re.search(r"(\d+) refused", out)[1]) == 2 * len(left_out.split(", ")), "a line for all, none for each"
    assert len(re.findall(r"Bicubic +\d+\.\d+ ± \d+\.\d+", out)) == 2, "a value for each metric"
    written = sorted(path.name for path in tables(tmp_path / "out").glob("table2.*"))
    files = [
        "table2.csv",
        "table2.details.md",
        "table2.html",
        "table2.images.csv",
        "table2.json",
        "table2.md",
        "table2.png",
        "table2.tex",
        "table2.timing.csv",
    ]
    assert written == files
    with Image.open(tables(tmp_path / "out") / "table2.png") as figure:
        assert figure.height > 4 * 2 * 130, "two images of each category, and a detail of each"


@pytest.mark.slow
def test_the_steps_one_by_one_give_the_same_table(table2, tmp_path):
    table2()
    whole = (tables(tmp_path / "out") / "table2.md").read_bytes()
    (tables(tmp_path / "out") / "table2.md").unlink()
    for step in ("restore", "score", "render"):
        assert table2("--only", step)[0] == 0
    assert (tables(tmp_path / "out") / "table2.md").read_bytes() == whole


@pytest.mark.slow
def test_a_table_is_rendered_again_from_its_files_alone(table2, bench, photos, tmp_path):
    (photos / "face" / "1.png").write_bytes(b"no image")
    table2("--with", "pulse", "--seed", "1", "--seed", "2")
    folder = tables(tmp_path / "out")
    before = {
        path.name: path.read_text()
        for path in folder.glob("table2.*")
        if path.suffix in (".md", ".csv", ".tex", ".json")
    }
    for ending in (".md", ".tex", ".csv"):
        (folder / f"table2{ending}").unlink()
    status, _, err = bench("render", folder)
    assert (status, err) == (0, "")
    for name, text in before.items():
        assert (folder / name).read_text() == text, f"{name} says something that is not stored"


@pytest.mark.slow
def test_a_category_of_ones_own_is_measured_without_published_values(bench, photos, tmp_path):
    """Flowers alone were an error, beside faces they vanished; rendered again, the table says the same."""
    (photos / "cat").rename(photos / "flowers")
    words = ("--profile", photos, "--hr-size", "64", "--out", tmp_path / "out", "-n", "2")
    status, out, err = bench("table", "table2", *words)
    assert (status, err) == (0, "")
    assert "flowers (n = 2)" in out
    (before,) = (tmp_path / "out").rglob("table2.csv")
    text = before.read_text()
    values = pd.read_csv(before)
    measured = values[(values["category"] == "flowers") & (values["method"] == "bicubic")]
    assert measured["mean"].notna().all()
    assert measured["published"].isna().all(), "nothing is published for flowers"
    assert bench("render", before.parent)[0] == 0
    assert before.read_text() == text


@pytest.mark.slow
def test_what_cannot_be_rendered_again_is_told(bench, table2, tmp_path):
    status, _, err = bench("render", tmp_path)
    assert (status, "holds no <table>.json" in err) == (2, True)
    table2()
    path = tables(tmp_path / "out") / "table2.json"
    text = path.read_text()
    found = json.loads(text)
    found["protocols"]["psnr"] = found["protocols"]["psnr"].replace("crop0", "crop1")
    path.write_text(sealing.sealed(found))  # as a version with another protocol wrote it
    status, _, err = bench("render", path.parent)
    assert (status, "measure it again" in err) == (2, True), "numbers of two protocols in one table"
    path.write_text(text[:100])
    assert bench("render", path.parent)[0] == 2


@pytest.mark.parametrize("step", ["score", "render"])
def test_a_step_too_early_says_which_comes_first(table2, step):
    status, _, err = table2("--only", step)
    assert status == 2
    assert re.search("Run (restore|score) first", err)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("table", "table3"), "no table 'table3'; did you mean table"),
        (("table", "table2", "--profile", "mni"), "did you mean mini"),
        (("table", "table2", "--profile", "./nowhere"), "there is no folder"),
        (("table", "table2", "--with", "bicubc"), "did you mean bicubic"),
        (("table", "table2", "--with", "gone.py:Gone"), "there is no file"),
        (("table", "table2", "--device", "cuda:99"), "no device 'cuda:99'"),
        (("check", "pulze"), "no method 'pulze'"),
        (("upscale", "gone.png", "sr.png"), "gone.png"),
    ],
)
def test_a_mistake_is_one_sentence_that_says_what_to_do(bench, words, answer):
    status, _, err = bench(*words)
    assert status == 2
    assert answer in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


def test_an_empty_folder(bench, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, err = bench("table", "table2", "--profile", tmp_path / "empty")
    assert status == 2
    assert "put the photographs into one sub-folder per category" in err


@pytest.mark.slow
def test_a_bad_photograph_is_named_once_and_the_rest_is_measured(table2, photos):
    (photos / "face" / "1.png").write_bytes(b"no image")
    status, out, err = table2()
    assert status == 1, "an image that could not be read is a failure"
    assert len(err.strip().splitlines()) == 1
    assert "1.png" in err
    assert "face (n = 2)" in out, "the head counts what is scored"
    assert re.search(r"^face: 1 of 3 images are scored for no method: .*1\.png", out, re.MULTILINE)


@pytest.mark.slow
def test_a_small_photograph_is_refused_not_failed(table2, photos):
    Image.fromarray(textured(40, 1)).save(photos / "face" / "small.png")
    status, out, err = table2()
    assert status == 0, "refused is normal"
    assert "face (n = 3)" in out
    assert re.search(r"^face: 1 of 4 images are scored for no method: .*small\.png", out, re.MULTILINE)
    assert "--allow-enlarge" in err
    assert table2("--allow-enlarge")[2] == ""


def test_an_output_that_cannot_be_written(bench, photos, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    status, _, err = bench("table", "table2", "--profile", photos, "--hr-size", "64", "--out", out)
    assert status == 2
    assert "choose another folder with --out" in err


@pytest.mark.slow
def test_a_failing_guest_is_a_failure_and_the_other_rows_are_there(table2, tmp_path):
    text = "from methods.bicubic import Bicubic\nfrom dataclasses import replace\nclass Bad(Bicubic):\n"
    text += "    spec = replace(Bicubic.spec, name='bad', title='Bad')\n    def upscale(self, lr): return lr\n"
    (tmp_path / "bad.py").write_text(text)
    status, out, err = table2("--with", f"{tmp_path}/bad.py:Bad")
    assert status == 1
    assert "upscale must return shape" in err
    assert re.search(r"Bad .*\(0/3 ok\)", out)
    assert re.search(r"Bicubic +\d", out)


@pytest.mark.slow
def test_the_columns_of_the_strip_are_the_methods_that_were_restored(table2, tmp_path):
    text = "from methods.bicubic import Bicubic\nfrom dataclasses import replace\nclass Cat(Bicubic):\n"
    text += "    spec = replace(Bicubic.spec, name='cat', title='Cat', categories=('cat',))\n"
    (tmp_path / "cat.py").write_text(text)
    status, _, err = table2("--with", f"{tmp_path}/cat.py:Cat")
    assert (status, err) == (0, ""), "a method of one category must not put the rows of the other out of step"
    with Image.open(tables(tmp_path / "out") / "table2.png") as figure:
        assert figure.width == 6 * 138, "LR, three methods without weights, Cat, HR: none for those that lack weights"


@pytest.fixture
def small(monkeypatch) -> Callable[..., None]:
    """Replace the methods of a table, and its metrics, by some that take no time."""

    def shrink(name, **changes):
        report = replace(
            report_files.read(name), methods=("bicubic", "pseudo_inverse"), metrics=("psnr",), also=(), **changes
        )
        monkeypatch.setattr(report_files, "read", lambda *_: report)

    return shrink


@pytest.mark.slow
def test_a_table_of_factors_says_which_do_not_divide_and_draws_the_others(bench, small, photos, tmp_path):
    small("factors", published=())
    status, out, err = bench("table", "factors", "--profile", photos, "--hr-size", "32", "--out", tmp_path)
    assert (status, err) == (0, "")
    assert out.count("face at 64x is left out: 64 does not divide 32 px") == 2, "before the run and below the table"
    assert [f"PSNR at {factor}x" in out for factor in (8, 16, 32, 64)] == [True, True, True, False]
    assert len(pd.read_csv(tables(tmp_path) / "factors.csv")) == 2 * 3 * 2
    with Image.open(tables(tmp_path) / "factors.curves.png") as figure:
        assert figure.width > figure.height, "two panels side by side"
    with Image.open(tables(tmp_path) / "factors.png") as figure:
        assert figure.height < 7 * 2 * 138, "one image, not two, of each category and factor"


@pytest.mark.slow
def test_a_table_of_variants_pairs_each_with_the_full_one(bench, small, photos, tmp_path):
    small("ablation_bank", full="pseudo_inverse")
    status, out, err = bench("table", "ablation_bank", "--profile", photos, "--hr-size", "64", "--out", tmp_path)
    assert (status, err) == (0, "")
    assert re.search(r"Bicubic .*\n· full minus this +-?\d+\.\d\d ± \d+\.\d\d .*\nPseudo-inverse ", out)
    assert not (tables(tmp_path) / "ablation_bank.curves.png").exists(), "one factor makes no line"


def test_variants_without_weights_are_refused_with_the_reason(bench, photos, tmp_path):
    status, out, err = bench("table", "ablation_decoder", "--profile", photos, "--hr-size", "64", "--out", tmp_path)
    assert (status, err) == (0, "")
    assert re.search(r"\[1\] .*glean\.no-decoder", out)
    assert not (tables(tmp_path) / "ablation_decoder.png").exists(), "there is nothing to show"


def test_a_guest_of_a_name_that_is_taken_is_told_so(table2, tmp_path):
    text = "from methods.bicubic import Bicubic\nclass Same(Bicubic): pass\n"
    (tmp_path / "same.py").write_text(text)
    status, _, err = table2("--with", f"{tmp_path}/same.py:Same")
    assert status == 2
    assert "change the spec.name" in err


def test_check_of_a_good_method(bench, photos):
    status, out, _ = bench("check", "bicubic", "--profile", photos)
    assert status == 0
    assert re.search(r"Bicubic: \d+ tasks checked, 0 with problems", out)


def test_list_names_what_there_is(bench):
    status, out, _ = bench("list")
    assert status == 0
    for name in ("bicubic", "pseudo_inverse", "+bp", "table1", "table2", "mini", "paper", "trained"):
        assert name in out


def test_list_is_short_and_json_says_all(bench):
    """It ended with 39 absolute paths."""
    out = bench("list")[1]
    assert "/weights/" not in out.replace("methods/weights/", "")
    assert len(out.splitlines()) < 50
    assert out.index("  interpolation") < out.index("    bicubic") < out.index("  feed-forward")
    told = json.loads(bench("list", "--json")[1])
    assert {"name", "title", "family", "paper", "factors"} == set(told["methods"][0])
    assert all(Path(path).is_file() for path in told["weights"]["trained"])


def test_options_of_all_verbs(bench, photos, tmp_path):
    assert bench("--version") == (0, f"glean-bench {version('glean-bench')}\n", "")
    words = ("table", "table2", "--profile", photos, "--hr-size", "64", "--out", tmp_path, "--only", "restore", "-n", 1)
    assert "face 16x Bicubic, 0: ok\n" in bench("-v", *words)[1]
    assert "Bicubic, 0: kept\n" in bench("-v", *words)[1]
    assert "Bicubic, 0" not in bench("-q", *words)[1]
    assert "--install-completion" in bench("--help")[1]


def test_upscale_and_diagnose_one_image(bench, photos, tmp_path):
    hr = photos / "face" / "0.png"
    lr_pixels = (data.low_resolution(torch.from_numpy(textured(64, 0)).permute(2, 0, 1)[None], 8)[0] * 255).round()
    Image.fromarray(lr_pixels.permute(1, 2, 0).byte().numpy()).save(tmp_path / "lr.png")
    status, _, err = bench("upscale", tmp_path / "lr.png", tmp_path / "sr.png", "--factor", "8")
    assert (status, err) == (0, "")
    with Image.open(tmp_path / "sr.png") as restored:
        assert restored.size == (64, 64)
    status, out, _ = bench("diagnose", tmp_path / "lr.png", hr)
    assert status == 0
    assert "MATLAB" in out


def test_a_contact_sheet_shows_the_images_of_each_category(bench, photos, tmp_path):
    assert bench("sheet", tmp_path / "sheet.png", "--profile", photos, "--hr-size", "64", "-n", "2")[0] == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (2 * 64 + 4, 2 * 64 + 4)
        cat = torch.from_numpy(textured(64, 41))
        assert torch.equal(torch.from_numpy(np.asarray(sheet.convert("RGB")).copy())[68:, 68:], cat)


def test_convert_writes_what_loads_again(bench, tmp_path):
    torch.save({"params": RRDBNet(factor=4, channels=8, blocks=1, growth=4).state_dict()}, tmp_path / "in.pth")
    status, out, err = bench("convert", tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert (status, err) == (0, "")
    assert "RRDBNet" in out
    assert checkpoints.any_network(unpickle.load(tmp_path / "out.safetensors")).stages == 2


def test_convert_of_no_checkpoint_says_what_to_do(bench, tmp_path):
    (tmp_path / "in.pth").write_bytes(b"nothing")
    status, _, err = bench("convert", tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert status == 2
    assert "in.pth" in err


def test_fetch_offline_says_what_to_get_from_where(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")  # nothing listens there
    name = "glean_cat_16x_20210527-68912543.pth"
    status, _, err = bench("fetch", name)
    assert status == 2
    assert f"put it at $GLEAN_WEIGHTS/{name}" in err
    assert "download.openmmlab.com" in err


def test_fetch_of_an_unknown_file_suggests(bench):
    status, _, err = bench("fetch", "glean_cat_16x_20210527.pth")
    assert status == 2
    assert "did you mean glean_cat" in err


def test_flops_counts_the_matrix_products(bench, monkeypatch, tmp_path):
    monkeypatch.setattr("methods.BY_NAME", {"bicubic": Bicubic})  # the whole table takes most of a minute
    status, out, err = bench("flops", "--out", tmp_path)
    assert (status, err) == (0, "")
    assert "flops.md" in out
    assert len(pd.read_csv(tmp_path / "flops.csv")) == 14 * 4 * 4
    # Bicubic 64 to 1024, three channels: (1024 x 64) (64 x 64), then (1024 x 64) (64 x 1024).
    macs = 3 * (1024 * 64 * 64 + 1024 * 64 * 1024)
    assert re.search(rf"Bicubic +\| 64 to 1024 \(face\) +\| 16x +\| {macs / 1e9:.4f} +\| {2 * macs / 1e9:.4f}", out)


def test_flops_of_some_methods_sizes_and_factors(bench, tmp_path):
    """`-- --profile paper` was "No such option"; the whole grid takes minutes."""
    words = (
        "--profile",
        "paper",
        "--category",
        "face",
        "--factor",
        16,
        "--method",
        "bicubic",
        "--method",
        "bicubic+bp",
    )
    status, _, err = bench("flops", *words, "--out", tmp_path)
    assert (status, err) == (0, "")
    found = pd.read_csv(tmp_path / "flops.csv")
    assert list(found["method"]) == ["bicubic", "bicubic+bp"]
    assert set(zip(found["profile"], found["categories"], found["factor"], strict=True)) == {("paper", "face", 16)}
    assert bench("flops", "--profile", "paper", "--category", "dog", "--out", tmp_path)[0] == 2


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "photos").is_dir(), reason="needs real photographs in ../shared/photos")
def test_real_photographs_give_real_numbers(bench, tmp_path):
    words = ("table", "table2", "--profile", SHARED / "photos", "-n", 2, "--out", tmp_path)
    status, out, err = bench(*words)
    assert (status, err) == (0, "")
    (line,) = re.findall(r"^Bicubic  .*", out.split("LPIPS at")[0], re.MULTILINE)
    values = [float(value) for value in re.findall(r"(\d+\.\d+) ±", line)]
    assert len(values) == 5
    assert all(12 < value < 30 for value in values), "16x bicubic of photographs lies near 20 dB"


@pytest.mark.parametrize(
    "words",
    [
        ("table", "~nouser/x.toml"),
        ("table", "table2", "--method", "bicubic", "--with", "~nouser/{id}.png", "-n", "2", "--category", "face"),
        ("table", "table2", "--method", "bicubic", "--with", "a=~nouser/x.pth", "-n", "2", "--category", "face"),
        ("train", "bank", "--category", "face", "--profile", "portraits", "--out", "o", "--train-data", "~nouser/x"),
    ],
)
def test_the_home_of_nobody_is_a_folder_that_is_not_there(bench, tmp_path, monkeypatch, words):
    """It was told as a fault of the suite, to be reported."""
    monkeypatch.chdir(tmp_path)
    _, out, err = bench(*words)
    assert "~nouser" in out + err
    assert "fault" not in out + err
