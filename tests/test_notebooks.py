"""Notebooks run from top to bottom, and are committed without output."""

import json
import re
from pathlib import Path

import pytest
from campaign.campaign_tables import build
from notebook_runner import run_notebook

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-up") / "campaign"
    build(folder, 36, structures=2)
    return {"campaign_dir": str(folder)}


def test_a_campaign_is_planned(campaign, tmp_path, monkeypatch):
    text = run_notebook(FOLDER / "plan_a_campaign.ipynb", campaign, tmp_path, monkeypatch)
    assert "33 complexes with known size, and 18 decoys" in text
    assert "h200-141gb" in text
    assert "nothing is folded yet" not in _outputs(text)
    assert "0 of 33 predictions read only part of their alignment" in _outputs(text)


def test_the_scores_of_a_campaign_are_read(campaign, tmp_path, monkeypatch):
    text = run_notebook(FOLDER / "read_the_scores.ipynb", campaign, tmp_path, monkeypatch)
    assert "these scores mean nothing" in text
    assert "CPX-" in text
    assert "is not on this machine" not in _outputs(text)


def test_controls_give_scores_a_meaning(campaign, tmp_path, monkeypatch):
    text = run_notebook(FOLDER / "enrichment_and_controls.ipynb", campaign, tmp_path, monkeypatch)
    outputs = _outputs(text)
    assert "24 distinct complexes, 18 distinct decoys" in outputs
    assert "WARNING: made with demo weights" in outputs
    by_hand, in_table = re.search(r"p by hand ([0-9.]+), in the table ([0-9.]+)", outputs).groups()
    assert by_hand == in_table


def test_controls_need_decoys(tmp_path, monkeypatch):
    from papermill.exceptions import PapermillExecutionError

    build(tmp_path / "campaign", 12, decoys=0)
    parameters = {"campaign_dir": str(tmp_path / "campaign")}
    with pytest.raises(PapermillExecutionError, match=r"controls\.decoys_per_complex"):
        run_notebook(FOLDER / "enrichment_and_controls.ipynb", parameters, tmp_path, monkeypatch)


def _outputs(text):
    """Return what an executed notebook printed and showed, without its sources."""
    cells = json.loads(text)["cells"]
    return json.dumps([cell["outputs"] for cell in cells if cell["cell_type"] == "code"])


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
