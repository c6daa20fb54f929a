"""Notebooks run from top to bottom on a campaign folder, and are committed without output."""

import json
from pathlib import Path

import pytest
from campaign.campaign_tables import build

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(notebook, tmp_path, monkeypatch):
    papermill = pytest.importorskip("papermill", reason="papermill is not installed (extra: analysis)")
    ipykernel = pytest.importorskip(
        "ipykernel.kernelspec", reason="ipykernel is not installed (extra: analysis)"
    )
    # The kernel of this environment, whatever kernels the user has installed.
    ipykernel.install(prefix=str(tmp_path), kernel_name="foldcp-tests")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    build(tmp_path / "campaign", 12)
    parameters = {"campaign_dir": str(tmp_path / "campaign")}
    output = tmp_path / "out.ipynb"
    papermill.execute_notebook(
        notebook, output, parameters, kernel_name="foldcp-tests", progress_bar=False, cwd=tmp_path
    )
    text = output.read_text()
    assert "these scores mean nothing" in text
    assert "CPX-" in text


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_output(notebook):
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
