import pytest
import torch
from torch import Tensor

from bench import cards, scenes
from bench.images import data
from bench.scenes import noise

CATEGORIES = list(scenes.SCENES)
TEST_SEEDS = torch.arange(100)


def levels(images) -> Tensor:
    return (images.double() * 255).round()


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.slow
def test_test_images_are_those_of_the_list(category):
    card = cards.card("mini", category)
    ids = card.ids[::9]
    assert len(card.ids) == len(card.sha256) == 100
    for image_id in ids:
        data.read(card, image_id)  # raises BadImage if a pixel differs from the list


@pytest.mark.parametrize("category", CATEGORIES)
def test_float32_agrees_with_float64_to_one_level(category):
    seeds = torch.arange(4, 100, 8)
    difference = (levels(scenes.render(category, seeds)) - scenes.exact_images(category, seeds).double()).abs()
    assert difference.max() <= 1, "training images would differ from test images by more than rounding"


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.slow
def test_at_least_fifteen_factors_each_change_the_picture_and_none_makes_it_jump(category):
    seeds = torch.arange(1000, 1004)
    ranges = scenes.SCENES[category].FACTORS
    assert len(ranges) >= 15
    values = scenes.factors(category, seeds)
    before = scenes.draw(category, seeds, values, 64, torch.float64)
    far, near = {}, {}
    for name, (low, high) in ranges.items():
        step = torch.where(values[name] < (low + high) / 2, high - low, low - high)
        far[name], near[name] = values[name] + 0.5 * step, values[name] + 1e-8 * step

    def largest_changes(moved):
        """The largest change of a pixel for each factor, all of them drawn in one batch."""
        all_values = {name: value.repeat(len(ranges)) for name, value in values.items()}
        for place, name in enumerate(ranges):
            all_values[name][place * len(seeds) : (place + 1) * len(seeds)] = moved[name]
        images = scenes.draw(category, seeds.repeat(len(ranges)), all_values, 64, torch.float64)
        changes = (images.unflatten(0, (len(ranges), len(seeds))) - before).abs().flatten(1).amax(1)
        return dict(zip(ranges, changes.tolist(), strict=True))

    assert [name for name, change in largest_changes(far).items() if change <= 2 / 255] == [], "these do nothing"
    assert [name for name, change in largest_changes(near).items() if change >= 1e-3] == [], "the picture jumps"


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_image_does_not_depend_on_the_images_beside_it(category):
    together = scenes.exact_images(category, torch.tensor([5, 6, 7]))
    assert torch.equal(together[1:2], scenes.exact_images(category, torch.tensor([6])))


@pytest.mark.parametrize("category", CATEGORIES)
def test_images_are_rich_enough_to_lose_something(category):
    from bench import resize

    hr = scenes.render(category, torch.arange(1000, 1008))
    back = resize.upsample(resize.downsample(hr, 16), 16)
    lost = (hr - back).pow(2).mean((1, 2, 3)).sqrt() * 255
    assert lost.min() > 5, "16x down-sampling must lose real detail"
    spread = hr.flatten(1).std(dim=0).mean() * 255
    assert spread > 20, "images of different seeds must differ"


def test_images_of_another_size_show_the_same_scene():
    from bench import resize

    small, large = (scenes.render("tower", torch.arange(1000, 1003), size) for size in (64, 128))
    assert (resize.downsample(large, 2) - small).abs().mean() * 255 < 12


def test_training_seeds_lie_apart_from_test_seeds():
    ids = {int(image_id) for category in CATEGORIES for image_id in cards.card("mini", category).ids}
    assert max(ids) < scenes.FIRST_TRAINING_SEED


def test_the_numbers_behind_a_seed_are_fixed():
    # Integer arithmetic only: the same on every machine and torch version, or every stored checksum is void.
    values = noise.uniform(torch.tensor([0, 1, 2**40]), "golden", 2)
    assert (values * 2**32).long().tolist() == [
        [2111690694, 579984237],
        [2162978348, 114517902],
        [2858059102, 1789587167],
    ]


def test_the_hash_is_the_published_one():
    def lowbias32(x):  # in Python's unbounded integers, where nothing can overflow
        x = ((x ^ (x >> 16)) * 0x7FEB352D) % 2**32
        x = ((x ^ (x >> 15)) * 0x846CA68B) % 2**32
        return x ^ (x >> 16)

    numbers = [0, 1, 2, 0xDEADBEEF, 2**32 - 1, *range(10**9, 10**9 + 50)]
    assert noise.mix(torch.tensor(numbers)).tolist() == [lowbias32(x) for x in numbers]


def test_numbers_are_uniform_and_independent():
    values = noise.uniform(torch.arange(20_000), "u", 2)
    for column in values.T:
        counts = torch.histc(column.float(), 20, 0, 1)
        assert ((counts - 1000).abs() < 5 * 1000**0.5).all()
    other = noise.uniform(torch.arange(20_000), "v", 1)[:, 0]
    for one, two in ((values[:, 0], values[:, 1]), (values[:, 0], other), (values[1:, 0], values[:-1, 0])):
        assert torch.corrcoef(torch.stack([one, two]))[0, 1].abs() < 0.03


@pytest.mark.gpu
@pytest.mark.parametrize("category", CATEGORIES)
def test_the_gpu_draws_the_same_images(category):
    seeds = torch.arange(0, 100, 5)
    on_gpu = scenes.render(category, seeds.cuda()).cpu()
    assert (levels(on_gpu) - scenes.exact_images(category, seeds).double()).abs().max() <= 1


def test_the_numbers_of_many_names_are_those_of_each():
    seeds = torch.tensor([0, 1, 999, 2**40 + 7])
    names = ["face.yaw", "face.pitch", "car.warmth"]
    one_by_one = torch.stack([noise.uniform(seeds, name)[:, 0] for name in names])
    assert torch.equal(noise.first(seeds, names), one_by_one), "every drawn image would change"
