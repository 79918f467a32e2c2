"""Edits of an amateur: what they change and what not, the drawn truth, metrics by region, the verb `retouch`."""

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from bench import cards, degradation, pipeline, report_files
from bench.errors import BenchError
from bench.images import data, retouching
from bench.plan import plan
from bench.report import table
from bench.restore import RunSettings
from bench.running.measuring import measured, measurers
from bench.scores import regions
from bench.scores.metric import Pair
from bench.scores.metrics import METRICS
from bench.verbs import retouch
from methods.bicubic import Bicubic

from .conftest import textured

FACE = cards.cards("mini")["face"]
EDITS = ("eyes 1.6", "mouth 5", "paste 0.25", "stroke 0.12", "patch 0.25")
PHOTO = replace(FACE, reader="folder")


def edited(edit, image_id="0004", card=FACE) -> tuple[retouching.Retouched, torch.Tensor]:
    """A face with an edit, and without."""
    image = data.read(FACE, image_id)
    return retouching.retouched(replace(card, degradation=(edit, "down")), image_id, image), image


def pair(sr, hr, mask) -> Pair:
    return Pair(sr, hr, sr[..., ::16, ::16], 16, mask=mask)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_its_mask_and_nothing_else(edit):
    """Else `outside of the edit` would be measured on pixels that were edited."""
    made, before = edited(edit)
    changed = (made.image != before).any(0)
    inside = made.mask[0].bool()
    assert changed.sum() > 100, "nothing was edited"
    assert not (changed & ~inside).any()
    assert not ((made.truth != before).any(0) & ~inside).any()
    assert 0.01 < inside.double().mean() < 0.4


@pytest.mark.parametrize("edit", EDITS)
def test_the_edit_of_another_image_lies_elsewhere(edit):
    assert not torch.equal(edited(edit, "0004")[0].mask, edited(edit, "0005")[0].mask)


def test_the_bytes_are_those_of_every_run():
    """Another place or colour, or a library that bends otherwise: results of two versions would be mixed."""
    digest = hashlib.sha256()
    for edit in EDITS:
        made, _ = edited(edit)
        for each in (made.image, made.truth, made.mask.byte()):
            digest.update(each.numpy().tobytes())
    assert digest.hexdigest()[:12] == "35e2cc2fe4e6"


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_wider_eyes_are_drawn_within_the_mask(seed):
    """A part of the drawing that the mask cuts off would leave a seam in the truth."""
    made, before = edited("eyes 1.6", f"{seed:04d}")
    drawn = retouching._opened(seed, 1.6, 128)
    outside = (drawn.int() - before.int()).abs() * (1 - made.mask).int()
    assert outside.max() <= 1
    assert not torch.equal(made.truth, before)
    assert torch.equal(retouching._opened(seed, 1, 128), before), "drawn with nothing changed it is another picture"


def test_eyes_are_enlarged_about_their_middle_and_a_mouth_goes_down():
    """A white spot at a landmark: larger after `eyes 2`, lower after `mouth 5`."""
    card = replace(PHOTO, face_box=(0.0, 0.0, 1.0))
    spots = torch.zeros(3, 112, 112, dtype=torch.uint8)
    for row, column in ((51, 38), (92, 56)):
        spots[:, row - 1 : row + 3, column - 2 : column + 3] = 255

    def made(edit):
        return retouching.retouched(replace(card, degradation=(edit, "down")), "x", spots).image[0].double() / 255

    eyes, mouth = made("eyes 2"), made("mouth 5")
    assert 2 * 20 < eyes[40:64, 25:50].sum() < 4 * 20, "twice as wide and as high in the middle, less beside it"
    rows = torch.arange(112.0, dtype=torch.float64)
    lower = (mouth[75:].sum(1) * rows[75:]).sum() / mouth[75:].sum()
    assert lower - 92.5 == pytest.approx(0.05 * 112, abs=1)


def test_a_pasted_part_is_from_elsewhere_in_the_image():
    made, before = edited("paste 0.25")
    rows, columns = (torch.nonzero(made.mask[0].any(axis)).flatten() for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    assert made.mask.sum() == 32 * 32
    part = made.image[:, top : top + 32, left : left + 32]
    windows = before.unfold(1, 32, 1).unfold(2, 32, 1).permute(1, 2, 0, 3, 4)
    found = (windows == part).flatten(2).all(-1).nonzero()
    assert len(found) == 1
    assert abs(int(found[0][1]) - left) >= 32, "the source overlaps the target"


def test_eyes_of_unknown_places_are_a_sentence():
    card = replace(PHOTO, face_box=None, degradation=("eyes 1.5", "down"))
    with pytest.raises(BenchError, match=r"where the eyes and the mouth of face are is not known.*face_box"):
        retouching.retouched(card, "x", torch.zeros(3, 64, 64, dtype=torch.uint8))
    with pytest.raises(BenchError, match="where the eyes and the mouth of face are is not known"):
        plan(report_files.read("retouch"), {}, {"face": card})
    drawn = replace(cards.card("mini", "face"), face_box=None, degradation=("eyes 1.5", "down"))
    cells = plan(report_files.read("retouch"), {"bicubic": Bicubic.spec}, {"face": drawn})
    assert cells[0].refusal is None, "of drawn faces it is known"


@pytest.mark.parametrize("how", [("eyes 1.5", "rotate 30", "down"), ("eyes 1.5", "paste 0.2", "down")])
def test_an_edit_stands_alone(how):
    with pytest.raises(BenchError, match="an edit stands alone"):
        degradation.steps(how)


def test_a_method_gets_the_edited_image_and_is_measured_against_the_true_one():
    card = replace(FACE, degradation=("eyes 1.6", "down"))
    plain, batch = next(data.batches(FACE, 16, 2, 2)), next(data.batches(card, 16, 2, 2))
    for index, name in enumerate(batch.ids):
        made, _ = edited("eyes 1.6", name)
        assert torch.equal(batch.lr[index], data.low_resolution(made.image, 16)), "LR is not of the edited image"
        assert torch.equal(batch.hr[index], made.truth / 255)
        assert torch.equal(batch.mask[index], made.mask)
    assert plain.mask is None
    assert not torch.equal(plain.lr, batch.lr)
    other = next(data.batches(replace(FACE, degradation=("patch 0.25", "down")), 16, 1, 1))
    assert torch.equal(other.hr, plain.hr[:1]), "where no truth can be drawn it is the image as it was"


def random_pair(of_mask=0.25) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    sr, hr = (
        (torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(s)) * 255).round() / 255 for s in (0, 1)
    )
    mask = torch.zeros(2, 1, 64, 64)
    side = round(64 * of_mask**0.5)
    mask[..., :side, :side] = 1
    return sr, hr, mask


def test_psnr_by_region_is_that_of_its_pixels():
    sr, hr, mask = random_pair()
    inner = METRICS["psnr"].function(Pair(sr[..., :32, :32], hr[..., :32, :32], sr, 16))
    torch.testing.assert_close(regions.psnr(pair(sr, hr, mask), inside=True), inner)
    mixed = torch.where(mask.bool(), sr, hr)
    assert regions.psnr(pair(mixed, hr, mask), inside=False).tolist() == [math.inf, math.inf]
    both = [(10 ** (-regions.psnr(pair(sr, hr, mask), inside=inside) / 10)) for inside in (True, False)]
    whole = 10 ** (-METRICS["psnr"].function(pair(sr, hr, mask)) / 10)
    torch.testing.assert_close(both[0] / 4 + both[1] * 3 / 4, whole)


def test_lpips_outside_is_lpips_without_an_edit_and_knows_nothing_of_what_is_inside():
    """Features see far: an image that was true outside had half of its distance there, of the edit itself."""
    sr, hr, mask = random_pair()
    torch.testing.assert_close(
        regions.lpips(pair(sr, hr, None), inside=False),
        METRICS["lpips"].function(pair(sr, hr, None)),
        rtol=1e-5,
        atol=1e-6,
    )
    mixed = torch.where(mask.bool(), sr, hr)
    assert regions.lpips(pair(mixed, hr, mask), inside=False).tolist() == [0, 0]
    assert (regions.lpips(pair(mixed, hr, mask), inside=True) > 0.05).all()
    other = torch.where(mask.bool(), hr, sr)
    assert regions.lpips(pair(other, hr, mask), inside=True).tolist() == [0, 0]
    for inside, made in ((True, mixed), (False, other)):
        alone, among = (regions.lpips(pair(each, hr, mask), inside=inside) for each in (made, sr))
        torch.testing.assert_close(alone, among)


def test_a_seam_is_the_energy_across_the_border_alone():
    hr = torch.full((1, 3, 64, 64), 100 / 255)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:48, 16:48] = 1
    pasted = torch.where(mask.bool(), torch.tensor(110 / 255), hr)
    assert regions.seam(pair(hr, hr, mask)).item() == 0
    assert regions.seam(pair(pasted, hr, mask)).item() == pytest.approx(10 * math.log10(101)), "E = 10^2, of truth 0"
    assert regions.seam(pair(hr, pasted, mask)).item() == 0, "less than the truth's is no seam"
    elsewhere = hr.clone()
    elsewhere[..., 20:30, 20:30] = elsewhere[..., :8, :] = 1.0
    assert regions.seam(pair(elsewhere, hr, mask)).item() == 0


def test_what_cannot_be_known_is_not_measured():
    cards_of = {edit: replace(FACE, degradation=(edit, "down")) for edit in EDITS}
    inside = {edit for edit, card in cards_of.items() if METRICS["psnr_inside"].measures(card)}
    assert inside == {"eyes 1.6"}
    assert not METRICS["psnr_inside"].measures(replace(cards_of["eyes 1.6"], reader="folder"))
    assert not METRICS["seam"].measures(FACE)
    assert METRICS["lpips_outside"].measures(FACE)
    assert all(METRICS["seam"].measures(card) for card in cards_of.values())


def test_a_process_that_measures_gets_the_mask():
    sr, hr, mask = random_pair()
    columns = [METRICS[name] for name in ("psnr_inside", "psnr_outside", "seam")]
    with measurers(1) as processes:
        found = processes.measure(columns, pair(sr, hr, mask))
    for value, expected in zip(found, measured(columns, pair(sr, hr, mask)), strict=True):
        torch.testing.assert_close(value, expected)


def test_the_table_has_the_edited_image_as_a_reference_beside_the_methods(tmp_path):
    report = replace(report_files.read("retouch"), methods=("bicubic",), metrics=("psnr_outside", "seam"), also=())
    report = replace(report, variants=tuple(each for each in report.variants if each.name in ("eyes", "pasted")))
    measurement = pipeline.prepare(report, [Bicubic], RunSettings(tmp_path, torch.device("cpu"), limit=2))
    list(measurement.restore())
    cells = [*measurement.cells, *measurement.references]
    made = table.build(measurement.report, cells, list(measurement.score()), measurement.cards)
    rows = {(row.cell.task.category, row.cell.method, row.metric.name): row for row in made.rows}
    assert all(row.status == "ok" for row in rows.values())
    assert ("face", "edited", "psnr_outside") not in rows, "nothing was edited there"
    assert rows["face.eyes", "edited", "psnr_outside"].summary.mean == math.inf
    assert rows["face.pasted", "edited", "seam"].summary.mean > rows["face.pasted", "bicubic", "seam"].summary.mean + 5
    assert "seam of face is left out: nothing of it is edited" in made.left_out


@pytest.fixture
def photograph(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = np.concatenate([textured(160, 3), textured(160, 4)], axis=1)[:, :200]
    Image.fromarray(image).save("in.png")
    mask = np.zeros((160, 200), dtype=np.uint8)
    mask[60:100, 80:120] = 255
    Image.fromarray(mask).save("mask.png")
    return tmp_path


WORDS = ("retouch", "in.png", "out.png", "--method", "bicubic")


def test_a_photograph_is_restored_where_the_mask_is_white_and_kept_elsewhere(bench, photograph):
    assert bench(*WORDS, "--hr-size", "160")[0] == 0
    whole = np.array(Image.open("out.png"))
    assert bench(*WORDS, "--hr-size", "160", "--mask", "mask.png")[0] == 0
    made, before = np.array(Image.open("out.png")), np.array(Image.open("in.png"))[:, 20:180]
    inside = np.array(Image.open("mask.png"))[:, 20:180] > 0
    assert np.array_equal(made[~inside], before[~inside])
    middle = (slice(68, 92), slice(68, 92))
    assert inside[middle].all()
    assert np.array_equal(made[middle], whole[middle])
    edge = made[60:100, 60].astype(int), before[60:100, 60].astype(int), whole[60:100, 60].astype(int)
    assert np.abs(edge[0] - edge[1]).mean() < 0.3 * np.abs(edge[0] - edge[2]).mean(), "the mask's edge is a new seam"
    assert not np.array_equal(whole[~inside], before[~inside])


@pytest.mark.parametrize("side", [1, 4, 8, 12, 40])
@pytest.mark.parametrize("factor", [8, 16])
def test_the_middle_of_a_spot_is_restored_however_small_it_is(side, factor):
    """A mask of the size of an eye changed nothing, and the command said that it had written the result."""
    inside = torch.zeros(1, 64, 64, dtype=torch.float64)
    inside[:, 10 : 10 + side, 10 : 10 + side] = 1
    before, after = torch.zeros(3, 64, 64, dtype=torch.uint8), torch.full((3, 64, 64), 200.0)
    made = retouch.composed(before, after, inside, factor)
    assert made.max() == 200
    assert not made[:, inside[0] == 0].any(), "what is black has changed"
    half = retouch.composed(before, after, inside / 2, factor)
    assert half.max() == 100, "grey does not mix the two"
    assert not retouch.composed(before, after, inside * 0 + 0.05, factor).any(), "what JPEG leaves beside white"
    assert retouch.composed(before, after, inside * 0 + 1, factor).min() == 200, "a mask that is white throughout"


def test_a_transparent_mask_is_refused(bench, photograph):
    """On white, which says restore, all of it would be: photographs are laid on white."""
    painted = np.zeros((160, 200, 4), dtype=np.uint8)
    painted[60:100, 80:120] = 255
    Image.fromarray(painted).save("layer.png")
    status, _, err = bench(*WORDS, "--hr-size", "160", "--mask", "layer.png")
    assert (status, "layer.png is transparent in part" in err) == (2, True), err
    painted[..., 3] = 255
    Image.fromarray(painted).save("layer.png")
    assert bench(*WORDS, "--hr-size", "160", "--mask", "layer.png")[0] == 0


def test_a_mask_that_does_not_fit_is_a_sentence(bench, photograph):
    Image.new("L", (100, 80), 255).save("small.png")
    Image.new("L", (200, 160), 0).save("black.png")
    for mask, words in (
        ("small.png", "small.png has 100 x 80 pixels, but in.png 200 x 160: a mask covers its photograph"),
        ("black.png", "black.png is black in the central square"),
        ("nothing.png", "nothing.png cannot be read"),
    ):
        status, _, err = bench(*WORDS, "--mask", mask)
        assert (status, words in err, err.count("\n")) == (2, True, 1), err
    assert not (photograph / "out.png").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("in.png", "in.png"), "never written to"),
        (("in.png", "mask.png", "--mask", "mask.png"), "never written to"),
        (("in.png", "out.jpg"), "would be a PNG"),
        (("in.png", "out.png", "--hr-size", "256"), "too small: give a photograph of at least 256 x 256 pixels."),
        (("in.png", "out.png", "--factor", "7"), "factor 7 does not divide"),
        (("in.png", "out.png", "--category", "cat"), "no category in the profile portraits"),
    ],
)
def test_what_cannot_be_retouched_is_a_sentence(bench, photograph, words, told):
    before = (photograph / "in.png").read_bytes()
    status, _, err = bench("retouch", *words, "--method", "bicubic")
    assert (status, told in err, err.count("\n")) == (2, True, 1), err
    assert (photograph / "in.png").read_bytes() == before
