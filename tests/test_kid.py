"""KID against another formula and cases with a known answer; how a figure of a set stands in a table."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load_file

from bench import cards
from bench.report import compare, render, stored, storing, table
from bench.report.runs import read
from bench.restore import restore, state
from bench.scores import kid, score, stats
from bench.scores.metric_networks import ALEXNET, SHIPPED
from bench.scores.metrics import METRICS
from bench.spec import BenchError, Cell, Record, Task
from methods.bicubic import Bicubic

from .test_table import REPORT, TASK, card
from .training.test_quality import normal

KID = METRICS["kid"].protocol()


def test_features_are_torchvisions_averaged():
    images = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    network = torchvision.models.alexnet(weights=None).features[:12].eval()
    network.load_state_dict({k.removeprefix("features."): v for k, v in load_file(SHIPPED / ALEXNET).items()})
    mean, std = torch.tensor(kid._MEAN).view(3, 1, 1), torch.tensor(kid._STD).view(3, 1, 1)
    with torch.no_grad():
        expected = network((images - mean) / std).mean((2, 3))
    torch.testing.assert_close(kid.features(images).float(), expected, atol=1e-5, rtol=1e-5)


def test_kid_is_unbiased_and_grows_with_the_distance():
    same = [kid.kid(normal(200, 8, 2 * seed), normal(200, 8, 2 * seed + 1)) for seed in range(40)]
    mean, spread = sum(same) / 40, torch.tensor(same).std().item() / 40**0.5
    assert abs(mean) < 3 * spread, "equal distributions have the mean 0, not the bias of the diagonal"
    apart = [kid.kid(normal(200, 8, 0), normal(200, 8, 1, mean=shift)) for shift in (0.2, 0.5, 1.0)]
    assert 0 < apart[0] < apart[1] < apart[2]


def by_hand(a, b):
    """The estimate of torchmetrics and clean-fid, with numpy: of equally large sets, degree 3, gamma 1 / D."""
    n, width = a.shape
    xx, yy, xy = ((one @ other.T / width + 1) ** 3 for one, other in ((a, a), (b, b), (a, b)))
    off = sum(each.sum() - np.trace(each) for each in (xx, yy))
    return off / (n * (n - 1)) - 2 * xy.sum() / n**2


def test_the_shares_make_the_estimate_that_others_make():
    a, b = normal(70, 12, 0), normal(70, 12, 1, mean=0.3)
    shares = kid.shares(torch.stack((a, b), dim=1))
    assert shares.mean().item() == pytest.approx(by_hand(a.numpy(), b.numpy()), rel=1e-12)
    assert kid.kid(a, b) == pytest.approx(by_hand(a.numpy(), b.numpy()), rel=1e-12)
    assert kid.kid(a, b[:50]) > 0, "sets need not be of one size"


def test_equal_sets_have_the_known_value():
    """With x = y only the diagonal is left: 2 / n times (mean of the others - mean of the diagonal)."""
    a = normal(60, 8, 3)
    kernel = (a.numpy() @ a.numpy().T / 8 + 1) ** 3
    diagonal, others = np.diag(kernel).mean(), kernel[~np.eye(60, dtype=bool)].mean()
    assert kid.shares(torch.stack((a, a), dim=1)).mean().item() == pytest.approx(2 / 60 * (others - diagonal))


def test_the_interval_is_that_of_the_jackknife():
    pairs = torch.stack((normal(80, 6, 0), normal(80, 6, 1, mean=0.5)), dim=1)
    left_out = [kid.shares(pairs[torch.arange(80) != i]).mean().item() for i in range(80)]
    error = np.sqrt(79 / 80 * np.square(np.array(left_out) - np.mean(left_out)).sum())
    half_width = stats.summarise(kid.shares(pairs).numpy(), False, METRICS["kid"].degree).half_width
    assert half_width == pytest.approx(1.99 * error, rel=0.05)


# In a table


@pytest.fixture
def face(photos, monkeypatch):
    """Three images, which are enough here."""
    monkeypatch.setitem(METRICS, "kid", replace(METRICS["kid"], images=2))
    found = cards.card(str(photos), "face", 64)
    return Cell(Task(found.profile, "face", 8, 64), "bicubic", "Bicubic"), found


def scored(face, settings, names=("psnr", "kid")):
    cell, found = face
    list(restore(cell, found, Bicubic, settings))
    return {r.image: r for r in score.score(cell, found, names, settings, state(cell, Bicubic, settings))}


def test_the_figure_is_of_all_images_that_are_scored(face, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(kid, "seen", lambda sr, hr, seen=kid.seen: asked.append(len(sr)) or seen(sr, hr))
    found = scored(face, settings)
    assert list(found) == ["0", "1", "2"], "the records are in the order of the card"
    assert asked == [3]
    again = scored(face, settings)
    assert asked == [3], "nothing changed, and it was computed again"
    assert again == found
    two = scored(face, replace(settings, limit=2))
    assert asked == [3, 2], "the shares in another set were taken"
    assert two["0"].metrics[KID] != found["0"].metrics[KID]
    assert two["0"].metrics["psnr[rgb,u8,crop0,mean]"] == found["0"].metrics["psnr[rgb,u8,crop0,mean]"]
    assert KID not in scored(face, replace(settings, limit=1))["0"].metrics, "one image is no set"
    assert scored(face, settings) == found


def test_shares_of_other_images_are_not_read(face, settings):
    scored(face, settings)
    cell, found = face
    now = state(cell, Bicubic, settings)
    assert len(score.read(cell, found, ("kid",), settings, now)) == 3
    with pytest.raises(BenchError, match="is not scored yet by this table's metrics"):
        score.read(cell, found, ("kid",), replace(settings, limit=2), now)


def built(count=60, methods=("a", "b"), seed=0):
    """A table of PSNR and KID, and its records: the first method is far ahead by both."""
    draw = np.random.default_rng(seed)
    psnr = METRICS["psnr"].protocol()
    values = {name: draw.normal(step, 0.5, (2, count)) for step, name in enumerate(methods)}
    made = [
        Record(TASK, name, str(i), "ok", metrics={psnr: 30 - p, **({KID: k} if count >= kid.LEAST else {})})
        for name, (p, k) in values.items()
        for i in range(count)
        for p, k in [values[name][:, i]]
    ]
    report = replace(REPORT, metrics=("psnr", "kid"), methods=methods, published=())
    return table.build(report, [Cell(TASK, name, name) for name in methods], made, card(ids=(), sha256={})), made


def test_no_method_is_compared_or_marked_by_a_figure_of_sets(tmp_path):
    result, made = built()
    rows = {(row.cell.method, row.metric.name): row for row in result.rows}
    assert {key for key, row in rows.items() if row.best} == {("a", "psnr")}
    assert {contest.metric.name for contest in result.contests} == {"psnr"}
    shares = np.array([record.metrics[KID] for record in made if record.method == "a"])
    assert rows["a", "kid"].summary.mean == pytest.approx(shares.mean())
    assert rows["a", "kid"].summary.half_width == pytest.approx(2 * stats.summarise(shares, False).half_width)
    text = render.texts(result, {})
    assert (
        "KID (AlexNet) is a figure of all images together, face (n = 60, rough below 500); its interval" in text[".md"]
    )
    (line,) = (line for line in text[".csv"].splitlines() if ",a,kid," in line)
    assert dict(zip(text[".csv"].splitlines()[0].split(","), line.split(","), strict=False))["median"] == ""
    path = tmp_path / "t.json"
    path.write_text(storing.text(result, made, {}))
    assert render.texts(stored.read(path).table, {}) == text
    assert len(json.loads(path.read_text())["cells"][0]["results"][0]["values"]["kid"]) == 60


def test_of_few_images_nothing_is_said():
    result, _ = built(count=49)
    row = next(row for row in result.rows if row.metric.name == "kid")
    assert row.summary is None
    assert row.why == "kid takes 50 images or more, not 49"
    assert "[1] kid takes 50 images or more, not 49." in render.texts(result, {})[".md"]


def test_runs_of_other_images_are_not_subtracted(tmp_path):
    runs = []
    for count in (60, 59):
        path = tmp_path / f"{count}.json"
        path.write_text(storing.text(*built(count), {}))
        runs.append(read(path)[str(count)])
    assert {d.metric for d in compare.compare(runs[0], runs[0], {}).differences} == {"psnr", "kid"}
    found = compare.compare(*runs, {})
    assert {d.metric for d in found.differences} == {"psnr"}
    assert "kid is a figure of all images together, and they are not the same in both: not compared" in found.remarks
