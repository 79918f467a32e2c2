import re

import pytest
import torch
import typer

import methods
from bench import cards, commands
from bench.running import runner
from bench.spec import Task

from .conftest import ROOT


def code(document, language="python") -> list[str]:
    """The fenced blocks of a document."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


@pytest.mark.parametrize("document", ["README.md", "docs/adding.md"])
def test_the_example_of_adding_a_method_keeps_the_contract(tmp_path, document):
    (tmp_path / "nearest.py").write_text(code(document)[0])
    guest = methods.find(f"{tmp_path}/nearest.py:Nearest")
    ((_, problems),) = runner.sweep(guest, [Task("mini", "face", 16, 128, preset="mini")], torch.device("cpu"))
    assert problems == []


@pytest.mark.slow
def test_the_example_of_adding_a_method_makes_a_row(bench, tmp_path, photos):
    (tmp_path / "nearest.py").write_text(code("docs/adding.md")[0])
    words = ("table", "table2", "--profile", photos, "--hr-size", "64", "--with", f"{tmp_path}/nearest.py:Nearest")
    status, out, err = bench(*words, "--out", tmp_path / "out")
    assert status == 0, err
    assert re.search(r"Nearest +\d+\.\d\d ± ", out), "the guest must be a row of the table"


def test_the_example_of_a_card_is_a_card(tmp_path):
    (tmp_path / "flower").mkdir()
    (tmp_path / "flower.toml").write_text(code("docs/adding.md", "toml")[0])
    (tmp_path / "flower.sha256").write_text("rose\n")
    card = cards.card(str(tmp_path), "flower")
    assert (card.title, card.hr_size, card.ids) == ("Flower", 256, ("rose",))


def test_the_python_of_the_readme_runs():
    block = code("README.md")[1]
    names = {}
    exec(block, names)  # noqa: S102 - our own document
    assert names["sr"].shape == (2, 3, 128, 128)


@pytest.mark.parametrize(
    "session",
    [
        "tests",
        "tests_slow",
        "lint",
        "types",
        "table1",
        "table2",
        "factors",
        "ablation",
        "flops",
        "latency",
        "compare",
        "speed",
    ],
)
def test_every_session_is_there(session):
    assert re.search(rf"@nox.session\ndef {session}\(", (ROOT / "noxfile.py").read_text())


def test_the_readme_is_short_and_what_it_links_to_is_there():
    """It had 3,429 words; who begins reads the start of it at most."""
    readme = (ROOT / "README.md").read_text()
    assert len(readme.split()) <= 1200
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\((?!http)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_the_commands_of_the_readme_are_there():
    """A verb that was renamed, or one that nobody is told of."""
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {verb for row in rows for verb in re.findall(r"`([a-z-]+)", row)}
    there = set(typer.main.get_command(commands.app).commands)
    assert told == there


def test_the_readme_begins_with_the_two_commands_that_ci_runs():
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^    (pip install .*)$", readme, re.MULTILINE)
    assert commands[0].startswith("pip install -e ."), "`python -m bench` failed after the two commands of nox"
    assert "\n    glean-bench table table2 " in readme
    assert commands[1:3] == ["pip install 'nox[uv]' && nox -s table2", "pip install 'nox[uv]' && nox -s tests"]
    assert commands[2] in (ROOT / ".ci" / "run").read_text(), "CI must run exactly what the README promises"
