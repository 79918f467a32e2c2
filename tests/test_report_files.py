import re
from collections.abc import Callable

import pytest

import methods
from bench import cards, profiles, report_files
from bench.spec import BadFile, Published, PublishedOn, Report, UnknownName
from methods.training import items

from .conftest import ROOT

MINIMAL = """
title = "T"
caption = "C"
source = "S"
metrics = ["psnr"]
categories = ["face"]
factors = [16]
methods = ["bicubic"]
"""


@pytest.fixture
def write(tmp_path, monkeypatch) -> Callable[..., Report]:
    def write(text):
        (tmp_path / "reports").mkdir(exist_ok=True)
        (tmp_path / "reports" / "mine.toml").write_text(text)
        for module in (profiles, report_files):
            monkeypatch.setattr(module, "facts_root", lambda: tmp_path)
        return report_files.read("mine")

    return write


def figure(report, *key) -> Published:
    (found,) = (p for p in report_files.read(report).published if (p.method, p.category, p.metric) == key)
    return found


def test_published_values_of_the_paper():
    # A slip of a digit here would be printed beside every measured value.
    assert figure("table2", "glean", "face", "psnr").value == 26.84
    assert figure("table2", "glean", "bedroom", "lpips").value == 0.3310
    assert figure("table2", "glean", "bedroom", "lpips").digits == 4, "digits as printed, also a trailing zero"
    assert figure("table2", "pulse", "tower", "psnr").value == 13.62
    assert figure("table1", "glean", "face", "arcface").value == 0.9678
    assert len(report_files.read("table2").published) == 5 * 4 * 2
    assert len(report_files.read("table1").published) == 6
    assert set(report_files.read("factors").published) - set(report_files.read("table2").published) == {
        Published("glean", "cat", 8, "psnr", 23.98, 2)
    }


def test_sums_of_the_papers_columns():
    # The column sums of the paper's Table 2: a wrong figure changes one.
    sums = {
        ("mganprior", "psnr"): 87.54, ("pulse", "psnr"): 84.50, ("esrgan_plus", "psnr"): 103.50,
        ("glean", "psnr"): 105.35,
        ("mganprior", "lpips"): 2.7754, ("pulse", "lpips"): 3.0529, ("esrgan_plus", "lpips"): 1.5698,
        ("glean", "lpips"): 1.4886,
    }  # fmt: skip
    for (method, metric), expected in sums.items():
        found = [p.value for p in report_files.read("table2").published if (p.method, p.metric) == (method, metric)]
        assert sum(found) == pytest.approx(expected, abs=1e-9), (method, metric)


@pytest.mark.parametrize("name", profiles.tables())
def test_every_method_of_a_table_exists(name):
    # A slip in a name would only show as a refused row.
    report = report_files.read(name)
    assert [method for method in report.methods if methods.find(method).spec.name != method] == []


def test_every_ablation_of_the_paper_is_there_and_says_what_is_full():
    full = {name: report_files.read(name).full for name in profiles.tables() if name.startswith("ablation_")}
    names = ("bank", "decoder", "encoder", "frozen", "latents")
    assert full == {f"ablation_{name}": "glean" for name in names} | {"ablation_encoder": "glean.no-decoder"}


def test_the_factors_are_those_of_the_paper_for_every_category():
    report = report_files.read("factors")
    assert report.factors == (8, 16, 32, 64)
    assert report.categories == report_files.read("table2").categories
    assert {p.method for p in report.published} <= set(report.methods), "a published value without a row is not shown"


def test_unknown_table_suggests():
    with pytest.raises(UnknownName, match="did you mean table2"):
        report_files.read("tabel2")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('metric = ["psnr"]', "'metric'.*did you mean metrics"),
        ("[published.x16.face.glean]\npsnr = 26.84", "must be a string of digits as printed"),
        ('[published.x16.face.glean]\npsrn = "26.84"', "'psrn'.*did you mean psnr"),
        ('[published.16.face.glean]\npsnr = "26.84"', "the key published.16 must be .* such as x16, not '16'"),
        ('also = ["sim"]', "'sim'.*ssim"),
        ('full = "bicubc"', "full.*'bicubc'.*did you mean bicubic"),
        ("[margin]\npsrn = 0.1", "margin.psrn.*did you mean psnr"),
        ("[margin]\npsnr = -0.1", "margin.psnr must be a decimal number from 0 up"),
        ('[margin]\npsnr = "0.1"', "margin.psnr must be a decimal number from 0 up"),
        ("[margin]\npsnr = inf", "margin.psnr must be a decimal number from 0 up"),
        ("test_data.face = 3", "test_data.face must be a table with the keys hr_size"),
        ("[test_data.face]\nsha256 = 'x'", "test_data.face.*'hr_size' is missing"),
        ("[test_data.face]\nhr_size = '64'", "hr_size must be a whole number"),
    ],
)
def test_a_mistake_in_a_table_names_file_and_key(write, line, words):
    with pytest.raises(BadFile, match=words) as error:
        write(MINIMAL + line)
    assert "mine.toml" in str(error.value)


def test_a_missing_key_is_named(write):
    with pytest.raises(BadFile, match="caption"):
        write(MINIMAL.replace('caption = "C"\n', ""))


def test_the_minimal_table_is_enough(write):
    assert write(MINIMAL).published == ()


def test_margins_and_what_figures_were_measured_on(write):
    report = write(f"{MINIMAL}margin.psnr = 0.1\n[test_data.face]\nhr_size = 64\nsha256 = 'x'\noperator = 'o'\n")
    assert report.margin == {"psnr": 0.1}
    assert report.test_data == {"face": PublishedOn(64, "x", "o")}


@pytest.mark.parametrize("name", ["table1", "table2", "factors"])
def test_what_is_known_of_the_published_images_is_what_the_profile_paper_says(name):
    report, paper = report_files.read(name), cards.cards("paper")
    assert {of.category for of in report.published} <= report.test_data.keys()
    assert {category: of.hr_size for category, of in report.test_data.items()} == {
        category: paper[category].hr_size for category in report.test_data
    }


def test_a_table_to_begin_with_can_be_measured_and_names_every_key(bench, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    status, out, err = bench("init-table", "mine")
    assert (status, err) == (0, "")
    assert "python -m bench table mine.toml" in out
    assert report_files.read("mine.toml").name == "mine"
    text = (tmp_path / "mine.toml").read_text()
    (tmp_path / "all.toml").write_text(re.sub(r"^# (?=[\[a-z_]+ ?[=.\]])", "", text, flags=re.MULTILINE))
    found = report_files.read("all.toml")
    assert found.full == "glean"
    assert found.published
    keys = {*report_files._REPORT.required, *report_files._REPORT.optional}
    assert keys - set(re.findall(r"^(?:# )?\[?([a-z_]+)", text, re.MULTILINE)) == set(), "a key that nobody is told of"
    assert bench("init-table", "mine")[0] == 2, "it is there already"
    assert bench("init-table", "table2")[0] == 2


@pytest.mark.parametrize("name", ["t.details", "t.images", "t.timing", "t.Curves", "latency"])
def test_a_table_called_as_the_files_of_another_is_refused(bench, tmp_path, name):
    """`t.details.toml` and `t.toml` both wrote t.details.md, the later over the earlier."""
    path = tmp_path / f"{name}.toml"
    status, _, err = bench("init-table", path)
    assert (status, path.exists()) == (2, False)
    path.write_text(MINIMAL)
    with pytest.raises(BadFile, match="name of a table of the suite" if name == "latency" else "a table 't' has files"):
        report_files.read(str(path))
    assert f"{path}" in err


def test_the_names_of_a_tables_files_are_those_that_no_other_table_may_have():
    """A new kind of file would be written over by a table that is called so."""
    folder = ROOT / "reports" / "published"
    tables = {path.with_suffix("") for path in folder.glob("*/*.json")}
    inner = {
        path.name.removeprefix(table.name).rpartition(".")[0]
        for table in tables
        for path in table.parent.glob(f"{table.name}.*")
    }
    assert inner - {""} == set(profiles.INNER)


def test_a_preset_is_asked_what_its_networks_are_trained_for(write):
    # Table 1 of real faces is made at 8x and 16x; the paper's, and with it that of every other profile, at 16x alone.
    write(MINIMAL + '[presets.small]\ntitle = "S"\nfactors = [8, 16]\n')
    small, other = report_files.read("mine", "small"), report_files.read("mine", "large")
    assert (small.title, small.factors, small.methods) == ("S", (8, 16), ("bicubic",))
    assert (other.title, other.factors) == ("T", (16,))
    assert report_files.read("mine") == other


def test_what_a_preset_is_asked_is_checked_like_the_rest(write):
    for words, error in (
        ("factor = [8]", "'factor'.*did you mean factors"),
        ("factors = [0]", "presets.small.factors"),
    ):
        with pytest.raises(BadFile, match=error):
            write(MINIMAL + f"[presets.small]\n{words}\n")
    write(MINIMAL + '[presets.small]\nfull = "glean"\n')
    with pytest.raises(BadFile, match=r"full.*'glean'"):
        report_files.read("mine", "small")


@pytest.mark.parametrize("name", ["table1", "table2", "ablation_bank", "ablation_decoder", "ablation_encoder"])
def test_a_table_of_portraits_asks_for_networks_that_are_trained(name):
    # A row that nothing trains is refused for ever.
    report = report_files.read(name, cards.preset("portraits"))
    trained = {(item.what, item.task.factor) for item in items.everything("portraits")}
    asked = {(method, factor) for method in report.methods for factor in report.factors}
    assert {each for each in asked if each[0].partition(".")[0] in {"glean", "esrgan_plus", "srgan"}} <= trained
