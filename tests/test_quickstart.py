"""The notebook of the first look runs as it stands, and is stored without what it once printed."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from .conftest import ROOT

NOTEBOOK = ROOT / "docs" / "quickstart.ipynb"


def printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Jupyter's own packages
def test_the_notebook_runs_and_its_method_keeps_the_contract(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    first, picture, _, checked = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert re.search(r"GLEAN +\d+\.\d\d", printed(first))
    assert "image/png" in picture.outputs[0].data
    assert "Nearest: 1 tasks checked, 0 with problems" in printed(checked)


def test_the_notebook_is_stored_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    found = [cell for cell in notebook.cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]
    assert found == [], "clear all outputs before it is committed"
