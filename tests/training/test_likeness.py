"""What a bank's samples are compared with: two sets of real images that have none in common, drawn or photographed."""

import pytest
import torch
from PIL import Image

from bench import cards
from bench.spec import Task
from methods.formats import own_files, sealed
from methods.nets.biggan import BigGAN
from methods.nets.stylegan2 import StyleGAN2
from methods.presets import biggan
from methods.training import likeness, trained_report
from methods.training.items import Item

from ..conftest import textured
from .test_biggan import TINY

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


def test_each_class_of_a_biggan_is_compared_with_its_own_category(tmp_path, monkeypatch):
    """A poor bank and a poor kind of bank could not be told apart: it had no figure."""
    monkeypatch.setitem(biggan.BIGGAN, "mini", TINY)
    torch.manual_seed(0)
    generator = BigGAN(**TINY.generator).eval()
    (tmp_path / "biggan_128.safetensors").write_bytes(own_files.safetensors(generator))
    seen = []

    def measured(bank, card, most):
        seen.append((card.category, likeness.samples(bank, 2)))
        return likeness.Likeness(most, "renders", likeness.Distance(0.25, 4), likeness.Distance(0, 1))

    monkeypatch.setattr(trained_report, "measure", measured)
    item = Item("biggan", Task("mini", "face", 1, 128, preset="mini"))
    (tmp_path / "vgg.safetensors").write_bytes(sealed.pack({"w": torch.zeros(1)}, {}))
    written = list(trained_report.write([item], tmp_path, tmp_path))
    assert "\n\nNot trained here: biggan_128.safetensors, vgg.safetensors.\n\n" in written[-1].read_text(), (
        "a file is not listed"
    )
    assert [path.name for path in written] == [*(f"biggan_{name}.webp" for name in TINY.classes), "trained.md"]
    told = "| face 0.2500, cat 0.2500, car 0.2500, bedroom 0.2500, tower 0.2500 | face 4.00, cat 4.00"
    assert told in written[-1].read_text()
    assert [name for name, _ in seen] == list(TINY.classes)
    z = torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(0))
    for label, (_, images) in enumerate(seen):
        with torch.no_grad():
            own = (generator(z, torch.full((2,), label)) + 1) / 2
        torch.testing.assert_close(images, own.clamp(0, 1), msg="samples of another class")
