"""The published tables are whole, of a commit, equal to the values of their images, and of the shipped weights."""

import json
import re

import pandas as pd
import pytest

import methods
from bench import cards, pipeline, report_files, resize, variants
from bench.cost.count import count
from bench.images import data
from bench.report import data_frames, render, stored
from bench.scores import metrics
from bench.spec import Report

from .conftest import ROOT

PUBLISHED = ROOT / "reports" / "published"
ABLATIONS = tuple(f"mini/ablation_{part}" for part in ("bank", "decoder", "encoder", "frozen", "latents"))
KEPT = (
    *(f"mini/{name}" for name in ("table1", "table2", "seeds", "banks")),
    *(f"mini/{name}" for name in ("robustness", "retouch", "reference", "blind", "tasks")),
    *(f"portraits/{name}" for name in ("table1", "table2", "seeds", "reference")),
    *(f"portraits/ablation_{name}" for name in ("bank", "decoder", "encoder")),
)
"""Tables whose pages have the pictures that were measured; those of the others were made again."""
TABLES = (*ABLATIONS, "mini/factors", *KEPT)
HIDDEN = {"portraits": {"bicubic", "pseudo_inverse", "bicubic+bp"}}
"""What shows little else than the photographs themselves, which are not handed on."""


def rows(name) -> pd.DataFrame:
    return pd.read_csv(PUBLISHED / f"{name}.csv", keep_default_na=False)


def image_values(name) -> pd.DataFrame:
    found = pd.read_csv(PUBLISHED / f"{name}.images.csv", dtype={"image": str})
    return found if "training" in found else found.assign(training=0)


def printed(row) -> str:
    """The figure as the Markdown has it."""
    found = row.summary
    return data_frames.interval(found.mean, found.half_width, row.metric.digits) if found else ""


def profile(name) -> str:
    return name.partition("/")[0]


def report_of(name) -> Report:
    return report_files.read(name.partition("/")[2], cards.preset(profile(name)))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_all_its_files(name):
    for ending in (".md", ".details.md", ".html", ".csv", ".images.csv", ".tex", ".timing.csv", ".png"):
        assert (PUBLISHED / f"{name}{ending}").is_file(), f"{name}{ending} is not published"


@pytest.mark.parametrize("name", TABLES)
def test_a_page_is_of_the_published_table_holds_pictures_and_says_which(name):
    path = PUBLISHED / f"{name}.html"
    assert path.stat().st_size < 6_000_000
    told = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    found = json.loads(told[0])
    assert found["table"] == json.loads((PUBLISHED / f"{name}.json").read_text()), "export it anew"
    assert found["page"]["printed"] == [printed(row) for row in stored.read(PUBLISHED / f"{name}.json").table.rows]
    shown = {pictures["method"] for pictures in found["page"]["pictures"] if pictures["kind"] == "sr"}
    assert shown == set(report_of(name).methods) - HIDDEN.get(profile(name), set())
    photographs = {pictures["kind"] for pictures in found["page"]["pictures"]} - {"sr"}
    assert photographs == (set() if profile(name) in HIDDEN else {"lr", "hr"}), "photographs are handed on"
    remark = re.findall(r'<p class="remark">(.*)</p>', path.read_text())[0]
    assert ("made again" in remark) == (name not in KEPT)
    assert "WebP of quality" in remark
    several = any(len(row.trainings) > 1 for row in stored.read(PUBLISHED / f"{name}.json").table.rows)
    assert ("the pictures are of the first" in path.read_text()) == several, "values of a mean beside one picture"


def test_the_factors_have_their_curves():
    assert (PUBLISHED / "mini" / "factors.curves.png").is_file(), "docs/results.md shows it"


@pytest.mark.parametrize("name", [*TABLES, "mini/flops"])
def test_a_table_was_made_from_a_commit(name):
    (commit,) = re.findall(r"^- commit: (.*)$", (PUBLISHED / f"{name}.md").read_text(), re.MULTILINE)
    joined = "(; [0-9a-f]{12} for [0-9]+ of [0-9]+ cells)*"
    assert re.fullmatch(f"[0-9a-f]{{12}}{joined}", commit), "a figure that no commit can repeat"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_every_cell_of_its_report(name):
    report, found_cards = variants.expanded(report_of(name), cards.cards(profile(name)))
    found = rows(name)
    found = found[~found.method.isin(report.references)]
    asked = {
        (category, factor, method, metric)
        for category in report.categories
        if category in found_cards
        for factor in report.factors
        for method in report.methods
        for metric in (*report.metrics, *report.also)
        if metrics.METRICS[metric].of(found_cards[category]).tells(found_cards[category])
    }
    assert set(zip(found.category, found.factor, found.method, found.metric, strict=True)) == asked


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.slow
def test_every_mean_is_that_of_the_images(name):
    found = rows(name)
    images = image_values(name)
    for row in found[found.status == "ok"].itertuples():
        chosen = (images.category == row.category) & (images.factor == row.factor) & (images.method == row.method)
        values = images[chosen].groupby("image")[row.metric].mean()  # over the trainings
        assert len(values) == row.n
        assert values.mean() == pytest.approx(float(row.mean), abs=1e-4), row


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_its_values_say_under_todays_rules(name):
    result = stored.read(PUBLISHED / f"{name}.json").table
    texts = render.texts(result, {})
    assert texts[".csv"] == (PUBLISHED / f"{name}.csv").read_text(), "`python -m bench render` was not run"
    assert texts[".details.md"] == (PUBLISHED / f"{name}.details.md").read_text()
    assert texts[".tex"] == (PUBLISHED / f"{name}.tex").read_text(), "its labels may be referred to"
    head = texts[".md"].split("## How it was made")[0]
    assert (PUBLISHED / f"{name}.md").read_text().startswith(head)


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_is_measured_on_all_images(name):
    found = rows(name)
    assert set(found.status) == {"ok"}
    assert set(found.n) == set(found.n_ok) == {100}


def test_a_method_has_the_same_values_in_table_2_and_among_the_factors():
    key = ["category", "factor", "method", "training", "image"]
    both = image_values("mini/table2").merge(image_values("mini/factors"), on=key, suffixes=("", "_again"))
    assert len(both) == 5 * 6 * 100  # categories, methods and images that are in both
    for metric in ("psnr", "lpips", "lr_psnr"):
        again = both[f"{metric}_again"].to_numpy()
        assert both[metric].to_numpy() == pytest.approx(again, abs=1e-4), "more than a pixel rounded the other way"


@pytest.mark.parametrize("method", ["glean", "glean.biggan", "esrgan_plus"])
def test_the_published_cost_is_what_is_counted(method):
    costs = pd.read_csv(PUBLISHED / "mini" / "flops.csv")
    (row,) = costs[(costs.profile == "mini") & (costs.method == method) & (costs.factor == 16)].itertuples()
    counted = count(methods.find(method), pipeline.task("face", 16), {})
    assert (row.macs, row.trainable, row.frozen) == (counted.macs, counted.trainable, counted.frozen)


@pytest.mark.parametrize("method", ["glean", "glean.biggan"])
def test_the_caption_of_banks_tells_the_published_costs(method):
    costs = pd.read_csv(PUBLISHED / "mini" / "flops.csv")
    (row,) = costs[(costs.profile == "mini") & (costs.method == method) & (costs.factor == 16)].itertuples()
    caption = report_files.read("banks", "mini").caption
    told = set(re.findall(r"\b0\.\d\d\b", caption))
    assert {f"{value:.2f}" for value in (row.bank_parameters / 1e6, row.trainable / 1e6, row.macs / 1e9)} <= told


@pytest.mark.parametrize("category", report_files.read("table2").categories)
def test_glean_is_nearer_than_bicubic_by_more_than_the_intervals(category):
    found = rows("mini/table2")
    of = found[(found.category == category) & (found.metric == "lpips")].set_index("method")
    glean, bicubic = of.loc["glean"], of.loc["bicubic"]
    assert float(glean["mean"]) + float(glean.ci95) < float(bicubic["mean"]) - float(bicubic.ci95)


@pytest.mark.parametrize("method", ["glean", "esrgan_plus", "srgan"])
@pytest.mark.parametrize("category", report_files.read("factors").categories)
@pytest.mark.parametrize("factor", report_files.read("factors").factors)
def test_the_weights_that_are_shipped_give_the_published_values(method, category, factor):
    images = image_values("mini/factors")
    of_it = (images.category == category) & (images.factor == factor) & (images.method == method)
    chosen = images[of_it].set_index("image")
    task = pipeline.task(category, factor)
    (batch,) = data.batches(cards.card("mini", category), factor, batch_size=2, limit=2)
    sr = resize.quantise(pipeline.upscale(methods.find(method), batch.lr.float(), task))
    assert metrics.psnr(sr, batch.hr) == pytest.approx(chosen.loc[list(batch.ids), "psnr"].to_numpy(), abs=0.02)
    assert metrics.lpips(sr, batch.hr) == pytest.approx(chosen.loc[list(batch.ids), "lpips"].to_numpy(), abs=2e-3)


def test_the_documents_show_table_2_as_published():
    report, results = (PUBLISHED / "mini" / "table2.md").read_text(), (ROOT / "docs" / "results.md").read_text()
    blocks = re.findall(r"^## .* at 16x .*\n\n((?:\|.*\n)+)", report, re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        assert block in results, "docs/results.md has another Table 2 than the published one"


def test_the_readme_shows_table_1_of_portraits_as_published():
    found = rows("portraits/table1")
    found = found[found.metric == "arcface"].set_index(["method", "factor"])["mean"].astype(float)
    lines = re.findall(r"^\|([^|]+)\|([0-9.]+)\|([0-9.]+)\|", (ROOT / "README.md").read_text(), re.MULTILINE)
    titles = {"*Another person*": "another_person", "ESRGAN+": "esrgan_plus"}
    assert len(lines) == 8
    for title, *shown in lines:
        of = found[titles.get(title, title.lower())]
        assert shown == [f"{of[8]:.3f}", f"{of[16]:.3f}"], f"README's row of {title} is not the published one"


def test_the_documents_show_the_seeds_as_published():
    images = image_values("mini/seeds")
    means = images.groupby(["method", "training", "category"])[["lpips", "psnr"]].mean()
    text = (ROOT / "docs" / "training.md").read_text()
    lines = re.findall(r"^\| (GLEAN|ESRGAN\+) \| (\d) \| (.*) \|$", text, re.MULTILINE)
    assert len(lines) == 6, "two methods, three trainings"
    for title, seed, shown in lines:
        of = means.loc[{"GLEAN": "glean", "ESRGAN+": "esrgan_plus"}[title], int(seed)]
        categories = report_of("mini/seeds").categories
        told = [f"{of.lpips[each]:.3f}" for each in categories] + [f"{of.psnr[each]:.2f}" for each in categories]
        assert shown.split(" | ") == told, f"docs/training.md has another {title} of the seed {seed}"


@pytest.mark.parametrize("method", ["glean", "esrgan_plus"])
def test_the_trainings_are_what_table_2_shows(method):
    key = ["category", "training", "image"]
    seeds, table = (of[of.method == method] for of in (image_values("mini/seeds"), image_values("mini/table2")))
    both = seeds.merge(table, on=key, suffixes=("", "_again"))
    assert set(both.training) == set(table.training)
    assert len(both) == 100 * len(report_of("mini/seeds").categories) * len(set(table.training))
    for metric in ("lpips", "psnr"):
        again = both[f"{metric}_again"].to_numpy()
        assert both[metric].to_numpy() == pytest.approx(again, abs=1e-5), "two values of one thing"
