import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.report import latex as layout
from bench.report import made_with, render, stored
from bench.report.data_frames import images
from bench.report.table import Table
from bench.spec import UnknownName

from .conftest import ROOT
from .test_table import GOOD, build, records, variants

MACHINE = {"torch": "2.6", "device": "cpu"}


def table() -> Table:
    failed = records("b", GOOD[:1] - 3, GOOD[:1] / 50, status="failed", reason="broken_here")
    rest = [r for r in records("b", GOOD - 3, GOOD / 50) if r.image != "0"]
    return build(records("a", GOOD, GOOD / 100), failed + rest, refused=("c",), test_set="photographs", sha256={})


def test_markdown_says_all_that_the_protocol_asks_for():
    text = render.markdown(table(), MACHINE) + render.details(table())
    mean = f"{GOOD.mean():.2f}"
    for words, lack in {
        rf"\*\*{mean} ± 0\.\d\d\*\*": "the best value in bold with its interval",
        r"\| A +\|[^|]*\| <sub>20\.1</sub> +\|": "the published value, small and alone: it is of other images",
        r"\(29/30 ok\)": "how many images are ok",
        r"Not run on these images, .*: C \[\d\]\.": "a refused method, without a row of its own",
        r"\[\d\] no weights\.": "why it was refused",
        r"\[\d\] broken_here\.": "why an image failed",
        r"psnr\[rgb,u8,crop0,mean\]": "the protocol",
        "MATLAB imresize bicubic": "how LR was made",
        r"Least detectable difference .*: face 0\.\d{3}\.": "the least detectable difference below the table",
        "torch: 2.6": "the versions",
        "other test images": "that the published figures are of other images",
        r"p \(adjusted\)": "the adjusted p",
        r"Means that differ by at most 0\.005 \(PSNR\) or 0\.00005 \(LPIPS\) are level": "the margins",
        "worst 5 %": "the worst images",
    }.items():
        assert re.search(words, text), f"the report lacks {lack}"


def test_the_page_that_is_opened_first_is_short_and_names_the_other():
    """Table 2 had 461 lines, and `factors` 976."""
    built = stored.read(ROOT / "reports" / "published" / "mini" / "factors.json").table
    first, details = render.markdown(built, MACHINE), render.details(built)
    assert len([line for line in first.splitlines() if line]) < 80
    assert re.findall(r"^## (.*) at", first, re.MULTILINE) == ["PSNR", "LPIPS"]
    assert "PSNR at 16x" in first, "the factor that most methods were measured at"
    assert "[factors.details.md](factors.details.md): the tables of 8x, 32x, 64x, medians" in first
    others = [f"{metric} at {factor}x" for factor in (8, 32, 64) for metric in ("PSNR", "LPIPS")]
    assert re.findall(r"^## (.*?x) \(", details, re.MULTILINE) == others
    assert "worst 5 %" in details


def test_a_weight_file_is_told_once_with_all_it_is_used_for():
    """A bank was told once a factor, each time with what it was trained on."""
    built = stored.read(ROOT / "reports" / "published" / "mini" / "factors.json").table
    (line,) = [text for text in made_with.weights(built, str) if "Weights of DGP" in text]
    assert line.count("bank_face_128.safetensors (face 8x, 16x, 32x, 64x)") == 1
    assert (line.count("trained on"), line.count("bank_face_128.safetensors")) == (1, 1)


def test_a_report_of_several_factors_opens_with_the_one_that_it_names():
    """Of factors at which as much was measured the first, 8x, would open it, and there the paper printed nothing."""
    built = stored.read(ROOT / "reports" / "published" / "mini" / "factors.json").table
    for front, first in ((0, 8), (16, 16), (4, 8)):
        told = replace(built, report=replace(built.report, front=front))
        assert re.findall(r"^## PSNR at (\d+)x", render.markdown(told, MACHINE), re.MULTILINE) == [str(first)]


def test_the_difference_from_a_published_value_of_the_same_images_stands_beside_it():
    text = render.markdown(build(records("a", GOOD, GOOD / 100), records("b", GOOD, GOOD / 100)), MACHINE)
    assert re.search(r"20\.1 \([+-]\d\.\d\)", text)
    assert "measured minus it" in text
    assert "stand by themselves" not in text
    assert "<sub>" not in text, "small is what cannot be compared"


def test_published_values_have_columns_of_their_own_behind_what_was_measured():
    """They stood between the rows, and so between the figures that are to be compared."""
    published = stored.read(ROOT / "reports" / "published" / "mini" / "table2.json").table
    text = render.markdown(published, MACHINE).split("## LPIPS")[0]
    assert re.search(r"\| tower \(n = 100\) +\| published: face +\| published: cat ", text)
    assert re.search(r"\| GLEAN +\|([^|]*±[^|]*\|){5} <sub>26\.84</sub> +\| <sub>20\.92</sub> ", text)
    assert re.search(r"\| Bicubic +\|([^|]*±[^|]*\|){5}( +\|){5}\n", text), "nothing was published of it"
    assert r"{\scriptsize 26.84}" in render.latex(published)
    assert "published" not in render.markdown(build(records("c", GOOD, GOOD / 100)), MACHINE).split("## Details")[0]


def test_a_caption_says_of_which_lr_size_the_published_values_are():
    """64 px there and 8 px here stood nowhere near the figures."""
    found = {
        name: stored.read(ROOT / "reports" / "published" / "mini" / f"{name}.json").table
        for name in ("table1", "table2")
    }
    sentence = "Side of the LR images: published 64 px, here 8 px (face)"
    assert f"as these networks were trained on faces. {sentence}.\n" in render.markdown(found["table1"], MACHINE)
    assert re.search(rf"\\caption{{.*{re.escape(sentence)}; published 16 px, .*}}", render.latex(found["table2"]))
    assert "car" not in re.search(r"caption{.*", render.latex(found["table2"], ["cat"]))[0]
    same = build(records("a", GOOD, GOOD / 100))
    assert "LR images" not in render.markdown(same, MACHINE), "of the same size there is nothing to say"


def test_in_a_table_of_a_users_folder_what_was_refused_everywhere_is_one_line():
    """Of twenty rows three had figures; the shipped tables keep theirs, as a part of the paper is missing there."""
    own = table()
    text = render.markdown(own, MACHINE).split("## Details")[0]
    assert not re.search(r"^\| C ", text, re.MULTILINE)
    assert "Not run on these images, for the reasons in the notes: C [2]." in text
    assert "[2] no weights." in text
    for lines in (render.summary(own), render.latex(own)):
        assert "Not run on these images, for the reasons in the notes: C " in lines
    rows = [replace(row, cell=replace(row.cell, task=replace(row.cell.task, profile="mini"))) for row in own.rows]
    ours = render.summary(replace(own, rows=tuple(rows)))
    assert re.search(r"^C +- \[2\]", ours, re.MULTILINE)
    assert "Not run" not in ours
    nothing = render.summary(build(refused=("b", "c")))
    assert re.search(r"^C +- \[1\]", nothing, re.MULTILINE), "a table without a row says nothing"


def test_one_image_prints_neither_inf_nor_nan():
    text = render.markdown(build(records("a", [20.0], [0.5]), records("b", [21.0], [0.4])), MACHINE)
    assert not re.search(r"\b(inf|nan)\b", text, re.IGNORECASE)
    assert "| 20.00 " in text
    assert "face, 1 image: too few to tell methods apart" in text
    assert "at least 6" in text


def test_exact_images_are_told():
    values = np.concatenate([GOOD[:27], [np.inf] * 3])
    built = build(records("a", values, GOOD / 100), records("b", values - 1, GOOD / 50))
    text = render.markdown(built, MACHINE)
    assert "∞ (3 exact)" in text
    assert "A (face, 16x), 3 of 30 images are exact: their PSNR is infinite, and so is the mean" in text
    assert "nan" not in text
    assert "$\\infty$ (3 exact)" in render.latex(built)


def test_seeds_are_told():
    groups = [records("a", GOOD + seed, GOOD / 100) for seed in (0, 1)]
    task = groups[0][0].task
    both = [replace(r, task=replace(task, seed=seed)) for seed, group in enumerate(groups) for r in group]
    built = build(both)
    text = render.markdown(built, MACHINE)
    assert "A (face, 16x): mean of the seeds 0, 1, pictures of the first. Standard deviations of their" in text
    assert "means: PSNR 0.707; LPIPS 0.0" in text
    assert list(images(built, both)["seed"].unique()) == [0, 1]
    assert "seed" not in images(built, groups[0]).columns, "one seed needs no column"
    assert set(render.frame(built)["seed"]) == {"0 1"}
    assert "mean of the seeds 0, 1" in render.latex(built).partition("tablenotes")[2], (
        "in a comment, which nobody prints"
    )


def test_what_seeds_undo_is_told_beside_the_comparison():
    """p of the images alone says that they differ; the table, that they are level."""
    both = [
        replace(record, task=replace(record.task, seed=seed))
        for seed in (0, 1)
        for record in records("a", GOOD + seed + 0.01 * GOOD**2, GOOD / 100)
    ]
    built = build(both, records("b", GOOD, GOOD / 100))
    text = render.details(built)
    heads, _, line = text[text.index("paired by image") :].splitlines()[2:5]
    cells = dict(zip(heads.split("|"), line.split("|"), strict=True))
    told, p = (next(cells[head].strip() for head in cells if head.strip() == name) for name in ("told apart", "p"))
    assert (told, p) == ("", "0.0001")
    assert "p is of the images alone" in text
    assert "Least detectable" not in render.markdown(built, MACHINE).partition("LPIPS at")[0], (
        "of seeds not drawn again"
    )
    alone = render.details(build(records("a", GOOD, GOOD / 100), records("b", GOOD - 1, GOOD / 100)))
    assert "told apart" not in alone
    assert "p is of the images alone" not in alone


def test_fewer_images_of_a_method_that_searches_are_told():
    groups = records("a", GOOD, GOOD / 100), records("b", GOOD[:10] - 3, GOOD[:10] / 50)
    text = render.markdown(build(*groups, searching={"b": 10}), MACHINE)
    assert re.search(r"\| B .*\(n = 10\)", text), "the figure of ten images looks like one of thirty"
    assert "(n = 30)" in text
    assert "search anew for each: B." in text
    assert "search anew" not in render.markdown(build(groups[0], searching={"a": 30}), MACHINE)


def test_markdown_tables_have_equal_columns_in_every_line():
    for block in re.findall(r"(?:^\|.*\n)+", render.markdown(table(), MACHINE), re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_csv_has_every_row_in_full():
    rows = list(csv.DictReader(io.StringIO(render.frame(table()).to_csv(index=False))))
    assert len(rows) == 3 * 2, "a row for each method and metric, refused ones too"
    first = rows[0]
    assert float(first["mean"]) == round(GOOD.mean(), 4)
    assert (first["n_ok"], first["n"], first["published"], first["verdict"]) == ("30", "30", "20.1", "other images")
    assert {row["status"] for row in rows} == {"ok", "incomplete", "not measured"}


def test_the_values_of_the_images_give_the_figures_of_the_table():
    good, bad = records("a", GOOD, GOOD / 100), records("b", GOOD - 3, GOOD / 50, status="failed", reason="broken")
    built = build(good, bad)
    found = images(built, good + bad)
    means = found.groupby("method")[["psnr", "lpips"]].mean()
    for row in built.rows:
        mean = means.loc[row.cell.method, row.metric.name]
        assert mean == pytest.approx(row.summary.mean, abs=1e-6), "a reader could not check the table"
    assert set(found["status"]) == {"ok", "failed"}, "failed images are kept, and told"
    assert list(images(built, []).columns) == list(found.columns), "a table without images has its head all the same"


def test_latex_has_balanced_braces_and_no_bare_underscore():
    text = render.latex(table())
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert text.count("{") == text.count("}")
    assert r"\textbf{" in body
    assert not re.search(r"(?<!\\)[_%]", body), "LaTeX would stop at it"
    assert "±" not in body


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("folder", ["published", "of failures"])
def test_latex_compiles_and_fits_a_two_column_article(tmp_path, folder):
    """It had no caption, label or booktabs, and was wider than the page."""
    published = (
        stored.read(ROOT / "reports" / "published" / "mini" / "table2.json").table if folder == "published" else table()
    )
    text = render.latex(published)
    assert text.count(r"\caption{") == text.count(r"\label{tab:") == text.count(r"\toprule") == 2, "one a metric"
    article = [r"\documentclass[twocolumn]{article}", layout.PREAMBLE, r"\begin{document}", text, r"\end{document}"]
    (tmp_path / "a.tex").write_text("\n".join(article), encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "a.tex"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout, done.stdout
    assert "Missing character" not in done.stdout


def test_latex_of_chosen_columns():
    built = stored.read(ROOT / "reports" / "published" / "mini" / "table2.json").table
    text = render.latex(built, ["cat", "car"])
    assert "cat (n = 100)" in text
    assert "face (n = 100)" not in text
    with pytest.raises(UnknownName, match="did you mean car"):
        render.latex(built, ["carr"])


def test_timing_is_the_median_of_each_method():
    timed = [r for seconds in (1.0, 2.0, 9.0) for r in records("a", GOOD[:2], GOOD[:2], seconds=seconds)]
    frame = render.timing(timed)
    told = frame[["method", "images", "median", "total"]].to_numpy().tolist()
    assert told == [["a", 2, 2.0, 24.0]], "two images, each three times, as of three trainings"


def test_timing_of_nothing_is_an_empty_table():
    assert isinstance(render.timing([]), pd.DataFrame)


def test_the_summary_for_the_terminal_stars_the_best():
    assert re.search(rf"{GOOD.mean():.2f} ± 0\.\d\d \*", render.summary(table()))


def test_the_same_records_give_the_same_bytes(tmp_path):
    files = [
        [path.read_bytes() for path in render.write(table(), [], MACHINE, tmp_path / name)] for name in ("one", "two")
    ]
    assert files[0] == files[1]


def test_a_table_of_variants_gives_the_difference_from_the_full_one():
    near = records("c", GOOD[::-1], GOOD / 100)
    groups = records("a", GOOD - 2, GOOD / 100), records("b", GOOD, GOOD / 100), near
    built = variants(*groups, factors=(16, 24), published=())
    text = render.markdown(built, MACHINE)
    first = text.split("## LPIPS")[0]
    assert re.search(r"A +\|.*\n\| · full minus this +\| \*\*2\.00 ± 0\.00\*\*", first), "told from none: bold"
    assert re.search(r"\| C +\|.*\n\| · full minus this +\| -?0\.00 ± \d\.\d\d +\|", first), "a tie is not bold"
    assert not re.search(r"\| B +\|.*\n\| · full", first), "the full one is not compared with itself"
    assert "Full: B." in text
    assert "the best" not in text, "neither legend nor heading may speak of a best that was not looked for"
    assert "Difference: full minus other" in render.details(built)
    assert "24 does not divide 64 px." in text
    assert "full" in render.comparisons(built).columns
