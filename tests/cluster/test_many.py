"""Three hundred tiny complexes over sixteen GPUs: throughput, and how often SLURM is asked."""

import itertools
import os
import time
from collections import Counter

import psutil
import pytest
from cluster.harness import SlurmCampaign, shim
from mini_campaign import GOOD

pytestmark = [pytest.mark.slurm, pytest.mark.model]
JOBS = 16
INTERVAL = 5.0
"""Seconds between two calls of squeue."""
GIGABYTES = 1.0
"""Memory of one job: torch, Boltz and the model, once to fold and once to prepare the next complex."""


@pytest.fixture
def molecules(tmp_path, demo_cache, slurm):
    """The molecules of the demo, built once; sixteen jobs that each do it would fill the memory."""
    first = SlurmCampaign(tmp_path / "first", demo_cache, slurm)
    first.write({"first": GOOD})
    first.run()


def test_three_hundred_complexes_on_sixteen_gpus(campaign, molecules, tmp_path, monkeypatch, record_property):
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    calls = {name: shim(tmp_path / "bin", name) for name in ("squeue", "sacct", "scontrol", "sbatch")}
    campaign.settings["device"] = "auto"  # so that jobs ask for GPUs; torch sees none
    at_once = min(JOBS, max(2, int(psutil.virtual_memory().available / 2**30 / GIGABYTES)))
    campaign.settings["slurm"]["max_jobs"] = at_once
    sequences = ("".join(letters) for letters in itertools.product("AGSTK", repeat=4))
    complexes = {f"c{number}": [f"MK{next(sequences)}LV"] for number in range(300)}
    shards = [list(complexes)[first::JOBS] for first in range(JOBS)]
    campaign.write(complexes, shards)
    began = time.monotonic()
    table = campaign.run()
    took = time.monotonic() - began
    counts = {name: len(file.read_text().splitlines()) for name, file in calls.items()}

    assert Counter(campaign.outcomes(table).values()) == {"done": 300}
    assert {name: len(tries) for name, tries in campaign.tries().items()} == dict.fromkeys(complexes, 1)
    assert len(campaign.arrays()) == 1 and len(set(table["job_id"].to_pylist())) == JOBS
    campaign.assert_no_job_is_left()
    assert counts["sbatch"] == 1 and counts["squeue"] <= took / INTERVAL + 5
    assert counts["sacct"] <= 2 and counts["scontrol"] <= 2
    _report(campaign.attempts(), record_property, {"jobs at once": at_once, **counts})
    campaign.assert_rerun_does_nothing()


def _report(attempts, record_property, counts):
    """Record the makespan beside the ideal: the same seconds of folding, spread evenly over all jobs."""
    begun = min(attempt["submitted_at"] for attempt in attempts)
    first = min(attempt["started_at"] for attempt in attempts)
    last = max(attempt["finished_at"] for attempt in attempts)
    folding = sum(attempt["wall_seconds"] for attempt in attempts) / JOBS
    numbers = {
        "makespan_s": (last - begun).total_seconds(),
        "load_s": (first - begun).total_seconds(),
        "folding_s": (last - first).total_seconds(),
        "ideal_folding_s": folding,
        "longest_shard_s": max(_seconds_by_job(attempts).values()),
        **counts,
    }
    for name, value in numbers.items():
        record_property(name, round(value, 2))
    print({name: round(value, 2) for name, value in numbers.items()})
    assert folding <= numbers["longest_shard_s"] <= numbers["folding_s"] + 1  # no more than sanity


def _seconds_by_job(attempts):
    seconds = Counter()
    for attempt in attempts:
        seconds[attempt["job_id"]] += attempt["wall_seconds"]
    return seconds
