"""Ranks whose keepers srun has started, one on each of two nodes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slurm
WORKS = Path(__file__).parents[1] / "predict"


def srun(slurm, jobs):
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(WORKS), *sys.path])}
    program = [sys.executable, "-c", f"import rank_works; rank_works.drive((1, 2), {jobs})"]
    command = ["srun", "-p", slurm, "-N", "2", "-n", "2", "--mem=2G", "-c", "1", *program]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=150, check=False)


def test_a_remote_rank_fails_and_the_next_job_gets_fresh_ones(slurm):
    ran = srun(slurm, [{}, {1: "memory"}, {}])
    assert ran.returncode == 0, ran.stderr
    done, failed, again = (line for line in ran.stdout.splitlines() if not line.startswith("followed"))
    assert done.startswith("done [0, 1]") and again.startswith("done [0, 1]")
    assert failed.startswith("RankError oom oom rank 1 (row 0, column 1) ran out of memory, peak ")
    assert "followed to the end" in ran.stdout.splitlines()
