import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from bench import cards, imports, resize, store
from bench.images import data
from bench.restore import State, restore, state
from bench.running.measuring import measured
from bench.scores import metrics, score, score_file
from bench.spec import BenchError, Card, Cell, Record, Task
from methods.bicubic import Bicubic

from .test_restore import Failing

NAMES = ("psnr", "ssim")
PSNR = "psnr[rgb,u8,crop0,mean]"


def now(cell, settings, method=Bicubic) -> State:
    """Under which fingerprint a cell runs here."""
    return state(cell, method, settings)


@pytest.fixture
def face(photos) -> tuple[Cell, Card]:
    card = cards.card(str(photos), "face", 64)
    return Cell(Task(card.profile, "face", 16, 64), "bicubic", "Bicubic"), card


def test_what_lies_on_disk_is_scored(face, settings):
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    first = next(settings.out.rglob("1.png"))
    stored = store.load(first, 64)
    black = torch.zeros_like(stored.image)
    store.save(first, black, {"lr": stored.lr, "seconds": "1.0"})
    records = {record.image: record for record in score.score(cell, card, NAMES, settings, now(cell, settings))}
    hr = torch.from_numpy(np.array(Image.open(f"{card.source}/1.png"))).permute(2, 0, 1)[None] / 255
    assert records["1"].metrics[PSNR] == pytest.approx(metrics.psnr(torch.zeros_like(hr), hr).item())
    assert records["0"].metrics[PSNR] > 12, "images must be paired by id"


def test_only_missing_values_are_computed(face, settings, monkeypatch):
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    first = list(score.score(cell, card, ("psnr",), settings, now(cell, settings)))

    def no(pair):
        raise AssertionError("psnr of an unchanged image was computed again")

    monkeypatch.setitem(metrics.METRICS, "psnr", replace(metrics.METRICS["psnr"], function=no))
    again = list(score.score(cell, card, NAMES, settings, now(cell, settings)))
    assert [record.metrics[PSNR] for record in again] == [record.metrics[PSNR] for record in first]
    assert all(len(record.metrics) == 2 for record in again), "a metric asked for later must be added"


@pytest.fixture
def counted(monkeypatch) -> list[tuple[str, int]]:
    """How often each metric was asked, and for how many images."""
    asked = []

    def wrap(name, metric):
        def function(pair):
            asked.append((name, len(pair.sr)))
            return torch.full((len(pair.sr),), float(len(asked)), dtype=torch.float64)

        return replace(metric, function=function)

    for name in (*NAMES, "lpips", "arcface"):
        monkeypatch.setitem(metrics.METRICS, name, wrap(name, metrics.METRICS[name]))
    return asked


def rescored(face, settings, counted, names=NAMES, at=None) -> list[tuple[str, int]]:
    """Score again, and return what was computed for it."""
    counted.clear()
    list(score.score(*face, names, settings, at or now(face[0], settings)))
    return counted


def test_other_ground_truth_is_scored_anew(face, settings, counted, monkeypatch):
    list(restore(*face, Bicubic, settings))
    assert rescored(face, settings, counted) == [("psnr", 3), ("ssim", 3)]
    clean, at = data.batches, now(face[0], settings)

    def other(*args):
        for batch in clean(*args):
            hr = batch.hr.clone()
            hr[1] = 1 - hr[1]
            yield replace(batch, hr=hr)

    monkeypatch.setattr(data, "batches", other)
    with pytest.raises(BenchError, match=r"on its images, as they are now.*Run score first"):
        score.read(*face, NAMES, settings, at)
    assert rescored(face, settings, counted) == [("psnr", 1), ("ssim", 1)], "the old value is of another ground truth"


def test_another_input_is_scored_anew_even_if_the_result_is_the_same(face, settings, counted, monkeypatch):
    """LR-PSNR looks at the input, which what makes it (bench/images/data.py) may change without the metric's code."""
    list(restore(*face, Grey, settings))
    at = now(face[0], settings, Grey)
    assert rescored(face, settings, counted, at=at) == [("psnr", 3), ("ssim", 3)]
    made = data.low_resolution
    monkeypatch.setattr(data, "low_resolution", lambda *what: 1 - made(*what))
    list(restore(*face, Grey, settings))
    assert rescored(face, settings, counted, at=at) == [("psnr", 3), ("ssim", 3)], "the old value is of another input"


class Grey(Bicubic):
    """A method whose results say nothing of its input."""

    def upscale(self, lr):
        return torch.full_like(super().upscale(lr), 0.5)


def test_other_code_is_scored_anew(face, settings, counted, monkeypatch):
    list(restore(*face, Bicubic, settings))
    rescored(face, settings, counted)
    assert rescored(face, settings, counted) == []
    read, at = imports._our_digest, now(face[0], settings)
    for edited in ("metrics.py", "metric_networks.py", "resize.py"):
        monkeypatch.setattr(imports, "_our_digest", lambda path, name=edited: name if path.name == name else read(path))
        with pytest.raises(BenchError, match=r"as they are now.*Run score first"):
            score.read(*face, NAMES, settings, at)
        assert rescored(face, settings, counted, at=at) == [("psnr", 3), ("ssim", 3)], f"{edited} was edited"


VERSIONS = {"lpips": "lpips", "torchvision": "lpips", "insightface": "arcface", "onnxruntime": "arcface"}


@pytest.mark.parametrize("package", VERSIONS)
def test_another_version_of_a_package_is_scored_anew(face, settings, counted, package):
    list(restore(*face, Bicubic, settings))
    names = (*NAMES, "lpips", "arcface")
    rescored(face, settings, counted, names)
    known = score.package_version
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "package_version", lambda name: "99" if name == package else known(name))
        assert rescored(face, settings, counted, names) == [(VERSIONS[package], 3)], "the others do not depend on it"


def test_scoring_for_one_table_keeps_the_values_of_another(face, settings, counted):
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    rescored(face, settings, counted, ("psnr", "ssim"))
    before = score.read(cell, card, ("psnr", "ssim"), settings, now(cell, settings))
    assert rescored(face, settings, counted, ("lpips",)) == [("lpips", 3)]
    rescored(face, replace(settings, limit=1), counted, ("psnr",))
    after = score.read(cell, card, ("psnr", "ssim"), settings, now(cell, settings))
    assert [[r.metrics[m] for m in before[0].metrics] for r in after] == [list(r.metrics.values()) for r in before]
    assert len(score.read(cell, card, ("lpips",), replace(settings, limit=2), now(cell, settings))) == 2
    with pytest.raises(BenchError, match="Run score first"):
        score.read(cell, card, ("arcface",), settings, now(cell, settings))


def test_values_of_a_photograph_that_has_changed_since_are_not_read(face, settings):
    list(restore(*face, Bicubic, settings))
    at = now(face[0], settings)
    list(score.score(*face, ("psnr",), settings, at))
    Image.new("RGB", (64, 64), "red").save(f"{face[1].source}/1.png")
    with pytest.raises(BenchError, match=r"from its images as they are now.*Run restore first"):
        score.read(*face, ("psnr",), settings, at)


def test_images_that_cannot_be_used_are_told_in_their_place_and_alike(face, settings):
    """A small one counts with `allow_enlarge` alone, whatever a run with it has stored."""
    Image.new("RGB", (40, 40), "red").save(f"{face[1].source}/1.png")
    wide = replace(settings, allow_enlarge=True)
    list(restore(*face, Bicubic, wide))
    at = now(face[0], settings)
    assert [record.status for record in score.score(*face, ("psnr",), wide, at)] == ["ok"] * 3
    stored = score.read(*face, ("psnr",), settings, at)
    assert [(record.image, record.status) for record in stored] == [("0", "ok"), ("1", "refused"), ("2", "ok")]
    assert "40" in stored[1].reason
    assert list(score.score(*face, ("psnr",), settings, at)) == stored, "a table would depend on the way it was called"


@pytest.mark.slow
def test_a_failed_image_is_scored_with_the_bicubic_result(face, settings):
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    bicubic = [record.metrics[PSNR] for record in score.score(cell, card, NAMES, settings, now(cell, settings))]
    other = replace(cell, method="failing")
    list(restore(other, card, Failing, settings))
    records = list(score.score(other, card, NAMES, settings, now(other, settings, Failing)))
    assert {record.status for record in records} == {"failed"}
    assert [record.metrics[PSNR] for record in records] == bicubic, "a failed image must not be dropped or score better"
    assert records[0].reason == "RuntimeError: broken today"


def test_scoring_before_restoring_says_so(face, settings):
    with pytest.raises(BenchError, match=r"not restored yet.*Run restore first"):
        list(score.score(*face, NAMES, settings, now(face[0], settings)))


def test_reading_before_scoring_says_so(face, settings):
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    with pytest.raises(BenchError, match=r"not scored yet.*Run score first"):
        score.read(cell, card, NAMES, settings, now(cell, settings))


def test_records_come_back_as_they_were(face, settings):
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    first = list(score.score(cell, card, NAMES, settings, now(cell, settings)))
    at = now(cell, settings)
    assert len(score.read(cell, card, NAMES, settings, at)) == 3
    assert (
        score.read(cell, card, NAMES, settings, now(cell, settings))
        == first
        == list(score.score(cell, card, NAMES, settings, now(cell, settings)))
    )


def test_a_run_that_is_asked_for_in_other_words_has_its_values(face, settings):
    """Which weight files may be taken is no part of a run: without a record for its own task, each cell is "-"."""
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    first = list(score.score(cell, card, NAMES, settings, now(cell, settings)))
    own = replace(cell, task=replace(cell.task, weights="own"))
    found = score.read(own, card, NAMES, settings, now(own, settings))
    assert found == [replace(record, task=own.task) for record in first]


@pytest.mark.parametrize("value", [math.inf, 0.1 + 0.2, -0.0])
def test_every_value_survives_json(value):
    record = Record(Task("p", "c", 2, 4), "m", "i", "ok", metrics={"psnr": value}, seconds=1e-9)
    assert score_file.from_json(json.loads(json.dumps(score_file.to_json(record), allow_nan=False))) == record


def test_a_refused_cell_is_one_record(face, settings):
    cell, card = face
    (record,) = score.score(replace(cell, refusal="no weights"), card, NAMES, settings, now(cell, settings))
    assert (record.image, record.status, record.reason) == (None, "refused", "no weights")


def test_an_exact_result_has_infinite_psnr_and_does_not_break_the_store(face, settings):
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    path = next(settings.out.rglob("0.png"))
    exact = torch.from_numpy(np.array(Image.open(f"{card.source}/0.png"))).permute(2, 0, 1)
    store.save(path, exact, {"lr": store.load(path, 64).lr, "seconds": "1.0"})
    records = {record.image: record for record in score.score(cell, card, NAMES, settings, now(cell, settings))}
    assert records["0"].metrics[PSNR] == math.inf
    assert score.read(cell, card, NAMES, settings, now(cell, settings))[0].metrics[PSNR] == math.inf


def test_the_bicubic_row_is_matlabs(face, settings):
    cell, card = face
    list(restore(cell, card, Bicubic, settings))
    stored = store.load(next(settings.out.rglob("0.png")), 64)
    hr = torch.from_numpy(np.array(Image.open(f"{card.source}/0.png"))).permute(2, 0, 1)[None] / 255
    lr = resize.quantise(resize.downsample(hr.double(), 16))
    expected = resize.quantise(resize.upsample(lr.double(), 16))
    assert (stored.image / 255 - expected[0]).abs().max() * 255 <= 1


def test_the_images_of_a_batch_go_to_all_the_metrics_that_lack_them_at_once(face, settings):
    # To another process they would be sent once for each metric, which at 1024 px takes longer than PSNR and SSIM.
    cell, card = face
    asked: list[tuple[str, ...]] = []

    def measure(columns, pair) -> list[torch.Tensor]:
        asked.append(tuple(metric.name for metric in columns))
        return measured(columns, pair)

    list(restore(cell, card, Bicubic, settings))
    for names, expected in ((["psnr", "ssim"], ("psnr", "ssim")), (["psnr", "ssim", "lr_psnr"], ("lr_psnr",))):
        asked.clear()
        records = list(score.score(cell, card, names, settings, now(cell, settings), measure=measure))
        assert set(asked) == {expected}, "what is known is computed again, or each by itself"
        assert len(asked) <= len(records)
