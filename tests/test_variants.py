"""Further columns of a table: images degraded otherwise, or restored with the networks of another category."""

from dataclasses import replace

import pytest
import torch

from bench import cards, pipeline, report_files, variants
from bench.plan import Part, limited, plan
from bench.report import stored, storing, table
from bench.restore import RunSettings
from bench.scores.metrics import METRICS
from bench.spec import BadFile, BenchError, Task, UnknownName, Variant
from bench.viewer import pictures
from methods import find, specs

CARDS = cards.cards("mini")
TABLE = """
title = "Pose"
caption = "Turned faces."
source = "here"
metrics = ["psnr"]
also = ["lr_psnr"]
categories = ["face"]
factors = [16]
methods = ["bicubic", "glean"]

[variants]
turned = { degradation = ["rotate 30", "down"] }
noisy = { degradation = ["down", "noise 10"] }
as-face = { of = "cat", network = "face" }
"""


@pytest.fixture
def report(tmp_path):
    (tmp_path / "pose.toml").write_text(TABLE)
    return report_files.read(str(tmp_path / "pose.toml"))


def test_a_variant_stands_behind_its_category_and_one_of_another_once(report):
    wider, found = variants.expanded(replace(report, categories=("face", "tower")), CARDS)
    assert wider.categories == (
        "face", "face.turned", "face.noisy", "cat.as-face", "tower", "tower.turned", "tower.noisy",
    )  # fmt: skip
    assert found["tower.noisy"].degradation == ("down", "noise 10")
    assert found["cat.as-face"].source == CARDS["cat"].source
    task = found["cat.as-face"].task(16)
    assert (task.category, task.asked.category) == ("cat.as-face", "face")
    assert found["face.turned"].task(16).asked.category == "face", "a method has no networks for variants"
    assert CARDS["face"].task(16).asked == CARDS["face"].task(16)


def test_what_a_metric_is_for_is_what_the_images_show(report):
    _, found = variants.expanded(report, CARDS)
    assert METRICS["arcface"].applies(found["face.turned"])
    assert not METRICS["arcface"].applies(found["cat.as-face"])


def test_a_table_with_variants_is_measured_and_read_again(report, tmp_path):
    settings = RunSettings(tmp_path / "out", torch.device("cpu"), limit=2)
    measurement = pipeline.prepare(report, [find(name) for name in report.methods], settings)
    for _ in measurement.restore():
        pass
    records = list(measurement.score())
    made = table.build(measurement.report, measurement.cells, records, measurement.cards)
    psnr = {(row.cell.task.category, row.cell.method): row for row in made.rows if row.metric.name == "psnr"}
    assert len(psnr) == 8
    assert all(row.status == "ok" for row in psnr.values()), "a column was not measured"
    assert "glean_face_16x_128.safetensors" in psnr["cat.as-face", "glean"].weights
    assert psnr["face", "bicubic"].summary.mean > psnr["face.noisy", "bicubic"].summary.mean
    assert psnr["face.turned", "bicubic"].protocol.endswith("LR rotate 30, down")
    assert psnr["face", "bicubic"].protocol.endswith("]")
    explained = {row.cell.task.category for row in made.rows if row.metric.name == "lr_psnr"}
    assert explained == {"face", "face.turned", "cat.as-face"}, "noise cannot be explained"
    assert any("noise 10 draws random numbers" in told for told in made.left_out)
    path = tmp_path / "pose.json"
    path.write_text(storing.text(made, records, {}))
    again = stored.read(path).table
    for row, same in zip(made.rows, again.rows, strict=True):
        assert (row.cell, row.metric.name, row.protocol) == (same.cell, same.metric.name, same.protocol)
        assert row.values == pytest.approx(same.values)


@pytest.mark.parametrize(
    ("variant", "kind", "words"),
    [
        (Variant("grey", ("grey",)), BadFile, "grey of pose cannot be measured at 16x: .* no `down`, without which"),
        (Variant("as-dog", of="dog"), UnknownName, "there is no category that the variant as-dog names: 'dog'"),
        (Variant("as-cta", network="cta"), UnknownName, "did you mean cat"),
    ],
)
def test_a_variant_that_cannot_be_is_told_in_a_sentence(report, variant, kind, words):
    with pytest.raises(kind, match=words):
        variants.expanded(replace(report, variants=(variant,)), CARDS)


def test_a_variant_of_a_category_that_a_profile_lacks_is_left_out_with_a_sentence(report):
    """`robustness` has cats through the networks of faces, and could not run on a folder of faces alone."""
    here = {"face": CARDS["face"]}
    narrower, told = variants.without_absent(report, here)
    assert [variant.name for variant in narrower.variants] == ["turned", "noisy"]
    assert told == ("as-face is left out: there is no category 'cat'; there are: face.",)
    assert variants.expanded(narrower, here)[0].categories == ("face", "face.turned", "face.noisy")
    assert variants.without_absent(report, CARDS) == (report, ())


def test_a_cards_own_degradation_holds_in_all_columns(report):
    """A mirror image had 9 dB more than the noisy one beside it: the variant had dropped the noise without a word."""
    noisy = {**CARDS, "face": replace(CARDS["face"], degradation=("down", "noise 60"))}
    wider, found = variants.expanded(
        replace(report, variants=(*report.variants, Variant("by-cat", network="cat"))), noisy
    )
    assert wider.categories == ("face", "cat.as-face", "face.by-cat")
    assert found["face.by-cat"].degradation == ("down", "noise 60")
    told = variants.clashing(report, noisy)
    assert [sentence.partition(":")[0] for sentence in told] == [
        f"{name} of face is left out" for name in ("turned", "noisy")
    ]
    assert variants.clashing(report, CARDS) == []


def test_a_card_without_down_is_told_of_although_the_table_has_variants(report):
    """It went, and its variants stood there as if of plain images."""
    grey = {**CARDS, "face": replace(CARDS["face"], degradation=("grey",))}
    wider, found = variants.expanded(report, grey)
    assert "face" in wider.categories
    cells = plan(wider, {"bicubic": specs.BICUBIC}, found)
    refusals = {cell.task.category: cell.refusal for cell in cells if cell.method == "bicubic"}
    assert "has no `down`" in refusals["face"]


def test_a_card_with_the_name_of_a_variant_is_refused(report):
    with pytest.raises(BadFile, match=r"face\.noisy is a card of mini and a variant of pose: rename one"):
        variants.expanded(report, {**CARDS, "face.noisy": replace(CARDS["face"], category="face.noisy")})


def test_two_tables_may_call_two_lists_by_one_name(report, tmp_path):
    """The second wrote over the pictures of the first, whose page then showed them."""
    settings = RunSettings(tmp_path / "out", torch.device("cpu"), limit=1)
    seen = {}
    for how in ("noise 60", "jpeg 5"):
        named = replace(report, methods=("bicubic",), variants=(Variant("noisy", ("down", how)),))
        measurement = pipeline.prepare(named, [find("bicubic")], settings)
        for _ in measurement.restore():
            pass
        pictures.write_inputs(
            [cell.task for cell in measurement.cells], measurement.cards, settings, tmp_path / "out/mini"
        )
        seen[how] = list(measurement.score())
    for kind in ("sr", "lr"):
        files = [
            {each.task.category: each.files["0000"].read_bytes() for each in found if each.kind == kind}
            for found in (pictures.find(records, tmp_path / "out" / "mini") for records in seen.values())
        ]
        assert files[0]["face.noisy"] != files[1]["face.noisy"], "one table shows the pictures of the other"
        assert files[0]["face"] == files[1]["face"]
    assert all(record.task.asked.degradation == "" for records in seen.values() for record in records), (
        "a method is told what is done to its images"
    )


def test_a_category_of_a_part_of_a_table_brings_its_variants(report):
    wider, _ = variants.expanded(replace(report, categories=("face", "tower")), CARDS)
    assert limited(wider, Part(categories=("face",))).categories == ("face", "face.turned", "face.noisy")
    assert limited(wider, Part(categories=("face.noisy",))).categories == ("face.noisy",)
    assert limited(wider, Part(categories=("cat",))).categories == ("cat.as-face",)
    with pytest.raises(UnknownName, match="category of pose"):
        limited(wider, Part(categories=("car",)))


def test_given_lr_images_cannot_be_degraded(report):
    with pytest.raises(BenchError, match="the LR images of face are given"):
        variants.expanded(report, {**CARDS, "face": replace(CARDS["face"], lr="lr")})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('Turned = { degradation = ["down"] }', "small letters"),
        (
            'turned = { degradation = ["rotat 30", "down"] }',
            r"variants.turned.degradation: there is no degradation 'rotat'",
        ),
        ("turned = { degradation = [] }", "list, not empty"),
        ('turned = { degradations = ["down"] }', "did you mean degradation"),
        ("plain = {}", r"variants.plain is the same as its category itself; say what is different"),
        ('plain = { degradation = ["down"] }', r"variants.plain is the same as its category itself"),
        ('a = { of = "cat" }\nb = { of = "cat" }', r"variants.b is the same as variants.a; say what is different"),
    ],
)
def test_a_file_with_a_variant_that_cannot_be_is_told(tmp_path, line, words):
    (tmp_path / "pose.toml").write_text(TABLE.partition("turned =")[0] + line)
    with pytest.raises(BadFile, match=words):
        report_files.read(str(tmp_path / "pose.toml"))


def test_a_card_of_smaller_images_needs_down():
    card = replace(CARDS["face"], degradation=("grey",))
    report = report_files.read("table1")
    with pytest.raises(BenchError, match="no `down`, without which no image is 16x smaller"):
        plan(report, {}, {"face": card})


def test_a_card_with_given_lr_images_has_no_degradation(tmp_path):
    """It would be passed over in silence."""
    (tmp_path / "face" / "lr").mkdir(parents=True)
    facts = 'title = "F"\nhr_size = 64\nreader = "folder"\nsource = "face"\ntest_set = "T"\ntrain_set = ""\n'
    (tmp_path / "face.toml").write_text(facts + 'lr = "face/lr"\ndegradation = ["down", "grey"]\n')
    with pytest.raises(BadFile, match="its LR images are given, so that degradation would not be done"):
        cards.cards(str(tmp_path))


def test_a_category_that_has_no_place_in_a_table_gives_it_to_its_variants(tmp_path):
    """At 1x nothing is made small: the column of plain faces was an error, and the whole table with it."""
    text = TABLE.partition("[variants]")[0].replace("[16]", "[1]")
    (tmp_path / "full.toml").write_text(text + '[variants]\ngrey = { degradation = ["grey"], mixture = "tasks" }\n')
    wider, found = variants.expanded(report_files.read(str(tmp_path / "full.toml")), CARDS)
    assert wider.categories == ("face.grey",)
    task = found["face.grey"].task(1)
    assert task.mixture == task.asked.mixture == "tasks", "a method would take the weights for plain images"
    again = Task(**storing._task(task))
    assert again == replace(task, degradation="")  # which the cell tells
