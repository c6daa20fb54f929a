"""Ranks are processes: started, killed and lost for real."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import rank_works
import torch
from rank_programs import SOON, alive, assert_gone, first_pids, srun_variables, start

from foldcp.errors import FoldcpError, InputError, MissingError, UsageError
from foldcp.predict.outcomes import Outcome, classify
from foldcp.predict.ranks import RankError, Ranks, World, driver, local
from foldcp.predict.ranks.messages import Failure
from foldcp.predict.ranks.world import first_host


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def ranks(said):
    with Ranks(
        (1, 2), rank_works.build, (10,), device="cpu", threads=1, world=World(), say=said.append
    ) as it:
        yield it


def test_a_job_reaches_every_rank_and_the_processes_stay(ranks, said):
    data = torch.ones(20_000_000, dtype=torch.uint8)
    first = ranks.run({"data": data})
    assert first["values"] == [10, 11] and first["sums"] == [len(data)] * 2
    assert len(set(first["pids"]) - {os.getpid()}) == 2
    assert said == ["rank 0 works on cpu"]
    assert (ranks.device, ranks.device_name) == ("cpu", "cpu")
    assert len(ranks.peaks) == 2 and min(ranks.peaks) > len(data)
    assert ranks.run({})["pids"] == first["pids"]
    assert ranks.run({})["sums"] == [0, 0]


@pytest.mark.parametrize(
    ("acts", "outcome", "message"),
    [
        ({1: "memory"}, Outcome.OOM, "rank 1 (row 0, column 1) ran out of memory, peak "),
        (
            {0: "sleep", 1: "kill"},
            Outcome.CRASHED,
            "rank 1 (row 0, column 1), peak {peak}: was killed by SIGKILL",
        ),
        ({1: "segfault"}, Outcome.CRASHED, "rank 1 (row 0, column 1), peak {peak}: was killed by SIGSEGV"),
        ({0: "bug"}, Outcome.CRASHED, "rank 0 (row 0, column 0), peak {peak}: KeyError: 'token'"),
        ({0: "nan", 1: "nan"}, Outcome.NUMERICAL, ": z is not finite"),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_a_failing_rank_ends_all_and_is_named(ranks, said, acts, outcome, message):
    before = ranks.run({})["pids"]
    started = time.monotonic()
    with pytest.raises(RankError) as caught:
        ranks.run({"acts": acts})
    assert time.monotonic() - started < SOON
    assert not alive(before)
    found, text = classify(caught.value)
    peak = f"{caught.value.peak_bytes / 2**30:.2f} GiB"
    assert (found, caught.value.outcome) == (outcome, outcome)
    assert message.format(peak=peak) in text and peak in text
    assert caught.value.rank in acts and caught.value.place == (0, caught.value.rank)
    assert (
        ranks.peaks[caught.value.rank]
        == caught.value.peak_bytes
        > (200_000_000 if "memory" in acts.values() else 50_000_000)
    )
    assert any("Traceback" in line for line in said) == ("bug" in acts.values())
    said.clear()


def test_fresh_ranks_follow_a_failure_and_an_idle_death(ranks):
    with pytest.raises(InputError, match=r"^x.yaml: chain A is empty$"):
        ranks.run({"acts": {0: "input", 1: "input"}})
    again = ranks.run({})
    assert again["values"] == [10, 11]
    os.kill(again["pids"][1], signal.SIGKILL)
    assert_gone(again["pids"][1:])
    last = ranks.run({})
    assert last["values"] == [10, 11] and not set(last["pids"]) & set(again["pids"])


def test_what_the_user_can_mend_is_raised_as_it_is():
    ranks = Ranks((2, 1), rank_works.build_without_model, device="cpu", threads=1, world=World())
    with ranks, pytest.raises(MissingError, match=r"^no weights here$"):
        ranks.start()


def test_one_rank_needs_no_process_group():
    with Ranks((1, 1), rank_works.build, device="cpu", threads=1, world=World()) as ranks:
        assert ranks.run({})["values"] == [0]
        pids = ranks.run({})["pids"]
    assert not alive(pids)


def failure(rank, outcome, consequence=False):
    return Failure(rank, outcome, "", "", None, consequence)


class Told:
    """A generation of which all is known that will ever be, from the second look on."""

    def __init__(self, first, *later):
        self.failed, self.later = [first], list(later)

    def receive(self, seconds):
        self.failed += self.later
        self.later = []


def test_the_cause_wins_over_its_consequences():
    lost, crash, oom = failure(0, Outcome.CRASHED, True), failure(1, Outcome.CRASHED), failure(2, Outcome.OOM)
    cause = Ranks((1, 3), rank_works.build, world=World())._cause
    assert cause(Told(lost, crash)) is crash
    assert cause(Told(lost, crash, oom)) is oom
    assert cause(Told(crash, oom)) is crash  # nothing to wait for


def test_ranks_that_only_lost_one_another_are_told_as_that(monkeypatch):
    monkeypatch.setattr(driver, "_GRACE", 0)
    lost = failure(0, Outcome.CRASHED, True)
    ranks = Ranks((1, 3), rank_works.build, world=World())
    assert ranks._cause(Told(lost)) is lost
    assert "lost another rank, whose machine may have failed" in str(ranks._error(lost))


def test_a_process_that_the_kernel_killed_for_memory_is_out_of_memory(ranks, monkeypatch):
    ranks.run({})
    kills = local._kernel_kills()
    monkeypatch.setattr(local, "_kernel_kills", lambda: kills + 1)
    with pytest.raises(RankError, match="ran out of memory") as caught:
        ranks.run({"acts": {1: "kill"}})
    assert caught.value.outcome is Outcome.OOM


# Worlds of several processes


def test_ranks_end_with_their_driver():
    program = start(code="drive_and_sleep((1, 2))")
    pids = first_pids(program)
    assert len(alive(pids)) == 2
    program.kill()
    assert_gone(pids)
    program.communicate()


def test_an_interrupt_is_the_drivers_alone():
    program = start(code="drive_and_sleep((1, 2))")
    pids = first_pids(program)
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    time.sleep(2)  # the driver is at the job that sleeps
    assert alive(pids) == pids
    os.killpg(program.pid, signal.SIGINT)
    _, stderr = program.communicate(timeout=SOON)
    assert_gone(pids)
    assert stderr.count("Traceback") == stderr.count("KeyboardInterrupt") == 1


def test_torchrun():
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python"]
    ran = start(*torchrun, code="drive((1, 2), [{}, {1: 'memory'}, {}])")
    stdout, stderr = ran.communicate(timeout=90)
    assert ran.returncode == 0, stderr
    lines = stdout.splitlines()
    assert lines[0].startswith("done [0, 1]") and lines[2].startswith("done [0, 1]")
    assert lines[1].startswith("RankError oom oom rank 1 (row 0, column 1) ran out of memory")
    assert lines[3:] == ["followed to the end"]


def test_a_follower_ends_with_the_driver():
    follower = start(code="drive_and_sleep((1, 4))", **srun_variables(1))
    program = start(code="drive_and_sleep((1, 4))", **srun_variables(0))
    pids = first_pids(program)
    parents = [psutil.Process(pid).ppid() for pid in pids]
    assert parents == [program.pid, program.pid, follower.pid, follower.pid]
    program.kill()
    assert_gone([*pids, program.pid])
    _, stderr = follower.communicate(timeout=SOON)
    assert follower.returncode == 1
    assert "the process that leads this one has ended without a word" in stderr
    program.communicate()


def test_ranks_must_be_shared_out_evenly():
    with pytest.raises(UsageError, match=r"1x3 mesh of 3 ranks .* the 2 processes .* start 1, 3 of them"):
        Ranks((1, 3), rank_works.build, world=World(n_keepers=2))


TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "gpu01", "MASTER_PORT": "29500"}
AGENT = {
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "TORCHELASTIC_RUN_ID": "x",
    "TORCHELASTIC_RESTART_COUNT": "1",
}
ALLOCATION = {
    "SLURM_JOB_ID": "17",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "0",
    "SLURM_JOB_NODELIST": "gpu[03-05,9]",
}
STEP = {
    **ALLOCATION,
    "SLURM_PROCID": "2",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
}


@pytest.mark.parametrize(
    ("variables", "world"),
    [
        ({}, World()),
        (TORCHRUN, World(3, 4, 1, "gpu01", 29500)),
        (TORCHRUN | AGENT, World(3, 4, 1, "gpu01", 29500, "foldcp/x/1")),
        (TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1"}, World()),
        (ALLOCATION, World()),
        (STEP | {"MASTER_PORT": "5000"}, World(2, 4, 1, "gpu03", 5000)),
        (STEP | {"MASTER_PORT": "1", "SLURM_STEP_NODELIST": "a7"}, World(2, 4, 1, "a7", 1)),
        (STEP | {"SLURM_STEP_NUM_TASKS": "1"}, World()),
        (STEP | TORCHRUN, World(3, 4, 1, "gpu01", 29500)),
    ],
)
def test_world_of(variables, world):
    assert World.from_environment(variables) == world


def test_the_port_is_the_steps_own():
    ports = {World.from_environment(STEP | {"SLURM_STEP_ID": str(step)}).port for step in range(20)}
    assert len(ports) > 15 and all(10_000 <= port < 30_000 for port in ports)
    assert World.from_environment(STEP | {"SLURM_PROCID": "1"}).port in ports


def test_half_an_environment_says_what_is_missing():
    with pytest.raises(UsageError, match="RANK is None; start them with torchrun or srun"):
        World.from_environment({"WORLD_SIZE": "2", "MASTER_PORT": "1"})


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("gpu1", "gpu1"),
        ("gpu1,gpu2", "gpu1"),
        ("gpu[03-05,9],login", "gpu03"),
        ("rack[2,4]node[07-09]-ib", "rack2node07-ib"),
        ("", ""),
    ],
)
def test_first_host(nodes, first):
    assert first_host(nodes) == first


def test_a_port_that_is_taken_is_said_so():
    with World(n_keepers=2) as first:
        second = World(n_keepers=2, port=first.store.port)
        with pytest.raises(FoldcpError, match=r"process 0 of 2 cannot meet .* MASTER_PORT"):
            second.__enter__()
        first.n_keepers = 1  # no follower to wait for


def test_importing_ranks_imports_no_torch():
    code = "import sys, foldcp.predict.ranks; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
