"""methods/nets/dfdnet.py: published counts and sizes, and identities that pin what a swap does."""

import pytest
import torch
import torchvision
from torch import nn

from bench.spec import BenchError
from methods.nets.dfdnet import PARTS, Box, DFDNet, at_stride, boxes_of_landmarks, clipped, patch_sides
from methods.nets.dfdnet_parts import CriticLevels, Swap, UpBlock, adain, moments
from methods.nets.shapes import shapes
from methods.nets.stylegan2_discriminator import StyleGAN2Discriminator
from methods.nets.vgg19 import LEVELS, Vgg19

from .dfdnet_published import BOXES, SIDE, Pyramid, dictionary, naive_index, small

VGG19 = (128, 256, 512, 512)


def count(network) -> int:
    return sum(value.numel() for value in network.parameters())


def images(number=1, seed=2) -> torch.Tensor:
    return torch.rand(number, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def published() -> DFDNet:
    """The published network, without values."""
    with shapes():
        centres = {
            part: [torch.empty(4, width, side, side) for width, side in zip(VGG19, sides, strict=True)]
            for part, sides in patch_sides().items()
        }
        return DFDNet(extractor=Vgg19(), dictionary=centres)


def test_parameters_are_the_published_networks(published):
    """Golden check 6: a layer is missing or of another width if this fails."""
    own = count(published) - count(published.extractor)
    heads = sum(9 * width * width + width + 9 * 3 * width + 3 for width in (512, 256, 128, 64))
    assert heads == 3_160_332, "the four to_rgb heads, which the published pass does not use and we leave out"
    assert own + heads == 96_449_935
    with torch.device("meta"):
        whole = count(torchvision.models.vgg19())
    assert own + heads + whole + 6 == 240_117_181, "with VGG19's classifier, and mean and deviation as parameters"


def test_features_of_512_px_have_the_published_shapes(published):
    """Golden check 1."""
    features = published.extractor(torch.empty(1, 3, 512, 512, device="meta"))
    assert [tuple(each.shape[1:]) for each in features] == [
        *((128, 256, 256), (256, 128, 128), (512, 64, 64), (512, 32, 32))
    ]


def test_the_published_network_keeps_the_size(published):
    """What the adapter and the count of operations rest on: a pass without values, boxes with them."""
    made = published(torch.empty(2, 3, 512, 512, device="meta"), 8 * BOXES.expand(2, 4, 4))
    assert made.shape == (2, 3, 512, 512)


def test_sides_of_the_dictionary_are_the_published_ones():
    """Golden check 2: a dictionary of the authors would be cut into the wrong shape."""
    eyes = (40, 20, 10, 5)
    assert patch_sides() == {
        "left_eye": eyes, "right_eye": eyes, "nose": (25, 12, 6, 3), "mouth": (55, 27, 13, 6),
    }  # fmt: skip
    assert patch_sides(64)["nose"] == (3, 2, 2, 2), "a single pixel has no deviation"


def test_adain_to_itself_is_the_identity():
    """Golden check 3."""
    x = torch.randn(3, 4, 5, 6, dtype=torch.float64)
    assert torch.allclose(adain(x, x), x, rtol=1e-12, atol=1e-12)


def test_deviation_is_of_the_unbiased_variance():
    mean, deviation = moments(torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    assert mean.item() == 3
    assert deviation.item() == pytest.approx((14 / 3 + 1e-5) ** 0.5, rel=1e-6), "4 values, divided by 3"


def test_vgg19s_features_are_torchvisions():
    """The first three are behind their ReLUs and conv5_4 is not: a dictionary is of exactly these."""
    torch.manual_seed(0)
    with torch.device("meta"):
        theirs = torchvision.models.vgg19()
    features = theirs.features[:36].to_empty(device="cpu")
    for value in features.parameters():
        nn.init.normal_(value, std=(2 / value[0].numel()) ** 0.5 if value.dim() > 1 else 0.1)
    ours = Vgg19()
    ours.features.load_state_dict(features[:35].state_dict())
    x = (images()[..., :32, :32] + 1) / 2
    x = torchvision.transforms.functional.normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with torch.inference_mode():
        found = ours(images()[..., :32, :32])
        for layer, feature in zip(LEVELS, found, strict=True):
            wanted = features[: layer + 1](x)
            assert (feature - wanted).abs().max() <= 1e-4 * wanted.abs().max(), f"layer {layer} is not torchvision's"
    assert [bool(feature.min() < 0) for feature in found] == [False, False, False, True]


def test_all_landmarks_at_one_point():
    """Golden check 4: the least box, 31 px, from p - 15 to p + 16."""
    points = torch.tensor([100.0, 200.0]).expand(2, 68, 2)
    assert boxes_of_landmarks(points).tolist() == [[[85, 185, 116, 216]] * 4] * 2


@pytest.mark.parametrize(
    ("landmark", "part"),
    [
        *((0, None), (16, None), (17, 0), (21, 0), (36, 0), (41, 0), (22, 1), (26, 1), (42, 1), (47, 1)),
        *((27, None), (28, None), (29, 2), (35, 2), (48, 3), (67, 3)),
    ],
)
def test_a_landmark_moves_the_box_of_its_part_alone(landmark, part):
    points = torch.full((1, 68, 2), 100.0)
    points[0, landmark] = 190
    moved = (boxes_of_landmarks(points) != 100 + torch.tensor([-15, -15, 16, 16]))[0].any(1)
    assert moved.nonzero().flatten().tolist() == ([] if part is None else [part])


def test_a_box_is_square_around_the_mean_and_truncated():
    points = torch.zeros(1, 68, 2)
    points[0, 29:36, 0] = torch.tensor([0.0, 0, 0, 0, 0, 0, 63])
    assert boxes_of_landmarks(points)[0, 2].tolist() == [-21, -30, 40, 31], "half is 31.5; -21.5 becomes -21, not -22"


def test_boxes_are_clipped_to_the_image():
    boxes = torch.tensor([[[-5, -6, 20, 21], [50, 51, 70, 71], [0, 0, 64, 64], [63, 63, 64, 65]]])
    assert clipped(boxes, 64)[0] == [(0, 0, 20, 21), (50, 51, 64, 64), (0, 0, 64, 64), (63, 63, 64, 64)]


@pytest.mark.parametrize("box", [(64, 0, 80, 20), (-20, 0, 0, 20), (0, 64, 9, 70), (9, 5, 9, 8), (3, 9, 8, 5)])
def test_a_box_with_nothing_in_it_is_told(box):
    boxes = BOXES.repeat(2, 1, 1)
    boxes[1, 2] = torch.tensor(box)
    with pytest.raises(BenchError, match=rf"box of the nose of image 2 of 2 .* 64 px: left {box[0]}, top {box[1]},"):
        small()(images(2), boxes)


def test_what_are_no_boxes_is_refused():
    net = small()
    with pytest.raises(ValueError, match="whole numbers"):
        net(images(), BOXES.float())
    with pytest.raises(ValueError, match="whole numbers"):
        net(images(), BOXES[:, :3])
    with pytest.raises(ValueError, match="boxes for each"):
        net(images(2), BOXES)
    with pytest.raises(ValueError, match="16 dividing"):
        net(images()[..., :40, :40], BOXES)
    with pytest.raises(ValueError, match="square"):
        net(images()[..., :32], BOXES)


def test_cells_are_rounded_down_and_never_none():
    assert at_stride(Box(17, 18, 47, 49), 2) == (8, 9, 23, 24)
    assert at_stride(Box(17, 33, 31, 47), 16) == (1, 2, 2, 3), "a small box still has the cell that it begins in"


@torch.no_grad()
def test_the_nearest_centre_is_that_of_the_written_formula():
    """Every centre adapted to the crop, the inner product, the largest: `nearest` does less for the same answer."""
    draw = torch.Generator().manual_seed(0)
    centres = torch.randn(40, 6, 5, 4, generator=draw, dtype=torch.float64) * 3 + 1
    crops = torch.randn(25, 6, 5, 4, generator=draw, dtype=torch.float64) - 2
    wanted = [naive_index(centres, crop[None]) for crop in crops]
    assert Swap(centres=centres).nearest(crops).tolist() == wanted
    assert len(set(wanted)) > 10, "this test could not tell a constant answer"


@torch.no_grad()
def test_a_crop_that_is_in_the_dictionary_is_found_and_weighed():
    """The centre that equals the crop is chosen, and AdaIN leaves it: what is added is the attention of zero times it.

    In another brightness and contrast it is still the one, which is what AdaIN is for.
    """
    torch.manual_seed(0)
    swap = Swap(centres=torch.randn(9, 4, 6, 6, dtype=torch.float64)).double()
    nn.init.zeros_(swap.attention[2].weight)
    bias = nn.init.normal_(swap.attention[2].bias)[:, None, None]
    for k in (0, 4, 8):
        for crop in (swap.centres[k], swap.centres[k] * 3 + 7):
            assert swap.nearest(crop[None]).item() == k
            # eps, added to a variance near 1 and to one near 9, is all that differs
            assert torch.allclose(swap(crop[None])[0], crop + bias * crop, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_no_attention_leaves_features_as_they_are():
    """Zero confidence: neither the dictionary nor the boxes may show."""
    net = small()
    for swap in (swap for swaps in net.components.values() for swap in swaps):
        nn.init.zeros_(swap.attention[2].weight)
        nn.init.zeros_(swap.attention[2].bias)
    features = net.extractor(images())
    x = net.dilated(features[3])
    for up, feature in zip(net.ups, features[::-1], strict=True):
        x = up(x, feature)
    assert torch.allclose(net(images(), BOXES), net.last(x), atol=1e-6)


@torch.no_grad()
def test_features_change_within_the_boxes_alone():
    net = small()
    features = net.extractor(images())[0]
    changed = (net._swapped(features, 0, clipped(BOXES, SIDE)) != features).any(1)[0]
    wanted = torch.zeros(32, 32, dtype=torch.bool)
    for box in clipped(BOXES, SIDE)[0]:
        left, top, right, bottom = (edge // 2 for edge in box)
        wanted[top:bottom, left:right] = True
    assert torch.equal(changed, wanted)


@torch.no_grad()
def test_where_boxes_overlap_the_later_part_counts_and_sees_what_was_there_first():
    net = small()
    features = net.extractor(images())[0]
    same = BOXES[:, :1].repeat(1, 4, 1)
    found = net._swapped(features, 0, clipped(same, SIDE))
    left, top, right, bottom = (edge // 2 for edge in clipped(same, SIDE)[0][3])
    wanted = net.components["mouth"][0](features[:, :, top:bottom, left:right])
    assert torch.allclose(found[:, :, top:bottom, left:right], wanted, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("shift", [(0, 0, 0), (0, 3, 0), (0, 3, -6)], ids=["same boxes", "two alike", "all different"])
def test_what_is_made_of_an_image_does_not_depend_on_the_others(shift):
    """The published network takes one image; taken together, boxes or centres of one must not be used for another."""
    net, batch = small(), images(3)
    boxes = torch.cat([BOXES + move for move in shift])
    together = net(batch, boxes)
    alone = torch.cat([net(batch[i : i + 1], boxes[i : i + 1]) for i in range(3)])
    assert torch.allclose(together, alone, atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_all_that_is_trained_gets_a_gradient():
    """A layer that no pass goes through would stay as it was drawn."""
    net = small()
    net.extractor.requires_grad_(requires_grad=False)
    net(images(2), torch.cat([BOXES, BOXES + 3])).square().sum().backward()
    idle = [name for name, value in net.named_parameters() if value.requires_grad and not value.grad.any()]
    assert idle == []
    assert not any(name.endswith("centres") for name, _ in net.named_parameters()), "a dictionary is not trained"


def test_gradients_are_those_of_the_forward_pass():
    """An activation in place that a gradient needs would spoil the training."""
    torch.manual_seed(0)
    block = UpBlock(2, 2).double()
    swap = Swap(centres=torch.randn(3, 2, 3, 3)).double()
    x, guide = (torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda x, guide: block(x, swap(guide)), (x, guide), fast_mode=True)


@torch.no_grad()
def test_training_in_half_precision_runs():
    """Autocast makes features of bfloat16 and a dictionary of float32 meet."""
    net = small()
    with torch.autocast("cpu", torch.bfloat16):
        half = net(images(2), torch.cat([BOXES, BOXES + 3]))
    assert (half.float() - net(images(2), torch.cat([BOXES, BOXES + 3]))).abs().mean() < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda own: own.pop("nose"), "a dictionary has left_eye, .* not left_eye, right_eye, mouth"),
        (lambda own: own["nose"].pop(), "same channels at each scale"),
        (lambda own: own["nose"].__setitem__(1, torch.zeros(3, 9, 4, 4)), "same channels at each scale"),
        (lambda own: own["nose"].__setitem__(3, torch.zeros(3, 6, 1, 1)), "two pixels at least"),
        (lambda own: own["nose"].__setitem__(3, torch.zeros(3, 54)), "has the shape"),
        (lambda own: own["nose"].__setitem__(3, torch.zeros(0, 6, 2, 2)), "has the shape"),
    ],
)
def test_a_dictionary_that_does_not_fit_is_refused(change, message):
    own = dictionary()
    change(own)
    with pytest.raises(ValueError, match=message):
        DFDNet(extractor=Pyramid(), dictionary=own)


@torch.no_grad()
def test_the_features_of_a_discriminator_are_what_it_computes_with():
    """From fine to coarse, halved each time: the small network's extractor, with the range that both networks have."""
    torch.manual_seed(0)
    critic = StyleGAN2Discriminator(size=64, channels={4: 8, 8: 8, 16: 7, 32: 6, 64: 5})
    features = CriticLevels(critic)(images(2))
    assert [tuple(each.shape[1:]) for each in features] == [(6, 32, 32), (7, 16, 16), (8, 8, 8), (8, 4, 4)]
    x = critic.last(torch.cat([features[3], critic._spread(features[3])], 1))
    logits = critic.score(nn.functional.leaky_relu(critic.hidden(x.flatten(1)), 0.2) * 2**0.5)
    assert torch.allclose(logits, critic(images(2)), atol=1e-5)
    with pytest.raises(ValueError, match="halves its images 4 times, not 5"):
        CriticLevels(critic, levels=5)


@torch.no_grad()
def test_a_small_network_around_a_discriminator():
    """As the trainer builds one: four maps, dictionaries of `patch_sides`, any number of centres."""
    critic = StyleGAN2Discriminator(size=64, channels={4: 8, 8: 8, 16: 7, 32: 6, 64: 5})
    centres = {
        part: [torch.randn(5, width, side, side) for width, side in zip((6, 7, 8, 8), sides, strict=True)]
        for part, sides in patch_sides(64).items()
    }
    net = DFDNet(extractor=CriticLevels(critic), dictionary=centres, width=4)
    made = net(images(2), BOXES.repeat(2, 1, 1))
    assert made.shape == (2, 3, 64, 64)
    assert made.abs().max() <= 1
    assert sum(name.endswith("centres") for name in net.state_dict()) == len(PARTS) * 4, "a file of it has them"
