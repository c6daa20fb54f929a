"""Notebooks run from top to bottom on a campaign folder, and are committed without output."""

import json
from pathlib import Path

import pytest
from campaign.campaign_tables import build
from notebook_runner import run_notebook

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(notebook, tmp_path, monkeypatch):
    build(tmp_path / "campaign", 12)
    text = run_notebook(notebook, tmp_path / "campaign", tmp_path, monkeypatch)
    assert "these scores mean nothing" in text
    assert "CPX-" in text


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_output(notebook):
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
