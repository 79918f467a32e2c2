"""`inputs`: the command it prints takes its images back, and no file that is there is replaced or left over."""

import csv
import shlex
from pathlib import Path

import pytest
from PIL import Image

from bench import atomic, cards
from bench.images import pairing
from bench.spec import OutputError

from .test_handed import TABLE, read, restored

MINE = TABLE.replace('["psnr", "lpips"]', '["psnr"]').replace('["lr_psnr"]', "[]")


@pytest.fixture
def write(bench, photos, tmp_path, monkeypatch):
    """Write inputs of the photographs to a folder; returns exit status, and all that was said."""
    monkeypatch.chdir(tmp_path)

    def run(target, *words):
        status, out, err = bench("inputs", target, "--profile", photos, "--hr-size", 64, *words)
        return status, out + err

    return run


def contents(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def turned(inputs, target) -> None:
    """LR images of somebody else's: the suite's, upside down."""
    for path in inputs.rglob("x8/*.png"):
        place = target / path.relative_to(inputs)
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(read(path)[::-1]).save(place)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("--table", "my table.toml", "--lr", "their lr"),
        ("--table", "my table.toml", "-n", 2, "--category", "cat"),
        ("--table", "my table.toml", "--hr-size", 96, "--allow-enlarge", "--factor", 8),
        ("--factor", 8, "--category", "cat", "--category", "face"),
        (),
    ],
    ids=lambda words: " ".join(map(str, words[-2:])),
)
def test_the_printed_command_takes_all_results(bench, write, words):
    """It had --profile alone: others' images were measured, or as many as there are, or those of another size."""
    Path("my table.toml").write_text(MINE.replace("[8]", "[8, 16]") if "--factor" in words or not words else MINE)
    assert write("ours", "--factor", 8)[0] == 0
    turned(Path("ours"), Path("their lr"))
    status, told = write("in", *words)
    assert status == 0, told
    at = 8 if words else 16
    restored(Path("in"), Path("RESULTS"), factor=at)
    (line,) = (line for line in told.splitlines() if line.startswith("python -m bench "))
    printed = ["my table.toml" if word == "NAME" else word for word in shlex.split(line)]
    status, out, err = bench(*printed[3:], "--out", "out")
    assert status == 0, out + err
    (path,) = Path("out").glob("*/my table.csv")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    theirs, ours = ([row for row in rows if row["method"] == name] for name in ("RESULTS", "bicubic"))
    manifest = list(csv.DictReader(Path("in/manifest.csv").read_text().splitlines()))
    assert {row["factor"] for row in theirs} == {str(at)}
    assert sum(int(row["n_ok"]) for row in theirs) == len(manifest) == sum(int(row["n"]) for row in theirs)
    assert [row["mean"] for row in theirs] == [row["mean"] for row in ours], "other inputs were measured"


def test_a_file_of_somebody_else_is_not_replaced(write, tmp_path):
    """Restored results, which lie as inputs do, were lost."""
    assert write("in", "--factor", 8)[0] == 0
    restored(tmp_path / "in", tmp_path / "mine")
    before = contents(tmp_path / "mine")
    status, told = write("mine", "--factor", 8)
    assert status == 2
    assert "mine/face/x8/0.png is there already and is not what would be written" in told
    assert "Give another folder" in told
    assert contents(tmp_path / "mine") == before
    late = tmp_path / "late/cat/x8/2.png"
    late.parent.mkdir(parents=True)
    late.symlink_to(tmp_path / "nowhere")
    assert write("late", "--factor", 8)[0] == 2
    assert list(contents(tmp_path / "late")) == [], "files were written before one was found to be in the way"
    assert late.is_symlink()


def test_what_inputs_are_made_of_is_not_where_they_go(write, photos, tmp_path):
    """`--lr lrd` and the folder `lrd` made RGB of somebody's RGBA."""
    lrd = tmp_path / "data" / "lrd"
    for name in (f"{category}/x8/{index}.png" for category in ("face", "cat") for index in range(3)):
        (lrd / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (8, 8), (9, 99, 199, 99)).save(lrd / name)
    before = contents(lrd)
    for lr, of in ((lrd, "lrd/face"), (f"{lrd}/{{category}}/x{{factor}}/{{id}}.png", "lrd")):
        for target in ("data/lrd", "data"):
            status, told = write(target, "--factor", 8, "--lr", lr)
            assert (status, f"{of}, of which inputs are made; give another folder" in told) == (2, True), told
    assert contents(lrd) == before
    photographs = contents(photos)
    for target in ("photos", "photos/face"):
        status, told = write(target, "--factor", 8)
        assert (status, "photos/face, of which inputs are made; give another folder" in told) == (2, True), told
    assert contents(photos) == photographs


def test_a_folder_holds_what_its_manifest_tells(write, tmp_path):
    """Files of other inputs stayed beside those that the manifest has."""
    assert write("mix", "--factor", 8)[0] == 0
    before = contents(tmp_path / "mix")
    for words in (("--factor", 8, "--category", "cat", "-n", 1), ("--factor", 16), ("--factor", 8, "--factor", 16)):
        status, told = write("mix", *words)
        assert (status, "Give another folder" in told) == (2, True), told
    (tmp_path / "mix/manifest.csv").unlink()
    status, told = write("mix", "--factor", 8, "--category", "cat")
    assert status == 2
    assert "is none of these inputs" in told
    assert "mix/face/x8/" in told
    assert contents(tmp_path / "mix").keys() == before.keys() - {"manifest.csv"}


def test_inputs_that_were_stopped_are_repeated_and_whole(write, tmp_path, monkeypatch):
    words = ("in", "--factor", 8, "--with-hr")
    files = []

    def stopped(path, content, put=atomic.write):
        files.append(path)
        if len(files) == 4:
            (path.parent / ".DS_Store").write_bytes(b"a desktop's")
            raise KeyboardInterrupt
        put(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write", stopped)
        assert write(*words)[0] == 130
    assert not (tmp_path / "in/manifest.csv").exists(), "a manifest tells that the folder is whole"
    first = (tmp_path / "in/face/x8/0.png").stat().st_mtime_ns
    status, told = write(*words)
    assert status == 0, told
    assert (tmp_path / "in/face/x8/0.png").stat().st_mtime_ns == first
    assert write(*words)[0] == 0
    write("whole", *words[1:])
    assert {n: c for n, c in contents(tmp_path / "in").items() if ".DS" not in n} == contents(tmp_path / "whole")


def test_images_that_cannot_be_used_make_no_inputs(write, photos, tmp_path):
    """A manifest without a line was written, or the reasons were not told."""
    for path in (photos / "cat").iterdir():
        path.write_bytes(b"no picture")
    for _ in range(2):
        status, told = write("in", "--factor", 8, "--category", "cat")
        assert status == 2
        assert "cat, 0: 0.png is not an image" in told
        assert "none of the images can be used, for the reasons above; nothing was written to in." in told
    assert not (tmp_path / "in").exists()


def test_what_is_wrong_is_told_as_what_it_is(bench, write, tmp_path):
    """The image was to be cropped, the profile had no image, a file that is not there could not be parsed."""
    size = "factor 16 does not divide hr_size 100 of mini/face; choose one of 2, 4, 5, 10, 20, 25, 50, 100, or another"
    for words in (("--factor", 16), ("--table", "table2")):
        status, _, err = bench("inputs", tmp_path / "in", *words, "--hr-size", 100)
        assert (status, err.count("\n"), size in err) == (2, 1, True), err
    words = ("--degradation", "mirror, down", "--factor", 16, "--hr-size", 100, "-n", 1)
    assert size in bench("sheet", tmp_path / "sheet.png", *words)[2]
    assert "there is no file nope.toml; " in bench("inputs", tmp_path / "in", "--table", "nope.toml")[2]
    assert not (tmp_path / "in").exists()
    status, told = write("in", "--factor", 8, "--category", "cat", "-n", 1)
    assert (status, "written: 1 image and manifest.csv" in told) == (0, True), told
    assert "written: 2 images and" in write("two", "--factor", 8, "--category", "cat", "-n", 2)[1]


def test_a_place_that_cannot_be_written_has_no_option_that_is_not_there(write, tmp_path):
    """`inputs` has no --out, nor have most verbs."""
    (tmp_path / "file").write_text("")
    status, told = write("file/in", "--factor", 8)
    assert status == 2
    assert "could not write" in told
    assert "or choose another place; " in told
    assert "--out" not in told
    with pytest.raises(OutputError, match="choose another place"):
        atomic.write(tmp_path / "file" / "a", b"x")


def test_the_path_of_a_folder_that_begins_as_a_formula_is_a_path(bench, photos, tmp_path):
    """A spreadsheet would compute `-x/x8/0.png`; an apostrophe before it made another folder of it."""
    (photos / "cat").rename(photos / "-x")
    words = ("--profile", photos, "--hr-size", 64, "--factor", 8, "--category=-x", "-n", 1)
    assert bench("inputs", tmp_path / "in", *words)[0] == 0
    (row,) = csv.DictReader((tmp_path / "in/manifest.csv").read_text().splitlines())
    assert row["file"] == "./-x/x8/0.png"
    assert (tmp_path / "in" / row["file"]).is_file()


def test_the_manifest_has_the_path_of_each_file(bench, photos, tmp_path):
    """A category of other letters has another folder than `<category>`."""
    (photos / "cat").rename(photos / "ünï")
    words = ("--profile", photos, "--hr-size", 64, "--factor", 8, "--category", "ünï", "-n", 1)
    status, out, err = bench("inputs", tmp_path / "in", *words)
    assert status == 0, err
    assert "under the path that manifest.csv has for it (file)" in out
    (row,) = csv.DictReader((tmp_path / "in/manifest.csv").read_text(encoding="utf-8").splitlines())
    assert (row["category"], row["file"]) == ("ünï", "%C3%BCn%C3%AF/x8/0.png")
    assert read(tmp_path / "in" / row["file"]).shape == (8, 8, 3)
    task = cards.card(str(photos), "ünï", 64).task(8)
    for name in ("%C3%BCn%C3%AF", "ünï"):
        (folder,) = (tmp_path / "in").glob("*/")
        folder.rename(folder.with_name(name))
        found = pairing.found(str(tmp_path / "in"), task, pairing.Scope(one_category=False))
        assert [image_id for image_id, _ in found] == ["0"], "results are taken under one of the two names alone"
