"""Run a notebook from top to bottom with the kernel of this environment."""

from pathlib import Path

import pytest


def run_notebook(
    notebook: Path, parameters: dict[str, str], scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Execute `notebook` with parameters in a scratch folder and return the executed notebook's text."""
    papermill = pytest.importorskip("papermill", reason="papermill is not installed (extra: analysis)")
    kernelspec = pytest.importorskip(
        "ipykernel.kernelspec", reason="ipykernel is not installed (extra: analysis)"
    )
    # The kernel of this environment, whatever kernels the user has installed.
    kernelspec.install(prefix=str(scratch), kernel_name="foldcp-tests")
    monkeypatch.setenv("JUPYTER_PATH", str(scratch / "share" / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(scratch / "ipython"))
    output = scratch / "out.ipynb"
    papermill.execute_notebook(
        notebook, output, parameters, kernel_name="foldcp-tests", progress_bar=False, cwd=scratch
    )
    return output.read_text()
