"""Lists of images that are written anew: of what is there, where the card reads them, and over nothing else."""

import resource
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bench import cards
from bench.cache import Cache
from bench.images import data, listing
from bench.spec import BadFile, Card, OutputError

from .test_data import five_photographs, picture, sha256


@pytest.fixture
def card(tmp_path) -> Card:
    return five_photographs(tmp_path)


def test_a_list_that_is_written_is_a_list_that_holds(card, tmp_path):
    path = listing.write_list(replace(card, sha256={"0": "0" * 64}), tmp_path / "cat.sha256")
    lines = path.read_text().splitlines()
    assert lines == [f"{sha256(picture(seed))}  {seed}" for seed in range(5)], "sha256, two spaces, id"


def test_write_lists_makes_the_lists_that_the_cards_name(card, tmp_path, monkeypatch):
    profile = tmp_path / "profile"
    profile.mkdir()
    text = 'title = "Cat"\nhr_size = 32\nreader = "folder"\ntest_set = ""\ntrain_set = ""\nlist = "cat.sha256"\n'
    (profile / "cat.toml").write_text(f'{text}source = "{card.source}"\n')
    assert listing.write_lists(str(profile)) == [profile / "cat.sha256"]
    listed = cards.card(str(profile), "cat")
    assert listed.ids == ("0", "1", "2", "3", "4")
    assert [batch.ids for batch in data.batches(listed, 4, 8)] == [listed.ids], "the images pass their own list"
    Image.fromarray(picture(9)).save(Path(card.source) / "1.png")
    monkeypatch.setattr(data, "_CACHE", Cache(2**20, lambda image: image.nbytes))  # as in another run
    assert [entry.id for entry in data.batches(listed, 4, 8) if isinstance(entry, data.BadEntry)] == ["1"]
    listing.write_lists(str(profile))
    assert len(list(data.batches(cards.card(str(profile), "cat"), 4, 8))) == 1, "a changed image can be listed anew"


CARD = 'title = "Cat"\nhr_size = 32\nreader = "folder"\nsource = "photos"\ntest_set = ""\ntrain_set = ""\n'


@pytest.fixture
def profile(card, tmp_path) -> Path:
    """A profile of a card and its five photographs."""
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "photos").symlink_to(card.source)
    (tmp_path / "profile" / "cat.toml").write_text(CARD)
    return tmp_path / "profile"


@pytest.mark.parametrize("name", ["cats.txt", "lists/cats.sha256", "a b"])
def test_the_list_that_is_written_is_the_one_that_the_card_names(profile, name):
    (profile / "cat.toml").write_text(f'{CARD}list = "{name}"\n')
    (profile / "lists").mkdir()
    assert listing.write_lists(str(profile)) == [profile / name]
    assert not (profile / "cat.sha256").exists()
    assert cards.card(str(profile), "cat").ids == ("0", "1", "2", "3", "4"), "nothing would read another file"


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt", "cat.toml", "photos/0.png"])
def test_a_list_is_written_over_nothing_else(profile, name):
    (profile / "cat.toml").write_text(f'{CARD}list = "{name}"\n')
    before = {path: path.read_bytes() for path in (profile / "cat.toml", profile / "photos" / "0.png")}
    with pytest.raises(BadFile, match="would be written over another file; name one beside the card"):
        listing.write_lists(str(profile))
    assert before == {path: path.read_bytes() for path in before}
    assert not (profile.parent / "outside.txt").exists()


def test_two_lists_are_not_written_over_each_other(profile):
    for category in ("cat", "car"):
        (profile / f"{category}.toml").write_text(f'{CARD}list = "all.txt"\n')
    with pytest.raises(BadFile, match="would be written over another file"):
        listing.write_lists(str(profile))


def test_a_list_that_cannot_be_written_is_a_sentence(profile):
    (profile / "cat.sha256").mkdir()
    with pytest.raises(OutputError, match=r"could not write .*cat\.sha256"):
        listing.write_lists(str(profile))


def test_a_list_is_whole_or_what_it_was(card, tmp_path):
    """As on a full disk: a list that is cut short would leave images out without a word."""
    path = tmp_path / "cat.sha256"
    before = listing.write_list(card, path).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OutputError, match="could not write"):
            listing.write_list(card, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
