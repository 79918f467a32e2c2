"""The list of mutations fits the code, and its script tells what is noticed from what is not."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT
from .mutants import run

CODE = "def double(x):\n    return x + x\n"
TESTS = "from code_of import double\n\ndef test_two():\n    assert double(2) == 4\n"


def mutant(name="m", **changes) -> run.Mutant:
    facts = {"file": "code_of.py", "old": "x + x", "new": "x * 3", "tests": ("test_it.py",)}
    return run.Mutant(name=name, **(facts | changes))


@pytest.fixture
def tree(tmp_path) -> Path:
    (tmp_path / "code_of.py").write_text(CODE)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.mark.slow
def test_a_mutant_is_killed_if_its_tests_fail_and_survives_if_not(tree):
    found = [(each.name, alive) for each, alive, _ in run.survivors([mutant("a"), mutant("b", new="x * x")], tree)]
    assert found == [("a", False), ("b", True)], "2 * 2 is 2 + 2: only that one cannot be seen"
    assert (tree / "code_of.py").read_text() == CODE, "a mutation is left in the tree for the next one"


@pytest.mark.slow
def test_an_endless_loop_is_noticed(tree, monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 20.0)
    slow = mutant(old="    return x + x\n", new="    while True: pass\n")
    assert [alive for _, alive, _ in run.survivors([slow], tree)] == [False]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"old": "x - x"}, "0 times, not once"),
        ({"old": "x"}, "3 times, not once"),
        ({"file": "gone.py"}, "gone.py holds its old text 0 times"),
        ({"new": "x + x"}, "the new text is the old one"),
        ({"tests": ("gone.py",)}, "without any mutation"),
        ({"new": ")"}, "could not run"),
    ],
)
@pytest.mark.slow
def test_what_does_not_fit_any_more_is_an_error(tree, changes, words):
    with pytest.raises(run.Stale, match=words):
        list(run.survivors([mutant(**changes)], tree))


def test_every_mutation_of_the_list_fits_the_code():
    mutants = run.read()
    assert len(mutants) >= 40
    for each in mutants:
        text = (ROOT / each.file).read_text()
        assert text.count(each.old) == 1, f"{each.name}: what it changes is not there any more"
        for test in each.tests:
            path, _, name = test.partition("::")
            assert f"def {name.partition(chr(91))[0]}(" in (ROOT / path).read_text(), (
                f"{each.name}: {test} is not there"
            )


def test_the_command_says_what_lived(monkeypatch, capsys):
    four = [mutant(str(index)) for index in range(4)]
    monkeypatch.setattr(run, "read", lambda: four)
    monkeypatch.setattr(run, "LOADED", ())
    monkeypatch.setattr(run, "copied", lambda to: to)
    monkeypatch.setattr(run, "survivors", lambda each, _: ((one, one.name == "2", 0.1) for one in each))
    assert run.main([]) == 1
    told = capsys.readouterr().out
    assert "SURVIVED 2" in told
    assert "3 of 4 killed (75%)" in told
    assert run.main(["--only", "3"]) == 0
    assert run.main(["--sample", "2", "--seed", "1"]) in (0, 1)
    assert "of 2 killed" in capsys.readouterr().out
    assert run.main(["--only", "nothing of the kind"]) == 2


def test_the_script_stands_alone():
    done = subprocess.run(
        [sys.executable, "tests/mutants/run.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--sample" in done.stdout
