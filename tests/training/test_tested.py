"""No training reads an image that is tested on, whatever its name, its folder or its format; what was found is told."""

from dataclasses import replace

import lmdb
import pytest
from PIL import Image

from bench import cards
from bench.images import data
from bench.spec import BenchError, Card, MissingImages, Task
from methods.training import __main__ as command
from methods.training import feed, ingredients, photographs, queue
from methods.training.items import Item
from methods.training.photographs import Photographs
from methods.training.share import Share

from .test_bank import CPU
from .test_feed import FACE, greys, shades
from .test_queue import FACE as SCENES


@pytest.fixture
def profile(tmp_path) -> str:
    """Faces of the greys 10 and 20 to be tested, 110 and 120 to be trained on."""
    shades(tmp_path / "face", 10, 20)
    shades(tmp_path / "train", 110, 120)
    (tmp_path / "face.toml").write_text(FACE + 'train_source = "train"\n')
    return str(tmp_path)


def card(profile) -> Card:
    return cards.card(profile, "face")


def test_a_test_image_among_those_for_training_is_left_out_counted_and_told(profile, tmp_path):
    content = (tmp_path / "face" / "10.png").read_bytes()
    (tmp_path / "train" / "another name.png").write_bytes(content)
    assert greys(card(profile), 64) == {110, 120}, "it would be trained on what it is tested on"
    told = Photographs(card(profile), Share(), CPU).told
    assert told.startswith(
        "1 of the 3 training images of face (another name) is among the 2 test images by the checksum"
    )


def test_a_test_image_in_another_format_is_left_out_when_it_is_read(profile, tmp_path):
    Image.open(tmp_path / "face" / "20.png").save(tmp_path / "train" / "0.webp", lossless=True)
    assert greys(card(profile), 64) == {110, 120}
    assert Photographs(card(profile), Share(), CPU).told.startswith("none of the 3 training images of face are among")


def test_a_test_image_in_a_database_is_left_out(profile, tmp_path):
    with lmdb.open(str(tmp_path / "lsun"), map_size=2**20) as database, database.begin(write=True) as transaction:
        for key, path in ((b"a", "face/10.png"), (b"b", "train/110.png")):
            transaction.put(key, (tmp_path / path).read_bytes())
    changed = replace(card(profile), train_source=str(tmp_path / "lsun"), train_reader="lmdb")
    assert greys(changed, 16) == {110}


def test_the_other_images_of_a_step_stay_as_they_were(profile, tmp_path):
    """Else a run that goes on where the test set was copied to meanwhile would have other images."""
    shades(tmp_path / "more", *range(130, 146))
    for path in (tmp_path / "more").iterdir():
        path.rename(tmp_path / "train" / path.name)
    (tmp_path / "train" / "125.png").write_bytes((tmp_path / "face" / "10.png").read_bytes())
    with_test = Photographs(card(profile), Share(), CPU).batch(3, 64)
    (tmp_path / "face").rename(tmp_path / "elsewhere")
    without = Photographs(replace(card(profile)), Share(), CPU)
    assert "compared with no test image, as the test images are not here: there is no" in without.told
    same = (with_test == without.batch(3, 64)).flatten(1).all(1)
    assert 0 < (~same).sum() < 16, "more than the draws of one image of nineteen changed"


def test_the_checksums_of_a_list_count_without_the_test_images(profile, tmp_path):
    sums = {name: data.pixel_sha256(data.read(card(profile), name)) for name in ("10", "20")}
    (tmp_path / "train" / "x.png").write_bytes((tmp_path / "face" / "10.png").read_bytes())
    (tmp_path / "face").rename(tmp_path / "elsewhere")
    listed = replace(card(profile), ids=("10", "20"), sha256=sums)
    assert greys(listed, 64) == {110, 120}
    assert "with the 2 checksums of the list alone" in Photographs(listed, Share(), CPU).told


def test_nothing_but_test_images_is_refused(profile, tmp_path):
    with pytest.raises(MissingImages, match=r"all 2 training images of face in .* are test images"):
        Photographs(replace(card(profile), train_source=str(tmp_path / "face")), Share(), CPU)


def test_the_training_images_can_be_named_and_then_they_are_in_the_key_and_in_the_file(profile, tmp_path, monkeypatch):
    shades(tmp_path / "others" / "FFHQ-mine", 200, 210)
    task = Task(profile, "face", 1, 32, preset="mini")
    other = photographs.card_of(task, tmp_path / "others" / "FFHQ-mine")
    assert greys(other) == {200, 210}
    settings = queue.TrainingSettings(device=CPU, runs=tmp_path / "runs")
    told = replace(settings, train_data=tmp_path / "others" / "FFHQ-mine")
    item = Item("bank", task)
    monkeypatch.setattr(ingredients, "bank_recipes", lambda _: {"mini": None})
    assert ingredients.key(item, settings).images != ingredients.key(item, told).images, (
        "a run would take up the other's"
    )
    kept = []
    monkeypatch.setattr(queue, "ship", lambda *args: kept.append(args[3]))
    monkeypatch.setattr(queue, "_say", kept.append)
    run = type("Run", (), {"begun": True, "seconds": 1.0})()
    key = ingredients.key(item, replace(told))
    monkeypatch.setattr(type(key), "recipe", "r")
    kept.append(feed.open_feed(photographs.card_of(task, told.train_data), Share(), CPU).told)
    queue._adopted(item, told, None, key, run, Share())()
    assert kept[0].startswith("none of the 2 training images of face are among the 2 test images")
    assert kept[1]["data"] == "FFHQ-mine"


def test_a_file_says_which_tables_of_crops_it_was_trained_on():
    """Notes of tables said "the images that training takes for the profile" of networks trained on LFW."""
    assert queue._data(cards.card("portraits", "face")) == {"data": "LFW and US Congress portraits, other people"}
    assert queue._data(cards.card("mini", "face")) == {}


def test_a_database_that_is_named_is_read_as_one(profile, tmp_path):
    (tmp_path / "cat" / "cat_lmdb").mkdir(parents=True)
    with lmdb.open(str(tmp_path / "cat" / "cat_lmdb"), map_size=2**20) as made, made.begin(write=True) as transaction:
        transaction.put(b"a", (tmp_path / "train" / "110.png").read_bytes())
    assert greys(photographs.card_of(Task(profile, "face", 1, 32), tmp_path / "cat"), 4) == {110}


def test_training_images_are_named_for_one_category_of_photographs(profile, capsys, tmp_path):
    with pytest.raises(BenchError, match="are drawn, for training too; --train-data is for photographs"):
        photographs.card_of(SCENES.task, tmp_path)
    assert command.main(["--missing", "--train-data", str(tmp_path)]) == 2
    assert "--train-data is for the images of one category" in capsys.readouterr().err
    lsun = replace(card(profile), reader="lmdb", train_source="")
    with pytest.raises(BenchError, match="name them with --train-data, or in the card"):
        Photographs(lsun, Share(), CPU)
