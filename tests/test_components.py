"""LPIPS of parts of a face: against package lpips, and that each part sees its own faults."""

import math

import pytest
import torch

from bench import cards, scenes
from bench.scores import components, metric_networks, metrics
from bench.scores.metric import Pair
from bench.spec import TooSmall

BOX = (0.15, 0.13, 0.7)


@pytest.fixture(scope="module")
def faces():
    return (scenes.render("face", torch.arange(4), 128) * 255).round() / 255


@torch.no_grad()
def test_the_map_is_that_of_package_lpips(faces):
    first, second = faces.split(2)
    part = components.part_of(BOX, 128, rest=False)
    network = metric_networks.lpips_alex(torch.device("cpu")).network
    network.spatial = True
    try:
        theirs = network(torch.where(part, first, second) * 2 - 1, second * 2 - 1)[:, 0]  # (N, H, W)
    finally:
        network.spatial = False
    found = components.lpips_within(first, second, part)
    assert torch.allclose(found, theirs[:, part].mean(1).double(), rtol=1e-4), "another distance than LPIPS"


def test_each_part_sees_its_own_faults(faces):
    inside = components.part_of(BOX, 128, rest=False)
    noise = torch.rand(faces.shape, generator=torch.Generator().manual_seed(0))
    for part, other in ((inside, ~inside), (~inside, inside)):
        broken = torch.where(part, noise, faces)
        assert (components.lpips_within(broken, faces, part) > 0.5).all()
        assert (components.lpips_within(broken, faces, other) == 0).all(), "a fault of the one counts on the other"


def test_the_parts_make_the_whole_image():
    inside, rest = (components.part_of(BOX, 128, rest=rest) for rest in (False, True))
    assert torch.equal(rest, ~inside)
    assert 0.05 < inside.float().mean() < 0.15, "eyes, nose and mouth are a tenth of a portrait"


def test_the_columns_are_of_the_face_of_the_card(faces):
    card = cards.card("mini", "face")
    for name, rest in (("lpips_components", False), ("lpips_rest", True)):
        column = metrics.find(name).of(card)
        assert column.protocol().endswith("eyes nose mouth in 0.15 0.13 0.7]"), "others' boxes would be compared"
        expected = components.lpips_within(faces[:2], faces[2:], components.part_of(BOX, 128, rest=rest))
        assert torch.equal(column.function(Pair(faces[:2], faces[2:], faces, 16)), expected)
        assert not metrics.find(name).measures(cards.card("mini", "cat"))


def test_what_has_no_pixels_or_too_few_is_refused(faces):
    with pytest.raises(ValueError, match="a part of images"):
        components.lpips_within(faces, faces, torch.zeros(128, 128, dtype=torch.bool))
    with pytest.raises(TooSmall, match="at least 31 px"):
        components.lpips_within(faces[..., :16, :16], faces[..., :16, :16], torch.ones(16, 16, dtype=torch.bool))
    assert not math.isnan(components.lpips_within(faces, faces, components.part_of(BOX, 128, rest=True)).sum())
