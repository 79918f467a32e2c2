"""Adversarial losses against their formulas; what augmentation may and may not do; the images of a step."""

import hashlib
import math

import numpy as np
import pytest
import torch
from torch import nn

from bench import cards, scenes
from bench.images import data, sources
from bench.resize import eight_bit
from bench.spec import Card, MissingImages
from methods.training import losses, photographs
from methods.training.bank import augment as augmentation
from methods.training.bank.augment import augment, next_probability
from methods.training.drawn import Pool, Scenes
from methods.training.photographs import Photographs
from methods.training.share import Share

CPU = torch.device("cpu")
CARD = Card("mini", "cat", "Cat", 32, "scenes", "cat", "", "")


def test_losses_at_zero_logits_and_their_signs():
    zero, sure = torch.zeros(4, 1), torch.full((4, 1), 10.0)
    assert losses.discriminator_loss(zero, zero).item() == pytest.approx(2 * math.log(2))
    assert losses.generator_loss(zero).item() == pytest.approx(math.log(2))
    assert losses.discriminator_loss(sure, -sure).item() < 1e-3 < losses.discriminator_loss(-sure, sure).item()
    assert losses.generator_loss(sure).item() < losses.generator_loss(-sure).item()


def test_penalties_of_linear_networks():
    images = torch.randn(5, 3, 4, 4, requires_grad=True)
    weight = torch.randn(48)
    logits = images.flatten(1) @ weight
    assert losses.r1_penalty(images, logits).item() == pytest.approx(weight.square().sum().item(), rel=1e-5)
    w = torch.randn(2, 3, 48, requires_grad=True)
    painted = w.sum(1).view(2, 3, 4, 4) * 2
    y = torch.randn(2, 3, 4, 4)
    expected = (2 * y / 4).flatten(1).norm(dim=1)  # J^T y for each of three equal latents, their mean square, its root
    torch.testing.assert_close(losses.path_lengths(painted, w, y), expected)


def test_augmentation_does_nothing_at_zero_and_something_at_one_with_a_gradient():
    images = torch.rand(6, 3, 16, 16) * 2 - 1
    source = torch.Generator().manual_seed(0)
    assert torch.equal(augment(images, torch.tensor(0.0), Share(), source), images)
    given = images.clone().requires_grad_()
    changed = augment(given, torch.tensor(1.0), Share(), source)
    assert all(not torch.equal(a, b) for a, b in zip(changed, images, strict=True))
    changed.sum().backward()
    assert given.grad.abs().sum() > 0
    rare = augment(images, torch.tensor(0.01), Share(), source)
    assert sum(torch.equal(a, b) for a, b in zip(rare, images, strict=True)) >= 4, "p = 0.01 leaves nearly all alone"


def test_the_probability_follows_overfitting():
    for before, sign, after in ((0.5, 0.9, 0.51), (0.5, 0.3, 0.49), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)):
        p = next_probability(torch.tensor(before), torch.tensor(sign), 5_000)
        assert p.item() == pytest.approx(after), (before, sign)


def test_a_shift_moves_an_image_as_a_whole_and_mirrors_what_comes_in():
    """By numpy: an eighth of the side at most, other rows and columns for each image."""
    images, shifts = torch.rand(8, 3, 16, 16), torch.rand(2, 8, 1, 1, 1)
    drawn = iter(shifts)
    moved = augmentation._shifted(images, lambda: next(drawn))
    for image, dx, dy, found in zip(images, *shifts.flatten(1), moved, strict=True):
        padded = np.pad(image.numpy(), ((0, 0), (2, 2), (2, 2)), mode="reflect")
        top, left = int(dy * 5), int(dx * 5)
        assert np.array_equal(found.numpy(), padded[:, top : top + 16, left : left + 16])


def test_training_images_are_a_function_of_the_step_and_none_is_a_test_image():
    one, two = Pool(CARD, Share(), 24), Pool(CARD, Share(), 24)
    for step in (0, 1, 7, 30):
        two.batch(step, 4)
    torch.testing.assert_close(one.batch(30, 4), two.batch(30, 4), msg="a resumed run has other images")
    assert not torch.equal(one.batch(30, 4), one.batch(31, 4))
    assert (one._seeds >= scenes.FIRST_TRAINING_SEED).all()
    assert one._seeds.unique().numel() == 24
    assert one._seeds.max() == scenes.FIRST_TRAINING_SEED + 24 + 2 * 31 - 1, "each step brings new images"
    new = Scenes(CARD, Share(), CPU)
    assert not torch.equal(new.batch(0, 2), new.batch(1, 2))
    other = Scenes(CARD, Share(0, 1, 2), CPU)
    assert not torch.equal(new.batch(0, 2), other.batch(0, 2)), "two processes have the same images"


def test_the_images_of_a_pool_are_those_of_its_seeds(monkeypatch):
    """They are drawn in blocks, ahead of the step: one out of place would be in no step, or in two."""
    calls = []
    plain = scenes.render
    monkeypatch.setattr(scenes, "render", lambda *words: (calls.append(len(words[1])), plain(*words))[1])
    pool = Pool(CARD, Share(), 10)
    for step in (0, 1, 2, 3, 4, 5, 6, 7, 9, 20, 21, 3):
        pool.batch(step, 2)
        drawn = eight_bit(plain(CARD.source, pool._seeds, CARD.hr_size))
        assert torch.equal(pool._images, drawn), step
    assert calls[:3] == [10, 10, 10], "two images at a time take as long as five of ten"
    assert len(calls) == 6, calls


def test_another_seed_has_other_scenes_on_a_gpu_too():
    """Seeds differed in what is mirrored alone, so that their spread would have been that of the weights."""
    own, other = (Scenes(CARD, Share(seed), CPU).batch(0, 3) for seed in (0, 1))
    for image in own:
        for turned in (other, other.flip(3)):
            assert all(not torch.equal(image, each) for each in turned)


def test_the_pool_is_drawn_once_for_the_trainings_of_a_category(monkeypatch):
    first = Pool(CARD, Share(), 40)
    begun = first.batch(0, 4)
    first.batch(30, 4)
    monkeypatch.setattr(scenes, "render", None)
    assert torch.equal(Pool(CARD, Share(), 40).batch(0, 4), begun), "a training has changed the pool of the next one"


def test_photographs_are_those_that_are_not_tested(photos):
    text = 'title="Face"\nhr_size=32\nreader="folder"\nsource="face"\ntest_set="x"\ntrain_set=""\ntest_images=2\n'
    (photos / "face.toml").write_text(text)
    card = cards.card(str(photos), "face")
    batch = Photographs(card, Share(), CPU).batch(0, 5)
    third = data.read(Card(**{f: getattr(card, f) for f in card.__slots__} | {"test_images": 3}), "2").float() / 255
    assert all(torch.equal(x, third) or torch.equal(x, third.flip(-1)) for x in batch)
    (photos / "face.toml").write_text(text.replace("test_images=2", "test_images=3"))
    with pytest.raises(MissingImages, match="test images of face and no others"):
        Photographs(cards.card(str(photos), "face"), Share(), CPU)


def test_the_average_follows():
    from methods.training.optimisers import follow

    old, new = nn.Linear(2, 2), nn.Linear(2, 2)
    expected = 0.9 * old.weight.detach() + 0.1 * new.weight.detach()
    follow(old, new, 0.9)
    torch.testing.assert_close(old.weight.detach(), expected)


def with_crops(photos) -> Card:
    """Two crops for testing and two for training, of the six photographs of a profile."""
    lines = ["id,file,sha256,left,top,side\n"] * 2
    for index, path in enumerate(sorted(photos.glob("*/*.png"))[:4]):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        lines[index // 2] += f"{index},{path.relative_to(photos)},{sha256},4,6,{32 + index}\n"
    (photos / "test.csv").write_text(lines[0])
    (photos / "train.csv").write_text(lines[1])
    (photos / "crops.toml").write_text(
        'title="C"\nhr_size=32\nreader="folder"\nsource="."\ntest_set="x"\ntrain_set=""\ncrops="test.csv"\n'
        'train_crops=["train.csv"]\n'
    )
    return cards.card(str(photos), "crops")


def test_training_crops_are_those_of_their_own_table(photos, monkeypatch):
    card = with_crops(photos)
    share = Share(seed=3)
    batch = Photographs(card, share, CPU).batch(7, 16)
    train = sources.open_training(card)
    known = [train.pixels(name).float() / 255 for name in ("2", "3")]
    assert all(any(torch.equal(x, y) or torch.equal(x, y.flip(-1)) for y in known) for x in batch)
    assert any(torch.equal(x, y) for x in batch for y in known), "none is upright"
    assert any(torch.equal(x, y.flip(-1)) for x in batch for y in known), "none is mirrored"
    assert torch.equal(Photographs(card, share, CPU).batch(7, 16), batch), "a run that goes on would have other images"
    monkeypatch.setattr(photographs, "KEPT", 0)
    assert torch.equal(Photographs(card, share, CPU).batch(7, 16), batch), "kept images are others"


def test_photographs_that_fit_are_decoded_once(photos, monkeypatch):
    photographs = Photographs(with_crops(photos), Share(), CPU)
    first = photographs.batch(0, 64)
    for path in photos.glob("*/*.png"):
        path.unlink()
    assert torch.equal(photographs.batch(0, 64), first)
