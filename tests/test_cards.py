"""Cards are read as they are written, and a mistake in one is named."""

import shutil
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bench import cards, degradation, profiles, report_files
from bench.plan import plan
from bench.spec import BadFile, BenchError, MissingImages, UnknownName
from methods import specs

CARD = {
    "title": '"Cat"', "hr_size": "64", "reader": '"folder"', "source": '"photos"', "test_set": '"ours"',
    "train_set": '""',
}  # fmt: skip
SHA = "0123456789abcdef" * 4


def write_card(folder, category="cat", **changes) -> str:
    """Write a card; a key given as None is left out."""
    values = {key: value for key, value in {**CARD, **changes}.items() if value is not None}
    (folder / f"{category}.toml").write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    return str(folder)


def write_photo(path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


PAPER = {
    "face": (1024, "folder", "CelebA-HQ", "FFHQ", 100, "crop"),
    "cat": (256, "folder", "CAT", "LSUN-train cat", 100, "stretch"),
    "car": (512, "folder", "Cars", "LSUN-train car", 0, "stretch"),
    "bedroom": (256, "lmdb", "LSUN-val", "LSUN-train bedroom", 0, "stretch"),
    "tower": (256, "lmdb", "LSUN-val", "LSUN-train tower", 0, "stretch"),
}


def test_paper_cards_hold_the_facts_of_table_3():
    found = cards.cards("paper")
    assert tuple(found) == cards.STANDARD, "the paper's order of the categories"
    for category, card in found.items():
        facts = (card.hr_size, card.reader, card.test_set, card.train_set, len(card.ids), card.fit)
        assert facts == PAPER[category], f"the facts of {category}"
        assert card.test_images == 100, "the paper tests on 100 images of each"
        assert card.address.startswith("https://"), "a user must be told where to get the images"
    assert found["face"].ids == tuple(f"{number:05d}" for number in range(1, 101)), "faces 00001 to 00100"
    assert found["cat"].ids[0] == "00000800_007", "ids are names without suffix and without sizes"


def test_mini_cards_are_rendered_scenes():
    found = cards.cards("mini", need_lists=False)
    assert tuple(found) == cards.STANDARD
    assert {card.reader for card in found.values()} == {"scenes"}
    assert {card.hr_size for card in found.values()} == {128}
    assert all(card.source == category for category, card in found.items())


def test_profiles_are_the_folders_of_cards():
    assert profiles.profiles() == ("mini", "paper", "portraits")


def test_the_facts_of_an_installed_copy_are_found(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    (site / "datasets").mkdir(parents=True)  # Hugging Face's package lies beside ours
    share = tmp_path / "share" / "glean-bench"
    (share / "datasets" / "mini").mkdir(parents=True)
    (share / "datasets" / "mini" / "face.toml").touch()
    monkeypatch.setattr(profiles, "__file__", str(site / "bench" / "profiles.py"))
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(tmp_path))
    assert profiles.facts_root() == share
    shutil.copytree(share, site / "share" / "glean-bench")  # as `pip install --target` does
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(tmp_path / "nowhere"))
    assert profiles.facts_root() == site / "share" / "glean-bench"
    shutil.rmtree(site / "share")
    (share / "datasets" / "mini" / "face.toml").unlink()
    with pytest.raises(BadFile, match="install glean-bench again"):
        profiles.facts_root()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hrsize": "64"}, r"cat\.toml: there is no key 'hrsize'; did you mean hr_size"),
        ({"zzz": "1"}, r"cat\.toml: there is no key 'zzz'; there are: title"),
        ({"title": None}, r"cat\.toml: the key 'title' is missing; add it, it is a string"),
        ({"hr_size": '"64"'}, r"cat\.toml: hr_size must be a whole number from 1 to 16384, not a string \('64'\)"),
        ({"hr_size": "true"}, r"hr_size must be a whole number from 1 to 16384, not true or false"),
        ({"hr_size": "64.0"}, r"hr_size must be a whole number from 1 to 16384, not a decimal number"),
        ({"hr_size": "0"}, r"hr_size must be a whole number from 1 to 16384, not 0"),
        ({"test_images": "-1"}, r"test_images must be a whole number from 1 to .*, not -1"),
        ({"reader": '"foldr"'}, r"there is no reader 'foldr'; did you mean folder"),
        ({"fit": '"strech"'}, r"there is no fit 'strech'; did you mean stretch"),
        ({"ids": "[1, 2]"}, r"ids\[0\] must be a string, not a whole number"),
        ({"ids": '["a", "b", "a"]'}, r"ids names 'a' more than once"),
        ({"ids": '["../a"]'}, r"'../a' is no id of an image"),
        ({"ids": '["a"]', "list": '"cat.txt"'}, r"both `ids` and `list`"),
        ({"list": '"cat.txt"'}, r"the list .*cat\.txt cannot be read.*python -m bench lists"),
        ({"title": "Cat"}, r"cat\.toml cannot be read as TOML"),
    ],
)
def test_a_mistake_in_a_card_is_named(tmp_path, changes, message):
    with pytest.raises(BadFile, match=message) as caught:
        cards.cards(write_card(tmp_path, **changes))
    assert str(tmp_path) in str(caught.value), "the message must name the file"


def test_a_card_that_is_not_text_is_an_error(tmp_path):
    (tmp_path / "cat.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(BadFile, match=r"cat\.toml cannot be read as TOML"):
        cards.cards(str(tmp_path))


def test_a_list_may_hold_ids_and_checksums(tmp_path):
    profile = write_card(tmp_path, list='"cat.txt"')
    (tmp_path / "cat.txt").write_text(f"# made by hand\n{SHA}  a b\n\nc\r\n")
    card = cards.card(profile, "cat")
    assert card.ids == ("a b", "c"), "one id a line, in the order of the list"
    assert card.sha256 == {"a b": SHA}, "an id without a checksum is not checked"


@pytest.mark.parametrize("text", ["", "# nothing\n", f"{SHA}  a\n{SHA}  a\n", f"{SHA}  ../a\n", "  a\n"])
def test_a_bad_list_is_an_error(tmp_path, text):
    (tmp_path / "cat.txt").write_text(text)
    with pytest.raises(BadFile, match=r"cat\.txt"):
        cards.cards(write_card(tmp_path, list='"cat.txt"'))


def test_a_list_that_is_to_be_written_may_be_absent(tmp_path):
    profile = write_card(tmp_path, list='"cat.sha256"')
    assert cards.cards(profile, need_lists=False)["cat"].ids == (), "else no list could ever be written"


def test_a_folder_of_photographs_needs_no_card(tmp_path):
    for name in ("zebra/1.png", "cat/1.png", "face/1.png", ".cache/1.png"):
        write_photo(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "readme.txt").touch()
    found = cards.cards(str(tmp_path))
    assert list(found) == ["face", "cat", "zebra"], "the paper's categories first; no hidden and no empty folders"
    cat = found["cat"]
    assert (cat.title, cat.reader, cat.hr_size, cat.test_images) == ("cat", "folder", 256, 100)
    assert (cat.test_set, cat.train_set) == ("cat photographs", "")
    assert cat.profile == str(tmp_path), "the profile must lead back to the card"
    assert Path(cat.source) == tmp_path / "cat"


def test_cards_and_folders_may_be_mixed(tmp_path):
    write_photo(tmp_path / "photos" / "1.png")
    write_photo(tmp_path / "tower" / "1.png")
    found = cards.cards(write_card(tmp_path))
    assert list(found) == ["cat", "tower"], "the folder that a card names is no category of its own"
    assert Path(found["cat"].source) == tmp_path / "photos", "a card's folder lies beside it"
    write_card(tmp_path, "tower", source='"tower"', title='"Towers"')
    assert cards.card(str(tmp_path), "tower").title == "Towers", "a card comes before the folder of its name"


def test_a_relative_path_is_a_profile(tmp_path, monkeypatch):
    write_photo(tmp_path / "pictures" / "cat" / "1.png")
    monkeypatch.chdir(tmp_path)
    assert Path(cards.card("pictures", "cat").source) == tmp_path / "pictures" / "cat", (
        "sources must not depend on the cwd"
    )


def test_another_size_drops_the_checksums(tmp_path):
    profile = write_card(tmp_path, list='"cat.txt"')
    (tmp_path / "cat.txt").write_text(f"{SHA}  a\n")
    assert cards.card(profile, "cat", 64).sha256 == {"a": SHA}
    resized = cards.card(profile, "cat", 32)
    assert (resized.hr_size, resized.sha256, resized.ids) == (32, {}, ("a",)), "checksums are of the card's size"
    with pytest.raises(BenchError, match="hr_size must be from 1 to 16384"):
        cards.cards(profile, 0)


def test_unknown_names_get_suggestions():
    with pytest.raises(UnknownName, match=r"no category in the profile paper: 'bedrom'; did you mean bedroom\?"):
        cards.card("paper", "bedrom")
    with pytest.raises(UnknownName, match=r"no profile, and no folder, 'minni'; did you mean mini\?"):
        cards.cards("minni")


@pytest.mark.parametrize("profile", ["/nowhere/photos", "./photos", "a/b", "~/nowhere-at-all"])
def test_a_path_that_is_no_folder_is_named(profile):
    with pytest.raises(MissingImages, match=r"there is no folder /.*; a profile is mini, paper, portraits or a folder"):
        cards.cards(profile)


def test_a_folder_without_photographs_says_what_to_put_there(tmp_path):
    write_photo(tmp_path / "1.png")  # beside the sub-folders instead of in one
    with pytest.raises(MissingImages, match=r"one sub-folder per category, such as .*/cat"):
        cards.cards(str(tmp_path))


def test_a_download_is_of_listed_files(tmp_path):
    profile = write_card(tmp_path, download='"https://example.org/"')
    with pytest.raises(BadFile, match="a download and no crops, which would say which files"):
        cards.cards(profile)


def test_a_card_says_where_its_faces_are(tmp_path):
    box = cards.card(write_card(tmp_path, "face", face_box="[0.1, 0, 0.9]"), "face").face_box
    assert box == (0.1, 0, 0.9)
    assert cards.card(write_card(tmp_path), "cat").face_box is None


def test_a_card_may_degrade_its_images(tmp_path):
    """As a table does; read from a file it was a list, and the first command a fault of ours."""
    profile = write_card(tmp_path, "face", degradation='["blur 2", "down"]')
    card = cards.card(profile, "face")
    assert card.degradation == ("blur 2", "down")
    assert degradation.words(card.degradation) == "blur 2, down"
    report, methods = replace(report_files.read("table2"), categories=("face",)), {"bicubic": specs.BICUBIC}
    cells = plan(report, methods, {"face": card})
    assert {cell.refusal for cell in cells if cell.method == "bicubic"} == {None}
    noisy = cards.card(write_card(tmp_path, "face", degradation='["noise 10"]'), "face")
    with pytest.raises(BenchError, match="has no `down`"):
        plan(report, methods, {"face": noisy})


@pytest.mark.parametrize(
    "box",
    ["[0.1, 0.1]", "[0.1, 0.1, 0.95]", "[-0.1, 0, 0.5]", "[0, 0, 0.05]", "[0, nan, 0.5]", '"all"', "[0, true, 1]"],
)
def test_a_face_lies_within_the_image(tmp_path, box):
    profile = write_card(tmp_path, face_box=box)
    with pytest.raises(BadFile, match=r"face_box must be \[left, top, side\] in shares of the image's side, within it"):
        cards.cards(profile)
