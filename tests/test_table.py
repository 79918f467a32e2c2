import json
import math
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from bench import cards, report_files
from bench.report import published, render, stored, storing, table
from bench.report.row import Row
from bench.scores import stats
from bench.scores.contests import Contest
from bench.scores.metrics import METRICS
from bench.spec import Card, Cell, Published, PublishedOn, Record, Report, Task, Weights

PSNR, LPIPS = METRICS["psnr"], METRICS["lpips"]
TASK = Task("p", "face", 16, 64)
RNG = np.random.default_rng(0)
GOOD = 20 + RNG.normal(size=30)
LIST = {str(i): f"{i:064x}" for i in range(30)}
LIST_SHA256 = sha256("".join(f"{checksum}  {name}\n" for name, checksum in LIST.items()).encode()).hexdigest()
REPORT = Report(
    name="t", title="T", caption="C", source="S", metrics=("psnr", "lpips"), categories=("face",), factors=(16,),
    methods=("a", "b", "c"), test_sets={"face": "Faces"},
    test_data={"face": PublishedOn(64, LIST_SHA256, "matlab-bicubic")},
    published=(Published("a", "face", 16, "psnr", 20.1, 1), Published("b", "face", 16, "psnr", 30.0, 1)),
)  # fmt: skip


def card(test_set="Faces", **changes) -> dict[str, Card]:
    facts = {"ids": tuple(LIST), "sha256": LIST} | changes
    return {"face": Card("p", "face", "Face", 64, "folder", "x", test_set, "", **facts)}


def records(method, psnr, lpips, **changes) -> list[Record]:
    facts = {"status": "ok"} | changes
    return [
        Record(TASK, method, str(i), metrics={PSNR.protocol(): p, LPIPS.protocol(): q}, **facts)
        for i, (p, q) in enumerate(zip(psnr, lpips, strict=True))
    ]


def build(
    *groups, test_set="Faces", refused=(), searching=MappingProxyType({}), report=REPORT, **changes
) -> table.Table:
    names = [group[0].method for group in groups]
    cells = [Cell(TASK, name, name.upper(), images=searching.get(name)) for name in names]
    cells += [Cell(TASK, name, name.upper(), "no weights") for name in refused]
    all_records = [record for group in groups for record in group]
    all_records += [Record(TASK, name, None, "refused", "no weights") for name in refused]
    return table.build(report, cells, all_records, card(test_set, **changes))


def row(built, method, metric="psnr") -> Row:
    (found,) = (r for r in built.rows if r.cell.method == method and r.metric.name == metric)
    return found


def test_the_mean_is_of_per_image_values():
    built = build(records("a", GOOD, GOOD / 100))
    assert row(built, "a").summary.mean == pytest.approx(GOOD.mean())
    assert row(built, "a").n == row(built, "a").n_ok == 30


def test_what_cannot_be_told_from_the_best_is_marked_with_it():
    near = GOOD - 0.01 * RNG.normal(size=30)
    built = build(records("a", GOOD, GOOD / 100), records("b", near, GOOD / 100), records("c", GOOD - 1, GOOD / 50))
    assert [row(built, name).best for name in "abc"] == [True, True, False]


def test_lower_is_better_for_lpips():
    built = build(records("a", GOOD, GOOD / 100), records("b", GOOD, GOOD / 50))
    assert (row(built, "a", "lpips").best, row(built, "b", "lpips").best) == (True, False)
    assert {contest.first for contest in built.contests if contest.metric is LPIPS} == {"a"}


def test_differences_are_paired():
    # Both methods spread by one dB over the images; only pairing shows that one is better everywhere.
    built = build(records("a", GOOD, GOOD / 100), records("b", GOOD - 0.05, GOOD / 100))
    (contest,) = (c for c in built.contests if c.metric is PSNR)
    assert contest.result.mean == pytest.approx(0.05)
    assert contest.result.half_width < 1e-6
    assert row(built, "b").best is False


def test_pairing_is_by_image_not_by_order():
    shuffled = records("b", GOOD, GOOD / 100)[::-1]
    built = build(records("a", GOOD, GOOD / 100), shuffled)
    (contest,) = (c for c in built.contests if c.metric is PSNR)
    assert contest.result.mean == pytest.approx(0, abs=1e-12)


def contest(built, other, metric=PSNR) -> Contest:
    (found,) = (c for c in built.contests if c.metric is metric and c.other == other)
    return found


def test_a_pair_is_compared_on_the_images_that_both_have_not_on_those_that_all_have():
    """On the 25 images that a third method has, too, `a` is ahead of `b`; on the other 75 it is far behind."""
    base = 20 + np.random.default_rng(1).normal(size=100)
    a, b = base + 1.0, base.copy()
    b[25:] += 2.28
    built = build(records("a", a, a / 100), records("b", b, b / 100), records("c", base[:25] - 5, base[:25] / 100))
    assert a[:25].mean() > b[:25].mean()
    assert contest(built, "a").first == "b"
    assert contest(built, "a").result.n == 100
    assert [row(built, name).best for name in "abc"] == [False, True, False], "the bold one is significantly worse"


def test_the_best_is_not_who_had_the_easy_images_or_the_largest_sum():
    """`b` has ten easy images, hence the highest mean; `c` most images, hence the largest sum. Both are behind."""
    easy = np.concatenate([GOOD[:10] + 5, GOOD[10:] - 5])
    built = build(
        records("a", easy[:20], easy[:20] / 100),
        records("b", easy[:10] - 1, easy[:10] / 100),
        records("c", easy - 2, easy / 100),
    )
    means = [row(built, name).summary.mean for name in "abc"]
    assert means[1] == max(means)
    assert {c.first for c in built.contests if c.metric is PSNR} == {"a"}
    assert [row(built, name).best for name in "abc"] == [True, False, False]


def test_of_two_that_nobody_beats_the_first_is_ahead_where_both_were_measured():
    """`b` was given the ten hard images: its own mean is the lower, its own sum too, and yet it is a little ahead."""
    a = np.concatenate([GOOD[:10] - 5, GOOD[10:]])
    b = a[:10] + 0.02 + np.tile([1.0, -1.0], 5)
    built = build(records("a", a, a / 100), records("b", b, a[:10] / 100))
    assert row(built, "b").summary.mean < row(built, "a").summary.mean
    assert contest(built, "a").first == "b"
    assert contest(built, "a").result.mean == pytest.approx(0.02)
    assert [row(built, name).best for name in "ab"] == [True, True]


def test_a_method_that_another_than_the_first_beats_is_shown_against_that_one():
    """`c` has seven images: too few to be told from `b`, which `a` beats on thirty."""
    wide = np.random.default_rng(2).normal(size=30)
    built = build(
        records("a", GOOD, GOOD / 100),
        records("b", GOOD - 0.4 + 0.3 * wide, GOOD / 100),
        records("c", GOOD[:7] + 0.2 + wide[:7] * 3, GOOD[:7] / 100),
    )
    found = {(c.first, c.other): c.told for c in built.contests if c.metric is PSNR}
    assert row(built, "b").best is False
    assert any(told for (_, other), told in found.items() if other == "b"), "nothing says why it is not one of the best"


def test_below_six_images_nothing_is_marked():
    few = [records(name, GOOD[:5] - 18 * (name == "b"), GOOD[:5] / 100) for name in "ab"]
    assert not any(r.best for r in build(*few).rows), "18 dB behind, and starred"
    enough = [records(name, GOOD[:6] - 18 * (name == "b"), GOOD[:6] / 100) for name in "ab"]
    assert [row(build(*enough), name).best for name in "ab"] == [True, False]


def test_a_method_of_few_images_is_not_marked_beside_others_of_many():
    built = build(records("a", GOOD, GOOD / 100), records("b", GOOD[:3] - 18, GOOD[:3] / 100))
    assert [row(built, name).best for name in "ab"] == [True, False]
    assert contest(built, "b").detectable == math.inf


def test_a_method_without_an_image_of_its_own_takes_no_part():
    """Its values are those of bicubic: better ones, perhaps, than those of the others."""
    built = build(records("a", GOOD, GOOD / 100), records("b", GOOD + 3, GOOD / 100, status="failed", reason="broken"))
    assert [row(built, name).best for name in "ab"] == [True, False]
    assert built.contests == ()


@pytest.mark.parametrize(("margin", "level"), [({}, True), ({"psnr": 0.0001}, False), ({"psnr": 0.05}, True)])
def test_methods_within_the_margin_are_level(margin, level):
    near = GOOD - 0.0004
    built = build(records("a", GOOD, GOOD / 100), records("b", near, GOOD / 100), report=replace(REPORT, margin=margin))
    assert contest(built, "b").p < 0.001, "the difference is sure, and without meaning"
    assert row(built, "b").best is level
    assert contest(built, "b").told is not level


def test_a_detectable_difference_lies_within_the_metrics_range():
    rng = np.random.default_rng(3)
    wild = [rng.uniform(0, 1, 14) > 0.5 for _ in "ab"]
    built = build(*(records(name, 100 * x, 3.0 * x) for name, x in zip("ab", wild, strict=True)))
    found = next(iter(c for c in built.contests if c.metric is LPIPS))
    assert found.detectable == math.inf, "no LPIPS is so large"
    assert next(iter(c for c in built.contests if c.metric is PSNR)).detectable < math.inf, "PSNR has no range"


def test_one_image_breaks_nothing():
    built = build(records("a", [20.0], [0.5]), records("b", [21.0], [0.4]))
    assert contest(built, "a").p == 1
    assert not any(r.best for r in built.rows)


def test_several_seeds_are_averaged_by_image_and_their_spread_is_told():
    def of(seed, values):
        return [replace(r, task=replace(TASK, seed=seed)) for r in records("a", values, values / 100)]

    cells = [Cell(replace(TASK, seed=seed), "a", "A") for seed in (0, 1)] + [Cell(TASK, "b", "B")]
    both = [*of(0, GOOD), *of(1, GOOD + 1)]
    built = table.build(REPORT, cells, [*both, *records("b", GOOD, GOOD / 100)], card())
    found = row(built, "a")
    assert found.seeds == (0, 1)
    assert found.values == pytest.approx(dict(zip(map(str, range(30)), GOOD + 0.5, strict=True)))
    assert found.spread == stats.Spread(pytest.approx(np.std([0, 1], ddof=1)), 2), "seeds are images as well"
    assert found.summary.half_width > row(built, "b").summary.half_width, "the interval knows nothing of the seeds"
    assert (found.n, found.n_ok) == (30, 30), "thirty images, not sixty"
    assert contest(built, "b").result.mean == pytest.approx(0.5), "compared as one method"
    assert row(built, "b").spread is None


def of_trainings(name, *values):
    """Records of a method with the networks of several trainings."""
    return [
        replace(record, task=replace(TASK, training=number))
        for number, of in enumerate(values)
        for record in records(name, of, of / 100)
    ]


def test_a_difference_counts_only_if_it_is_larger_than_what_seeds_do():
    """Sure over images, and turned round by another training."""
    cells = [Cell(replace(TASK, training=n), name, name) for name in "ab" for n in (0, 1, 2)]
    far = [*of_trainings("a", GOOD, GOOD + 1, GOOD + 2), *of_trainings("b", GOOD - 0.5, GOOD + 0.4, GOOD + 1.8)]
    near = [*of_trainings("a", GOOD, GOOD + 0.01, GOOD), *of_trainings("b", GOOD - 0.5, GOOD - 0.51, GOOD - 0.49)]
    one, other = (table.build(REPORT, cells, found, card()) for found in (far, near))
    assert contest(one, "b").p < 0.001, "over images it is sure"
    assert not contest(one, "b").told, "three trainings decide nothing here"
    assert [row(one, name).best for name in "ab"] == [True, True]
    assert contest(one, "b").result.mean - contest(one, "b").result.half_width < 0, (
        "the printed interval leaves seeds out"
    )
    assert contest(other, "b").told, "trainings that agree take a difference away"
    assert row(other, "a").trainings == (0, 1, 2)


def test_of_two_ways_to_use_the_same_networks_the_differences_lie_apart_not_the_networks():
    """`a` and `a` behind back-projection: a training that is worse is so in both."""
    cells = [Cell(replace(TASK, training=n), name, name) for name in "ab" for n in (0, 1, 2)]
    found = [*of_trainings("a", GOOD, GOOD + 1, GOOD + 2), *of_trainings("b", GOOD - 0.5, GOOD + 0.51, GOOD + 1.49)]
    files = {n: (Weights(f"training{n}/net.safetensors", "faces"),) for n in (0, 1, 2)}
    same = [replace(record, weights=files[record.task.training]) for record in found]
    assert contest(table.build(REPORT, cells, same, card()), "b").told
    assert not contest(table.build(REPORT, cells, found, card()), "b").told, "networks that nobody named"
    (one,) = (c for c in table.build(REPORT, cells, same, card()).contests if c.metric is PSNR)
    assert 0.01 < one.result.half_width < 0.1, "the spread of -0.5, -0.49 and -0.51"


def test_the_margin_holds_beside_seeds_that_agree():
    """A difference that nobody can see is none, however surely it is measured."""
    cells = [Cell(replace(TASK, training=n), name, name) for name in "ab" for n in (0, 1, 2)]
    found = [*of_trainings("a", GOOD, GOOD, GOOD), *of_trainings("b", GOOD - 0.1, GOOD - 0.1001, GOOD - 0.0999)]
    for margin, told in ((0.09, True), (0.11, False)):
        built = table.build(replace(REPORT, margin={"psnr": margin}), cells, found, card())
        assert contest(built, "b").told == told


def test_of_several_seeds_the_same_networks_are_not_paired():
    """What two methods draw with a seed is their own, so their seeds lie apart each by itself."""
    cells = [Cell(replace(TASK, seed=n), name, name) for name in "ab" for n in (0, 1)]
    found = [
        replace(record, task=replace(TASK, seed=n), weights=(Weights("net.safetensors", "faces"),))
        for name, behind in (("a", 0.0), ("b", 0.5))
        for n in (0, 1)
        for record in records(name, GOOD + n - behind, GOOD / 100)
    ]
    assert not contest(table.build(REPORT, cells, found, card()), "b").told, "two seeds that lie 1 dB apart tell 0.5"


def test_only_images_that_every_training_has_are_averaged():
    """The mean of one training for some images and of two for others is no training's."""
    cells = [Cell(replace(TASK, training=n), "a", "A") for n in (0, 1)]
    found = [r for r in of_trainings("a", GOOD, GOOD + 1) if (r.task.training, r.image) != (1, "7")]
    values = row(table.build(REPORT, cells, found, card()), "a").values
    assert set(values) == {str(n) for n in range(30)} - {"7"}


def test_several_trainings_with_several_seeds_lie_apart_by_their_means():
    """Six values of three trainings are no six independent ones."""
    cells = [Cell(replace(TASK, training=n, seed=s), "a", "A") for n in (0, 1, 2) for s in (0, 1)]
    found = [
        replace(record, task=replace(record.task, seed=seed))
        for seed in (0, 1)
        for record in of_trainings("a", GOOD + seed, GOOD + 1 + seed, GOOD + 2 + seed)
    ]
    built = row(table.build(REPORT, cells, found, card()), "a")
    assert built.spread == stats.Spread(pytest.approx(1), 3)
    assert built.values["0"] == pytest.approx(GOOD[0] + 1.5)
    text = render.markdown(table.build(REPORT, cells, found, card()), {})
    assert "mean of the seeds 0, 1 and the trainings 0, 1, 2, pictures of the first" in text


def test_a_row_of_one_training_is_told_beside_several_and_where_several_were_asked_for():
    """Its interval is over images alone, which the caption of three trainings does not say."""
    cells = [Cell(replace(TASK, training=n), "a", "A") for n in (0, 1)] + [Cell(TASK, "b", "B"), Cell(TASK, "c", "C")]
    found = [*of_trainings("a", GOOD, GOOD + 1), *of_trainings("b", GOOD), *of_trainings("c", GOOD)]
    files = {name: (Weights("net.safetensors", "faces"),) if name in "ab" else () for name in "abc"}
    records = [replace(record, weights=files[record.method]) for record in found]
    text = render.markdown(table.build(REPORT, cells, records, card()), {})
    assert "what another would do: B (face, 16x)." in text, "C has no networks"
    assert "the hardest pair without seeds" in text or "Least detectable" not in text
    alone = [record for record in records if record.task.training == 0]
    for trainings, there in (((), False), ((0, 1), True)):
        built = table.build(replace(REPORT, trainings=trainings), [cells[0], *cells[2:]], alone, card())
        assert ("what another would do: A (face, 16x); B (face, 16x)." in render.markdown(built, {})) == there


def test_one_network_that_is_measured_as_two_trainings_is_told():
    """A copy lies no distance apart from itself, so the interval would promise what no other training keeps."""
    cells = [Cell(replace(TASK, training=n), "a", "A") for n in (0, 1, 2)]
    told = "A (face, 16x): the trainings 0 and 2 gave every image the same PSNR, LPIPS, so they are one network counted"
    for last, there in ((GOOD, True), (np.append(GOOD[:-1], GOOD[-1] + 0.1), False)):
        found = of_trainings("a", GOOD, GOOD + 1, last)
        assert (told in render.markdown(table.build(REPORT, cells, found, card()), {})) == there
    failed = [replace(record, status="failed", reason="x") for record in of_trainings("a", GOOD, GOOD, GOOD)]
    assert "one network" not in render.markdown(table.build(REPORT, cells, failed, card()), {}), "bicubic's values"


def test_a_method_that_does_not_depend_on_its_seed_is_told():
    cells = [Cell(replace(TASK, seed=n), "a", "A") for n in (0, 1)]
    found = [replace(r, task=replace(TASK, seed=n)) for n in (0, 1) for r in records("a", GOOD, GOOD / 100)]
    text = render.markdown(table.build(REPORT, cells, found, card()), {})
    assert (
        "the seeds 0 and 1 gave every image the same PSNR, LPIPS, as if the method did not depend on the seed." in text
    )
    assert "too narrow" not in text, "what does not depend on the seed lies no distance apart from itself"


def test_a_seed_that_failed_altogether_is_left_out_and_named():
    """Of it there are bicubic results alone: in a mean they stood for a method that never made them."""
    cells = [Cell(replace(TASK, seed=n), name, name) for name in "ab" for n in (0, 1, 2)]
    found = [
        replace(r, task=replace(TASK, seed=n)) for n in (0, 1, 2) for r in records("b", GOOD - 3 + n / 10, GOOD / 100)
    ]
    for n, values, how in ((0, GOOD, {}), (1, GOOD - 9, {"status": "failed", "reason": "no luck"}), (2, GOOD + 1, {})):
        found += [replace(r, task=replace(TASK, seed=n)) for r in records("a", values, GOOD / 100, **how)]
    built = table.build(REPORT, cells, found, card())
    found_row = row(built, "a")
    assert (found_row.n_ok, found_row.n, found_row.seeds, found_row.idle) == (30, 30, (0, 2), ((1, 0),))
    assert found_row.summary.mean == pytest.approx(GOOD.mean() + 0.5)
    text = render.markdown(built, {})
    assert "a (face, 16x): without seed 1, which gave no image of its own." in text
    assert "no luck (seed 1)" in text
    assert "is not compared" not in text
    again = stored.of(Path("a.json"), json.loads(storing.text(built, found, {}))).table
    assert row(again, "a").idle == ((1, 0),)
    assert render.markdown(again, {}) == text


def test_a_training_that_failed_leaves_one_and_its_reason_names_it():
    """With the same names of files as the other's, a reason without it would blame the network that is whole."""
    cells = [Cell(replace(TASK, training=n), "a", "A") for n in (0, 1)]
    good, bad = (of_trainings("a", GOOD, GOOD)[:30], of_trainings("a", GOOD, GOOD)[30:])
    broken = [replace(record, status="failed", reason="net.safetensors: 1 not finite") for record in bad]
    text = render.markdown(table.build(replace(REPORT, trainings=(0, 1)), cells, [*good, *broken], card()), {})
    assert "net.safetensors: 1 not finite (training 1)" in text
    assert "A (face, 16x): without training 1, which gave no image of its own." in text
    lpips = [replace(r, metrics={**r.metrics, LPIPS.protocol(): math.nan}) for r in [*good, *broken]]
    built = table.build(replace(REPORT, trainings=(0, 1)), cells, lpips, card())
    told = re.findall(r"without (\w+ \d)", render.markdown(built, {}))
    assert told == ["training 1"], "a metric without values says nothing of networks"
    assert {r.trainings for r in built.rows} == {(0,)}
    unloaded = Record(cells[1].task, "a", None, "failed", "MemoryError")
    text = render.markdown(table.build(replace(REPORT, trainings=(0, 1)), cells, [*good, unloaded], card()), {})
    assert "MemoryError (training 1)" in text
    every = [replace(record, status="failed", reason="no luck") for record in [*good, *bad]]
    text = render.markdown(table.build(replace(REPORT, trainings=(0, 1)), cells, every, card()), {})
    assert "A (face, 16x) has no image of its own and is not compared." in text
    assert "without training" not in text


def test_trainings_that_differ_in_more_than_their_seeds_are_told():
    """The mean of a whole training and of one that was cut short is neither's."""
    cells = [Cell(replace(TASK, training=n), "a", "A") for n in (0, 1)]

    def said(*steps, beside=""):
        files = [
            (
                Weights(
                    f"{folder}net.safetensors", f"faces; trained here, {of} of 60 steps, seed {n}{'' if n else beside}"
                ),
            )
            for n, (folder, of) in enumerate(zip(("", "training1/"), steps, strict=True))
        ]
        found = [replace(r, weights=files[r.task.training]) for r in of_trainings("a", GOOD, GOOD + 1)]
        return render.markdown(table.build(REPORT, cells, found, card()), {})

    assert (
        "the trainings differ in more than their seeds: faces; trained here, 60 of 60 steps | faces; trained here, 7 of"
    ) in said(60, 7).replace("\\|", "|")
    assert "differ in more" not in said(60, 60)
    assert "differ in more" not in said(60, 60, beside="; taken before net.pth, which is published")


def test_an_infinite_mean_of_several_trainings_keeps_its_notes():
    """One training that returns an image exactly makes the mean infinite; it is still one of two."""
    cells = [Cell(replace(TASK, training=n), "a", "A") for n in (0, 1)]
    exact = np.append(GOOD[:-1], np.inf)
    text = render.markdown(table.build(REPORT, cells, of_trainings("a", GOOD, exact), card()), {})
    assert "A (face, 16x), 1 of 30 images are exact: their PSNR is infinite, and so is the mean" in text
    assert "mean of the trainings 0, 1, pictures of the first. Standard deviations of their means: PSNR undef" in text


def test_a_training_whose_network_is_not_there_is_told():
    task = replace(TASK, training=1)
    missing = Record(task, "a", None, "refused", "no network of the seed 1")
    cells = [Cell(TASK, "a", "A"), Cell(task, "a", "A")]
    built = table.build(REPORT, cells, [*records("a", GOOD, GOOD / 100), missing], card())
    found = row(built, "a")
    assert (found.trainings, found.status, found.why) == ((0,), "ok", "no network of the seed 1")


def test_an_image_that_failed_with_one_seed_is_not_ok():
    failed = replace(records("a", GOOD, GOOD / 100, status="failed", reason="x")[0], task=replace(TASK, seed=1))
    rest = [replace(r, task=replace(TASK, seed=1)) for r in records("a", GOOD, GOOD / 100)[1:]]
    cells = [Cell(replace(TASK, seed=seed), "a", "A") for seed in (0, 1)]
    built = table.build(REPORT, cells, [*records("a", GOOD, GOOD / 100), failed, *rest], card())
    assert (row(built, "a").n_ok, row(built, "a").n) == (29, 30)


@pytest.mark.parametrize(
    ("changes", "report", "reason"),
    [
        ({}, {}, ""),
        ({"test_set": "photographs"}, {}, ""),
        ({"sha256": {**LIST, "7": "0" * 64}}, {}, "in another selection, by the checksums of the list"),
        ({"ids": tuple(LIST)[:-1]}, {}, "in another selection, by the checksums of the list"),
        ({"sha256": {}}, {}, "in another selection, by the checksums of the list"),
        (
            {},
            {"test_data": {"face": PublishedOn(128, LIST_SHA256, "matlab-bicubic")}},
            "in another size (128 px, here 64)",
        ),
        (
            {},
            {"test_data": {"face": PublishedOn(64, LIST_SHA256, "opencv-cubic")}},
            "in another down-sampling (opencv-cubic, here matlab-bicubic)",
        ),
        ({"degradation": ("down", "noise 25")}, {}, "of other LR images (here down, noise 25)"),
        ({}, {"test_data": {}}, "no checksums"),
        ({"test_set": "photographs"}, {"test_data": {}}, "other test images"),
    ],
)
def test_a_difference_is_given_only_from_figures_of_the_same_images(changes, report, reason):
    """The name of a test set decides nothing: size, list with checksums and down-sampling do."""
    built = build(
        records("a", GOOD, GOOD / 100), records("b", GOOD, GOOD / 100), report=replace(REPORT, **report), **changes
    )
    if reason:
        assert reason in row(built, "a").apart
        assert row(built, "a").verdict == "other images"
        assert math.isnan(row(built, "a").difference), "it says how far the data are apart, not the methods"
    else:
        assert row(built, "a").verdict == "consistent"
        assert row(built, "b").verdict.startswith("differs by -")
        assert row(built, "a").difference == pytest.approx(GOOD.mean() - 20.1)


NAMES = sha256("".join(f"{name}\n" for name in LIST).encode()).hexdigest()
BY_NAME = replace(REPORT, test_data={"face": PublishedOn(64, "", "matlab-bicubic", NAMES)})


def test_the_publisher_s_own_files_are_known_by_name_and_number_which_is_said():
    built = build(records("a", GOOD, GOOD / 100), report=BY_NAME, sha256={})
    assert row(built, "a").verdict == "consistent"
    text = render.markdown(built, {})
    assert (
        "of these images by the names and the number of the publisher's files (30); pixels were not compared." in text
    )
    assert "That the 30 files of face are the images of the list is not verified" in text
    exact = build(records("a", GOOD, GOOD / 100))
    assert "compared" not in "".join(row(exact, "a").likeness), "there the pixels were"


def test_a_few_images_at_another_size_are_no_verdict_on_the_publisher_s_files():
    """`--hr-size 128 -n 5` gave "differs by -2.39"."""
    few = build(records("a", GOOD[:5], GOOD[:5] / 100), report=BY_NAME, sha256={})
    assert (row(few, "a").verdict, row(few, "a").apart) == ("other images", "of all 30 images of Faces, not of 5")
    other = replace(BY_NAME, test_data={"face": PublishedOn(256, "", "matlab-bicubic", NAMES)})
    small = build(records("a", GOOD, GOOD / 100), report=other, sha256={})
    assert (row(small, "a").verdict, row(small, "a").apart) == (
        "other images",
        "of Faces in another size (256 px, here 64)",
    )
    renamed = build(records("a", GOOD, GOOD / 100), report=BY_NAME, sha256={}, ids=tuple(reversed(LIST)))
    assert row(renamed, "a").apart == "of Faces in another selection, by its names"


def test_the_cats_of_the_paper_are_those_of_the_publisher_s_list():
    found = cards.card("paper", "cat")
    for name in ("table2", "factors"):
        report = report_files.read(name)
        assert published.apart(report, found, 100) == "", f"{name}: the list is another"
        assert published.by_name(report, found).endswith("(100); pixels were not compared")
        assert "128" in published.apart(report, cards.card("paper", "cat", 128), 100)
        assert published.apart(report, cards.card("paper", "face"), 100), "numbers as names tell nothing"


def test_a_part_of_the_images_is_not_the_same_images():
    built = build(records("a", GOOD[:20], GOOD[:20] / 100))
    assert row(built, "a").apart == "of all 30 images of Faces, not of 20"


def test_failed_images_count_and_are_named():
    failed = records("a", GOOD[:2], GOOD[:2] / 100, status="failed", reason="broken")
    rest = [r for r in records("a", GOOD, GOOD / 100) if r.image not in ("0", "1")]
    built = build(failed + rest)
    assert (row(built, "a").n_ok, row(built, "a").n) == (28, 30)
    assert row(built, "a").reason == "broken"
    assert row(built, "a").summary.n == 30, "a failed image is scored with the bicubic result, never dropped"


def test_a_refused_cell_has_its_reason():
    built = build(records("a", GOOD, GOOD / 100), refused=("b",))
    assert row(built, "b").summary is None
    assert row(built, "b").reason == "no weights"


@pytest.mark.parametrize(("trained_on", "seen"), [("Faces", True), ("Other faces", False), ("", False)])
def test_a_method_that_has_seen_the_test_images_is_marked(trained_on, seen):
    cells = [Cell(TASK, "a", "A", None, trained_on)]
    built = table.build(REPORT, cells, records("a", GOOD, GOOD / 100), card())
    assert row(built, "a").seen is seen
    assert ("†" in render.markdown(built, {})) is seen


def variants(*groups, **changes) -> table.Table:
    """The table of an ablation whose full method is `b`."""
    report = replace(REPORT, full="b")
    cells = [Cell(TASK, group[0].method, group[0].method.upper()) for group in groups]
    return table.build(replace(report, **changes), cells, [record for group in groups for record in group], card())


def test_variants_are_compared_with_the_full_one_even_where_another_is_better():
    groups = [records(name, GOOD + gain, GOOD / 100) for name, gain in (("a", 1), ("b", 0), ("c", -2))]
    built = variants(*groups)
    found = {contest.other: contest for contest in built.contests if contest.metric is PSNR}
    assert {contest.first for contest in found.values()} == {"b"}, "not with the best, a"
    assert {name: contest.result.mean for name, contest in found.items()} == pytest.approx({"a": -1, "c": 2})
    assert not any(r.best for r in built.rows), "nothing is compared with the best, so nothing can be called so"


def test_without_the_full_one_nothing_is_compared():
    built = variants(records("a", GOOD, GOOD / 100), records("c", GOOD - 1, GOOD / 100))
    assert built.contests == ()
    assert row(built, "a").summary is not None, "the variants' own values are there all the same"


def test_a_factor_that_does_not_divide_is_noted_in_the_table():
    built = variants(records("b", GOOD, GOOD / 100), factors=(16, 24))
    assert built.left_out == ("face at 24x is left out: 24 does not divide 64 px",)


def test_arcface_is_for_faces_only():
    report = report_files.read("table1")
    cells = [Cell(Task("p", name, 16, 64), "a", "A") for name in ("face", "cat")]
    built = table.build(report, cells, [], {**card(), "cat": replace(card()["face"], category="cat")})
    assert [r.cell.task.category for r in built.rows] == ["face"]
