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


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "."),
        (["--profile", "mini"], "."),
        (["--profile", "paper", "-n", "5"], ".[lmdb]"),
        (["--profile=paper"], ".[lmdb]"),
    ],
)
def test_a_table_of_the_paper_s_images_has_lmdb(noxfile, words, wanted):
    """Without it the columns bedroom and tower were refused, with advice that does not reach nox's environment."""
    done = []
    session = SimpleNamespace(posargs=words, install=lambda *names: done.append(names), run=lambda *_: None)
    noxfile.table2(session)
    assert done == [("-e", wanted)]


def test_a_folder_with_a_card_of_an_lmdb_has_it_too(noxfile, tmp_path):
    assert noxfile.extras(["--profile", str(tmp_path)]) == ""
    (tmp_path / "cat.toml").write_text('title = "Cat"\nreader = "lmdb"\n')
    assert noxfile.extras(["--profile", str(tmp_path)]) == "[lmdb]"


def test_the_rehearsal_is_a_session_that_ci_runs_and_no_part_of_another(noxfile):
    """Each process of the slow tests would make its copy of the suite anew."""
    done = []
    session = SimpleNamespace(posargs=["--full"], install=lambda *_: None, run=lambda *words, **_: done.append(words))
    noxfile.rehearsal(session)
    noxfile.tests_slow(session)
    assert done[0] == ("pytest", "tests/rehearsal", "-m", "slow", "--full")
    assert "--ignore tests/rehearsal" in " ".join(done[1])
    assert "nox -s rehearsal" in (ROOT / ".ci/run").read_text().splitlines()
