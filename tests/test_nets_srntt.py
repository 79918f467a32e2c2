"""methods/nets/srntt*.py and vgg_textures.py: published counts, written formulas, and matching against plain loops."""

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from bench import resize
from methods.nets.shapes import shapes
from methods.nets.srntt import SRNTT, ContentExtractor, TextureTransfer, reference, swapped, transfer
from methods.nets.srntt_matching import match, swap
from methods.nets.srntt_parts import BatchNorm, Fusion
from methods.nets.vgg_textures import MATCONVNET, Textures, VggTextures


def drawn(*shape, seed=0, dtype=torch.float32) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def lively(network):
    """Weights and statistics away from their starts, so that a missing layer or a swapped one shows."""
    draw = torch.Generator().manual_seed(3)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            nn.init.uniform_(value, 0.5, 2, generator=draw)
        else:
            nn.init.normal_(value, std=0.3, generator=draw)
    return network.eval()


def small(blocks=4) -> SRNTT:
    return lively(SRNTT(ContentExtractor(channels=4, blocks=1), TextureTransfer(channels=4, blocks=blocks)))


@pytest.fixture(scope="module")
def vgg() -> VggTextures:
    torch.manual_seed(0)
    return VggTextures().eval().requires_grad_(requires_grad=False)


def test_parameters_are_the_published_networks():
    with shapes():
        content, texture = ContentExtractor(), TextureTransfer()
    assert sum(each.numel() for each in content.parameters()) == 1_518_147
    assert sum(each.numel() for each in texture.parameters()) == 2_865_347


def test_residual_blocks_of_the_three_scales():
    with shapes():
        texture = TextureTransfer()
    assert [len(fusion.body) - 2 for fusion in texture.fusions] == [16, 8, 4]
    assert [fusion.conv_first.in_channels - 64 for fusion in texture.fusions] == [256, 128, 64]


def test_layers_start_as_the_authors_start_them():
    torch.manual_seed(0)
    network = TextureTransfer(channels=32, blocks=4)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    for layer in convolutions:
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.3), layer
        assert layer.bias is None or not layer.bias.any(), layer
    together = torch.cat([layer.weight.flatten() for layer in convolutions])
    assert together.std().item() == pytest.approx(0.02, rel=0.01)
    scales = torch.cat([layer.weight for layer in network.modules() if isinstance(layer, BatchNorm)])
    assert scales.mean().item() == pytest.approx(1, abs=0.005)
    assert scales.std().item() == pytest.approx(0.02, rel=0.15)


def normalised(x, layer) -> Tensor:
    mean, variance, scale, offset = (
        value[:, None, None] for value in (layer.running_mean, layer.running_var, layer.weight, layer.bias)
    )
    return (x - mean) / (variance + 1e-5).sqrt() * scale + offset


def of_body(x, body) -> Tensor:
    *blocks, conv, norm = body
    for block in blocks:
        inner = normalised(block.conv1(x), block.norm1).relu()
        x = x + normalised(block.conv2(inner), block.norm2)
    return normalised(conv(x), norm)


@torch.no_grad()
def test_content_extractor_is_the_written_formula():
    """An activation, a skip or a normalisation in another place than the published one would show."""
    network = lively(ContentExtractor(channels=4, blocks=2)).double()
    lr = drawn(2, 3, 5, 6, dtype=torch.float64) * 2 - 1
    first = network.conv_first(lr).relu()
    content = first + of_body(first, network.body)
    x = pixel_shuffle(network.upconv1(content), 2).relu()
    x = pixel_shuffle(network.upconv2(x), 2).relu()
    found = network(lr)
    assert torch.allclose(found[0], content, rtol=1e-12, atol=1e-12)
    assert torch.allclose(found[1], network.conv_last(x).tanh(), rtol=1e-12, atol=1e-12)
    assert found[1].shape == (2, 3, 20, 24)


@torch.no_grad()
def test_texture_transfer_is_the_written_formula():
    network = lively(TextureTransfer(channels=4, blocks=4, maps=(6, 5, 3))).double()
    content = drawn(2, 4, 5, 6, dtype=torch.float64)
    maps = [drawn(2, c, 5 * s, 6 * s, seed=s, dtype=torch.float64) for c, s in ((6, 1), (5, 2), (3, 4))]

    def fused(x, fusion, texture):
        return x + of_body(fusion.conv_first(torch.cat([x, texture], 1)).relu(), fusion.body)

    x = fused(content, network.fusions[0], maps[0])
    x = fused(pixel_shuffle(network.upconv1(x), 2).relu(), network.fusions[1], maps[1])
    x = fused(pixel_shuffle(network.upconv2(x), 2).relu(), network.fusions[2], maps[2])
    expected = network.conv_last(network.conv_hr(x)).tanh()
    assert torch.allclose(network(content, Textures(*maps)), expected, rtol=1e-12, atol=1e-12)


def test_training_moves_the_statistics_and_reaches_all_weights():
    network = SRNTT(ContentExtractor(channels=4, blocks=1), TextureTransfer(channels=4, blocks=4, maps=(6, 5, 3)))
    maps = Textures(*(drawn(2, c, 6 * s, 6 * s) for c, s in ((6, 1), (5, 2), (3, 4))))
    (network(drawn(2, 3, 6, 6), maps).square().sum() + network.upscaled(drawn(2, 3, 6, 6)).square().sum()).backward()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in network.parameters())
    moved = {name for name, value in network.named_buffers() if name.endswith("running_mean") and value.any()}
    assert len(moved) == sum(isinstance(layer, BatchNorm) for layer in network.modules())


@torch.no_grad()
def test_networks_work_on_values_around_zero_and_the_pair_on_images():
    network = small()
    lr = drawn(1, 3, 4, 4)
    assert torch.equal(network.upscaled(lr), (network.content(lr * 2 - 1)[1] + 1) / 2)
    flat = Textures(*(torch.zeros(1, c, 4 * s, 4 * s) for c, s in ((256, 1), (128, 2), (64, 4))))
    made = network(lr, flat)
    assert torch.equal(made, (network.texture(network.content(lr * 2 - 1)[0], flat) + 1) / 2)
    assert 0 <= made.min() <= made.max() <= 1


def test_networks_of_different_widths_are_refused():
    with pytest.raises(ValueError, match=r"4 channels.*for 8 do not fit"):
        SRNTT(ContentExtractor(channels=4, blocks=1), TextureTransfer(channels=8, blocks=4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_map_matched_with_itself_gives_itself(dtype):
    """Golden check 5: each patch is most like itself, and the swapped map is the map, at the border too."""
    query = drawn(8, 7, 9, dtype=dtype)
    places = match(query, [query])
    assert torch.equal(places.flatten(), torch.arange(5 * 7)), "a patch was matched with another than itself"
    for scale in (1, 2, 4):
        value = drawn(3, 7 * scale, 9 * scale, seed=scale, dtype=dtype)
        error = (swap(places, [value], scale=scale) - value).abs().max()
        assert error <= (0 if dtype == torch.float32 else 1e-15), "overlaps are not divided by their number"


def by_loops(query, keys) -> np.ndarray:
    """The published procedure in plain loops: patches row by row, references one after the other."""
    patches = [
        key[:, i : i + 3, j : j + 3] / np.sqrt((key[:, i : i + 3, j : j + 3] ** 2).sum())
        for key in keys
        for i in range(key.shape[1] - 2)
        for j in range(key.shape[2] - 2)
    ]
    found = np.empty((query.shape[1] - 2, query.shape[2] - 2), int)
    for i, j in np.ndindex(*found.shape):
        found[i, j] = np.argmax([(patch * query[:, i : i + 3, j : j + 3]).sum() for patch in patches])
    return found


def stitched(places, values, scale) -> np.ndarray:
    side = 3 * scale
    patches = [
        value[:, i : i + side, j : j + side]
        for value in values
        for i in range(0, value.shape[1] - side + 1, scale)
        for j in range(0, value.shape[2] - side + 1, scale)
    ]
    total = np.zeros((len(values[0]), (places.shape[0] + 2) * scale, (places.shape[1] + 2) * scale))
    count = np.zeros(total.shape[1:])
    for i, j in np.ndindex(*places.shape):
        top, left = i * scale, j * scale
        total[:, top : top + side, left : left + side] += patches[places[i, j]]
        count[top : top + side, left : left + side] += 1
    return total / count


@pytest.mark.parametrize("sizes", [((6, 5),), ((6, 5), (4, 8)), ((3, 3), (5, 4), (3, 7))])
def test_matching_and_swapping_are_those_of_plain_loops(sizes):
    """Another order of patches, a wrong offset of a second reference, or a patch at the wrong scale would show."""
    query = drawn(4, 6, 7, dtype=torch.float64) - 0.3  # values of both signs, unlike a VGG's: the general case
    keys = [drawn(4, *size, seed=n + 1, dtype=torch.float64) - 0.3 for n, size in enumerate(sizes)]
    places = match(query, keys)
    expected = by_loops(query.numpy(), [key.numpy() for key in keys])
    assert len(np.unique(expected)) > 1
    assert (places.numpy() == expected).all()
    for scale in (1, 2, 4):
        values = [drawn(2, h * scale, w * scale, seed=9 + n, dtype=torch.float64) for n, (h, w) in enumerate(sizes)]
        made = stitched(expected, [value.numpy() for value in values], scale)
        assert np.allclose(swap(places, values, scale=scale).numpy(), made, rtol=1e-14, atol=0)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_moved_map_is_put_back_in_its_place(scale):
    """The query is a cut of the key from row 2 and column 3 on: values come from there, scale times as far."""
    key = drawn(6, 9, 10)
    value = drawn(2, 9 * scale, 10 * scale, seed=1)
    made = swap(match(key[:, 2:8, 3:9], [key]), [value], scale=scale)
    assert torch.equal(made, value[:, 2 * scale : 8 * scale, 3 * scale : 9 * scale])


def test_the_length_of_a_patch_does_not_matter():
    """Without the norm, the brightest patch of a reference would be taken everywhere."""
    query = drawn(5, 6, 6)
    bright = 100 * drawn(5, 6, 6, seed=1)
    assert torch.equal(match(query, [bright, query]).flatten(), torch.arange(16, 32))


ENTRIES = [1, 16, 5 * 16, 7 * 16 + 3, 1 << 24]


@pytest.mark.parametrize("entries", ENTRIES)
def test_matches_do_not_depend_on_how_many_are_looked_at_at_a_time(entries):
    query = drawn(32, 6, 6)
    keys = [drawn(32, 7, 6, seed=1), drawn(32, 5, 9, seed=2)]
    whole = match(query, keys)
    assert torch.equal(match(query, keys, entries=entries), whole), "a block's first patch was miscounted"
    assert whole.min() < 5 * 4 <= whole.max(), "both references are used"


@pytest.mark.parametrize("entries", ENTRIES)
def test_of_equal_patches_the_first_is_taken(entries):
    """In blocks of other sizes their products come out unequal by rounding; flat regions are full of such patches."""
    query, one, two = drawn(32, 6, 6), drawn(32, 7, 6, seed=1), drawn(32, 5, 9, seed=2)
    patches = 5 * 4
    among_two = match(query, [one, two])
    expected = torch.where(among_two < patches, among_two, among_two + patches)
    assert torch.equal(match(query, [one, one * 3, two, two, one], entries=entries), expected)


def test_matching_is_as_exact_under_autocast_as_without():
    """Products of bfloat16 tell patches apart that differ by a hundredth: the wrong ones would be taken in training."""
    query = 1 + drawn(16, 8, 8) / 100
    with torch.autocast("cpu", torch.bfloat16):
        places = match(query, [query])
    assert torch.equal(places.flatten(), torch.arange(36))


def test_the_products_in_memory_are_as_few_as_told(monkeypatch):
    """All at once, they would be patches of the query times patches of the references: gigabytes at 512 px."""
    blocks = []
    split = Tensor.split
    monkeypatch.setattr(Tensor, "split", lambda self, size: blocks.append(size) or split(self, size))
    match(drawn(2, 7, 7), [drawn(2, 7, 7, seed=1)], entries=100)
    assert blocks == [4], "25 places times 4 patches are the 100 numbers"


def test_patches_without_a_direction_match_nothing():
    """A key of zeros, as behind a ReLU, must not become not-a-number and win."""
    query = drawn(3, 5, 5)
    key = torch.cat([torch.zeros(3, 5, 5), drawn(3, 5, 5, seed=1)], 2)
    places = match(query, [key])
    assert ((places % 8) >= 3).all(), "a patch of zeros was taken"


@pytest.mark.parametrize(
    ("query", "keys", "message"),
    [
        ((3, 5, 5), [], "at least one is needed"),
        ((3, 2, 5), [(3, 5, 5)], r"\(3, 2, 5\)"),
        ((3, 5, 5), [(3, 5, 5), (3, 5, 2)], r"\(3, 5, 2\) cannot be matched"),
        ((3, 5, 5), [(4, 5, 5)], "as many channels"),
    ],
)
def test_what_cannot_be_matched_is_told(query, keys, message):
    with pytest.raises(ValueError, match=message):
        match(torch.rand(query), [torch.rand(key) for key in keys])


def test_values_that_are_not_of_the_scale_are_told():
    with pytest.raises(ValueError, match=r"\(10, 9\) has no patches of 6 px, 2 apart"):
        swap(torch.zeros(3, 3, dtype=torch.long), [torch.rand(2, 10, 9)], scale=2)


@torch.no_grad()
def test_an_image_that_is_its_own_reference_gets_its_own_maps(vgg):
    """The oracle: its reduced image is the LR image, so keys are the query, and the maps come back exactly."""
    hr = resize.quantise(drawn(2, 3, 32, 24))
    lr = resize.quantise(resize.downsample(hr.double(), 4))
    own = reference(small(), vgg, hr)
    assert torch.equal(own.keys, vgg(small().upscaled(lr)).relu3_1), "references are not reduced as LR images are made"
    maps = swapped(small(), vgg, lr, [own])
    for name, found, expected in zip(Textures._fields, maps, vgg(hr), strict=True):
        assert torch.equal(found, expected), name


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch(vgg):
    network = small()
    lr, own, other = drawn(3, 3, 6, 5), drawn(3, 3, 24, 20, seed=1), drawn(1, 3, 28, 16, seed=2)
    together = transfer(network, vgg, lr, [own, other])
    assert together.shape == (3, 3, 24, 20)
    for n in range(3):
        alone = transfer(network, vgg, lr[n : n + 1], [own[n : n + 1], other], entries=64)
        assert torch.allclose(alone, together[n : n + 1], atol=1e-5), "an image got textures of another's reference"


@torch.no_grad()
def test_a_second_reference_is_used_where_it_is_more_alike(vgg):
    network = small()
    hr = resize.quantise(drawn(1, 3, 32, 32))
    lr = resize.quantise(resize.downsample(hr.double(), 4))
    other = drawn(1, 3, 32, 32, seed=1)
    oracle = transfer(network, vgg, lr, [hr])
    assert torch.equal(transfer(network, vgg, lr, [other, hr]), oracle), "the image itself was not found among two"
    assert not torch.equal(transfer(network, vgg, lr, [other]), oracle), "this test could not tell references apart"


def test_references_that_are_not_one_for_each_are_refused(vgg):
    network = small()
    with torch.no_grad(), pytest.raises(ValueError, match="2 references do not go with 3 images"):
        transfer(network, vgg, drawn(3, 3, 4, 4), [drawn(2, 3, 16, 16)])


def test_everything_runs_without_values():
    """Operations are counted on the meta device."""
    with shapes():
        network = SRNTT(ContentExtractor(), TextureTransfer()).eval()
        vgg = VggTextures().eval()
    lr, hr = torch.empty(2, 3, 8, 8, device="meta"), torch.empty(1, 3, 32, 32, device="meta")
    assert transfer(network, vgg, lr, [hr, hr]).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
@torch.no_grad()
def test_textures_are_those_of_torchvision(name):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)().features[:12]
    theirs = theirs.to_empty(device="cpu")
    for value in theirs.parameters():
        nn.init.normal_(value, std=0.05, generator=torch.Generator().manual_seed(value.numel()))
    network = VggTextures()
    names = {f"features.{key}": value for key, value in theirs.state_dict().items()}
    assert network.load_state_dict(names, strict=False).missing_keys == ["mean", "deviation"]
    images = drawn(2, 3, 16, 24)
    x = torchvision.transforms.functional.normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    wanted = {}
    for number, layer in enumerate(theirs):
        x = layer(x)
        wanted[number] = x.clone()
    for found, number in zip(network(images), (11, 6, 1), strict=True):
        assert torch.allclose(found, wanted[number], rtol=1e-4, atol=1e-5), f"layer {number}"
    assert [tuple(found.shape[1:]) for found in network(images)] == [(256, 4, 6), (128, 8, 12), (64, 16, 24)]


@torch.no_grad()
def test_the_original_weights_get_values_of_0_to_255_less_the_mean_colour():
    network = VggTextures(colours=MATCONVNET)
    images = drawn(1, 3, 8, 8)
    bare = images * 255 - torch.tensor([123.68, 116.779, 103.939])[:, None, None]
    assert torch.allclose(network(images).relu1_1, network.features[:2](bare), rtol=1e-4, atol=1e-3)


def test_images_whose_sides_4_does_not_divide_are_refused(vgg):
    with pytest.raises(ValueError, match=r"sides that 4 divides, not \(16, 18\)"):
        vgg(torch.rand(1, 3, 16, 18))


def test_maps_are_not_changed_after_they_are_handed_out(vgg):
    """The ReLUs work in place: one more behind a cut would rewrite a map."""
    images = drawn(1, 3, 8, 8)
    kept = images.clone()
    maps = vgg(images)
    assert torch.equal(images, kept)
    assert torch.equal(
        maps.relu1_1, vgg.features[:2]((images - vgg.mean[:, None, None]) / vgg.deviation[:, None, None])
    )
    assert all(each.min() == 0 for each in maps), "the maps are those behind the ReLUs"


def test_gradients_are_those_of_the_forward_pass():
    fusion = lively(Fusion(channels=2, added=2, blocks=1)).double()
    inputs = tuple(drawn(1, 2, 3, 3, seed=n, dtype=torch.float64).requires_grad_() for n in range(2))
    assert torch.autograd.gradcheck(fusion, inputs, fast_mode=True)
