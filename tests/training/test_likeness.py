"""What a bank's samples are compared with: two sets of real images that have none in common, drawn or photographed."""

import pytest
import torch
from PIL import Image

from bench import cards
from methods.nets.stylegan2 import StyleGAN2
from methods.training import likeness, trained_report

from ..conftest import textured

COUNT, SIDE = 110, 64


@pytest.fixture
def profile(tmp_path):
    """A folder of photographs, of which the first is for testing."""
    (tmp_path / "face").mkdir()
    for index in range(COUNT + 1):
        Image.fromarray(textured(SIDE, index)).save(tmp_path / "face" / f"{index:03}.png")
    (tmp_path / "face.toml").write_text(
        f'title = "Face"\nhr_size = {SIDE}\nreader = "folder"\nsource = "face"\nlist = "face.txt"\n'
        'test_set = "ours"\ntrain_set = "ours"\n'
    )
    (tmp_path / "face.txt").write_text("000\n")
    return tmp_path


@pytest.fixture
def bank() -> StyleGAN2:
    torch.manual_seed(0)
    return StyleGAN2(size=SIDE, channels=dict.fromkeys((4, 8, 16, 32, 64), 4), style_dim=8, mapping_layers=2)


def test_a_bank_of_photographs_is_compared_with_photographs(profile, bank):
    """It was compared with drawn faces, whatever it had been trained on."""
    found = likeness.measure(bank, cards.card(str(profile), "face"))
    assert (found.count, found.real) == (COUNT // 2, "training images")
    assert found.floor.fid < found.samples.fid / 3, "photographs are no nearer to photographs than noise is"
    assert likeness.measure(bank, cards.card(str(profile), "face"), most=50).count == 50


def test_the_two_sets_have_no_image_in_common(profile, bank, monkeypatch):
    seen = []
    monkeypatch.setattr(likeness, "features", lambda images: seen.append(images) or torch.rand(len(images), 4).double())
    likeness.measure(bank, cards.card(str(profile), "face"))
    reals = torch.cat(seen)[:COUNT].flatten(1)
    assert len(reals.unique(dim=0)) == COUNT


def test_of_fewer_than_two_sets_of_fifty_nothing_is_said(profile, bank):
    for index in range(99, COUNT + 1):
        (profile / "face" / f"{index:03}.png").unlink()
    assert likeness.measure(bank, cards.card(str(profile), "face")) is None


def test_a_sheet_has_64_samples(bank, tmp_path):
    with Image.open(trained_report.sheet(bank, tmp_path / "bank.webp")) as picture:
        assert picture.size == (8 * SIDE, 8 * SIDE)
        first = picture.crop((0, 0, SIDE, SIDE))
    shown = torch.frombuffer(bytearray(first.tobytes()), dtype=torch.uint8).view(SIDE, SIDE, 3).permute(2, 0, 1)
    assert (shown.float() / 255 - likeness.samples(bank, 64)[0]).abs().max() < 0.003, "not what the bank makes"
