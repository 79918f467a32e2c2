"""Squares of photographs: the right pixels, from plain files and from zips, or one sentence that says what is wrong."""

import hashlib
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench import cards, files, resize
from bench.images import crops, data, listing, photos, sources
from bench.spec import BadFile, BadImage, BenchError, Card, MissingImages, TooSmall

from .conftest import SHARED, textured

HEAD = "id,file,sha256,left,top,side\n"
CARD = """title = "Face"
hr_size = 16
reader = "folder"
source = "photographs"
crops = "face.csv"
test_set = "ours"
train_set = "ours"
"""


def encoded(seed, kind="PNG") -> bytes:
    stream = BytesIO()
    Image.fromarray(textured(64, seed)[:48]).save(stream, kind)
    return stream.getvalue()


def line(name, file, content, box=(3, 5, 20)) -> str:
    return f"{name},{file},{hashlib.sha256(content).hexdigest()},{','.join(map(str, box))}\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A profile of two test crops and two for training, 48 x 64 pixels each, in plain files."""
    content = {f"{kind}/{index}.png": encoded(index) for index, kind in enumerate(["a", "b", "c", "d"])}
    for name, image in content.items():
        path = tmp_path / "photographs" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(image)
    lines = [line(name.replace("/", "_"), name, image) for name, image in content.items()]
    (tmp_path / "face.csv").write_text(HEAD + "".join(lines[:2]))
    (tmp_path / "train.csv").write_text(HEAD + "".join(lines[2:]))
    (tmp_path / "face.toml").write_text(CARD + 'train_crops = ["train.csv"]\n')
    return tmp_path


def card(folder, **how) -> Card:
    return cards.card(str(folder), "face", **how)


def zipped(folder, name="all.zip") -> Path:
    """Move the photographs of a folder into an archive in it."""
    root = folder / "photographs"
    with zipfile.ZipFile(root / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.glob("*/*.png")):
            archive.write(path, path.relative_to(root))
            path.unlink()
    return root / name


def test_the_square_is_cut_out_and_brought_to_size_with_our_operator(folder):
    made = data.read(card(folder), "a_0.png")
    square = torch.from_numpy(textured(64, 0)[5:25, 3:23]).permute(2, 0, 1).double() / 255
    expected = resize.quantise(resize.resize(square, 16, 16))
    assert torch.equal(made, (expected * 255).round().to(torch.uint8))
    exact = data.read(card(folder, hr_size=20), "a_0.png")
    assert np.array_equal(exact.permute(1, 2, 0).numpy(), textured(64, 0)[5:25, 3:23]), "pixels that fit are kept"


def test_archives_are_read_where_they_lie(folder):
    plain = [data.read(card(folder), name) for name in data.image_ids(card(folder))]
    zipped(folder)
    read = [data.read(card(folder), name) for name in data.image_ids(card(folder))]
    assert all(map(torch.equal, read, plain))
    assert [path.name for path in (folder / "photographs").rglob("*") if path.is_file()] == ["all.zip"], "unpacked"


def test_a_file_is_a_member_of_exactly_its_name(folder):
    root = folder / "photographs"
    with zipfile.ZipFile(root / "one.zip", "w") as archive:
        for name in ("x/a/0.png", "A/0.png", "a/0.png.bak", "../a/0.png"):
            archive.writestr(name, (root / "a" / "0.png").read_bytes())
    (root / "a" / "0.png").unlink()
    with pytest.raises(MissingImages, match=r"no .*a/0\.png, and no archive in .*photographs holds a/0\.png; put it"):
        data.read(card(folder), "a_0.png")


def test_a_replaced_file_or_archive_is_read_anew(folder):
    before = data.read(card(folder), "a_0.png")
    content = encoded(7)
    (folder / "photographs" / "a" / "0.png").write_bytes(content)
    text = (folder / "face.csv").read_text().splitlines(keepends=True)
    (folder / "face.csv").write_text("".join([HEAD, line("a_0.png", "a/0.png", content), text[2]]))
    after = data.read(card(folder), "a_0.png")
    assert not torch.equal(before, after)
    path = zipped(folder)
    assert torch.equal(data.read(card(folder), "a_0.png"), after)
    path.unlink()
    with pytest.raises(MissingImages, match=r"a/0\.png"):
        data.read(card(folder), "a_0.png")


@pytest.mark.parametrize("archived", [False, True], ids=["plain", "zip"])
def test_what_is_wrong_with_a_file_is_said(folder, monkeypatch, archived):
    (folder / "photographs" / "a" / "0.png").write_bytes(encoded(9))
    where = zipped(folder).name if archived else "a/0.png"
    with pytest.raises(BadImage, match=rf"{where}.* has sha256 .*, the table of crops says .*; get the listed file\."):
        data.read(card(folder), "a_0.png")
    monkeypatch.setattr(files, "PHOTOGRAPH", 100)
    with pytest.raises(BadImage, match=rf"{where}.* it has [\d,]+ bytes, and no more than 100 are read"):
        data.read(card(folder), "a_0.png")


def test_damaged_archives_are_named(folder):
    path = zipped(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes(40) + whole[100:])
    with pytest.raises(BadImage, match=r"all\.zip: a/0\.png cannot be read .*copy it again"):
        data.read(card(folder), "a_0.png")
    path.write_bytes(whole[:200])
    with pytest.raises(BadFile, match=r"all\.zip cannot be read as a zip archive"):
        data.read(card(folder), "a_0.png")


@pytest.mark.parametrize("box", [(45, 0, 20), (0, 29, 20), (0, 0, 49)], ids=["right", "below", "larger"])
def test_a_box_outside_the_picture_is_one_sentence(folder, box):
    content = (folder / "photographs" / "a" / "0.png").read_bytes()
    (folder / "face.csv").write_text(HEAD + line("a", "a/0.png", content, box))
    with pytest.raises(BadImage, match=r"0\.png has 64 x 48 pixels, the table of crops wants .* from \(\d+, \d+\) on"):
        data.read(card(folder), "a")


def test_the_box_is_that_of_the_upright_photograph(folder):
    turned = BytesIO()
    exif = Image.Exif()
    exif[274] = 6  # the top of what is stored is the right side
    Image.fromarray(textured(64, 0)[:48]).save(turned, "PNG", exif=exif)
    (folder / "photographs" / "a" / "0.png").write_bytes(turned.getvalue())
    (folder / "face.csv").write_text(HEAD + line("a", "a/0.png", turned.getvalue(), (20, 40, 16)))
    upright = np.rot90(textured(64, 0)[:48], -1)
    assert np.array_equal(data.read(card(folder), "a").permute(1, 2, 0).numpy(), upright[40:56, 20:36])


def test_a_small_crop_is_refused_unless_it_may_be_enlarged(folder):
    with pytest.raises(TooSmall, match=r"crop of .*0\.png has 20 pixels a side, fewer than 32"):
        data.read(card(folder, hr_size=32), "a_0.png")
    assert data.read(card(folder, hr_size=32), "a_0.png", allow_enlarge=True).shape == (3, 32, 32)


SUM = "0" * 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}a,a.png,{SUM},1.5,0,9\n", r"line 2: left must be a whole number .*, from 0 to 999999, not '1\.5'"),
        (f"{HEAD}a,a.png,{SUM},0,-1,9\n", r"line 2: top must be a whole number of pixels, from 0 to 999999, not '-1'"),
        (f"{HEAD}a,a.png,{SUM},0,0,0\n", r"line 2: side must be a whole number of pixels, from 1 to 999999, not '0'"),
        (f"{HEAD}a,a.png,{SUM},0,²,9\n", r"line 2: top must be a whole number"),
        (f"{HEAD}a,a.png,{SUM},0,{'9' * 5000},9\n", r"line 2: top must be a whole number"),
        (f"{HEAD}a,a.png,{SUM},0,0,9\nb,b.png,12ab,0,0,9\n", r"line 3: '12ab' is no sha256"),
        (f"{HEAD}a,../a.png,{SUM},0,0,9\n", r"line 2: '\.\./a\.png' must be a path below the folder"),
        (f"{HEAD}a,/etc/a.png,{SUM},0,0,9\n", r"line 2: '/etc/a\.png' must be a path below the folder"),
        (f"{HEAD}a,,{SUM},0,0,9\n", r"line 2: '' must be a path below the folder"),
        (f"{HEAD}a,b\\a.png,{SUM},0,0,9\n", r"line 2: .* must be a path below the folder"),
        (f"{HEAD}a,a.png,{SUM},0,0\n", r"line 2: there must be 6 values"),
        (f"{HEAD}a,a.png,{SUM},0,0,9,9\n", r"line 2: there must be 6 values"),
        (f"{HEAD}a,a.png,{SUM},0,0,9\na,b.png,{SUM},0,0,9\n", r"face\.csv: a listed more than once"),
        (f"{HEAD}a/b,a.png,{SUM},0,0,9\n", r"'a/b' is no id of an image"),
        (HEAD, r"face\.csv has no crops"),
        ("id,file\na,a.png\n", r"must begin with the line id,file,sha256,left,top,side"),
        ("", r"must begin with the line"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_sentence_that_names_the_line(folder, text, message):
    (folder / "face.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadFile, match=message) as error:
        data.image_ids(card(folder))
    assert "\n" not in str(error.value)


def test_a_table_that_cannot_be_read_is_named(folder):
    (folder / "face.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(BadFile, match=r"table of crops .*face\.csv cannot be read"):
        data.image_ids(card(folder))
    (folder / "face.csv").unlink()
    with pytest.raises(BadFile, match=r"table of crops .*face\.csv cannot be read"):
        data.image_ids(card(folder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('reader = "folder"', 'reader = "lmdb"'), r"crops are cut out of the files of a folder"),
        (('crops = "face.csv"\n', ""), r"train_crops and no crops"),
        (('["train.csv"]', "[1]"), r"train_crops\[0\] must be a string"),
    ],
)
def test_a_card_with_crops_is_read_strictly(folder, change, message):
    path = folder / "face.toml"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(BadFile, match=message):
        card(folder)


def test_one_bad_crop_does_not_stop_the_others(folder):
    (folder / "photographs" / "a" / "0.png").unlink()
    bad, good = data.batches(card(folder), 4, 8)
    assert isinstance(bad, data.BadEntry)
    assert (bad.id, bad.refused) == ("a_0.png", False)
    assert good.ids == ("b_1.png",)


def test_a_list_pins_the_pixels_of_the_crops(folder):
    card_path = folder / "face.toml"
    listing.write_lists(str(folder))
    card_path.write_text(card_path.read_text() + 'list = "face.sha256"\n')
    assert data.read(card(folder), "b_1.png").shape == (3, 16, 16)
    text = (folder / "face.csv").read_text()
    (folder / "face.csv").write_text(text.replace(",3,5,20", ",4,5,20"))
    with pytest.raises(BadImage, match=r"the pixels of b_1\.png have sha256"):
        data.read(card(folder), "b_1.png")
    (folder / "face.sha256").write_text("c\n")
    with pytest.raises(MissingImages, match=r"face\.csv has no crop c; add it"):
        data.read(card(folder), "c")


def test_training_crops_are_all_there_and_none_is_tested(folder):
    assert sources.open_training(card(folder)).ids == ["c_2.png", "d_3.png"]
    test, train = ((folder / name).read_text() for name in ("face.csv", "train.csv"))
    copied = test.splitlines(keepends=True)[1].replace("a_0.png,a/0.png", "other,c/0.png")
    (folder / "train.csv").write_text(train + copied)
    with pytest.raises(BadFile, match=r"1 of the 3 training images of face are test images, .*\(other\)"):
        sources.open_training(card(folder))
    (folder / "train.csv").write_text(train.replace("c_2.png", "a_0.png"))
    with pytest.raises(BadFile, match=r"1 of the 2 training images of face are test images, .*\(a_0\.png\)"):
        sources.open_training(card(folder))
    (folder / "train.csv").write_text(train)
    (folder / "photographs" / "d" / "3.png").unlink()
    with pytest.raises(MissingImages, match=r"lacks 1 of the 2 files with training images of face \(d_3\.png\)"):
        sources.open_training(card(folder))


def test_the_portraits_are_disjoint_and_their_list_is_complete():
    found = cards.card("portraits", "face")
    tested, trained = crops.read_tables(found.crops), crops.read_tables(found.train_crops)
    assert (len(tested), len(trained)) == (100, 10_209)
    assert not {crop.sha256 for crop in tested.values()} & {crop.sha256 for crop in trained.values()}
    assert not {crop.file for crop in tested.values()} & {crop.file for crop in trained.values()}
    assert min(crop.box.side for crop in tested.values()) >= found.hr_size == 128, "a test image would be enlarged"
    assert list(found.sha256) == list(tested)


@pytest.mark.skipif(not (SHARED / "portraits").is_dir(), reason="the photographs are not there")
@pytest.mark.slow
def test_the_portraits_have_the_listed_pixels(monkeypatch):
    monkeypatch.setenv("GLEAN_DATA", str(SHARED))
    found = cards.card("portraits", "face")
    for name in data.image_ids(found):  # each is compared with the list
        assert data.read(found, name).shape == (3, 128, 128)
    train = sources.open_training(found)
    assert train.pixels(train.ids[0]).shape == (3, 128, 128)


def test_a_square_keeps_deep_samples_until_the_one_rounding():
    image = BytesIO()
    Image.fromarray((np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)).save(image, "PNG")
    made = photos.square(image.getvalue(), "x.png", 8, photos.Box(8, 8, 32), allow_enlarge=False)
    deep = torch.arange(64 * 64, dtype=torch.float64).mul(16).div(65535).view(64, 64)[8:40, 8:40]
    assert torch.equal(made[0], (resize.quantise(resize.resize(deep[None], 8, 8))[0] * 255).round().to(torch.uint8))


def test_a_damaged_archive_never_ends_in_another_error(folder):
    crop = crops.read_tables([folder / "face.csv"])["a_0.png"]
    path, whole = folder / "photographs" / "all.zip", zipped(folder).read_bytes()
    draw, refused = np.random.default_rng(0), 0
    for _ in range(400):
        damaged = bytearray(whole)
        for at in draw.integers(1, len(whole), 3):
            damaged[-at if at % 2 else at % 60] = draw.integers(256)
        path.write_bytes(damaged)
        crops._archive.cache_clear()
        try:
            assert crops.Files(path.parent).read(crop.file, crop.sha256) == encoded(0)
        except BenchError:
            refused += 1
    assert refused > 100, "this test does no damage"


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "a" + "/a" * 3000], ids=["long", "NUL", "deep"])
def test_a_file_that_cannot_be_is_missing(folder, name):
    text = (folder / "face.csv").read_text()
    (folder / "face.csv").write_text(text.replace("a/0.png", name))
    bad, good = sorted(data.batches(card(folder), 4, 8), key=lambda entry: isinstance(entry, data.Batch))
    assert good.ids == ("b_1.png",)
    assert "no archive" in bad.reason
