"""Campaigns on the one-machine SLURM."""

from collections.abc import Iterator

import pytest
from cluster.harness import SlurmCampaign


@pytest.fixture
def campaign(tmp_path, demo_cache, slurm) -> Iterator[SlurmCampaign]:
    """A campaign in SLURM, of which nothing is left afterwards."""
    campaign = SlurmCampaign(tmp_path / "results", demo_cache, slurm)
    yield campaign
    campaign.clean_up()
