"""Degradations: each operator against an independent way to make it, the same bytes on every run, clear errors."""

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from scipy import ndimage

from bench import cards, degradation, resize
from bench.errors import BadFile, BenchError, UnknownName
from bench.images import data, degraded
from bench.scores.metric import Pair
from bench.scores.metrics import METRICS
from bench.verbs import sheet

from .conftest import textured

FACE = cards.cards("mini")["face"]


def made(*how, factor=1, name="0007", side=64) -> torch.Tensor:
    """What becomes of a picture, float64."""
    return degraded.degraded(picture(side), how, factor, name)


def picture(side=64) -> torch.Tensor:
    return torch.from_numpy(textured(side, 3)).permute(2, 0, 1).double() / 255


def turned(*how, side=64) -> np.ndarray:
    image = torch.from_numpy(textured(side, 3)).permute(2, 0, 1).contiguous()
    return degraded.truth(image, how).permute(1, 2, 0).numpy()


def test_down_alone_is_what_all_tables_do():
    image = (picture() * 255).round().to(torch.uint8)
    expected = resize.quantise(resize.downsample(picture()[None], 8))[0]
    assert torch.equal(data.low_resolution(image, 8), expected)
    assert degradation.words(degradation.PLAIN) == "", "protocols of plain tables must stay as they are"


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_is_exact(quarters):
    how = f"rotate {quarters * 90 if quarters < 3 else -90}"
    assert np.abs(turned(how).astype(int) - np.rot90(textured(64, 3), quarters)).max() <= 1


def test_a_turn_is_that_of_pillow_in_the_middle():
    """Pillow's splines are others (Catmull-Rom), so a smooth picture is taken; a sign or a centre would be far off."""
    smooth = ndimage.gaussian_filter(textured(96, 3).astype(float), (4, 4, 0)).round().astype(np.uint8)
    ours = degraded.truth(torch.from_numpy(smooth).permute(2, 0, 1).contiguous(), ("rotate 30",)).permute(1, 2, 0)
    theirs = np.asarray(Image.fromarray(smooth).rotate(30, Image.Resampling.BICUBIC), dtype=int)
    assert np.abs(ours.numpy().astype(int) - theirs)[32:64, 32:64].max() <= 1


def test_a_shift_moves_right_and_down_and_mirrors_the_border():
    before, after = textured(64, 3), turned("shift 10")
    assert np.array_equal(after[6:, 6:], before[:-6, :-6])
    assert np.array_equal(after[:6, 6:], before[6:0:-1, :-6]), "the border is not the mirrored image"
    assert np.array_equal(turned("shift -10")[:-6, :-6], before[6:, 6:])


def test_a_mirror_is_that_of_pillow():
    assert np.array_equal(turned("mirror"), np.asarray(ImageOps.mirror(Image.fromarray(textured(64, 3)))))


def test_a_blur_has_its_deviation_and_keeps_the_light():
    spot = torch.zeros(3, 65, 65, dtype=torch.float64)
    spot[:, 32, 32] = 1
    blurred = degraded.degraded(spot, ("blur 2.5",), 1)[0].numpy()
    offsets = np.arange(65) - 32
    assert blurred.sum() == pytest.approx(1)
    assert (blurred.sum(0) * offsets**2).sum() == pytest.approx(2.5**2, rel=0.02), "the variance of the kernel"


def test_noise_has_its_deviation_and_no_mean_and_differs_between_images():
    flat = torch.full((3, 128, 128), 0.5, dtype=torch.float64)
    drawn = degraded.degraded(flat, ("noise 10",), 1, "0001") - 0.5
    assert drawn.std().item() * 255 == pytest.approx(10, rel=0.01)
    assert abs(drawn.mean().item()) * 255 < 4 * 10 / drawn.numel() ** 0.5
    assert torch.equal(degraded.degraded(flat, ("noise 10",), 1, "0001") - 0.5, drawn)
    other = degraded.degraded(flat, ("noise 10",), 1, "0002") - 0.5
    assert abs((drawn * other).mean().item()) / drawn.var().item() < 0.03, "two images have the same noise"
    twice = degraded.degraded(flat, ("noise 10", "noise 10"), 1, "0001") - 0.5
    assert twice.std().item() * 255 == pytest.approx(10 * 2**0.5, rel=0.01), "the second noise is the first again"


def test_jpeg_is_that_of_pillow():
    file = io.BytesIO()
    Image.fromarray(textured(64, 3)).save(file, "JPEG", quality=60, subsampling=2)
    theirs = np.asarray(Image.open(file)).transpose(2, 0, 1)
    assert np.array_equal((made("jpeg 60") * 255).round().numpy().astype(np.uint8), theirs)


def test_grey_is_that_of_pillow():
    theirs = np.asarray(Image.fromarray(textured(64, 3)).convert("L"), dtype=float)
    ours = made("grey")
    assert torch.equal(ours[0], ours[1])
    assert torch.equal(ours[1], ours[2])
    assert np.abs(ours[0].numpy() * 255 - theirs).max() <= 1


def test_a_mask_takes_its_share_of_the_pixels_and_leaves_the_rest():
    before, after = picture(), made("mask 0.9")
    black = (after == 0).all(0)
    assert black.sum().item() == round(0.9 * 64 * 64)
    assert torch.equal(after[:, ~black], before[:, ~black])
    assert not torch.equal(black, (made("mask 0.9", name="0008") == 0).all(0))
    rows = black.double().mean(1)
    assert rows.min() > 0.7, "the pixels are not spread over the image"


def test_a_hole_is_in_the_middle():
    before, after = picture(), made("hole 0.5")
    assert (after[:, 16:48, 16:48] == 0).all()
    after[:, 16:48, 16:48] = before[:, 16:48, 16:48]
    assert torch.equal(after, before)


def test_operators_go_in_their_order():
    expected = resize.downsample(torch.from_numpy(ndimage.gaussian_filter(picture().numpy(), (0, 1.5, 1.5)))[None], 4)[
        0
    ]
    assert not torch.allclose(made("blur 1.5", "down", factor=4), made("down", "blur 1.5", factor=4), atol=1e-3)
    inner = (slice(None), slice(3, -3), slice(3, -3))
    assert torch.allclose(made("blur 1.5", "down", factor=4)[inner], expected[inner], atol=1e-9)


def test_the_bytes_are_those_of_every_run():
    """A library that draws, blurs or turns otherwise shows here: results of two versions would be mixed."""
    how = ("rotate 15", "shift 10", "mirror", "blur 1.5", "down", "noise 10", "mask 0.1", "hole 0.1", "grey")
    image = torch.from_numpy(textured(64, 3)).permute(2, 0, 1).contiguous()
    lr = data.low_resolution(degraded.truth(image, how), 4, how, "0007")
    assert hashlib.sha256((lr * 255).round().to(torch.uint8).numpy().tobytes()).hexdigest()[:12] == "e636e69b1216"


def test_the_truth_is_turned_and_the_input_is_of_the_turned_truth():
    plain, card = next(data.batches(FACE, 8, 1, 1)), replace(FACE, degradation=("mirror", "down"))
    batch = next(data.batches(card, 8, 1, 1))
    assert torch.equal(batch.hr, plain.hr.flip(-1))
    assert torch.equal(batch.lr, plain.lr.flip(-1))
    grey = next(data.batches(replace(FACE, degradation=("down", "grey")), 8, 1, 1))
    assert torch.equal(grey.hr, plain.hr), "what degrades the input has changed the truth"
    assert not torch.equal(grey.lr, plain.lr)


def test_a_quality_of_jpeg_is_told_as_it_is_done():
    """Trainings draw any number, and the encoder takes whole ones: a protocol told another than was done."""
    assert degradation.words(("down", "jpeg 60.6")) == "down, jpeg 61"


def test_one_number_has_one_protocol_however_it_is_written():
    """The same images had another protocol, so that values could not be compared."""
    assert degradation.words(("rotate -0", "down")) == degradation.words(("rotate 0.0", "down")) == "rotate 0, down"
    assert degradation.words(("down", "noise  1e1")) == degradation.words(("down", "noise +10.")) == "down, noise 10"


def test_a_result_is_put_through_the_same_before_it_is_compared_with_its_input():
    batch = next(data.batches(replace(FACE, degradation=("blur 2", "down")), 8, 1, 1))
    values = [
        METRICS["lr_psnr"].function(Pair(batch.hr, batch.hr, batch.lr, 8, *how)) for how in ((), (("blur 2", "down"),))
    ]
    assert values[1].item() > 50
    assert values[0].item() < values[1].item() - 10
    assert not METRICS["lr_psnr"].measures(replace(FACE, degradation=("down", "noise 10")))
    assert METRICS["psnr"].measures(replace(FACE, degradation=("down", "noise 10")))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (("blurr 2", "down"), "there is no degradation 'blurr'; did you mean blur?"),
        (("blur", "down"), r"blur takes a number from 0.1 to 100 \(pixels\), as in 'blur 50'; 'blur' has none"),
        (("jpeg 200",), r"jpeg takes a number from 1 to 95 \(quality\), as in 'jpeg 48'; 'jpeg 200' has 200"),
        (("eyes 1",), r"eyes takes a number from 1.1 to 2 \(times as large\), as in 'eyes 1.1'"),
        (("noise ten",), r"noise takes a number from 0.1 to 255 \(8-bit levels\)"),
        (("noise nan",), "noise takes a number"),
        (("jpeg 1_0",), "jpeg takes a number"),
        (("blur ٣",), "blur takes a number"),
        (("down 4",), "down takes no number, but 'down 4' gives one; write 'down'"),
        (("down", "rotate 30"), "rotate 30 changes the ground truth itself, so it has to come before"),
        (("down", "down"), "down stands twice"),
    ],
)
def test_a_list_that_cannot_be_is_told_in_a_sentence(how, words):
    with pytest.raises((BenchError, UnknownName), match=words):
        degradation.steps(how)


def test_a_list_has_one_spelling():
    """` down ` was another list than `down`, and `blur 3.0000001` the same as `blur 3` in a protocol."""
    with pytest.raises(BadFile, match="' down ' has blanks around it; write 'down'"):
        degradation.LIST.check("face.toml", "degradation", [" down "])
    assert degradation.words(("blur 3.0000001", "down")) == "blur 3.0000001, down"
    assert degradation.words(("blur 3.0", "down", "noise 0.5", "jpeg 60")) == "blur 3, down, noise 0.5, jpeg 60"


def test_a_sheet_has_a_row_for_the_truth_and_one_for_each_list():
    lists = [sheet.parsed(text) for text in ("mirror", "blur 2, down", "grey")]
    truth, mirrored, small, grey = sheet.rows(FACE, 2, lists, 8)
    assert truth.shape == mirrored.shape == small.shape == grey.shape == (2, 3, 128, 128)
    assert torch.equal(mirrored, truth.flip(-1))
    assert torch.equal(small[..., ::8, ::8].repeat_interleave(8, -1).repeat_interleave(8, -2), small)
    assert torch.equal(grey[:, 0], grey[:, 2])
    with pytest.raises(UnknownName, match="did you mean noise"):
        sheet.parsed("down, nose 3")
