"""Programs that drive ranks, and which of their processes are still there."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

SOON = 20
"""Seconds within which a failure is told, the start of the ranks included."""


def alive(pids):
    def lives(pid):
        try:
            process = psutil.Process(pid)
            # The first thread is a zombie before the last has let go of the pipe.
            return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
        except psutil.NoSuchProcess:
            return False

    return [pid for pid in pids if lives(pid)]


def assert_gone(pids, seconds=SOON):
    end = time.monotonic() + seconds
    while left := alive(pids):
        assert time.monotonic() < end, f"{left} still run"
        time.sleep(0.1)


def start(*command, code, **variables):
    """Start a program that drives ranks."""
    here = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    program = [*command, sys.executable, "-c", f"import rank_works; rank_works.{code}"]
    return subprocess.Popen(
        program,
        env=here | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def first_pids(process):
    line = process.stdout.readline()
    assert line.startswith("done"), process.stderr.read()
    return [int(pid) for pid in line.partition("pids")[2].split()]


def srun_variables(task, tasks=2, step=0, **others):
    numbers = {
        "PROCID": task,
        "LOCALID": task,
        "STEP_NUM_TASKS": tasks,
        "JOB_ID": os.getpid(),
        "STEP_ID": step,
    }
    return (
        {f"SLURM_{name}": str(value) for name, value in numbers.items()}
        | {"SLURM_STEP_NODELIST": "localhost"}
        | others
    )
