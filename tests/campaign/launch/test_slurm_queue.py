"""SLURM's programs are played by short scripts; tests/cluster asks the real ones."""

import pytest

from foldcp.campaign.launch import slurm_queue
from foldcp.campaign.launch.ends import failed, killed
from foldcp.campaign.launch.slurm_queue import SlurmQueue, how_ended


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a shell script on the PATH, in front of everything."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def write(name, body):
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\necho called >> {tmp_path}/{name}.calls\n{body}\n")
        file.chmod(0o755)
        return tmp_path / f"{name}.calls"

    return write


@pytest.fixture(autouse=True)
def no_grace(monkeypatch):
    monkeypatch.setattr(slurm_queue, "_GRACE", 0.0)


def test_one_call_answers_for_all_jobs_and_calls_are_bounded(program):
    calls = program("squeue", 'echo "7_0 RUNNING"; echo "7_1 FAILED"; echo "7_2 PENDING"')
    queue = SlurmQueue(["7_0", "7_1", "7_2", "7_3"], interval=60.0)
    for _ in range(5):
        over = queue.over()
    assert sorted(over) == ["7_1", "7_3"]  # 7_3 has left the queue
    assert len(calls.read_text().split()) == 1
    queue.forget("7_1")
    assert queue.over() == ["7_3"]


def test_a_controller_that_does_not_answer_ends_no_job(program):
    program("squeue", 'echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1')
    assert SlurmQueue(["7"]).over() == []


def test_jobs_that_the_controller_has_forgotten_are_over(program):
    program("squeue", 'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1')
    assert SlurmQueue(["7"]).over() == ["7"]


def test_a_requeued_job_is_not_over(program, monkeypatch):
    monkeypatch.setattr(slurm_queue, "_GRACE", 60.0)
    queue = SlurmQueue(["7"], interval=0.0)
    program("squeue", 'echo "7 PREEMPTED"')
    assert queue.over() == []
    monkeypatch.setattr(slurm_queue, "_GRACE", 0.0)
    program("squeue", 'echo "7 PENDING"')
    assert queue.over() == []


@pytest.mark.parametrize(
    ("state", "outcome", "again"),
    [
        ("CANCELLED", "crashed", False),
        ("TIMEOUT", "timeout", False),
        ("NODE_FAIL", "node_failure", True),
        ("OUT_OF_MEMORY", "oom", True),
        ("FAILED", "crashed", True),
    ],
)
def test_states_become_outcomes(program, state, outcome, again):
    program("scontrol", f'echo "JobId=7 JobState={state} Reason=x ExitCode=0:9"')
    end = how_ended("7", "")
    assert (end.outcome, end.again) == (outcome, again) and end.message


def test_accounting_knows_what_the_controller_has_forgotten(program):
    program("scontrol", "exit 1")
    program("sacct", 'echo "CANCELLED by 0|0:15"')
    assert how_ended("7", "").message == "the job was cancelled (scancel)"
    program("sacct", "exit 1")
    assert "state UNKNOWN" in how_ended("7", "").message


def test_a_log_that_speaks_of_memory_makes_a_killed_job_oom():
    assert killed("killed", "slurmstepd: error: Detected 1 oom_kill event").outcome == "oom"
    assert killed("killed", "all fine").outcome == "crashed"


def test_tracebacks_become_outcomes():
    assert failed("x\nsubmitit...: Job not requeued because: timed-out too many times.").outcome == "timeout"
    assert failed("Traceback\nRuntimeError: DefaultCPUAllocator: out of memory").outcome == "oom"
    lost = failed("Traceback\ntorch.AcceleratorError: CUDA error: an illegal memory access was encountered")
    assert lost.outcome == "crashed" and lost.again
    assert not failed("Traceback\nValueError: no").again
