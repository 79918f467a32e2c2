"""Each reader finds its images, or says what to put where."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench import scenes
from bench.images import sources
from bench.spec import BadFile, BadImage, BenchError, Card, MissingImages, TooSmall, UnknownName

RGB = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def make_card(source, reader="folder", **facts) -> Card:
    return Card(
        profile="p", category="cat", title="Cat", hr_size=16, reader=reader, source=str(source), test_set="CAT",
        train_set="", **facts,
    )  # fmt: skip


def encoded(kind="PNG", image=RGB) -> bytes:
    stream = BytesIO()
    Image.fromarray(image).save(stream, kind)
    return stream.getvalue()


def make_database(path, images) -> Path:
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(path), map_size=2**22) as database, database.begin(write=True) as transaction:
        for key, value in images.items():
            transaction.put(key, value)
    (path / "lock.mdb").unlink()
    return path


def pixels(source, image_id) -> np.ndarray:
    return source.pixels(image_id).permute(1, 2, 0).numpy()


def test_a_folder_gives_its_photographs(tmp_path):
    (tmp_path / "1.png").write_bytes(encoded())
    source = sources.open_card(make_card(tmp_path))
    assert list(source.ids) == ["1"]
    assert np.array_equal(pixels(source, "1"), RGB)


def test_allow_enlarge_reaches_the_photographs(tmp_path):
    (tmp_path / "1.png").write_bytes(encoded(image=RGB[:8, :8]))
    with pytest.raises(TooSmall):
        sources.open_card(make_card(tmp_path)).pixels("1")
    assert sources.open_card(make_card(tmp_path), allow_enlarge=True).pixels("1").shape == (3, 16, 16)


def test_one_missing_or_unreadable_photograph_is_named(tmp_path):
    (tmp_path / "1.png").write_bytes(encoded())
    (tmp_path / "2.png").symlink_to(tmp_path / "nowhere")
    source = sources.open_card(make_card(tmp_path, ids=("1", "2", "3")))
    with pytest.raises(BadImage, match=r"2\.png cannot be read: No such file"):
        source.pixels("2")
    with pytest.raises(MissingImages, match=r"has no photograph 3; put it there, or take it off"):
        source.pixels("3")


def test_an_empty_folder_says_what_to_put_there(tmp_path):
    with pytest.raises(MissingImages, match=r"holds no photographs \(PNG, .*put the images of cat \(CAT\) there"):
        sources.open_card(make_card(tmp_path))


def test_glean_data_is_explained_until_it_is_set(tmp_path, monkeypatch):
    card = make_card("CAT_03", address="https://example.org/cats")
    monkeypatch.delenv("GLEAN_DATA", raising=False)
    with pytest.raises(
        MissingImages, match=r"GLEAN_DATA is not set.*get CAT from https://example.org/cats, keep it as CAT_03.*export"
    ):
        sources.open_card(card)
    monkeypatch.setenv("GLEAN_DATA", str(tmp_path))
    with pytest.raises(MissingImages, match=f"there is no {tmp_path}/CAT_03; get CAT"):
        sources.open_card(card)
    (tmp_path / "CAT_03").mkdir()
    (tmp_path / "CAT_03" / "1.png").write_bytes(encoded())
    assert list(sources.open_card(card).ids) == ["1"], "a relative source lies below $GLEAN_DATA"


def test_scenes_are_the_renderer_s_pixels():
    source = sources.open_card(make_card("face", "scenes", test_images=3))
    assert list(source.ids) == ["0000", "0001", "0002"]
    expected = scenes.exact_images("face", torch.tensor([1]), 16)[0]
    assert torch.equal(source.pixels("0001"), expected), "an id is a seed, the size is the card's"


def test_scenes_beside_each_other_are_drawn_at_once_and_are_what_each_is_alone(monkeypatch):
    alone = {number: scenes.exact_images("tower", torch.tensor([number]), 16)[0] for number in (7, 8, 5)}
    drawn, draw = [], scenes.exact_images
    monkeypatch.setattr(scenes, "exact_images", lambda name, seeds, size: (drawn.append(1), draw(name, seeds, size))[1])
    source = sources.open_card(make_card("tower", "scenes", test_images=9))
    for number, expected in alone.items():
        assert torch.equal(source.pixels(f"{number:04d}"), expected), "a picture depends on those beside it"
    source.pixels("0005").zero_()
    assert torch.equal(source.pixels("0005"), alone[5]), "one reader's picture is another's"
    assert len(drawn) == 2, "each picture drawn for itself takes twice as long"


@pytest.mark.parametrize("image_id", ["1000", "2345", "x", "-1"])
def test_training_seeds_are_no_test_images(image_id):
    source = sources.open_card(make_card("face", "scenes", ids=(image_id,)))
    with pytest.raises(BadFile, match="seeds below 1000"):
        source.pixels(image_id)


def test_an_unknown_scene_gets_suggestions():
    with pytest.raises(UnknownName, match="no scene 'faces'; did you mean face"):
        sources.open_card(make_card("faces", "scenes"))


def test_lmdb_gives_its_images_in_the_order_of_keys(tmp_path):
    images = {b"b2": encoded("WEBP"), b"a1": encoded("PNG"), b"c3": encoded("JPEG"), b"d4": b"damaged"}
    path = make_database(tmp_path / "cat_val_lmdb", images)
    source = sources.open_card(make_card(path, "lmdb", test_images=3))
    assert list(source.ids) == ["a1", "b2", "c3"], "the first ones in the order of their keys"
    assert np.array_equal(pixels(source, "a1"), RGB)
    assert np.array_equal(pixels(source, "b2"), np.asarray(Image.open(BytesIO(images[b"b2"]))))
    with pytest.raises(BadImage, match=r"cat_val_lmdb: d4 is not an image"):
        source.pixels("d4")
    with pytest.raises(MissingImages, match="has no image e5"):
        source.pixels("e5")
    assert not (path / "lock.mdb").exists(), "reading must not write: the disk may be read-only"


def test_an_lmdb_that_is_empty_or_none_is_named(tmp_path):
    with pytest.raises(MissingImages, match="holds no images"):
        sources.open_card(make_card(make_database(tmp_path / "empty", {}), "lmdb"))
    (tmp_path / "data").write_bytes(bytes(8192))
    with pytest.raises(BadFile, match=r"cannot be read as an LMDB database.*unpack it again"):
        sources.open_card(make_card(tmp_path / "data", "lmdb"))


def test_lmdb_not_installed_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(BenchError, match=r"pip install 'glean-bench\[lmdb\]'"):
        sources.open_card(make_card(tmp_path, "lmdb"))
