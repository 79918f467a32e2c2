"""bench/resize.py against MATLAB ports, torch, Pillow and OpenCV."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import interpolate

from bench import diagnosis
from bench import resize as rs
from bench.spec import BenchError

FACTORS = (2, 4, 8, 16, 32, 64)
GOLDEN = load_file(Path(__file__).parent / "golden" / "resize.safetensors")
PHOTOS = sorted(Path(__file__).parents[2].glob("shared/photos/*/01.jpg"))

sides = st.integers(1, 12)
factors = st.integers(1, 9)
quick = settings(max_examples=20, deadline=None)


def pattern(channels, height, width) -> Tensor:
    """The image of the stored values: integers, so that everybody can make the same."""
    k, i, j = torch.arange(channels)[:, None, None], torch.arange(height)[:, None], torch.arange(width)
    return ((7 * i + 13 * j + 5 * k * i * j) % 256).double() / 255


def noise(*shape, seed=0, dtype=torch.float64) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def textured(side) -> Tensor:
    """Coloured blobs, a grating and grain at 8 bit: detail at every scale, as in a photograph."""
    image = 0.2 * noise(3, side, side)
    for cells, weight in ((4, 0.5), (16, 0.25), (64, 0.15)):
        image += weight * interpolate(noise(1, 3, cells, cells, seed=cells), (side, side), mode="bilinear")[0]
    return rs.quantise(image + 0.1 * torch.sin(torch.arange(side) * 0.9))


def photograph(path, side) -> Tensor:
    pixels = torch.tensor(np.asarray(Image.open(path).convert("RGB"))).movedim(-1, 0).double() / 255
    shorter = min(pixels.shape[-2:])
    return rs.quantise(rs.resize(pixels[:, :shorter, :shorter], side, side))


@pytest.fixture(scope="module")
def photographs() -> Tensor:
    return torch.stack([photograph(path, 96) for path in PHOTOS[:2]])


def bytes_of(images) -> np.ndarray:
    return (images * 255).round().byte().movedim(-3, -1).numpy()


def images_of(pixels) -> Tensor:
    return torch.tensor(np.asarray(pixels)).movedim(-1, -3) / 255


# ---------------------------------------------------------------- the operator is MATLAB's


@pytest.mark.parametrize("key", GOLDEN)
def test_agrees_with_the_stored_values_of_basicsr_matlab_port(key):
    """Stored in float64 by another implementation; the file's metadata says which and how.

    The same operator gave every pixel of MATLAB R2015b's own `imresize` of a photograph, 512 x 512 to 123 x 234.
    """
    channels, height, width = (int(n) for n in key.split(" to ")[0].split("x"))
    image, expected = pattern(channels, height, width), GOLDEN[key]
    worst = (rs.resize(image, *expected.shape[-2:]) - expected).abs().max()
    assert worst < 1e-12, f"{key} is not MATLAB's imresize: off by {float(worst)} of full scale"


@pytest.mark.parametrize("factor", FACTORS)
def test_downsample_is_the_stored_down_sampling(factor):
    channels = 1 if factor == 2 else 3
    expected = GOLDEN[f"{channels}x128x128 to {128 // factor}x{128 // factor}"]
    found = rs.downsample(pattern(channels, 128, 128), factor)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12), "downsample does not go to 1/factor of each side"


@pytest.mark.parametrize(("shape", "factor"), [((3, 8, 12), 2), ((1, 8, 12), 4), ((1, 6, 5), 8), ((1, 3, 4), 16)])
def test_upsample_is_the_stored_up_sampling(shape, factor):
    channels, height, width = shape
    expected = GOLDEN[f"{channels}x{height}x{width} to {height * factor}x{width * factor}"]
    found = rs.upsample(pattern(*shape), factor)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12), "upsample is not MATLAB's (a = -0.5)"


@pytest.mark.parametrize("n", [128, 256])
@pytest.mark.parametrize("factor", FACTORS)
def test_agrees_with_torch_antialias_on_a_padded_image_only(n, factor):
    hr, pad = pattern(1, n, n), 2 * factor
    mirrored = torch.tensor(np.pad(hr.numpy(), ((0, 0), (pad, pad), (pad, pad)), mode="symmetric"))[None]

    def torch_antialias(image):
        return interpolate(image, [s // factor for s in image.shape[-2:]], mode="bicubic", antialias=True)[0]

    ours, padded = rs.downsample(hr, factor), torch_antialias(mirrored)[..., 2:-2, 2:-2]
    assert 255 * (ours - padded).abs().max() < 2e-4, "the kernel or the mirrored border is not the protocol's"
    off = 255 * (ours - torch_antialias(hr[None])).abs()
    assert off[..., 2:-2, 2:-2].numel() == 0 or off[..., 2:-2, 2:-2].max() < 2e-4, "differs inside, not at the border"
    assert off.max() > 0.01, "without padding torch was the same: the border is not mirrored"


@pytest.mark.parametrize("factor", [4, 8, 16])
def test_bicubic_without_antialias_is_far_off(factor):
    hr = textured(128)
    wrong = interpolate(hr[None], (128 // factor, 128 // factor), mode="bicubic")[0]
    assert 255 * (wrong - rs.downsample(hr, factor)).abs().mean() > 5, "the operator has lost its antialiasing"


def pseudo_inverse_matrix(n, factor) -> Tensor:
    """M†, read off the operator: it is linear, and M† · 1 is a column of ones, so a row of ones sees one side alone."""
    columns = torch.eye(n // factor).double()[:, :, None].expand(-1, -1, n // factor)
    return rs.pseudo_inverse(columns, factor)[..., 0].mT


@pytest.mark.parametrize("n", [128, 256])
@pytest.mark.parametrize("factor", FACTORS)
def test_matrix_has_full_rank_and_an_exact_pseudo_inverse(n, factor):
    m, inverse = rs.matrix(n, factor), pseudo_inverse_matrix(n, factor)
    assert m.shape == (n // factor, n)
    assert inverse.shape == (n, n // factor)
    unit = torch.eye(n // factor).double()
    assert torch.allclose(m @ inverse, unit, rtol=0, atol=1e-12), "M · M† is not I: M has lost rank or M† is inexact"
    assert torch.allclose(inverse @ m, (inverse @ m).mT, rtol=0, atol=1e-12), "M† is an inverse, but not of least norm"


def test_matrices_are_the_operator():
    image = noise(12, 20)
    down = rs.matrix(12, 4) @ image @ rs.matrix(20, 4).mT
    up = rs.resize_matrix(12, 36) @ image @ rs.resize_matrix(20, 60).mT
    assert torch.allclose(rs.downsample(image, 4), down, rtol=0, atol=1e-14), "matrix is not downsample's"
    assert torch.allclose(rs.upsample(image, 3), up, rtol=0, atol=1e-14), "resize_matrix is not upsample's"
    assert torch.equal(rs.matrix(20, 4), rs.resize_matrix(20, 5)), "M is not the general operator at 1/factor"
    assert torch.equal(rs.matrix(20, 1), torch.eye(20).double()), "factor 1 changes the image"
    assert rs.matrix(20, 4, torch.float32).dtype == torch.float32


def test_a_caller_may_change_its_matrix():
    rs.matrix(16, 2).zero_()
    assert rs.matrix(16, 2).sum() == pytest.approx(8), "the cached matrix can be changed from outside"


# ---------------------------------------------------------------- what every linear operator keeps


@quick
@given(sides, sides, st.floats(0, 1))
def test_a_constant_image_stays_constant(n_in, n_out, value):
    made = rs.resize(torch.full((n_in, n_in), value, dtype=torch.float64), n_out, n_out)
    assert torch.allclose(made, torch.tensor(value, dtype=torch.float64), rtol=0, atol=1e-14), "a row does not sum to 1"


@quick
@given(sides, sides)
def test_a_mirrored_image_gives_the_mirrored_result(n_in, n_out):
    m = rs.resize_matrix(n_in, n_out)
    assert torch.allclose(m, m.flip(0, 1), rtol=0, atol=1e-13), "the sampling grid is not centred"


@quick
@given(sides, sides, factors, st.floats(-3, 3), st.integers(0, 9))
def test_downsample_is_linear_and_its_gradient_is_the_transpose(height, width, factor, weight, seed):
    x, y = noise(2, 3, height * factor, width * factor, seed=seed).split(1)
    mixed = rs.downsample(x + weight * y, factor)
    apart = rs.downsample(x, factor) + weight * rs.downsample(y, factor)
    assert torch.allclose(mixed, apart, rtol=0, atol=1e-12), "not linear: something is clamped or rounded"

    cotangent = noise(1, 3, height, width, seed=seed + 10)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad((rs.downsample(x, factor) * cotangent).sum(), x)
    transpose = rs.matrix(height * factor, factor).mT @ cotangent @ rs.matrix(width * factor, factor)
    assert torch.allclose(gradient, transpose, rtol=0, atol=1e-12), "the gradient is not Mᵀ"


@quick
@given(sides, sides, factors, st.integers(0, 9))
def test_back_projection_is_exactly_consistent_and_moves_no_more_than_needed(height, width, factor, seed):
    sr, lr = noise(2, 3, height * factor, width * factor, seed=seed), noise(2, 3, height, width, seed=seed + 10)
    made = rs.back_project(sr, lr, factor)
    assert torch.allclose(rs.downsample(made, factor), lr, rtol=0, atol=1e-12), "the result is not LR-consistent"
    assert torch.allclose(rs.back_project(made, lr, factor), made, rtol=0, atol=1e-12), "a consistent image was moved"
    other = rs.back_project(noise(2, 3, height * factor, width * factor, seed=seed + 20), lr, factor)
    assert (made - sr).norm() <= (other - sr).norm() + 1e-9, "another consistent image is nearer"


def test_pseudo_inverse_is_undone_by_downsample():
    lr = noise(2, 3, 4, 6)
    assert torch.allclose(rs.downsample(rs.pseudo_inverse(lr, 16), 16), lr, rtol=0, atol=1e-12)


@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (2, 2, 3)])
def test_each_image_and_channel_is_treated_alone(leading):
    hr = noise(*leading, 24, 40)
    made = rs.downsample(hr, 4)
    assert made.shape == (*leading, 6, 10)
    each = torch.stack([rs.downsample(one, 4) for one in hr.reshape(-1, 24, 40)]).reshape(made.shape)
    assert torch.allclose(made, each, rtol=0, atol=1e-14), "images of a batch leak into one another"


# ---------------------------------------------------------------- dtypes, devices, modes


@pytest.mark.parametrize("factor", [2, 16, 64])
def test_float32_stays_float32_and_near_float64(factor):
    hr = noise(1, 3, 128, 128, dtype=torch.float32)
    lr = noise(1, 3, 128 // factor, 128 // factor, dtype=torch.float32)
    for found, exact in (
        (rs.downsample(hr, factor), rs.downsample(hr.double(), factor)),
        (rs.upsample(lr, factor), rs.upsample(lr.double(), factor)),
        (rs.back_project(hr, lr, factor), rs.back_project(hr.double(), lr.double(), factor)),
    ):
        assert (found.dtype, exact.dtype) == (torch.float32, torch.float64)
        assert (found - exact).abs().max() < 3e-6, "float32 is coarser than 1e-3 grey levels"


def test_a_matrix_first_needed_without_gradients_serves_training_later():
    hr = noise(3, 22, 22).requires_grad_()
    with torch.inference_mode():
        rs.downsample(hr, 11)
    rs.downsample(hr, 11).square().sum().backward()
    assert hr.grad is not None, "a matrix cached in inference mode breaks the backward pass"


def test_a_matrix_first_needed_on_the_meta_device_has_values_elsewhere():
    with torch.device("meta"):
        assert rs.matrix(26, 13, device="meta").is_meta, "operations on the meta device cannot be counted"
        assert rs.matrix(26, 13).sum() == pytest.approx(2), "the default device decides what is cached"


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    hr = noise(4, 3, 256, 256)
    exact = rs.downsample(hr, 16)
    assert (rs.downsample(hr.cuda(), 16).cpu() - exact).abs().max() < 1e-13
    assert (rs.downsample(hr.float().cuda(), 16).cpu() - exact).abs().max() < 3e-6
    for image in (hr, hr.float()):
        assert torch.equal(rs.quantise(image.cuda()).cpu(), rs.quantise(image)), "CUDA has another 8-bit grid"


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float16, torch.bfloat16])
def test_other_dtypes_are_refused(dtype):
    image = torch.zeros(3, 8, 8, dtype=dtype)
    for use in (lambda: rs.downsample(image, 2), lambda: rs.quantise(image), lambda: rs.pseudo_inverse(image, 2)):
        with pytest.raises(BenchError, match=f"float32 or float64.*{dtype}"):
            use()


@pytest.mark.parametrize("factor", [0, -2, 3, 16])
def test_a_factor_that_does_not_divide_is_refused(factor):
    for use in (
        lambda: rs.matrix(8, factor),
        lambda: rs.downsample(torch.zeros(3, 8, 8), factor),
    ):
        with pytest.raises(BenchError, match=f"factor {factor} does not divide a side of 8 pixels"):
            use()


def test_a_side_without_pixels_is_refused():
    with pytest.raises(BenchError, match="a side of 8 pixels to 0"):
        rs.resize(torch.zeros(8, 8), 8, 0)


def test_an_lr_of_another_size_is_refused():
    hr, lr = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 1, 1)
    for use in (lambda: rs.back_project(hr, lr, 4), lambda: diagnosis.diagnose(lr, hr, 4)):
        with pytest.raises(BenchError, match="do not differ by factor 4; the LR should be 2 x 2"):
            use()


# ---------------------------------------------------------------- the 8-bit grid


def test_quantise_keeps_every_8_bit_value_as_a_png_reader_makes_it():
    levels = torch.arange(256, dtype=torch.uint8)
    read = levels.float() / 255
    assert torch.equal(rs.quantise(read), read), "a PNG that was read back is not on the grid"
    assert torch.equal(rs.quantise(levels.double() / 255), read), "float64 and float32 images differ after rounding"


def test_quantise_rounds_halves_up_and_clamps():
    found = 255 * rs.quantise(torch.tensor([-9, 0.5, 1.5, 2.49, 254.5, 999]).double() / 255)
    assert found.round().tolist() == [0, 1, 2, 2, 255, 255], "not MATLAB's rounding to uint8"


@quick
@given(st.integers(0, 255), st.integers(0, 255), st.sampled_from(FACTORS[:5]))
def test_an_edge_in_the_middle_of_an_lr_pixel_is_rounded_up(dark, bright, factor):
    """Such a pixel is (dark + bright) / 2 up to the order of summation, which is not the same on every machine."""
    row = torch.full((3 * factor,), dark / 255, dtype=torch.float64)
    row[factor + factor // 2 :] = bright / 255
    middle = rs.quantise(rs.downsample(row.expand(factor, -1), factor))[0, 1]
    assert round(float(middle) * 255) == (dark + bright + 1) // 2


# ---------------------------------------------------------------- how a foreign LR was made


def matlab(images, factor) -> Tensor:
    return rs.quantise(rs.downsample(images.double(), factor))


def by_matlab_uint8(hr, factor) -> Tensor:
    """MATLAB rounds a uint8 image after each of its two passes."""
    height, width = (n // factor for n in hr.shape[-2:])
    return rs.quantise(rs.resize(rs.quantise(rs.resize(hr.double(), height, hr.shape[-1])).double(), height, width))


def by_torch(mode, *, antialias=False) -> Callable[..., Tensor]:
    def make(hr, factor):
        size = [n // factor for n in hr.shape[-2:]]
        return rs.quantise(interpolate(hr[None], size, mode=mode, antialias=antialias)[0])

    return make


def by_pil(kernel) -> Callable[..., Tensor]:
    def make(hr, factor):
        size = (hr.shape[-1] // factor, hr.shape[-2] // factor)
        return images_of(Image.fromarray(bytes_of(hr)).resize(size, getattr(Image.Resampling, kernel)))

    return make


def by_opencv(kernel) -> Callable[..., Tensor]:
    def make(hr, factor):
        cv2 = pytest.importorskip("cv2")
        size = (hr.shape[-1] // factor, hr.shape[-2] // factor)
        return images_of(cv2.resize(bytes_of(hr), size, interpolation=getattr(cv2, f"INTER_{kernel}")))

    return make


def by_matlab_ycbcr(hr, factor) -> Tensor:
    color = pytest.importorskip("skimage.color")
    ycbcr = images_of(np.round(color.rgb2ycbcr(bytes_of(hr))).astype(np.uint8))
    rgb = color.ycbcr2rgb(bytes_of(matlab(ycbcr, factor)).astype(float))
    return rs.quantise(torch.tensor(rgb).movedim(-1, 0))


def by_opencv_ycbcr(hr, factor) -> Tensor:
    cv2 = pytest.importorskip("cv2")
    small = matlab(images_of(cv2.cvtColor(bytes_of(hr), cv2.COLOR_RGB2YCrCb)), factor)
    return images_of(cv2.cvtColor(bytes_of(small), cv2.COLOR_YCrCb2RGB))


def by_matlab_luminance(hr, factor) -> Tensor:
    color = pytest.importorskip("skimage.color")
    grey = np.round(color.rgb2ycbcr(bytes_of(hr))[..., :1].repeat(3, axis=-1)).astype(np.uint8)
    return matlab(images_of(grey), factor)


def by_pil_grey(hr, factor) -> Tensor:
    return matlab(images_of(Image.fromarray(bytes_of(hr)).convert("L").convert("RGB")), factor)


FOREIGN = {
    "MATLAB bicubic with the channels in BGR order": [lambda hr, factor: matlab(hr, factor).flip(0)],
    "MATLAB bicubic in 8-bit YCbCr (MATLAB rgb2ycbcr)": [by_matlab_ycbcr],
    "MATLAB bicubic in 8-bit YCbCr (full range, as in OpenCV)": [by_opencv_ycbcr],
    "MATLAB bicubic of the luminance alone (MATLAB rgb2ycbcr)": [by_matlab_luminance],
    "MATLAB bicubic of the luminance alone (full range, as in OpenCV)": [by_pil_grey],
    "OpenCV INTER_CUBIC (= torch bicubic without antialias)": [by_opencv("CUBIC"), by_torch("bicubic")],
    "OpenCV INTER_LINEAR (= torch bilinear without antialias)": [by_opencv("LINEAR"), by_torch("bilinear")],
    "OpenCV INTER_AREA (= PIL BOX, average pooling)": [by_opencv("AREA"), by_pil("BOX")],
    "OpenCV INTER_NEAREST (= torch nearest)": [by_opencv("NEAREST"), by_torch("nearest")],
    "PIL NEAREST (= torch nearest-exact)": [by_pil("NEAREST"), by_torch("nearest-exact")],
    "torch bicubic with antialias": [by_torch("bicubic", antialias=True)],
    "PIL BICUBIC": [by_pil("BICUBIC")],
    "PIL LANCZOS": [by_pil("LANCZOS")],
    "PIL BILINEAR": [by_pil("BILINEAR")],
}


@pytest.mark.parametrize("factor", [3, 8])
@pytest.mark.parametrize("expected", FOREIGN)
def test_diagnose_recognises_how_a_textured_lr_was_made(expected, factor):
    hr = textured(72)
    for make in FOREIGN[expected]:
        culprit, _, rest = diagnosis.diagnose(make(hr, factor), hr, factor).partition(": ")
        if factor == 8:
            assert culprit == f"The LR was probably made by {expected}", rest
            assert float(rest.split()[0]) < 0.2, "further off than the rounding between Pillow's two passes"
        else:  # at 3 an LR pixel has a middle HR pixel, which several interpolations take as it is
            assert expected in culprit.removeprefix("The LR was probably made by ").split(" or "), rest


@pytest.mark.skipif(not PHOTOS, reason="no photographs beside the checkout")
@pytest.mark.parametrize("expected", FOREIGN)
def test_diagnose_recognises_how_the_lr_of_a_photograph_was_made(expected, photographs):
    for make in FOREIGN[expected]:
        lr = torch.stack([make(one, 8) for one in photographs])
        said = diagnosis.diagnose(lr, photographs, 8)
        assert said.startswith(f"The LR was probably made by {expected}: 0."), said


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_diagnose_accepts_matlab_and_its_rounding_between_the_passes(factor):
    hr = textured(72)
    assert diagnosis.diagnose(matlab(hr, factor), hr, factor).startswith(
        "The LR agrees with MATLAB bicubic, to 0.00 grey levels"
    )
    said = diagnosis.diagnose(by_matlab_uint8(hr, factor), hr, factor)
    assert said.startswith("The LR agrees with MATLAB bicubic, to 0."), f"MATLAB's own uint8 result is refused: {said}"


def test_diagnose_says_what_to_do():
    hr = textured(128)
    said = diagnosis.diagnose(by_torch("bicubic")(hr, 16), hr, 16)
    assert "0.00 grey levels from it" in said
    assert f"{255 * (by_torch('bicubic')(hr, 16) - matlab(hr, 16)).abs().mean():.2f} from MATLAB bicubic" in said
    assert "imresize(hr, 1/16)" in said


def test_diagnose_says_when_nothing_is_near():
    said = diagnosis.diagnose(noise(3, 8, 8, dtype=torch.float32), textured(128), 16)
    assert said.startswith("None of the 14 known"), f"noise was taken for a down-sampled image: {said}"
    assert "Check that LR and HR are the same images" in said


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_eight_bits_are_those_of_the_grid_in_any_shape_and_layout(dtype, monkeypatch):
    # They are made block by block: a block that is lost, or a layout that is taken for another, would be a wrong PNG.
    monkeypatch.setattr(rs, "_BLOCK", 100)
    images = torch.rand(2, 3, 13, 17, dtype=dtype) * 1.2 - 0.1
    images[0, 0, 0, :4] = torch.tensor([0.5, 1.5, 2.5, 254.5], dtype=dtype) / 255
    expected = (rs.quantise(images) * 255).round().to(torch.uint8)
    for each in (images, images.contiguous(memory_format=torch.channels_last), images.transpose(2, 3)):
        found = rs.eight_bit(each)
        assert torch.equal(found, expected if each.shape == images.shape else expected.transpose(2, 3))
    assert rs.eight_bit(images[:0]).shape == (0, 3, 13, 17)
