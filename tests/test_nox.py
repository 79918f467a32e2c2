"""The sessions of nox install what the profile that they run on needs."""

import importlib.util
import sys
from types import SimpleNamespace

import pytest

from .conftest import ROOT


@pytest.fixture
def noxfile(monkeypatch):
    """noxfile.py, with a nox that runs nothing."""
    nox = SimpleNamespace(session=lambda function: function, options=SimpleNamespace(), Session=object)
    monkeypatch.setitem(sys.modules, "nox", nox)
    spec = importlib.util.spec_from_file_location("_noxfile", ROOT / "noxfile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def session(done, *words):
    """A session that notes what it logs and installs."""
    return SimpleNamespace(
        posargs=words,
        log=done.append,
        install=lambda *names, silent=True: done.append((names, silent)),
        run=lambda *_, **__: None,
    )


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "."),
        (["--profile", "mini"], "."),
        (["--profile", "paper", "-n", "5"], ".[lmdb]"),
        (["--profile=paper"], ".[lmdb]"),
        (["--extra", "spandrel", "--with", "hat.pth"], ".[spandrel]"),
        (["--profile", "paper", "--extra", "spandrel"], ".[lmdb,spandrel]"),
    ],
)
def test_a_table_of_the_paper_s_images_has_lmdb(noxfile, words, wanted):
    """Without it the columns bedroom and tower were refused, with advice that does not reach nox's environment."""
    done = []
    noxfile.table2(session(done, *words))
    assert done[1:] == [(("-e", wanted), False)]


@pytest.mark.parametrize(
    "name", ["tests", "tests_slow", "mutants", "types", "lint", "table1", "ablation", "flops", "speed"]
)
def test_every_session_says_that_it_installs_and_shows_how_far_it_is(noxfile, name):
    """Nothing was printed for the minutes that the download of torch takes."""
    done = []
    getattr(noxfile, name)(session(done))
    assert "Installing" in done[0]
    assert {silent for _, silent in (each for each in done if isinstance(each, tuple))} == {False}


def test_a_folder_with_a_card_of_an_lmdb_has_it_too(noxfile, tmp_path):
    assert noxfile.extras(["--profile", str(tmp_path)])[0] == []
    (tmp_path / "cat.toml").write_text('title = "Cat"\nreader = "lmdb"\n')
    assert noxfile.extras(["--profile", str(tmp_path)])[0] == ["lmdb"]
    words = ["--extra", "spandrel", "--profile", str(tmp_path), "-n", "5"]
    assert noxfile.extras(words)[1] == ["--profile", str(tmp_path), "-n", "5"], "`bench` knows no --extra"


@pytest.mark.parametrize(
    ("there", "answers", "checked"), [(False, True, False), (True, False, False), (True, True, True)]
)
def test_lint_checks_the_dockerfile_only_where_docker_can_build(noxfile, monkeypatch, there, answers, checked):
    monkeypatch.setattr(noxfile.shutil, "which", lambda _: "/usr/bin/docker" if there else None)
    monkeypatch.setattr(noxfile.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0 if answers else 1))
    done, ran = [], []
    made = session(done)
    made.run = lambda *words, **_: ran.append(words[:3])
    noxfile.lint(made)
    assert (("docker", "build", "--check") in ran) == checked
    assert any("not checked" in str(text) for text in done) != checked


def test_the_rehearsal_is_a_session_that_ci_runs_and_no_part_of_another(noxfile):
    """Each process of the slow tests would make its copy of the suite anew."""
    done = []
    session = SimpleNamespace(
        posargs=["--full"],
        install=lambda *_, **__: None,
        log=lambda *_: None,
        run=lambda *words, **_: done.append(words),
    )
    noxfile.rehearsal(session)
    noxfile.tests_slow(session)
    assert done[0] == ("pytest", "tests/rehearsal", "-m", "slow", "--full")
    assert "--ignore tests/rehearsal" in " ".join(done[1])
    assert "nox -s rehearsal" in (ROOT / ".ci/run").read_text().splitlines()
