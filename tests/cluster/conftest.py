"""The one-machine SLURM, for tests that are skipped where it does not run."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from cluster.harness import SlurmCampaign


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


@pytest.fixture
def campaign(tmp_path, demo_cache, slurm) -> Iterator[SlurmCampaign]:
    """A campaign in SLURM, of which nothing is left afterwards."""
    campaign = SlurmCampaign(tmp_path / "results", demo_cache, slurm)
    yield campaign
    campaign.clean_up()
