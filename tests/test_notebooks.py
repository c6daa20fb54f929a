"""Notebooks run from top to bottom, and are committed without output."""

import json
from pathlib import Path

import pytest
from campaign.campaign_tables import build
from notebook_runner import run_notebook

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_the_scores_of_a_campaign_are_read(tmp_path, monkeypatch):
    build(tmp_path / "campaign", 12)
    parameters = {"campaign_dir": str(tmp_path / "campaign")}
    text = run_notebook(FOLDER / "read_the_scores.ipynb", parameters, tmp_path, monkeypatch)
    assert "these scores mean nothing" in text
    assert "CPX-" in text


def test_triangle_multiplication_by_hand_is_the_serial_one(tmp_path, monkeypatch):
    """The notebook itself asserts that it is; it starts six ranks at its end."""
    text = run_notebook(FOLDER / "triangle_multiplication_by_hand.ipynb", {}, tmp_path, monkeypatch)
    for direction in ("outgoing", "incoming"):
        assert f"{direction}: largest error" in text


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_output(notebook):
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
