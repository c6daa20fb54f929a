"""The demo as users run it on a cluster: `snakemake --profile slurm` in a fresh copy, on one machine."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICK = "predict: {samples: 1, recycles: 0, steps: 3, slurm: {cpus_per_task: 1}}\n"
DEMO = "config/demo/config.yaml"


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What a fresh clone of the tree as it stands would hold."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def snakemake(clone, cache, *options):
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", *options]
    environment = os.environ | {"FOLDCP_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=900)


def test_a_dry_run_in_a_fresh_clone(clone, demo_cache):
    done = snakemake(clone, demo_cache, "-n")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Group job prepare" in done.stdout and "run them with `--until plan`" in done.stderr


def test_where_sequences_are_fetched_the_stages_up_to_that_stay_on_the_login_node(clone, demo_cache):
    fetching = snakemake(clone, demo_cache, "-n", "--config", "sequences={uniprot: {fetch: true}}")
    for rule, grouped in {"complexes": False, "sequences": False, "msa": True, "plan": True}.items():
        (indent,) = re.findall(rf"^( *)(?:rule|checkpoint) {rule}:$", fetching.stdout, re.M)
        assert bool(indent) == grouped, rule


@pytest.mark.model
@pytest.mark.slurm
def test_the_demo_campaign_on_three_meshes(clone, demo_cache, slurm):
    (clone / "quick.yaml").write_text(QUICK)
    configured = ("--configfile", DEMO, "quick.yaml")
    done = snakemake(clone, demo_cache, *configured)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    rows = pa.concat_tables(
        pq.read_table(path) for path in sorted((clone / "demo-results" / "06_ledger").glob("*.parquet"))
    ).to_pylist()
    failed = {row["complex_id"]: row["outcome"] for row in rows if row["outcome"] != "done"}
    assert len(rows) == 21 and failed == {"CPX-6957": "bad_input"}
    assert {row["mesh"] for row in rows} == {"1x1", "1x2", "2x2"}
    assert sum(row["role"] == "decoy" for row in rows) == 5
    assert "mean nothing" in (clone / "demo-results" / "report.html").read_text()

    # Stages on CPUs went through the queue, in two jobs and one for the scores of each bin; so did each bin.
    said = done.stdout + done.stderr
    groups = dict(re.findall(r"SLURM jobid (\d+) \(log: \S*/group_(\w+?)_", said))
    assert sorted(groups.values()) == ["conclude", "prepare"]
    jobs = {row["job_id"].partition("_")[0] for row in rows}
    assert len(jobs) == 3
    assert {state(job) for job in {*groups, *jobs}} == {"COMPLETED"}
    assert (
        str(clone) not in subprocess.run(["squeue", "-h", "-o", "%Z"], capture_output=True, text=True).stdout
    )

    again = snakemake(clone, demo_cache, *configured)
    assert "Nothing to be done" in again.stdout + again.stderr


def state(job):
    """Return how a job ended: from accounting, which may lag behind a little."""
    command = ["sacct", "-X", "-n", "-P", "-j", job, "-o", "State"]
    for _ in range(60):
        states = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        if states and not states & {"RUNNING", "PENDING", "COMPLETING"}:
            break
        time.sleep(0.5)
    return " ".join(states)


@pytest.mark.slurm
def test_predictions_do_not_end_up_on_the_login_node(clone, demo_cache, slurm):
    # --config on the command line makes Snakemake forget the profile's own.
    done = snakemake(clone, demo_cache, "--configfile", DEMO, "--config", "results=elsewhere")
    assert done.returncode != 0 and "predict={launcher: slurm}" in done.stdout + done.stderr
    assert not (clone / "elsewhere").exists()
