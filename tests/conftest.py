"""Fixtures shared by all tests."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mesh.pool import Pool

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public tables that is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("the real tables are not beside this checkout; hand-made twins cover the same cases")
    return SHARED


@pytest.fixture(scope="session")
def demo_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that all tests of one run share, so that the demo model is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def pool() -> "Iterator[Pool]":
    """Six gloo ranks that live as long as the test run."""
    from mesh.pool import Pool

    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def slurm() -> str:
    """The partition of a running cluster; start one with `make cluster-up`, which prints how to name it."""
    if not os.environ.get("SLURM_CONF") or shutil.which("sinfo") is None:
        pytest.skip('no SLURM cluster: SLURM_CONF is not set (run: eval "$(tests/cluster/up.sh)")')
    try:
        got = subprocess.run(
            ["sinfo", "-h", "-o", "%P"], capture_output=True, text=True, timeout=15, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("no SLURM cluster: sinfo does not answer")
    if got.returncode or "gpu" not in got.stdout:
        pytest.skip(f"no SLURM cluster: sinfo says {(got.stderr or got.stdout).strip()!r}")
    return "gpu"
