"""The layers of searches against the plain formulas: the same layers with weights that could be trained take these."""

from collections.abc import Iterator

import pytest
import torch

from methods.nets import searched, stylegan2
from methods.nets.stylegan import Epilogue, StyleGAN
from methods.nets.stylegan2 import StyledConv, StyleGAN2

SIDE = 12


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    monkeypatch.setattr(searched, "_BLOCK", 100)  # an image is several blocks, the last of them shorter
    monkeypatch.setattr(stylegan2, "WORTH_IT", 0)
    torch.manual_seed(0)


@pytest.fixture(params=["conv", "up", "epilogue"])
def layer(request) -> torch.nn.Module:
    if request.param == "epilogue":
        made = Epilogue(5, style_dim=4, resolution=SIDE, epsilon=1e-8)
    else:
        up = request.param == "up"
        made = StyledConv(5, 3, style_dim=4, resolution=2 * SIDE if up else SIDE, up=up)
    with torch.no_grad():
        made.bias.normal_()
        made.noise_gain.normal_()
    return made.double()


def inputs(layer) -> list[torch.Tensor]:
    """An image, a latent, a noise map, all searched."""
    shapes = (1, 5, SIDE, SIDE), (1, 4), layer.noise.shape
    return [torch.randn(shape).double().requires_grad_() for shape in shapes]


def derived(layer, words, layout=torch.contiguous_format) -> Iterator[torch.Tensor]:
    """The image that a layer makes, and the gradients of what it made it of."""
    image, latent, noise = words
    y = layer(image.contiguous(memory_format=layout), latent, noise)
    yield y
    yield from torch.autograd.grad((y * torch.linspace(-1, 2, y.numel()).view_as(y)).sum(), words)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_image_and_gradients_are_those_of_the_plain_formulas(layer, layout, monkeypatch):
    words = inputs(layer)
    plain = list(derived(layer, words))
    layer.requires_grad_(requires_grad=False)
    ours = list(derived(layer, words, layout))
    assert type(ours[0].grad_fn).__name__ in {"StyledBackward", "NormedBackward"}, "the plain formulas were compared"
    assert type(plain[0].grad_fn).__name__ not in {"StyledBackward", "NormedBackward"}
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


def test_gradients_are_the_slopes(layer):
    layer.requires_grad_(requires_grad=False)
    assert torch.autograd.gradcheck(layer, inputs(layer), fast_mode=True)


def test_without_noise(layer):
    image, latent, _ = inputs(layer)
    words = (image, latent)
    made = []
    for trained in (True, False):
        layer.requires_grad_(requires_grad=trained)
        y = layer(image, latent, None)
        made.append((y, *torch.autograd.grad(y.square().sum() + y.sum(), words)))
    for one, other in zip(*made, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("part", ["bias", "noise_gain"])
def test_a_layer_of_which_a_part_is_trained_keeps_its_gradient(layer, part):
    # Styled and Normed have none for it: the part would never move, and nothing would say so.
    layer.requires_grad_(requires_grad=False)
    getattr(layer, part).requires_grad_()
    layer(*inputs(layer)).square().sum().backward()
    assert getattr(layer, part).grad.abs().max() > 0


@pytest.mark.parametrize("made", [StyleGAN, StyleGAN2])
def test_five_steps_of_a_search_are_those_of_the_plain_formulas(made):
    # In float64: a search makes much of rounding.
    widths = {4: 12, 8: 12, 16: 8, 32: 4}
    bank = made(size=32, channels=widths, style_dim=8, mapping_layers=1).double()
    w = torch.randn(1, bank.synthesis.latents, 8).double()

    def search() -> torch.Tensor:
        latent = w.clone().requires_grad_()
        adam = torch.optim.Adam([latent], lr=0.1)
        for _ in range(5):
            adam.zero_grad()
            image = bank.synthesis(latent)
            (image.mean((2, 3)) - 0.3).square().sum().backward()
            adam.step()
        return image.detach()

    plain = search()
    bank.requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)
    torch.testing.assert_close(search(), plain, rtol=0, atol=1e-5)


def test_a_single_image_in_float32_is_as_exact_in_either_layout():
    # torch's group norm of channels_last loses three digits, and the search of a noise map with them.
    epilogue = Epilogue(32, style_dim=4, resolution=64, epsilon=1e-8).requires_grad_(requires_grad=False)
    image = (torch.randn(1, 32, 64, 64) + 30).contiguous(memory_format=torch.channels_last)
    exact = epilogue.double()(image.double(), torch.ones(1, 4).double(), epilogue.noise)
    found = epilogue.float()(image, torch.ones(1, 4), epilogue.noise)
    assert (found - exact).abs().max() < 2e-4
