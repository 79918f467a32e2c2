"""LR images that the user has: how they are found and paired, what is wrong with them, what a table says of them."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from bench import cards, report_files, resize, store
from bench.images import data, given, known
from bench.images.provenance import provenance, refusal
from bench.report import published
from bench.spec import BadFile, BenchError, MissingImages, PublishedOn

from .conftest import textured
from .test_handed import TABLE as ONE_METHOD


def lr_of(profile, category, factor=8, size=64):
    """The suite's own LR images of a folder's photographs, by id."""
    card = cards.card(str(profile), category, size)
    (batch,) = data.batches(replace(card, lr=""), factor, 16)
    return dict(zip(batch.ids, resize.eight_bit(batch.lr), strict=True))


def give(profile, category, below="lr"):
    """Write the suite's own LR images as files that were given."""
    for image_id, image in lr_of(profile, category).items():
        store.save(profile / category / below / f"{image_id}.png", image)
    return profile / category / below


def entries(profile, category="cat", factor=8):
    """What there is of a category: LR images by id, and reasons by id."""
    found = list(data.batches(cards.card(str(profile), category, 64), factor, 2))
    good = {n: lr for e in found if isinstance(e, data.Batch) for n, lr in zip(e.ids, e.lr, strict=True)}
    return good, {e.id: e.reason for e in found if isinstance(e, data.BadEntry)}


def test_files_of_our_own_making_are_what_the_suite_makes(photos):
    expected, _ = entries(photos)
    lr = give(photos, "cat")
    image = np.array(Image.open(lr / "1.png"))
    image[0, 0] = 255 - image[0, 0]
    Image.fromarray(image).save(lr / "1.png")
    found, bad = entries(photos)
    assert not bad
    assert torch.equal(found["0"], expected["0"]), "an LR image that was read differs from the same one that was made"
    assert torch.equal(found["2"], expected["2"])
    assert not torch.equal(found["1"], expected["1"]), "the files were not taken"


def test_each_fault_is_a_sentence_of_its_image_and_the_rest_goes_on(photos):
    for index in range(3, 10):
        Image.fromarray(textured(64, index)).save(photos / "cat" / f"{index}.png")
    Image.fromarray(textured(64, 11)).save(photos / "cat" / "a.png")
    lr = give(photos, "cat", "lr/x8")
    one = Image.open(lr / "0.png")
    (lr / "0.png").unlink()
    (lr / "a.png").rename(lr / "A.png")
    one.save(lr / "1.bmp")
    Image.new("RGB", (128, 128)).save(lr / "2.png")
    Image.new("RGB", (4, 4)).save(lr / "3.png")
    Image.new("RGB", (8, 9)).save(lr / "4.png")
    (lr / "5.png").write_bytes(b"no picture")
    Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(lr / "6.png")
    one.convert("RGBA").save(lr / "7.png")
    one.convert("L").save(lr / "8.png")
    good, bad = entries(photos)
    assert set(good) == {"6", "7", "8", "9"}
    assert bad == {
        "0": "no LR image of 0: there is no file of it",
        "a": "no LR image of a: there is no file of it; there is A.png, and names count with their case",
        "1": "no LR image of 1: several files are of it: 1.bmp, 1.png; leave one of them",
        "2": "the LR image 2.png has 128 x 128 pixels; 8 x 8 are wanted for 64 x 64 at 8x",
        "3": "the LR image 3.png has 4 x 4 pixels; 8 x 8 are wanted for 64 x 64 at 8x",
        "4": "the LR image 4.png has 8 x 9 pixels; 8 x 8 are wanted for 64 x 64 at 8x",
        "5": "the LR image 5.png is not an image of a kind that is read; replace it, or take it out of the folder",
    }
    told = provenance(cards.card(str(photos), "cat", 64), 8, None, allow_enlarge=False).remarks
    assert told[1:] == (
        "LR images of cat at 8x: 1 of 8 saved in grey, of 16 bit, rounded to 8",
        "LR images of cat at 8x: 1 of 8 with an alpha channel, laid on white",
        "LR images of cat at 8x: 1 of 8 saved in grey",
        "LR images of cat at 8x: 1 file is of no image that is measured (A.png)",
    )


def test_they_are_found_beside_the_ground_truth_or_where_a_card_says(photos):
    give(photos, "cat")
    assert cards.card(str(photos), "face").lr == ""
    assert cards.card(str(photos), "cat").lr == str(photos / "cat" / "lr")
    facts = 'title = "Cat"\nhr_size = 64\nreader = "folder"\nsource = "cat"\ntest_set = "ours"\ntrain_set = ""\n'
    (photos / "cat.toml").write_text(facts)
    assert cards.card(str(photos), "cat").lr == str(photos / "cat" / "lr"), "a card for its title alone lost the folder"
    (photos / "cat" / "lr").rename(photos / "small")
    (photos / "cat.toml").write_text(facts + 'lr = "small"\n')
    assert list(cards.cards(str(photos))) == ["face", "cat"], "the LR images that a card names became a category"
    assert len(entries(photos)[0]) == 3
    (photos / "cat.toml").write_text(facts + 'lr = "low/{id}_LR.png"\n')
    assert refusal(cards.card(str(photos), "cat"), 8, None) == (
        "no LR images of cat at 8x: no file is named low/{id}_LR.png"
    ), "a published table would name the folder of the user"
    (photos / "cat.toml").write_text(facts + 'lr = ["small"]\n')
    with pytest.raises(BadFile, match=r"cat\.toml: lr must be"):
        cards.card(str(photos), "cat")


def test_without_ground_truth_the_names_are_those_of_the_lr_images(photos):
    lr = give(photos, "cat", "lr/x8")
    (photos / "cat" / "lr" / "x16").mkdir()
    Image.new("RGB", (4, 4)).save(photos / "cat" / "lr" / "x16" / "10.png")
    for path in (photos / "cat").glob("*.png"):
        path.unlink()
    card = cards.card(str(photos), "cat", 64)
    assert (card.has_hr, card.lr) == (False, str(lr.parent))
    good, bad = entries(photos)
    assert set(good) == {"0", "1", "2"}
    assert bad == {"10": "no LR image of 10: there is no file of it"}
    (batch,) = data.batches(replace(card, ids=("0",)), 8, 8)
    assert batch.hr.shape == (1, 3, 0, 0)
    with pytest.raises(MissingImages, match="cat has no ground truth"):
        data.read(card, "0")


def test_lr_path_is_split_by_category(photos, tmp_path):
    found = cards.cards(str(photos), 64)
    for category in ("face", "cat"):
        for image_id, image in lr_of(photos, category).items():
            store.save(tmp_path / "mine" / category / "x8" / f"{image_id}.png", image)
            store.save(tmp_path / "flat" / f"{category}-{image_id}_LR.png", image)
    for where in (str(tmp_path / "mine"), str(tmp_path / "flat/{category}-{id}_LR.png")):
        replaced = given.instead(found, where, ["face", "cat"])
        for category, card in replaced.items():
            (batch,) = data.batches(card, 8, 8)
            assert torch.equal(resize.eight_bit(batch.lr), torch.stack(list(lr_of(photos, category).values())))
    alone = given.instead(found, str(tmp_path / "mine" / "cat"), ["cat"])
    assert not refusal(alone["cat"], 8, None)
    assert alone["face"].lr == ""
    both = given.instead(found, str(tmp_path / "mine" / "cat"), ["face", "cat"])
    assert refusal(both["cat"], 8, None).startswith("no LR images of cat at 8x: none in cat/"), (
        "the files of one category would be taken for those of another of the same names"
    )
    with pytest.raises(BenchError, match=r"has no \{category\}"):
        given.instead(found, str(tmp_path / "flat" / "{id}_LR.png"), ["face", "cat"])
    with pytest.raises(MissingImages, match="there is no folder"):
        given.instead(found, str(tmp_path / "nowhere"), ["cat"])


def test_given_images_do_not_stand_in_for_a_degradation_in_silence(photos):
    """The table was of the images as they were given, and its protocol spoke of noise."""
    found = cards.cards(str(photos), 64)
    noisy = {**found, "cat": replace(found["cat"], degradation=("down", "noise 10"))}
    with pytest.raises(BenchError, match=r"images of cat are to be degraded \(down; noise 10\).*leave out one"):
        given.instead(noisy, str(photos / "cat"), ["face", "cat"])


def test_a_folder_for_another_factor_is_refused_in_one_sentence(photos):
    give(photos, "cat")
    card = cards.card(str(photos), "cat", 64)
    assert refusal(card, 8, None) == ""
    assert refusal(card, 16, None) == (
        "none of the 3 LR images of cat at 16x can be used: the LR image 0.png has 8 x 8 pixels; 4 x 4 are wanted "
        "for 64 x 64 at 16x"
    )
    (photos / "cat" / "lr" / "0.png").write_bytes(b"")
    assert refusal(card, 8, None) == "", "one sound image is enough"


@pytest.mark.parametrize(
    ("kernel", "told"), [("BICUBIC", "made probably by PIL BICUBIC"), ("LANCZOS", "made probably by PIL LANCZOS")]
)
def test_by_what_they_were_made_is_told(photos, kernel, told):
    lr = give(photos, "cat")
    card = cards.card(str(photos), "cat", 64)
    ours = provenance(card, 8, None, allow_enlarge=False)
    assert ours.in_words == "LR given, made as by MATLAB bicubic"
    assert len(ours.remarks) == 1
    for path in lr.iterdir():
        Image.open(photos / "cat" / path.name).resize((8, 8), Image.Resampling[kernel]).save(path)
    theirs = provenance(card, 8, None, allow_enlarge=False)
    assert theirs.in_words == f"LR given, {told}"
    assert "0.00 grey levels away on average of the first 3 images, MATLAB bicubic" in theirs.remarks[0]
    assert theirs.remarks[0].endswith("LR-PSNR takes MATLAB bicubic all the same")
    for path in lr.iterdir():
        Image.fromarray(textured(8, 77)).save(path)
    assert provenance(card, 8, None, allow_enlarge=False).in_words == "LR given, made by no known down-sampling"


def test_published_figures_are_not_set_against_those_of_given_lr_images(photos):
    give(photos, "cat")
    card = replace(cards.card(str(photos), "cat", 64), ids=("0",), sha256={"0": "a" * 64}, test_set="CAT")
    listed = PublishedOn(64, published.list_sha256(card), published.OPERATOR)
    report = replace(report_files.read("table2"), test_data={"cat": listed})
    assert published.apart(report, replace(card, lr=""), 1) == ""
    assert published.apart(report, card, 1) == "of CAT of other LR images (here they were given)"
    assert known.unverified(card) == ""


# LPIPS would take the most of the time, and it needs a ground truth as PSNR does.
TABLE = ONE_METHOD.replace('"lpips"]\nalso = ["lr_psnr"]', '"lr_psnr"]')


@pytest.fixture
def measure(bench, photos, tmp_path):
    """Measure a table of one cheap method; returns exit status, what was said, and the rows of its CSV."""
    (tmp_path / "mine.toml").write_text(TABLE)

    def run(*words, out="out", profile=photos):
        options = ("--profile", profile, "--hr-size", 64, "--out", tmp_path / out)
        status, told, err = bench("table", tmp_path / "mine.toml", *options, *words)
        rows = {}
        for path in (tmp_path / out).glob("*/mine.csv"):
            rows = {(row["category"], row["metric"]): row for row in csv.DictReader(path.read_text().splitlines())}
        return status, told + err, rows

    return run


@pytest.mark.slow
def test_a_table_says_of_each_number_that_its_lr_was_given(measure, bench, photos, tmp_path):
    _, _, before = measure(out="before")
    status, _, err = bench("inputs", tmp_path / "in", "--profile", photos, "--hr-size", 64, "--factor", 8)
    assert status == 0, err
    status, told, rows = measure("--lr", tmp_path / "in")
    assert status == 0, told
    assert "LR images of cat at 8x: given, made as by MATLAB bicubic" in told
    for place, row in rows.items():
        assert row["mean"] == before[place]["mean"], "the same LR images gave other figures"
        assert row["protocol"] == f"{before[place]['protocol']} LR given, made as by MATLAB bicubic"
    (text,) = (path.read_text() for path in (tmp_path / "out").glob("*/mine.md"))
    assert "- LR: MATLAB" not in text
    assert "- LR images of cat at 8x: given, made as by MATLAB bicubic." in text
    status, told, _ = measure("--lr", tmp_path / "in", "--category", "cat", out="one")
    assert status == 0, told

    runs = [next((tmp_path / name).iterdir()) for name in ("before", "out")]
    status, told, _ = bench("compare", *runs)
    assert status == 2, "figures of given LR images were subtracted from those of the suite's"
    assert "cat 8x: LR made by the suite in the first, LR given, made as by MATLAB bicubic in the second" in told
    assert bench("compare", runs[1], runs[1])[0] == 0


@pytest.mark.slow
def test_a_changed_lr_file_makes_its_result_anew_and_no_other(measure, photos, tmp_path):
    lr = give(photos, "cat")
    assert measure()[0] == 0
    results = sorted((tmp_path / "out").glob("*/cat/*/bicubic/*/*.png"))
    before = [path.read_bytes() for path in results]
    image = Image.open(lr / "1.png")
    image.transpose(Image.Transpose.ROTATE_180).save(lr / "1.png")
    status, told, _ = measure()
    assert status == 0, told
    assert [path.read_bytes() == old for path, old in zip(results, before, strict=True)] == [True, False, True]


@pytest.mark.slow
def test_without_ground_truth_only_agreement_with_the_input_is_measured(measure, bench, photos, tmp_path):
    lr = give(photos, "cat", "lr/x8")
    for path in (photos / "cat").glob("*.png"):
        path.unlink()
    status, told, rows = measure()
    assert status == 0, told
    assert rows["cat", "psnr"]["mean"] == ""
    assert rows["cat", "psnr"]["reason"].startswith("cat has no ground truth, which this metric needs")
    assert rows["cat", "lr_psnr"]["mean"] != ""
    assert rows["cat", "lr_psnr"]["reason"] == ""
    assert rows["face", "psnr"]["mean"] != ""
    assert "[1] cat has no ground truth" in told
    (folder,) = (tmp_path / "out").iterdir()
    made = {path.name: path.read_bytes() for path in folder.glob("mine.[mct]*")}
    assert bench("render", folder)[0] == 0
    assert {path.name: path.read_bytes() for path in folder.glob("mine.[mct]*")} == made
    cell = next(c for c in json.loads((folder / "mine.json").read_text())["cells"] if c["task"]["category"] == "cat")
    assert (cell["has_hr"], cell["lr"]) == (False, "LR given, with no ground truth to tell by what they were made")

    status, _, err = bench("inputs", tmp_path / "in", "--profile", photos, "--hr-size", 64, "--factor", 8)
    assert status == 0, err
    for path in lr.iterdir():
        assert np.array_equal(Image.open(tmp_path / "in/cat/x8" / path.name), Image.open(path))
    manifest = {row["category"]: row for row in csv.DictReader((tmp_path / "in/manifest.csv").read_text().splitlines())}
    assert manifest["face"]["operator"] == resize.IN_WORDS
    assert manifest["cat"]["operator"].startswith("LR given, ")
    words = ("inputs", tmp_path / "hr", "--profile", photos, "--hr-size", 64, "--factor", 8, "--with-hr")
    assert "cat has no ground truth that could be written" in bench(*words)[2]

    (tmp_path / "mine.toml").write_text(TABLE.replace('"psnr", "lr_psnr"', '"psnr"'))
    status, told, _ = measure("--category", "cat", out="none")
    assert status != 0
    assert "cat has no ground truth, and every metric of mine needs one: add lr_psnr to `also`" in told
