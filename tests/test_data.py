"""The harness gets the right pixels, each image once, and hears of every image it cannot have."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench import cards, resize, scenes
from bench.cache import Cache
from bench.images import data, photos
from bench.spec import BadImage, BenchError, Card, MissingImages, TooSmall

SIZE = 32
PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "photos"


def picture(seed, size=SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def five_photographs(folder) -> Card:
    """A card of five photographs, 0 to 4, which are put into a folder."""
    for seed in range(5):
        Image.fromarray(picture(seed)).save(folder / f"{seed}.png")
    return Card(
        profile="p", category="cat", title="Cat", hr_size=SIZE, reader="folder", source=str(folder), test_set="",
        train_set="",
    )  # fmt: skip


@pytest.fixture
def card(tmp_path) -> Card:
    return five_photographs(tmp_path)


def pixels(image) -> np.ndarray:
    return image.permute(1, 2, 0).numpy()


def sha256(array) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def test_batches_come_in_order_and_size(card):
    found = list(data.batches(card, 4, 2))
    assert [batch.ids for batch in found] == [("0", "1"), ("2", "3"), ("4",)], "every image once, in order"
    assert [tuple(batch.hr.shape) for batch in found] == [(2, 3, 32, 32), (2, 3, 32, 32), (1, 3, 32, 32)]
    assert {batch.hr.dtype for batch in found} == {torch.float32}
    assert np.array_equal(pixels((found[1].hr[0] * 255).round().byte()), picture(2)), "hr is the photograph / 255"


def test_limit_takes_the_first_images(card):
    assert data.image_ids(card, 2) == ("0", "1")
    assert [batch.ids for batch in data.batches(card, 4, 8, 2)] == [("0", "1")]
    assert data.image_ids(replace(card, test_images=3)) == ("0", "1", "2"), "a card's test_images bounds a folder"
    assert data.image_ids(replace(card, ids=("3", "1"))) == ("3", "1"), "a card's ids keep their order"


@pytest.mark.parametrize("factor", [2, 8, 16])
def test_lr_is_m_hr_mt_rounded_to_8_bit(card, factor):
    (batch,) = data.batches(card, factor, 8)
    operator = resize.matrix(SIZE, factor).numpy()
    hr = np.stack([picture(seed) for seed in range(5)]).transpose(0, 3, 1, 2) / 255
    exact = np.einsum("ih,nchw,jw->ncij", operator, hr, operator).clip(0, 1) * 255
    levels = batch.lr.double().numpy() * 255
    assert batch.lr.dtype == torch.float32
    assert np.abs(levels - np.round(levels)).max() < 1e-4, "the LR is an 8-bit image"
    assert np.abs(np.round(levels) - exact).max() <= 0.5 + 1e-5, "each level is the nearest to M HR Mt"


def test_a_factor_that_does_not_divide_is_an_error(card):
    with pytest.raises(BenchError, match="factor 5 does not divide"):
        next(iter(data.batches(card, 5, 2)))


def test_bad_images_are_told_and_the_others_go_on(card):
    folder = Path(card.source)
    (folder / "1.png").write_bytes(b"")
    Image.fromarray(picture(3, 16)).save(folder / "3.png")
    found = list(data.batches(replace(card, ids=("0", "1", "2", "3", "4", "5")), 4, 2))
    bad = {entry.id: entry for entry in found if isinstance(entry, data.BadEntry)}
    good = [image_id for entry in found if isinstance(entry, data.Batch) for image_id in entry.ids]
    assert good == ["0", "2", "4"], "a bad image must not take others with it"
    assert [(key, entry.refused) for key, entry in bad.items()] == [("1", False), ("3", True), ("5", False)]
    assert "1.png is empty" in bad["1"].reason
    assert "has no photograph 5" in bad["5"].reason
    enlarged = list(data.batches(card, 4, 8, None, True))
    assert [entry.id for entry in enlarged if isinstance(entry, data.BadEntry)] == ["1"], "enlarging lets 3 in"


def test_read_gives_one_image_or_the_reason(card):
    assert np.array_equal(pixels(data.read(card, "2")), picture(2))
    with pytest.raises(MissingImages):
        data.read(card, "9")
    with pytest.raises(TooSmall):
        data.read(replace(card, hr_size=64), "2")
    assert data.read(replace(card, hr_size=64), "2", allow_enlarge=True).shape == (3, 64, 64)


def test_an_empty_folder_is_an_error_not_an_empty_run(card, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(MissingImages):
        list(data.batches(replace(card, source=str(tmp_path / "none")), 4, 2))


def test_each_image_is_read_once(card, monkeypatch):
    decoded = []
    original = photos.photo
    monkeypatch.setattr(photos, "photo", lambda *given, **named: decoded.append(given[1]) or original(*given, **named))
    for factor in (2, 4, 8):
        list(data.batches(card, factor, 2))
    assert len(decoded) == len(set(decoded)) == 5, "decoding again for each method and factor takes minutes"


def test_the_cache_keeps_cards_sizes_and_fits_apart(card, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(picture(7)).save(other / "0.png")
    Image.fromarray(picture(8).repeat(2, 1)).save(other / "1.png")
    elsewhere = replace(card, source=str(other))
    assert np.array_equal(pixels(data.read(card, "0")), picture(0))
    assert np.array_equal(pixels(data.read(elsewhere, "0")), picture(7)), "another folder, another image"
    assert data.read(replace(card, hr_size=16), "0").shape == (3, 16, 16), "another size, another image"
    stretched = data.read(replace(elsewhere, fit="stretch"), "1")
    assert not torch.equal(stretched, data.read(elsewhere, "1")), "another fit, another image"
    data.read(replace(card, hr_size=64), "0", allow_enlarge=True)
    with pytest.raises(TooSmall):
        data.read(replace(card, hr_size=64), "0")


def test_changing_a_result_does_not_change_the_cache(card):
    data.read(card, "0").zero_()
    (batch,) = data.batches(card, 4, 8)
    batch.hr.zero_()
    assert np.array_equal(pixels(data.read(card, "0")), picture(0)), "one method could spoil the next one's images"


def test_the_cache_forgets_the_image_not_used_for_longest():
    cache = Cache(20, lambda image: image.nbytes)
    made = []

    def make(name):
        return cache.get(name, lambda: made.append(name) or torch.zeros(8, dtype=torch.uint8))

    for name in "abaca":
        make(name)
    assert made == ["a", "b", "c"], "a was used last and must stay while b goes"
    make("b")
    assert made == ["a", "b", "c", "b"], "the cache must stay below its number of bytes"


def test_a_checksum_that_differs_is_found(card):
    right = {seed: sha256(picture(int(seed))) for seed in "01234"}
    assert data.pixel_sha256(data.read(card, "0")) == right["0"], "sha256 of rows, columns, R G B"
    (batch,) = data.batches(replace(card, sha256=right), 4, 8)
    assert len(batch.ids) == 5
    wrong = replace(card, sha256={**right, "2": right["3"]})
    found = list(data.batches(wrong, 4, 8))
    assert isinstance(found[0], data.BadEntry)
    assert (found[0].id, found[0].refused) == ("2", False), "a changed image must not be scored"
    assert "the renderer or the list has changed" in found[0].reason
    assert "python -m bench lists p" in found[0].reason, "it must say what to do"
    assert isinstance(found[1], data.Batch)
    with pytest.raises(BadImage):
        data.read(wrong, "2")


def test_large_images_come_in_batches_that_fit_the_memory(card, monkeypatch):
    monkeypatch.setattr(data, "_BATCH", 2 * 12 * SIZE**2)
    assert [batch.ids for batch in data.batches(card, 4, 8)] == [("0", "1"), ("2", "3"), ("4",)]
    monkeypatch.setattr(data, "_BATCH", 1)
    assert [len(batch.ids) for batch in data.batches(card, 4, 8)] == [1] * 5


def test_scenes_come_through_the_same_way():
    card = replace(cards.cards("mini", 16, need_lists=False)["face"], ids=(), sha256={})
    (batch,) = data.batches(card, 8, 4, 2)
    assert batch.ids == ("0000", "0001")
    expected = scenes.exact_images("face", torch.tensor([0, 1]), 16)
    assert torch.equal((batch.hr * 255).round().byte(), expected)


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="no ../shared/photos beside the checkout")
def test_real_photographs_are_read():
    for category, card in cards.cards(str(PHOTOS), 64).items():
        (batch,) = data.batches(card, 16, 2, 2)
        assert batch.hr.shape == (2, 3, 64, 64), f"{category}: a photograph cannot be used"
        assert batch.hr.std() > 0.05, f"{category}: a photograph came out flat"


def test_small_photographs_are_passed_over_where_the_card_says_so_and_the_number_stays(tmp_path):
    """Of 100 cars those below 512 px were refused, and n shrank to what was left."""
    (tmp_path / "car").mkdir()
    for index, side in enumerate((40, 20, 40, 10, 50, 40)):
        Image.fromarray(picture(index, side)).save(tmp_path / "car" / f"{index}.png")
    (tmp_path / "car" / "05.png").write_bytes(b"no image")
    large = Card(
        "mine", "car", "Car", 32, "folder", str(tmp_path / "car"), "Cars", "", test_images=3, large_enough=True
    )
    assert data.image_ids(large) == ("0", "2", "4")
    assert data.image_ids(large, 4) == ("0", "2", "4", "5")
    assert data.image_ids(replace(large, large_enough=False)) == ("0", "1", "2")
    assert data.image_ids(replace(large, hr_size=45)) == ("4",), "which are large enough depends on the size asked for"
    assert cards.card("paper", "car").large_enough, "a run of the cars would be of fewer than 100"
