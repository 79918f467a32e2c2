"""The metrics against independent packages, stored values and cases that can be worked out by hand."""

import math
import os
import runpy
import socket
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import lpips as lpips_package
import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor
from torch.nn import functional

from bench import cards, resize
from bench.scores import metric_networks, metrics
from bench.scores.faces import arcface
from bench.scores.metric import Pair
from bench.scores.metrics import METRICS
from bench.scores.ssim import ssim
from bench.spec import BenchError, Card, MissingWeights, TooSmall


@pytest.fixture(autouse=True)
def shipped_networks_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests from using a network that happens to lie on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GLEAN_WEIGHTS", raising=False)


def images(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Return 8-bit noise as `Images`."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, height, width), generator=generator) / 255


def noisy(hr: Tensor, levels: int, seed: int = 1) -> Tensor:
    """Return the images with noise of so many grey levels, on the 8-bit grid."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randint(-levels, levels + 1, hr.shape, generator=generator) / 255
    return ((hr + noise).clamp(0, 1) * 255).round() / 255


def pattern(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return two images defined by integers alone, the same on every machine."""
    y, x, c = np.arange(height)[:, None, None], np.arange(width)[None, :, None], np.arange(3)[None, None, :]
    first = (2 * x + 7 * y + 25 * c + x * x // 9) % 256
    second = (3 * x + 5 * y + 40 * c + x * y // 7) % 256
    return as_images(first), as_images(second)


def as_images(rgb: np.ndarray) -> Tensor:
    """Return (1, 3, H, W) in [0, 1] for 8-bit values (H, W, 3)."""
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None].float() / 255


# PSNR and SSIM


def skimage_psnr(sr: Tensor, hr: Tensor) -> float:
    psnr: Any = peak_signal_noise_ratio
    return float(psnr(hr.double().numpy(), sr.double().numpy(), data_range=1))


def skimage_ssim(sr: Tensor, hr: Tensor) -> float:
    """Return the SSIM of (3, H, W) or of one channel (H, W)."""
    ssim: Any = structural_similarity
    windows = {"gaussian_weights": True, "sigma": 1.5, "win_size": 11, "use_sample_covariance": False}
    channel_axis = 0 if sr.ndim == 3 else None
    return float(ssim(hr.double().numpy(), sr.double().numpy(), data_range=1, channel_axis=channel_axis, **windows))


@pytest.mark.parametrize("crop", [0, 4])
@pytest.mark.parametrize(
    ("metric", "reference", "tolerance"), [(metrics.psnr, skimage_psnr, 1e-5), (ssim, skimage_ssim, 1e-6)]
)
def test_psnr_and_ssim_are_those_of_skimage(
    metric: Callable[..., Tensor], reference: Callable[[Tensor, Tensor], float], tolerance: float, crop: int
) -> None:
    hr = images(3, 24, 31)
    sr = noisy(hr, 40)
    inside = np.s_[..., crop : 24 - crop, crop : 31 - crop]
    expected = [reference(s[inside], h[inside]) for s, h in zip(sr, hr, strict=True)]
    result = metric(sr, hr, crop)
    assert result.dtype == torch.float64
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance, err_msg="the formula, or its crop, is wrong")


@pytest.mark.parametrize("strip", [1, 40 * 7, 40 * 30])
def test_ssim_strip_by_strip_is_that_of_the_whole(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hr = images(1, 50, 40)
    sr = noisy(hr, 40)
    whole = skimage_ssim(sr[0], hr[0])
    monkeypatch.setattr("bench.scores.ssim._STRIP", strip)
    assert ssim(sr, hr).item() == pytest.approx(whole, abs=3e-7), "a window is left out, or counted twice"


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_ssim_of_each_channel_is_that_of_skimage(channel: int) -> None:
    hr = images(1, 20, 20)
    sr = hr.clone()
    sr[:, channel] = noisy(hr, 60)[:, channel]
    expected = (2 + skimage_ssim(sr[0, channel], hr[0, channel])) / 3
    assert ssim(sr, hr).item() == pytest.approx(expected, abs=3e-7), "channels are not weighted equally"


def test_ssim_of_flat_images_is_the_luminance_term() -> None:
    sr, hr = torch.full((1, 3, 16, 16), 51 / 255), torch.full((1, 3, 16, 16), 204 / 255)
    expected = (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4)
    assert ssim(sr, hr).item() == pytest.approx(expected, abs=1e-12), "C1 or the data range is wrong"


@pytest.mark.parametrize("offset", [1, 10, 100])
def test_psnr_of_a_constant_offset(offset: int) -> None:
    hr = torch.full((2, 3, 8, 8), 100 / 255)
    expected = 20 * math.log10(255 / offset)
    assert metrics.psnr(hr + offset / 255, hr).tolist() == pytest.approx([expected] * 2, abs=1e-12)


def test_psnr_does_not_wrap_around() -> None:
    dark, light = torch.full((1, 3, 8, 8), 5 / 255), torch.full((1, 3, 8, 8), 250 / 255)
    assert metrics.psnr(dark, light).item() == pytest.approx(20 * math.log10(255 / 245)), "8-bit subtraction overflowed"


def test_psnr_is_per_image_and_not_pooled() -> None:
    hr = torch.full((2, 3, 8, 8), 0.0)
    sr = torch.cat((hr[:1] + 1 / 255, hr[1:] + 100 / 255))
    pooled = 10 * math.log10(255**2 / ((1 + 100**2) / 2))
    assert metrics.psnr(sr, hr).tolist() == pytest.approx([48.130804, 8.130804], abs=1e-6)
    assert metrics.psnr(sr, hr).mean().item() > pooled + 10, "the squared error of the batch was pooled"


def test_identical_images() -> None:
    hr = images(2, 40, 40)
    assert metrics.psnr(hr, hr).tolist() == [math.inf] * 2
    assert ssim(hr, hr).tolist() == pytest.approx([1, 1], abs=1e-12)
    assert metrics.lpips(hr, hr).tolist() == [0, 0]
    assert arcface(hr, hr).tolist() == pytest.approx([1, 1], abs=1e-12)


def test_values_are_taken_from_the_8_bit_grid() -> None:
    hr = images(1, 16, 16)
    sr = noisy(hr, 9)
    off_grid = (sr + 0.4 / 255 * torch.sign(0.5 - sr)).clamp(0, 1)
    assert not torch.equal(off_grid, sr)
    for metric in (metrics.psnr, ssim):
        assert torch.equal(metric(off_grid, hr), metric(sr, hr)), "a result that no PNG can hold was scored"


# LPIPS


def lpips_by_hand(sr: Tensor, hr: Tensor) -> Tensor:
    """Return LPIPS-Alex from the paper (equation 1) and the two weight files alone."""
    alexnet = load_file(metric_networks.SHIPPED / metric_networks.ALEXNET)
    heads_file = Path(lpips_package.__file__).parent / "weights" / "v0.1" / "alex.pth"
    heads = torch.load(heads_file, map_location="cpu", weights_only=True)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    layers = {0: (4, 2), 3: (1, 2), 6: (1, 1), 8: (1, 1), 10: (1, 1)}

    def features(image: Tensor) -> list[Tensor]:
        maps, x = [], (image - mean) / std
        for number, (stride, padding) in layers.items():
            x = functional.max_pool2d(x, 3, 2) if number in (3, 6) else x
            weight, bias = (alexnet[f"features.{number}.{part}"] for part in ("weight", "bias"))
            x = functional.conv2d(x, weight, bias, stride, padding).relu()
            maps.append(x)
        return [m / (m.square().sum(1, keepdim=True).sqrt() + 1e-10) for m in maps]

    distances = [
        ((a - b).square() * heads[f"lin{i}.model.1.weight"]).sum(1).mean((1, 2))
        for i, (a, b) in enumerate(zip(features(sr), features(hr), strict=True))
    ]
    return torch.stack(distances).sum(0)


@pytest.mark.parametrize(
    ("height", "width", "stored"),
    # made by lpips.LPIPS(net="alex") on torchvision's alexnet file, nothing of ours in between
    [(64, 64, 0.18533512949943542), (96, 72, 0.28326675295829773), (31, 31, 0.043606236577034)],
)
def test_lpips_is_the_stored_value_and_that_of_an_independent_implementation(
    height: int, width: int, stored: float
) -> None:
    sr, hr = pattern(height, width)
    value = metrics.lpips(sr, hr).item()
    assert value == pytest.approx(stored, abs=1e-5), "LPIPS is not that of the official path"
    assert value == pytest.approx(lpips_by_hand(sr, hr).item(), abs=1e-5), "LPIPS is not that of the paper"


def test_lpips_of_the_reference_pair() -> None:
    folder = Path(os.environ.get("GLEAN_LPIPS_EXAMPLES", Path(lpips_package.__file__).parent / "imgs"))
    if not (folder / "ex_ref.png").is_file():
        pytest.skip("set GLEAN_LPIPS_EXAMPLES to the imgs folder of the PerceptualSimilarity repository")
    ref, p0, p1 = (as_images(np.array(Image.open(folder / f"ex_{name}.png"))) for name in ("ref", "p0", "p1"))
    value = metrics.lpips(torch.cat((p0, p1)), ref.expand(2, -1, -1, -1))
    assert value.tolist() == pytest.approx([0.722, 0.138], abs=5e-4), "not the values its authors print"


def test_lpips_says_nothing_draws_nothing_and_fetches_nothing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a metric went to the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    metric_networks.lpips_alex.cache_clear()
    state = torch.get_rng_state()
    first = metrics.lpips(*pattern(64, 64))
    assert torch.equal(torch.get_rng_state(), state), "building LPIPS moved the caller's random numbers"
    assert capfd.readouterr() == ("", ""), "building LPIPS wrote to the console"
    network = metric_networks.lpips_alex(torch.device("cpu"))
    assert network is metric_networks.lpips_alex(torch.device("cpu")), "LPIPS is built anew for each batch"
    assert not network.network.training, "dropout is on"
    assert not first.requires_grad
    assert not any(p.requires_grad for p in network.network.parameters())


def test_features_of_a_ground_truth_are_computed_once_for_all_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    sr, hr = pattern(64, 64)
    first = metrics.lpips(sr, hr)
    made = []
    features = metric_networks.LpipsAlex.features
    monkeypatch.setattr(metric_networks.LpipsAlex, "features", lambda *words: made.append(1) or features(*words))
    assert torch.equal(metrics.lpips(sr, hr), first)
    assert len(made) == 1, "half of the time goes into the ground truth, again for every method"
    metrics.lpips(sr, 1 - hr)
    assert len(made) == 3, "another ground truth has the features of the first"


def test_a_value_does_not_depend_on_the_batch(vgg16_of_sines: None) -> None:
    hr = images(3, 64, 64)
    sr = noisy(hr, 30)
    pair = Pair(sr, hr, images(3, 16, 16), 4)
    for metric in METRICS.values():
        alone = torch.cat([metric.function(Pair(sr[i, None], hr[i, None], pair.lr[i, None], 4)) for i in range(3)])
        together, told = metric.function(pair), f"{metric.name} of an image depends on its batch"
        np.testing.assert_allclose(together, alone, rtol=1e-12, err_msg=told)


# ArcFace

# Eyes, nose and corners of the mouth, read off the picture by eye to about 2 px. The man standing at the right is left
# out: he is seen nearly from the side, which no aligned face data set contains.
LANDMARKS = (
    ((85, 330), (130, 309), (121, 342), (114, 370), (148, 351)),
    ((291, 212), (321, 195), (308, 226), (313, 245), (336, 235)),
    ((490, 319), (539, 331), (508, 360), (487, 372), (533, 379)),
    ((761, 397), (805, 402), (778, 431), (769, 439), (806, 442)),
    ((1146, 326), (1195, 323), (1170, 351), (1157, 367), (1197, 364)),
)


@pytest.fixture(scope="module")
def faces() -> Tensor:
    """The faces of insightface's own sample picture, aligned by its own function, (5, 3, 112, 112)."""
    from insightface.data import get_image
    from insightface.utils.face_align import norm_crop

    picture = get_image("t1")
    with warnings.catch_warnings():  # insightface calls a method that newer versions of skimage deprecate
        warnings.filterwarnings("ignore", "`estimate` is deprecated", FutureWarning)
        crops = [norm_crop(picture, np.array(points, np.float32)) for points in LANDMARKS]
    return torch.cat([as_images(crop[..., ::-1]) for crop in crops])


def test_arcface_tells_people_apart(faces: Tensor) -> None:
    assert arcface(faces.flip(-1), faces).min() > 0.7, "a mirrored face is another person"
    first, second = (torch.stack(side) for side in zip(*combinations(faces, 2), strict=True))
    assert arcface(first, second).max() < 0.4, "different people are one person"


def test_arcface_prefers_the_better_restoration(faces: Tensor) -> None:
    blurred = [resize.quantise(resize.upsample(resize.downsample(faces, factor), factor)) for factor in (2, 4, 8, 16)]
    means = [arcface(each, faces).mean().item() for each in blurred]
    assert means == sorted(means, reverse=True), "identity does not fall with the factor"
    assert means[0] > 0.9
    assert means[-1] < 0.5


def test_arcface_is_what_insightface_makes_of_8_bit_bgr(faces: Tensor) -> None:
    from insightface.model_zoo.arcface_onnx import ArcFaceONNX

    path = str(metric_networks.arcface_file())
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    bgr = (faces.flip(1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    features = np.asarray(ArcFaceONNX(model_file=path, session=session).get_feat(list(bgr)), dtype=np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    expected = (features[1:] * features[:-1]).sum(axis=1)
    result = arcface(faces[1:], faces[:-1])
    np.testing.assert_allclose(result, expected, atol=1e-5, err_msg="channel order or range of the input is wrong")


def test_arcface_takes_the_whole_image_resized_by_our_operator(faces: Tensor) -> None:
    large = resize.quantise(resize.resize(faces[:2] * 0.6 + 0.2, 256, 256))
    small = resize.resize(large.double() * 255, 112, 112)
    first, second = metric_networks.arcface_embedding(small, "CPUExecutionProvider")
    expected = torch.cosine_similarity(first, second, dim=0).item()
    result = arcface(large[:1], large[1:]).item()
    assert result == pytest.approx(expected, abs=1e-6), "the face was cropped, rounded, or resized by another kernel"


def test_the_aligned_protocol_sees_the_box_and_its_mirror_image() -> None:
    """By hand, from the definition: cut, resize, embed, add the mirror image's embedding, cosine."""
    hr = images(2, 100, 100)
    sr = noisy(hr, 60)
    box = (0.07, 0.204, 0.7)  # 7, 20 and 70 px
    vectors = []
    for batch in (sr, hr):
        face = resize.resize(batch[..., 20:90, 7:77].double() * 255, 112, 112).clamp(0, 255)
        seen = [metric_networks.arcface_embedding(each, "CPUExecutionProvider") for each in (face, face.flip(-1))]
        vectors.append((seen[0] + seen[1]).numpy())
    a, b = vectors
    expected = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    aligned = METRICS["arcface_aligned"].located
    assert aligned is not None
    value = aligned(box).function(Pair(sr, hr, hr, 1))
    np.testing.assert_allclose(value, expected, atol=1e-6)
    np.testing.assert_allclose(aligned(box).function(Pair(sr.flip(-1), hr, hr, 1)), arcface(sr.flip(-1), hr, box=box))
    assert aligned(box).protocol() == "arcface[mobilefacenet,sha 3580073e,box 0.07 0.204 0.7,mirrored,112]"
    assert METRICS["arcface"].protocol() == "arcface[mobilefacenet,sha 3580073e,whole,112]"


def test_the_aligned_protocol_is_for_cards_that_say_where_faces_are() -> None:
    metric = METRICS["arcface_aligned"]
    card = Card("p", "face", "Face", 64, "folder", "x", "", "")
    assert not metric.measures(card), "a box was guessed"
    boxed = replace(card, face_box=(0.25, 0.25, 0.5))
    assert metric.measures(boxed)
    assert "box 0.25 0.25 0.5" in metric.of(boxed).protocol()
    assert not metric.measures(replace(boxed, category="tower"))
    assert METRICS["arcface"].of(boxed) is METRICS["arcface"]


def test_a_provider_is_never_silently_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    face = images(1, 112, 112)
    with pytest.raises(BenchError, match=r"NoSuchExecutionProvider.*gives.*CPUExecutionProvider"):
        arcface(face, face, provider="NoSuchExecutionProvider")

    class FellBack:
        """What onnxruntime returns if CUDA is offered but does not start."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", FellBack)
    with pytest.raises(BenchError, match=r"CUDAExecutionProvider.*gives CPUExecutionProvider"):
        arcface(face, face, provider="CUDAExecutionProvider")


# Which file


def test_a_preferred_network_is_taken_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = METRICS["arcface"].protocol
    assert protocol() == "arcface[mobilefacenet,sha 3580073e,whole,112]"

    cache = tmp_path / "home" / ".cache" / "glean-bench" / "weights"
    for folder in (tmp_path / "home" / ".insightface" / "models" / "buffalo_l", cache, tmp_path / "weights"):
        folder.mkdir(parents=True)
        path = folder / "w600k_r50.onnx"
        path.write_bytes(b"abc")
        monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "weights"))
        assert metric_networks.arcface_file() == path, "$GLEAN_WEIGHTS, the cache, then insightface's own folder"
    with pytest.raises(MissingWeights, match="w600k_r50"):
        protocol()

    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc", FIPS 180-2
    monkeypatch.setitem(metric_networks.SHA256, "w600k_r50.onnx", sha256)
    assert protocol() == "arcface[w600k_r50,sha ba7816bf,whole,112]", "a number does not say which network made it"


@pytest.mark.parametrize("name", [metric_networks.ALEXNET, metric_networks.MOBILEFACENET])
def test_a_damaged_or_absent_file_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray((metric_networks.SHIPPED / name).read_bytes())
    content[len(content) // 2] ^= 1
    monkeypatch.setattr(metric_networks, "SHIPPED", tmp_path)
    metric_networks.lpips_alex.cache_clear()
    metric = METRICS["lpips" if name == metric_networks.ALEXNET else "arcface"]
    face = images(1, 112, 112)
    pair = Pair(face, face, face, 1)
    with pytest.raises(MissingWeights, match="install it again"):
        metric.function(pair)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MissingWeights, match="sha256"):
        metric.function(pair)


# LR consistency and the table


def test_lr_consistency() -> None:
    hr = images(2, 32, 32)
    sr = noisy(hr, 30)
    down = resize.downsample(sr.double(), 8)
    lr = resize.quantise(resize.downsample(hr.double(), 8))
    expected = [skimage_psnr(a, b) for a, b in zip(down, lr, strict=True)]
    np.testing.assert_allclose(metrics.lr_consistency(sr, lr, 8), expected, atol=1e-4)
    assert metrics.lr_consistency(hr, lr, 8).min() > 50, "LR made by our own operator is not explained by its HR"
    flat = torch.full((1, 3, 32, 32), 77 / 255)
    assert metrics.lr_consistency(flat, flat[..., :4, :4], 8).item() == math.inf, "rounding of the sums was scored"


def test_lr_consistency_refuses_another_factor() -> None:
    with pytest.raises(ValueError, match="shrunk by 4"):
        metrics.lr_consistency(images(1, 32, 32), images(1, 4, 4), 4)


def test_the_table_of_metrics(vgg16_of_sines: None) -> None:
    assert list(METRICS) == [
        "psnr",
        "psnr_crop",
        "ssim",
        "ssim_crop",
        "lpips",
        "lpips_vgg",
        "dists",
        "lpips_components",
        "lpips_rest",
        "arcface",
        "arcface_aligned",
        "lpips_outside",
        "psnr_outside",
        "lpips_inside",
        "psnr_inside",
        "seam",
        "kid",
        "lr_psnr",
    ]
    protocols = [metric.protocol() for metric in METRICS.values()]
    assert len(set(protocols)) == len(protocols), "two metrics share a protocol, so their numbers would be mixed"
    assert METRICS["psnr"].protocol() == "psnr[rgb,u8,crop0,mean]"
    assert METRICS["lpips"].protocol() == "lpips[alex,0.1,crop0]"
    assert METRICS["arcface"].applies(cards.card("mini", "face"))
    assert not METRICS["arcface"].applies(cards.card("mini", "tower"))
    assert [name for name, metric in METRICS.items() if not metric.higher_is_better] == [
        "lpips",
        "lpips_vgg",
        "dists",
        "lpips_components",
        "lpips_rest",
        "lpips_outside",
        "lpips_inside",
        "seam",
        "kid",
    ]

    hr = images(2, 64, 64)
    lr, edited = resize.quantise(resize.downsample(hr, 4)), torch.zeros(2, 1, 64, 64)
    edited[..., 16:48, 16:48] = 1
    close, far = (Pair(noisy(hr, levels), hr, lr, 4, mask=edited) for levels in (5, 90))
    for name, metric in METRICS.items():
        values = [metric.function(pair) for pair in (close, far)]
        shares = [metric.pooled(each).mean().expand(2) if metric.pooled else each for each in values]
        better = shares[0] > shares[1]
        assert (better == metric.higher_is_better).all(), f"{name} is better in the other direction"
        assert better.shape == (2,)
    assert torch.equal(METRICS["psnr_crop"].function(far), metrics.psnr(far.sr, hr, 4))
    assert torch.equal(METRICS["ssim_crop"].function(far), ssim(far.sr, hr, 4))


def test_no_two_metrics_have_one_title():
    titles = [metric.title for metric in METRICS.values()]
    assert len(set(titles)) == len(titles), "a note would tell two figures of one name"


# What is refused


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (torch.zeros(3, 40, 40), "N, 3, H, W"),
        (torch.zeros(1, 40, 40, 3), "N, 3, H, W"),
        (torch.zeros(0, 3, 40, 40), "at least 1"),
        (torch.zeros(1, 3, 40, 40, dtype=torch.uint8), "float32"),
        (torch.zeros(1, 3, 40, 40, dtype=torch.float64), "float32"),
        (torch.full((1, 3, 40, 40), 255.0), r"\[0, 1\]"),
        (torch.full((1, 3, 40, 40), -1.0), r"\[0, 1\]"),
        (torch.full((1, 3, 40, 40), math.nan), r"\[0, 1\]"),
        (torch.zeros(2, 3, 40, 40), "do not match"),
        (torch.zeros(1, 3, 41, 40), "do not match"),
    ],
)
def test_anything_but_images_is_refused(wrong: Tensor, says: str) -> None:
    right = torch.zeros(1, 3, 40, 40)
    for metric in (metrics.psnr, ssim, metrics.lpips, arcface):
        for pair in ((wrong, right), (right, wrong)):
            with pytest.raises(ValueError, match=says):
                metric(*pair)


def test_too_small_images_are_refused() -> None:
    small = images(1, 16, 64)
    with pytest.raises(TooSmall, match="31 px, not 16 x 64"):
        metrics.lpips(small, small)
    with pytest.raises(TooSmall, match="11 px"):
        ssim(small, small, crop=3)
    with pytest.raises(TooSmall, match="crop of 8 px"):
        metrics.psnr(small, small, crop=8)


def test_psnr_needs_none_of_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("lpips", "torchvision", "insightface", "onnxruntime", "onnx", "cv2", "safetensors"):
        monkeypatch.setitem(sys.modules, package, None)  # an import of it now fails
    fresh = runpy.run_path(metric_networks.__file__)
    assert fresh["SHA256"] == metric_networks.SHA256
    fresh = runpy.run_path(metrics.__file__)
    face = images(1, 32, 32)
    for name in ("psnr", "psnr_crop", "ssim", "lr_psnr"):
        fresh["METRICS"][name].function(Pair(face, face, face, 1))
    assert fresh["METRICS"]["arcface"].protocol(), "naming the protocol took a heavy package"


def test_making_lpips_draws_no_random_numbers(monkeypatch):
    # torchvision's AlexNet begins with 60 million of them, for a classifier that LPIPS has no use for: 1.5 s a process.
    drawn: list[torch.Tensor] = []
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda tensor, *_, **__: drawn.append(tensor) or tensor)
    metric_networks.lpips_alex.__wrapped__(torch.device("cpu"))
    assert sum(each.numel() for each in drawn) == 0
