"""Images are read while the methods compute: the next category need not be waited for, and a run is the same."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from bench.cache import Cache
from bench.images import data, photos, readahead
from bench.spec import BadImage, Card

PATIENCE = 20.0


@pytest.fixture
def card(tmp_path) -> Card:
    """A card of four photographs, 0 to 3."""
    draw = np.random.default_rng(0)
    for name in "0123":
        Image.fromarray(draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    return Card(
        profile="p", category="cat", title="Cat", hr_size=32, reader="folder", source=str(tmp_path), test_set="",
        train_set="",
    )  # fmt: skip


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the photographs that were decoded, in order; the cache is empty."""
    monkeypatch.setattr(data, "_CACHE", Cache(2**20, lambda image: image.nbytes))
    names: list[str] = []
    real = photos.photo

    def photo(content, name, *rest, **options):
        names.append(name.rpartition("/")[2])
        return real(content, name, *rest, **options)

    monkeypatch.setattr(photos, "photo", photo)
    return names


def wait_for(names, count) -> None:
    for _ in range(int(PATIENCE / 0.01)):
        if len(names) >= count:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"only {names} were read within {PATIENCE} s")


def test_what_was_read_ahead_is_not_read_again(card, decoded):
    with readahead.ahead([(card, 4, 3)], allow_enlarge=False):
        wait_for(decoded, 3)
    (batch,) = data.batches(card, 8, 8, 3)
    assert batch.ids == ("0", "1", "2")
    assert decoded == ["0.png", "1.png", "2.png"], "each once, and none that no method needs"


def test_no_image_is_read_that_pushes_out_another(card, decoded, monkeypatch, tmp_path):
    other = replace(card, source=str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    (tmp_path / "3.png").rename(tmp_path / "other" / "last.png")
    monkeypatch.setattr(data, "HELD", 3 * 32 * 32 * 3)
    with readahead.ahead([(card, 4, 3), (other, 4, 1)], allow_enlarge=False):
        wait_for(decoded, 3)
        threading.Event().wait(0.1)
    assert "last.png" not in decoded, "images of 1024 px would be read twice each"


def test_what_is_wrong_is_told_by_who_wants_the_image(card, decoded, tmp_path):
    missing = replace(card, source=str(tmp_path / "nowhere"))
    (tmp_path / "0.png").write_bytes(b"no picture")
    with readahead.ahead([(missing, 4, 3), (card, 4, 4)], allow_enlarge=False):
        wait_for(decoded, 4)
    bad, batch = data.batches(card, 4, 8)
    assert isinstance(bad, data.BadEntry)
    assert batch.ids == ("1", "2", "3"), "one bad image, or folder, must not end the reading of others"


def test_the_block_does_not_wait_for_the_rest(card, decoded, monkeypatch):
    slow = photos.photo

    def photo(*words, **options):
        threading.Event().wait(0.2)
        return slow(*words, **options)

    monkeypatch.setattr(photos, "photo", photo)
    with readahead.ahead([(card, 4, 4)], allow_enlarge=False):
        wait_for(decoded, 1)
    assert len(decoded) < 4, "Ctrl-C would wait until all images are read"


def test_two_threads_make_two_values_at_once_but_one_value_once():
    cache: Cache[torch.Tensor] = Cache(100, lambda value: value.nbytes)
    both = threading.Barrier(2, timeout=PATIENCE)
    made: list[str] = []

    def make(key):
        both.wait()  # breaks unless the other is being made, too
        made.append(key)
        return torch.zeros(1)

    threads = [threading.Thread(target=cache.get, args=(key, lambda key=key: make(key))) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == ["a", "b"], "who wants a cached image would wait for another to be drawn"

    begun = threading.Event()

    def once():
        begun.set()
        threading.Event().wait(0.1)
        made.append("c")
        return torch.zeros(1)

    first = threading.Thread(target=cache.get, args=("c", once))
    first.start()
    begun.wait()
    cache.get("c", once)
    first.join()
    assert made.count("c") == 1, "the same image would be drawn twice"


def test_a_value_that_could_not_be_made_is_tried_again():
    cache: Cache[torch.Tensor] = Cache(100, lambda value: value.nbytes)

    def fail():
        raise BadImage("broken")

    for _ in range(2):
        with pytest.raises(BadImage):
            cache.get("a", fail)
    assert cache.get("a", lambda: torch.ones(1)) == 1
